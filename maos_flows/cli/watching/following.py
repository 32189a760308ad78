"""Follow a decision or a workflow's run to its end, or until there is no sign of life any more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from maos_flows.audit.store import AuditStore, Submission, WorkflowRun
from maos_flows.cli.lookup import not_found
from maos_flows.cli.watching.reading import Reader, Timelines
from maos_flows.cli.watching.sections import Look
from maos_flows.errors import NotFoundError, StoreError
from maos_flows.model import Event, EventKind, Outcome

INTERVAL_SECONDS = 0.25
GRACE = timedelta(seconds=60)
"""How long after its deadline a decision may say nothing before it is taken for dead."""

PATIENCE = timedelta(seconds=30)
"""How long the store may be busy at a stretch."""

STACK_HINT_AFTER = timedelta(seconds=30)


class Ending(Enum):
    """Why following ended."""

    REACHED = "reached"
    NOT_REACHED = "not reached"
    CANCELLED = "cancelled before it was opened"
    SILENT = "no sign of life"
    TIMED_OUT = "watched long enough"


class Printer(Protocol):
    """Where what happens is shown."""

    def event(self, reader: Reader, event: Event) -> None:
        """Show what happened to a decision."""

    def notice(self, text: str) -> None:
        """Show what the watcher itself has to say."""

    def tick(self, subject: "Subject", now: datetime) -> None:
        """Show how far it is; called at every look."""


class Subject:
    """What is followed: a decision, a workflow's run with the decisions of its stages, or what may become one."""

    def __init__(self, store: AuditStore, name: str) -> None:
        self.store = store
        self.name = name
        self.run: WorkflowRun | None = None
        self.submission: Submission | None = None
        self._timelines = Timelines(store, self._names)

    def _names(self, store: AuditStore) -> Sequence[str]:
        if self.name in self.readers:
            return (self.name,)
        self.run = store.run(self.name)
        if self.run is not None:
            return [summary.decision_id for summary in store.decisions(limit=1_000, run_id=self.name)][::-1]
        if store.opening(self.name) is not None:
            return (self.name,)
        self.submission = store.submission(self.name)
        return ()

    @property
    def readers(self) -> dict[str, Reader]:
        """The decisions there are by now, by id."""
        return self._timelines.readers

    def news(self) -> list[tuple[Reader, Event]]:
        """Read what came since the last look.

        Raises:
            StoreError: The store is busy or cannot be reached.
        """
        return self._timelines.news()

    @property
    def is_known(self) -> bool:
        """Whether there is anything of that name."""
        return self.run is not None or bool(self.readers) or self.submission is not None

    @property
    def is_begun(self) -> bool:
        """Whether it is opened, or its run has begun."""
        return self.run is not None or bool(self.readers)

    def unknown(self) -> NotFoundError:
        """Make the error that says so if there is not, with what may have been meant."""
        return not_found(self.store, self.name)

    def mark(self, reader: Reader) -> str:
        """Give what tells a decision from the others: its stage's name."""
        return reader.name.removeprefix(f"{self.name}-") if self.run is not None else ""

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it has not."""
        if self.run is not None:
            if self.run.outcome is None:
                return None
            return Ending.REACHED if self.run.outcome == "completed" else Ending.NOT_REACHED
        if self.name in self.readers:
            decision = self.readers[self.name].decision
            if decision is None:
                return None
            is_reached = decision.outcome in (Outcome.REACHED, Outcome.OVERRIDDEN)
            return Ending.REACHED if is_reached else Ending.NOT_REACHED
        return Ending.CANCELLED if self.submission is not None and self.submission.is_over else None

    def silent_since(self, now: datetime) -> datetime | None:
        """Give the last sign of life if there should have been another by now; None if all may be well."""
        going = [reader for reader in self.readers.values() if reader.decision is None]
        limits = [reader.lives_until for reader in going]
        if None in limits or not self.is_begun:
            return None
        heard = [reader.events[-1].at for reader in self.readers.values() if reader.events]
        if self.run is not None:
            heard += [self.run.started_at, *(stage.at for stage in self.store.stages(self.name))]
        last = max(heard)
        latest = max([last, *(limit for limit in limits if limit is not None)])
        return last if now > latest + GRACE else None

    @property
    def how_to_take_up(self) -> str:
        """Say which command goes on with it."""
        if self.run is not None:
            return f"maos workflow run FILE --resume {self.name}"
        return f"maos decide --resume {self.name}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes for a follower.

    Attributes:
        clock: Tells the time.
        wait: Waits so many seconds.
        until: When to stop whatever happens; None for never.
    """

    clock: Callable[[], datetime]
    wait: Callable[[float], object]
    until: datetime | None = None


