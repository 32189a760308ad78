"""Find decisions, runs and submissions in the configured audit store."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from maos_flows.audit.store import AuditStore, StageRecord, Submission, WorkflowRun
from maos_flows.cli.watching.reading import Reader
from maos_flows.config import settings_from
from maos_flows.errors import NotFoundError
from maos_flows.model import Ballot, Decision, Event, Opening, RejectedBallot
from maos_flows.records import to_plain

if TYPE_CHECKING:
    from maos_flows.audit.model_summaries import ModelSummary


@dataclass(frozen=True, slots=True)
class Found:
    """What an id stands for: a decision, a workflow run with its decisions, or what was submitted to become one.

    `summary` is what a language model wrote about the decision, where that was asked for.
    """

    name: str
    reader: Reader | None = None
    rejected: tuple[RejectedBallot, ...] = ()
    run: WorkflowRun | None = None
    stages: tuple[StageRecord, ...] = ()
    parts: tuple["Found", ...] = ()
    submission: Submission | None = None
    summary: "ModelSummary | None" = None

    @property
    def opening(self) -> Opening | None:
        """What binds the decision; None where there is none yet."""
        if self.reader is None:
            return None
        return self.reader.opening if self.decision is None else self.decision.opening

    @property
    def decision(self) -> Decision | None:
        """The decision; None while it is open."""
        return None if self.reader is None else self.reader.decision

    @property
    def timeline(self) -> tuple[Event, ...]:
        """The decision's timeline."""
        return () if self.reader is None else tuple(self.reader.events)

    @property
    def ballots(self) -> tuple[Ballot, ...]:
        """The latest round's ballots; none while they are sealed."""
        if self.reader is None or self.reader.is_sealed:
            return ()
        return tuple(answer for answer in self.reader.answers() if isinstance(answer, Ballot))

    def decisions(self) -> Iterator["Found"]:
        """Go through the decisions: those of a run, or the one it is."""
        if self.reader is not None:
            yield self
        yield from self.parts

    def as_plain(self) -> dict[str, Any]:
        """Give it as plain data for programs."""
        if self.run is not None:
            return {
                "run_id": self.name,
                "workflow": self.run.workflow,
                "outcome": self.run.outcome,
                "started_at": to_plain(self.run)["started_at"],
                "finished_at": to_plain(self.run)["finished_at"],
                "stages": [to_plain(stage) for stage in self.stages],
                "decisions": [part.as_plain() for part in self.parts],
            }
        names = {"decision_id": self.name, "task_id": self.name}
        if self.submission is not None:
            submitted_at, cancelled_at = self.submission.submitted_at, self.submission.cancelled_at
            cancelled = None if cancelled_at is None else cancelled_at.isoformat()
            return {
                **names,
                "outcome": None if cancelled is None else "cancelled",
                "submitted_at": submitted_at.isoformat(),
                "cancelled_at": cancelled,
            }
        timeline = [to_plain(event) for event in self.timeline]
        if self.decision is not None:
            return {**names, **to_plain(self.decision), "timeline": timeline}
        ballots = [to_plain(ballot) for ballot in self.ballots]
        opening = to_plain(self.opening) if self.opening is not None else None
        return {**names, "outcome": None, "opening": opening, "ballots": ballots, "timeline": timeline}


def configured_store() -> AuditStore:
    """Open the audit store the environment names."""
    return AuditStore.open(settings_from(os.environ).database_url)


def find_decision_or_run(name: str) -> Found:
    """Find what an id stands for.

    Raises:
        NotFoundError: Nothing has that id.
    """
    return find(configured_store(), name)


def find(store: AuditStore, name: str) -> Found:
    """Find what an id stands for in a store.

    Raises:
        NotFoundError: Nothing has that id.
    """
    found = _decision(store, name) or _run(store, name) or _submitted(store, name)
    if found is None:
        raise not_found(store, name)
    return found


def not_found(store: AuditStore, name: str) -> NotFoundError:
    """Make the error for an id that nothing has, with the nearest one there is."""
    known = [summary.decision_id for summary in store.decisions(limit=200)]
    near = get_close_matches(name, [*known, *(run.run_id for run in store.runs(limit=200))], n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `maos list` shows what there is"
    return NotFoundError(f"there is no decision or workflow run {name[:80]!r}{hint}")


def _decision(store: AuditStore, name: str) -> Found | None:
    reader = Reader(store, name)
    reader.news()
    if not reader.events:
        return None
    if reader.is_sealed:
        return Found(name, reader=reader)  # why a ballot was rejected may say what another of its agent is for
    rejected = tuple(entry for number in range(1, reader.round + 1) for entry in store.rejected(name, number))
    return Found(name, reader=reader, rejected=rejected)


def _run(store: AuditStore, name: str) -> Found | None:
    run = store.run(name)
    if run is None:
        return None
    summaries = reversed(store.decisions(limit=1_000, run_id=name))
    parts = (_decision(store, summary.decision_id) for summary in summaries)
    return Found(name, run=run, stages=store.stages(name), parts=tuple(part for part in parts if part is not None))


def _submitted(store: AuditStore, name: str) -> Found | None:
    submission = store.submission(name)
    return None if submission is None else Found(name, submission=submission)
