"""Find decisions and runs in the configured audit store."""

import os
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from maos_flows.audit.store import AuditStore, StageRecord, WorkflowRun
from maos_flows.config import settings_from
from maos_flows.errors import NotFoundError
from maos_flows.model import Ballot, Decision, Event, Opening
from maos_flows.records import to_plain


@dataclass(frozen=True, slots=True)
class Found:
    """What an id stands for: a decision that ended, one that is open, or a workflow run with its decisions."""

    name: str
    opening: Opening | None = None
    decision: Decision | None = None
    timeline: tuple[Event, ...] = ()
    ballots: tuple[Ballot, ...] = ()
    run: WorkflowRun | None = None
    stages: tuple[StageRecord, ...] = ()
    parts: tuple["Found", ...] = ()

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
        timeline = [to_plain(event) for event in self.timeline]
        if self.decision is not None:
            return {"decision_id": self.name, "task_id": self.name, **to_plain(self.decision), "timeline": timeline}
        ballots = [to_plain(ballot) for ballot in self.ballots]
        opening = to_plain(self.opening) if self.opening is not None else None
        return {
            "decision_id": self.name,
            "task_id": self.name,
            "outcome": None,
            "opening": opening,
            "ballots": ballots,
            "timeline": timeline,
        }


def configured_store() -> AuditStore:
    """Open the audit store the environment names."""
    return AuditStore.open(settings_from(os.environ).database_url)


def find_decision_or_run(name: str) -> Found:
    """Find what an id stands for.

    Raises:
        NotFoundError: Nothing has that id.
    """
    store = configured_store()
    found = _decision(store, name) or _run(store, name)
    if found is not None:
        return found
    known = [summary.decision_id for summary in store.decisions(limit=200)]
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; `maos list` shows what there is"
    raise NotFoundError(f"there is no decision or workflow run {name[:80]!r}{hint}")


def _decision(store: AuditStore, name: str) -> Found | None:
    opening = store.opening(name)
    if opening is None:
        return None
    decision = store.decision(name)
    answers = store.answers(name, opening.proposal.round)
    return Found(
        name,
        opening=decision.opening if decision else opening,
        decision=decision,
        timeline=store.timeline(name),
        ballots=tuple(answer for answer in answers if isinstance(answer, Ballot)),
    )


def _run(store: AuditStore, name: str) -> Found | None:
    run = store.run(name)
    if run is None:
        return None
    summaries = reversed(store.decisions(limit=1_000, run_id=name))
    parts = (_decision(store, summary.decision_id) for summary in summaries)
    return Found(name, run=run, stages=store.stages(name), parts=tuple(part for part in parts if part is not None))
