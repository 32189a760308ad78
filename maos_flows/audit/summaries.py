"""Decisions in a line each, for lists."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from maos_flows.audit.rows import DECISION
from maos_flows.model import Outcome, Reason


@dataclass(frozen=True, slots=True)
class DecisionSummary:
    """A decision in one line.

    Attributes:
        decision_id: Its id.
        title: What people see it called.
        question: What was asked.
        algorithm: The policy's name.
        workflow: The workflow it was a stage of, or empty.
        run_id: The run of that workflow, or empty.
        outcome: How it ended; None while it is open.
        reason: Why it ended so; None while it is open.
        choice: What was decided, if anything.
        opened_at: When it opened, in UTC.
        decided_at: When it was decided, in UTC; None while it is open.
        simulated: Whether a generator answers, or answered, for any of its agents.
    """

    decision_id: str
    title: str
    question: str
    algorithm: str
    workflow: str
    run_id: str
    outcome: Outcome | None
    reason: Reason | None
    choice: str | None
    opened_at: datetime
    decided_at: datetime | None
    simulated: bool


def read(
    connection: Connection, *, limit: int, run_id: str | None = None, before: datetime | None = None
) -> tuple[DecisionSummary, ...]:
    """Read the newest decisions first, those of one run or opened before an instant if asked."""
    columns = DECISION.c
    query = select(
        *(columns.id, columns.title, columns.question, columns.algorithm, columns.workflow, columns.run_id),
        *(columns.outcome, columns.reason, columns.choice, columns.opened_at, columns.decided_at, columns.simulated),
    )
    if run_id is not None:
        query = query.where(columns.run_id == run_id)
    if before is not None:
        query = query.where(columns.opened_at < before)
    newest = query.order_by(columns.opened_at.desc(), columns.id.desc()).limit(limit)
    return tuple(
        DecisionSummary(
            decision_id=row.id,
            title=row.title,
            question=row.question,
            algorithm=row.algorithm,
            workflow=row.workflow,
            run_id=row.run_id,
            outcome=None if row.outcome is None else Outcome(row.outcome),
            reason=None if row.reason is None else Reason(row.reason),
            choice=row.choice,
            opened_at=row.opened_at,
            decided_at=row.decided_at,
            simulated=row.simulated,
        )
        for row in connection.execute(newest)
    )
