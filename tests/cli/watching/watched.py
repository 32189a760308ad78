"""Decisions in a store for the tests that watch them, commands that do, and followers whose time is the test's."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from typer.testing import CliRunner, Result

from maos_flows.audit.store import AuditStore
from maos_flows.cli.consensus import app
from maos_flows.cli.watching.following import Ending, Pace, Subject, follow
from maos_flows.cli.watching.printing import LinePrinter
from maos_flows.cli.watching.sections import Look
from maos_flows.model import AbsenceKind, Event, EventKind
from tests.audit.samples import NAMES, NOON, SOON, absence, ballot, decision_of, opened

ASKED = Event(NOON, EventKind.ASKED, "round 1: 5 agents asked", data={"agents": list(NAMES)})
ANSWERS = (
    ballot("ada", reasoning="ACID compliance", seconds=5.0, received_at=SOON),
    ballot("bob", reasoning="analytics", seconds=6.0, received_at=SOON + timedelta(seconds=1)),
    ballot("cyd", "MongoDB", reasoning="flexibility", seconds=7.0, received_at=SOON + timedelta(seconds=2)),
    absence("dan", AbsenceKind.TIMED_OUT, received_at=SOON + timedelta(seconds=3), seconds=8.0),
    ballot("eve", reasoning="reliability", seconds=9.0, received_at=SOON + timedelta(seconds=4)),
)
CLOSED = SOON + timedelta(seconds=5)


def asked(store: AuditStore, **fields: Any) -> None:
    """Open d-1 among five and ask them."""
    opened(store, **fields)
    store.note("d-1", ASKED)


def answer(store: AuditStore, *places: int) -> None:
    """Record some of the five answers; all without places."""
    for place in places or range(5):
        store.record_answer(ANSWERS[place])


def close(store: AuditStore) -> None:
    """Decide d-1 by the answers there are."""
    store.close_decision(decision_of(store), at=CLOSED)


def decided(store: AuditStore, **fields: Any) -> None:
    """Open, answer and close d-1: PostgreSQL by 3 of 5."""
    asked(store, **fields)
    answer(store)
    close(store)


def note(store: AuditStore, kind: EventKind, text: str, agent_id: str | None = None, /, **data: Any) -> Event:
    """Write what an algorithm would into d-1's timeline."""
    return store.note("d-1", Event(SOON, kind, text, agent_id, data=data))


def maos(*words: str) -> Result:
    """Type `maos consensus` and these words."""
    return CliRunner().invoke(app, list(words))


def printed(*words: str) -> list[str]:
    """The lines that a command prints that goes well."""
    result = maos(*words)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def told(*words: str) -> Any:
    """What it tells programs."""
    return json.loads("\n".join(printed(*words, "--format", "json")))


Step = Callable[[], object]


class Followed:
    """Follows with a clock of its own: each wait does the test's next step, and lets a second pass.

    Attributes:
        lines: What was printed.
        ending: How it ended.
    """

    def __init__(
        self, store: AuditStore, name: str, *steps: Step, look: Look | None = None, seconds: float | None = None
    ) -> None:
        self._now = SOON
        self._steps: Iterator[Step] = iter(steps)
        self.lines: list[str] = []
        self.subject = Subject(store, name)
        chosen = Look() if look is None else look
        printer = LinePrinter(chosen, self.subject, write=self.lines.append, note=self.lines.append)
        until = None if seconds is None else SOON + timedelta(seconds=seconds)
        self.ending: Ending = follow(self.subject, printer, chosen, Pace(lambda: self._now, self._wait, until))

    def _wait(self, seconds: float) -> None:
        assert seconds > 0
        self._now += timedelta(seconds=1)
        next(self._steps, lambda: None)()
