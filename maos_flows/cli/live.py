"""Watch decisions while they run: a live table on a terminal, plain lines elsewhere. It only reads the audit store."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from maos_flows.audit.store import AuditStore
from maos_flows.cli.render import clean
from maos_flows.errors import StoreError
from maos_flows.model import Ballot, Decision, Event, Opening
from maos_flows.policies.threshold import describe
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count

INTERVAL_SECONDS = 0.2
_LINES_SHOWN = 6


@contextmanager
def watching(store: AuditStore, decisions: Callable[[AuditStore], Sequence[str]]) -> Iterator[None]:
    """Show on stderr what happens to some decisions while the body runs.

    Args:
        store: Where they are recorded.
        decisions: Gives the ids of the decisions there are by now.
    """
    console = Console(stderr=True)
    follow = _follow_live if console.is_terminal else _follow_in_lines
    stop = Signal()
    thread = Thread(target=follow, args=(store, decisions, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class _Timelines:
    """Reads each decision's timeline on from where it stopped."""

    def __init__(self, store: AuditStore, decisions: Callable[[AuditStore], Sequence[str]]) -> None:
        self._store = store
        self._decisions = decisions
        self._read: dict[str, int] = {}

    def known(self) -> list[str]:
        for name in self._decisions(self._store):
            self._read.setdefault(name, 0)
        return list(self._read)

    def news(self) -> list[tuple[str, Event]]:
        found = []
        for name in self.known():
            for event in self._store.timeline(name, after=self._read[name]):
                self._read[name] = event.sequence
                found.append((name, event))
        return sorted(found, key=lambda item: item[1].at)


def _line(name: str, event: Event) -> str:
    return f"{event.at:%H:%M:%S} {name}  {clean(event.text)}"


def _follow_in_lines(
    store: AuditStore, decisions: Callable[[AuditStore], Sequence[str]], console: Console, stop: Signal
) -> None:
    del console
    timelines = _Timelines(store, decisions)
    while True:
        last = stop.wait(INTERVAL_SECONDS)
        try:
            for name, event in timelines.news():
                print(_line(name, event), file=sys.stderr, flush=True)
        except StoreError:
            pass  # the store was busy: what was missed is read the next time
        if last:
            return


def _follow_live(
    store: AuditStore, decisions: Callable[[AuditStore], Sequence[str]], console: Console, stop: Signal
) -> None:
    timelines = _Timelines(store, decisions)
    lines: list[str] = []
    with Live(console=console, transient=True, refresh_per_second=5) as live:
        while not stop.wait(INTERVAL_SECONDS):
            try:
                lines += [_line(name, event) for name, event in timelines.news()]
                live.update(_view(store, timelines.known(), lines[-_LINES_SHOWN:]))
            except StoreError:
                continue  # the store was busy: what was missed is read the next time


def _view(store: AuditStore, names: Sequence[str], lines: Sequence[str]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for heading in ("decision", "answered", "", "strongest", "needed", "outcome"):
        table.add_column(heading)
    for name in names:
        opening = store.opening(name)
        if opening is not None:
            table.add_row(*_row(name, opening, store.decision(name), store))
    return Group(table, Text("\n".join(lines), style="dim"))


def _row(name: str, opening: Opening, decision: Decision | None, store: AuditStore) -> tuple[RenderableType, ...]:
    proposal, parameters = opening.proposal, opening.parameters
    answers = store.answers(name, proposal.round)
    ballots = [answer for answer in answers if isinstance(answer, Ballot)]
    tally = count(scrutinise(ballots, opening).counted, proposal, opening.electorate)
    total = len(opening.electorate.electors)
    leaders = tally.leaders
    strongest = f"{clean(' = '.join(leaders))} {tally.amount(tally.units[leaders[0]])}" if leaders else "-"
    whole = tally.amount(tally.whole(parameters.basis))
    outcome = Text(decision.outcome, style="green" if decision.choice else "yellow") if decision else Text("asking")
    return (
        name,
        f"{len(answers)}/{total}",
        ProgressBar(total=max(total, 1), completed=len(answers), width=16),
        Text(f"{strongest} of {whole}"),
        f"{describe(parameters.threshold)}",
        outcome,
    )
