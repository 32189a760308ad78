"""Leases: who is at work on a flow run or a decision, and until when that holds unless it is renewed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from maos_flows.audit.people import open_question_of
from maos_flows.audit.rows import DECISION, LEASE, ROUND


@dataclass(frozen=True, slots=True)
class Lease:
    """That somebody is at work on something.

    Attributes:
        subject: What is worked on.
        owner: Who is at work: a process, named so that no other has its name.
        expires_at: From when on the owner counts as gone.
        takeovers: How often somebody else took it over from an owner who was gone.
    """

    subject: str
    owner: str
    expires_at: datetime
    takeovers: int = 0


def renew(
    connection: Connection, owner: str, subjects: Iterable[str], *, now: datetime, until: datetime
) -> frozenset[str]:
    """Take or prolong leases, and name those that are the owner's now: not what another one holds."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    wanted = [{"subject": subject, "owner": owner, "expires_at": until, "takeovers": 0} for subject in sorted(subjects)]
    insert = dialect.insert(LEASE)
    held = insert.on_conflict_do_update(
        index_elements=[LEASE.c.subject],
        set_={"owner": insert.excluded.owner, "expires_at": insert.excluded.expires_at},
        where=(LEASE.c.owner == owner) | (LEASE.c.expires_at <= now),
    ).returning(LEASE.c.subject)
    return frozenset(name for values in wanted for name in connection.execute(held, values).scalars())


def take_over(connection: Connection, owner: str, subject: str, *, now: datetime, until: datetime) -> int | None:
    """Take the lease of an owner who is gone, of nobody, or one's own anew, and count it; None if another holds it.

    Of several who try at once, one gets it.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(LEASE)
    once = insert.on_conflict_do_update(
        index_elements=[LEASE.c.subject],
        set_={
            "owner": insert.excluded.owner,
            "expires_at": insert.excluded.expires_at,
            "takeovers": LEASE.c.takeovers + 1,
        },
        where=(LEASE.c.owner == owner) | (LEASE.c.expires_at <= now),
    ).returning(LEASE.c.takeovers)
    values = {"subject": subject, "owner": owner, "expires_at": until, "takeovers": 1}
    return connection.execute(once, values).scalar_one_or_none()


def release(connection: Connection, owner: str, subjects: Iterable[str]) -> None:
    """Give up leases whose work is done."""
    connection.execute(delete(LEASE).where(LEASE.c.owner == owner, LEASE.c.subject.in_(sorted(subjects))))


def read(connection: Connection, subjects: Iterable[str]) -> dict[str, Lease]:
    """Read the leases there are, by subject."""
    rows = connection.execute(select(LEASE).where(LEASE.c.subject.in_(sorted(subjects))))
    return {row.subject: Lease(row.subject, row.owner, row.expires_at, row.takeovers) for row in rows}


def read_overdue(connection: Connection, *, before: datetime, limit: int) -> tuple[tuple[str, str], ...]:
    """Name open decisions whose latest round's deadline was before an instant, the oldest first, each with its run.

    One that waits for a person is not among them before the person's own deadline.
    """
    last = (
        select(func.max(ROUND.c.number))
        .where(ROUND.c.decision_id == DECISION.c.id)
        .correlate(DECISION)
        .scalar_subquery()
    )
    query = (
        select(DECISION.c.id, DECISION.c.run_id)
        .join(ROUND, (ROUND.c.decision_id == DECISION.c.id) & (ROUND.c.number == last))
        .where(DECISION.c.outcome.is_(None), ROUND.c.deadline < before, ~open_question_of(before))
        .order_by(DECISION.c.opened_at, DECISION.c.id)
        .limit(limit)
    )
    return tuple((row.id, row.run_id) for row in connection.execute(query))
