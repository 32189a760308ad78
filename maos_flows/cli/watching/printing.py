"""Show events as plain lines, or as one JSON object a line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maos_flows.cli.output import as_json
from maos_flows.cli.watching.following import Subject
from maos_flows.cli.watching.lines import lines_of
from maos_flows.cli.watching.reading import Reader
from maos_flows.cli.watching.sections import Look
from maos_flows.cli.watching.words import LONG, one_line
from maos_flows.model import Event
from maos_flows.records import to_plain

Write = Callable[[str], None]


def write_line(text: str) -> None:
    """Print a line at once, whatever reads it."""
    print(text, flush=True)


@dataclass(frozen=True, slots=True)
class LinePrinter:
    """A line for an event; what the watcher itself says stands beside it, on stderr if it is told so.

    Attributes:
        look: How closely events are looked at.
        subject: What is watched.
        write: Where lines go.
        note: Where the watcher's own words go.
    """

    look: Look
    subject: Subject
    write: Write = write_line
    note: Write = write_line

    def event(self, reader: Reader, event: Event) -> None:
        """Print an event."""
        for line in lines_of(event, reader, self.look, mark=self.subject.mark(reader)):
            self.write(line)

    def notice(self, text: str) -> None:
        """Print what the watcher has to say."""
        self.note(one_line(text, LONG))

    def tick(self, subject: Subject, now: datetime) -> None:
        """Print nothing: a line that is printed stays."""


@dataclass(frozen=True, slots=True)
class JsonPrinter:
    """One JSON object a line: `type` is `event`, `notice` or, last, `decision` or `run`."""

    write: Write = write_line

    def event(self, reader: Reader, event: Event) -> None:
        """Print an event, with the answer it tells of."""
        answer = reader.answer(event)
        said = {} if answer is None else {"answer": to_plain(answer)}
        self._print({"type": "event", "decision_id": reader.name, **to_plain(event), **said})

    def notice(self, text: str) -> None:
        """Print what the watcher has to say."""
        self._print({"type": "notice", "text": text})

    def tick(self, subject: Subject, now: datetime) -> None:
        """Print nothing."""

    def whole(self, found: dict[str, Any]) -> None:
        """Print what all ended in: a decision, or a run with its decisions; their timelines were printed before."""
        kind = "run" if "run_id" in found else "decision"
        self._print({"type": kind, **_without_timeline(found)})

    def _print(self, data: dict[str, Any]) -> None:
        self.write(as_json(data))


def _without_timeline(found: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in found.items() if key != "timeline"}
    if "decisions" in kept:
        kept["decisions"] = [_without_timeline(part) for part in kept["decisions"]]
    return kept
