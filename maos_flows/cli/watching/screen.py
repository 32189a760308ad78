"""The live view of decisions: who is asked, who has answered, the tally against the threshold, the time left."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from maos_flows.cli.watching.following import Subject
from maos_flows.cli.watching.lines import lines_of
from maos_flows.cli.watching.reading import Reader
from maos_flows.cli.watching.sections import Look
from maos_flows.cli.watching.words import LONG, duration, one_line, spoken
from maos_flows.model import Absence, Ballot, Event, EventKind, Opening, Tally, exact
from maos_flows.policies.threshold import describe

_MOST_AGENTS = 12
_BAR_WIDTH = 24


def overview(readers: Iterable[Reader], now: datetime) -> RenderableType:
    """Show several decisions, a line each."""
    table = Table(box=None, pad_edge=False)
    for heading in ("decision", "answered", "", "strongest", "needed", "time", "outcome"):
        table.add_column(heading)
    for reader in readers:
        if reader.opening is not None:
            table.add_row(*_row(reader, reader.opening, now))
    return table


def _row(reader: Reader, opening: Opening, now: datetime) -> Iterator[RenderableType]:
    answered, total = len(reader.answers()), len(opening.electorate.electors)
    decision = reader.decision
    yield one_line(reader.name)
    yield f"{answered}/{total}"
    yield ProgressBar(total=max(total, 1), completed=answered, width=16)
    yield _strongest(reader.tally(), opening)
    yield describe(opening.parameters.threshold)
    yield "" if decision is not None else _time_left(opening, now)
    yield Text(decision.outcome, style="green" if decision.choice else "yellow") if decision else Text("asking")


def _strongest(tally: Tally | None, opening: Opening) -> Text:
    if tally is None:
        return Text("sealed")
    leaders = tally.leaders
    count = f"{one_line(' = '.join(leaders), 40)} {tally.amount(tally.units[leaders[0]])}" if leaders else "-"
    return Text(f"{count} of {tally.amount(tally.whole(opening.parameters.basis))}")


def _time_left(opening: Opening, now: datetime) -> str:
    deadline = opening.proposal.deadline
    if deadline is None:
        return ""
    seconds = int((deadline - now).total_seconds())
    return f"{duration(seconds)} left" if seconds > 0 else "its deadline has passed"


def closeup(reader: Reader, look: Look, now: datetime) -> RenderableType:
    """Show one decision with its agents and its tally."""
    opening = reader.opening
    if opening is None:
        return Text("")
    parts: list[RenderableType] = [Text(one_line(opening.proposal.question), style="bold")]
    tally = reader.tally()
    parts.append(_tally(tally, opening) if tally is not None else Text("ballots are sealed until the decision closes"))
    if len(opening.electorate.electors) <= _MOST_AGENTS:
        parts.append(_agents(reader, opening, look))
    parts.append(Text(state_in_words(reader, now), style="dim"))
    return Padding(Group(*parts), (1, 0, 0, 0))


def state_in_words(reader: Reader, now: datetime) -> str:
    """Say in a line how far an open decision is: `round 1: 3 of 5 answered; more than half ... needed; 34 s left`."""
    opening = reader.opening
    if opening is None:
        return "not opened yet"
    answered, total = len(reader.answers()), len(opening.electorate.electors)
    needed = f"{describe(opening.parameters.threshold)} of {opening.parameters.basis} needed"
    tally = reader.tally()
    strongest = f"; strongest: {_strongest(tally, opening)}" if tally is not None and tally.leaders else ""
    left = _time_left(opening, now)
    return f"round {reader.round}: {answered} of {total} answered{strongest}; {needed}{f'; {left}' if left else ''}"


def _tally(tally: Tally, opening: Opening) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    whole = max(tally.whole(opening.parameters.basis), 1)
    needed = opening.parameters.threshold
    for choice, units in sorted(tally.units.items(), key=lambda item: (-item[1], item[0])):
        enough = units and needed.is_met_by(units, whole)
        bar = ProgressBar(
            total=whole, completed=units, width=_BAR_WIDTH, complete_style="green" if enough else "yellow"
        )
        table.add_row(one_line(choice, 40), bar, f"{tally.amount(units)} of {tally.amount(whole)}")
    return table


def _agents(reader: Reader, opening: Opening, look: Look) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    given = {answer.agent_id: answer for answer in reader.answers()}
    asked = any(event.kind in (EventKind.ASKED, EventKind.RESUMED) for event in reader.events)
    for elector in opening.electorate.electors:
        weight = f"weight {exact(elector.weight)}" if look.shows_weights else ""
        match given.get(elector.agent_id):
            case Ballot() as ballot:
                said = "ballot cast" if reader.is_sealed else one_line(ballot.choice, 40)
                table.add_row(one_line(elector.agent_id), weight, Text(said, "green"), duration(ballot.seconds))
            case Absence() as absence:
                said = spoken(absence.kind)
                table.add_row(one_line(elector.agent_id), weight, Text(said, "yellow"), duration(absence.seconds))
            case None:
                waiting = "asked" if asked else "to be asked"
                table.add_row(one_line(elector.agent_id), weight, Text(waiting, "dim"), "")
    return table


class Screen:
    """Prints events above a view that is kept up to date; use it as a context manager."""

    def __init__(self, look: Look, subject: Subject, console: Console) -> None:
        self._look = look
        self._subject = subject
        self._live = Live(console=console, transient=True, refresh_per_second=5)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def event(self, reader: Reader, event: Event) -> None:
        """Print an event."""
        for line in lines_of(event, reader, self._look, mark=self._subject.mark(reader)):
            self._live.console.print(Text(line))

    def notice(self, text: str) -> None:
        """Print what the watcher has to say."""
        self._live.console.print(Text(one_line(text, LONG), style="italic"))

    def refresh(self) -> None:
        """Draw the view now rather than at its next turn."""
        self._live.refresh()

    def tick(self, subject: Subject, now: datetime) -> None:
        """Bring the view up to date."""
        readers = [reader for reader in subject.readers.values() if reader.opening is not None]
        if len(readers) == 1:
            self._live.update(closeup(readers[0], self._look, now))
        else:
            self._live.update(overview(readers, now))
