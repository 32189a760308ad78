"""Submissions: what was handed in to be decided or run in the background, kept before anybody is told of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from maos_flows.audit.bounds import MOST_TEXT, in_utc
from maos_flows.audit.rows import DECISION, RUN, SUBMISSION
from maos_flows.audit.texts import cut, without_gaps
from maos_flows.errors import ConflictError, NotFoundError


class SubmissionKind(StrEnum):
    """What is handed in."""

    DECISION = "decision"
    WORKFLOW = "workflow"


@dataclass(frozen=True, slots=True)
class Submission:
    """Something handed in, under the id its decision or its workflow run will have.

    Attributes:
        id: The decision's or the run's id.
        kind: Which of them it is.
        title: What people see it called.
        content: What was handed in: the request or the workflow, as the one who submits writes it.
        submitted_at: When.
        flow_run_id: Prefect's id of the flow run made of it; None while there is none.
        cancelled_at: When it was cancelled; None if it was not.
        begun_at: When its decision was opened or its run was started; None before. Read, never written.
        outcome: How its decision or its run ended; None before. Read, never written.
    """

    id: str
    kind: SubmissionKind
    title: str
    content: bytes
    submitted_at: datetime
    flow_run_id: str | None = None
    cancelled_at: datetime | None = None
    begun_at: datetime | None = None
    outcome: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.outcome is not None or (self.cancelled_at is not None and self.begun_at is None)


def submit(connection: Connection, submission: Submission) -> Submission:
    """Keep a submission, or give it as it is kept if it is there already.

    Raises:
        ConflictError: Something else was submitted under its id.
    """
    values = {
        "id": without_gaps(submission.id),
        "kind": submission.kind.value,
        "title": cut(submission.title, MOST_TEXT),
        "content": submission.content,
        "submitted_at": in_utc(submission.submitted_at, path="submitted_at"),
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(SUBMISSION).on_conflict_do_nothing(), values)
    kept = get(connection, submission.id)
    if (kept.kind, kept.content) != (submission.kind, submission.content):
        raise ConflictError(f"something else was submitted as {submission.id!r}")
    return kept


def read(connection: Connection, submission_id: str) -> Submission | None:
    """Read a submission; None if it is not there."""
    row = connection.execute(_query().where(SUBMISSION.c.id == submission_id)).one_or_none()
    return None if row is None else _submission(row)


def get(connection: Connection, submission_id: str) -> Submission:
    """Read a submission that is there.

    Raises:
        NotFoundError: It is not.
    """
    found = read(connection, submission_id)
    if found is None:
        raise NotFoundError(f"nothing was submitted as {submission_id[:80]!r}")
    return found


def read_newest(connection: Connection, *, limit: int, open_only: bool) -> tuple[Submission, ...]:
    """Read the newest first; if asked, only those of which something may still come."""
    query = _query().order_by(SUBMISSION.c.submitted_at.desc(), SUBMISSION.c.id.desc()).limit(limit)
    if open_only:
        query = query.where(
            func.coalesce(DECISION.c.outcome, RUN.c.outcome).is_(None),
            SUBMISSION.c.cancelled_at.is_(None) | func.coalesce(DECISION.c.opened_at, RUN.c.started_at).is_not(None),
        )
    return tuple(_submission(row) for row in connection.execute(query))


def note_flow_run(connection: Connection, submission_id: str, flow_run_id: str) -> Submission:
    """Keep which flow run was made of a submission; one made later, for one that was lost, takes its place.

    Raises:
        NotFoundError: There is no such submission.
    """
    there = update(SUBMISSION).where(SUBMISSION.c.id == submission_id)
    connection.execute(there.values(flow_run_id=without_gaps(flow_run_id)))
    return get(connection, submission_id)


def cancel(connection: Connection, submission_id: str, *, at: datetime) -> Submission:
    """Keep that a submission was cancelled; the first time counts.

    Raises:
        NotFoundError: There is no such submission.
    """
    once = update(SUBMISSION).where(SUBMISSION.c.id == submission_id, SUBMISSION.c.cancelled_at.is_(None))
    connection.execute(once.values(cancelled_at=in_utc(at, path="at")))
    return get(connection, submission_id)


def _query() -> Select[Any]:
    """Read submissions together with how far their decisions and runs are."""
    begun_at = func.coalesce(DECISION.c.opened_at, RUN.c.started_at).label("begun_at")
    outcome = func.coalesce(DECISION.c.outcome, RUN.c.outcome).label("outcome")
    together = SUBMISSION.outerjoin(DECISION, DECISION.c.id == SUBMISSION.c.id).outerjoin(
        RUN, RUN.c.run_id == SUBMISSION.c.id
    )
    return select(SUBMISSION, begun_at, outcome).select_from(together)


def _submission(row: Row[Any]) -> Submission:
    return Submission(
        id=row.id,
        kind=SubmissionKind(row.kind),
        title=row.title,
        content=row.content,
        submitted_at=row.submitted_at,
        flow_run_id=row.flow_run_id,
        cancelled_at=row.cancelled_at,
        begun_at=row.begun_at,
        outcome=row.outcome,
    )