def follow(subject: Subject, printer: Printer, look: Look, pace: Pace) -> Ending:
    """Show what happens until it ends.

    A store that is busy for a while is asked again. Nothing is written to it.

    Raises:
        NotFoundError: There is nothing of that name.
        StoreError: The store cannot be read for longer than `PATIENCE`.
    """
    begun = answered = pace.clock()
    notices = _Notices(printer)
    while True:
        now = pace.clock()
        silent_since = None
        try:
            look_once(subject, printer, look)
            silent_since = subject.silent_since(now)
            answered = now
        except StoreError:
            if now - answered > PATIENCE:
                raise
        ending = subject.ending or _given_up(subject, printer, silent_since) or _timed_out(subject, printer, pace, now)
        if ending is Ending.CANCELLED:
            printer.notice(f"{subject.name} was cancelled before it was opened")
        if ending is not None:
            say_what_was_missing(subject, printer, look)
            return ending
        if subject.is_known and not subject.is_begun:
            notices.waiting(subject, for_long=now - begun > STACK_HINT_AFTER)
        printer.tick(subject, now)
        pace.wait(INTERVAL_SECONDS)


def look_once(subject: Subject, printer: Printer, look: Look) -> None:
    """Show what came since the last look.

    Raises:
        NotFoundError: There is nothing of that name.
        StoreError: The store is busy or cannot be reached.
    """
    for reader, event in subject.news():
        if event.kind in look.kinds:
            printer.event(reader, event)
        if event.kind is EventKind.OPENED and reader.opening is not None:
            for remark in look.remarks(reader.opening.algorithm):
                printer.notice(remark)
    if not subject.is_known:
        raise subject.unknown()


def say_what_was_missing(subject: Subject, printer: Printer, look: Look) -> None:
    """Say of which sections nothing has come."""
    for reader in subject.readers.values():
        if reader.opening is not None:
            seen = {event.kind for event in reader.events}
            mark = subject.mark(reader)
            for text in look.empty(reader.opening.algorithm, seen):
                printer.notice(f"[{mark}] {text}" if mark else text)


class _Notices:
    """Says once what would otherwise be said at every look."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._said: set[str] = set()

    def waiting(self, subject: Subject, *, for_long: bool) -> None:
        submission = subject.submission
        since = f" at {submission.submitted_at:%H:%M:%S}" if submission is not None else ""
        self._once(f"{subject.name} was submitted{since} and is not opened yet; waiting")
        if for_long:
            self._once("still not opened; `maos status` says whether a worker is there to take it up")

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._printer.notice(text)


def _given_up(subject: Subject, printer: Printer, silent_since: datetime | None) -> Ending | None:
    if silent_since is None:
        return None
    printer.notice(
        f"no sign of life since {silent_since:%Y-%m-%d %H:%M:%S} UTC, and its deadline is past: what decided it is"
        f" gone; take it up with: {subject.how_to_take_up}"
    )
    return Ending.SILENT


def _timed_out(subject: Subject, printer: Printer, pace: Pace, now: datetime) -> Ending | None:
    if pace.until is None or now < pace.until:
        return None
    printer.notice(f"watched long enough; {subject.name} goes on without being watched")
    return Ending.TIMED_OUT
