"""Feedback on decisions, and the weight changes it led to; rows are added and never changed.

Whoever knows what proved right says so once per decision; the standings of the agents that voted change in the same
transaction, each change with what it was and became. A decision is never changed by what is learned after it.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from maos_flows.audit.bounds import MOST_TEXT, in_utc
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.learning_rows import FEEDBACK, STANDING
from maos_flows.audit.rows import ANSWER, DECISION
from maos_flows.audit.texts import cut
from maos_flows.errors import ConflictError
from maos_flows.model import ABSTAIN, Ballot
from maos_flows.scrutiny import fold
from maos_flows.weights import PeerRecords, Standing

Transaction = Callable[[], AbstractContextManager[Connection]]
Learning = Callable[[Mapping[str, Standing]], Mapping[str, Standing]]
_SIMULATED = "simulated: "
_PEER_DECISIONS = 500


def record_key(agent_id: str, voter: str) -> str:
    """Give the name a record is kept under: one for all spellings of an id, another for its simulated ballots."""
    return f"{_SIMULATED}{fold(agent_id)}" if voter == "simulated" else fold(agent_id)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became known about one decision.

    Attributes:
        decision_id: The decision.
        at: When it was told.
        by: Who told it.
        correct: The choice that proved right, if one did.
        scores: How good each agent's answer proved, in [0, 1], by agent; the ones told, or what `correct` says.
    """

    decision_id: str
    at: datetime
    by: str
    correct: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class WeightChange:
    """How one decision's feedback moved one agent's standing.

    Attributes:
        agent: The name its record is kept under.
        number: Counts the agent's changes from 1.
        decision_id: The decision the feedback was on.
        at: When.
        score: How good its answer proved.
        before: Its standing before.
        after: Its standing from then on.
    """

    agent: str
    number: int
    decision_id: str
    at: datetime
    score: float
    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True)
class _Change:
    score: float
    before: Standing
    after: Standing


@dataclass(frozen=True, slots=True)
class _Told:
    correct: str | None
    scores: Mapping[str, float]


class LearnedStandings:
    """Feedback and standings in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def tell(self, feedback: Feedback, names: Mapping[str, str], learning: Learning) -> tuple[WeightChange, ...]:
        """Keep feedback and what it taught, in one transaction.

        Args:
            feedback: What became known.
            names: By agent, the name its record is kept under.
            learning: From the standings of these agents before to those after; pure.

        Returns:
            The changes; those of the first time if the same is told again.

        Raises:
            ConflictError: Something else was told of this decision before.
        """
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("LOCK TABLE maos_feedback IN EXCLUSIVE MODE")
            known = _feedback(connection, feedback.decision_id)
            if known is None:
                _keep(connection, feedback)
                _learn(connection, feedback, names, learning)
            elif (known.correct, dict(known.scores)) != (feedback.correct, dict(feedback.scores)):
                told = f"it was told {known.correct or 'scores'} on {known.at:%Y-%m-%d %H:%M} by {known.by}"
                raise ConflictError(f"feedback on {feedback.decision_id} is there already and differs: {told}")
            return _changes(connection, STANDING.c.decision_id == feedback.decision_id)

    def feedback(self, decision_id: str) -> Feedback | None:
        """Read what was told of a decision; None if nothing was."""
        with self._reading() as connection:
            return _feedback(connection, decision_id)

    def standings(self, names: Iterable[str]) -> dict[str, Standing]:
        """Read what is known of agents now, by the name their records are kept under; who has none is left out."""
        with self._reading() as connection:
            return _standings(connection, tuple(names))

    def evolution(self, names: Iterable[str], *, until: datetime | None = None) -> tuple[WeightChange, ...]:
        """Read how agents' standings changed, the oldest change first, up to an instant if one is given."""
        wanted = STANDING.c.agent.in_(tuple(names))
        with self._reading() as connection:
            return _changes(connection, wanted if until is None else wanted & (STANDING.c.at <= until))

    def agents(self) -> tuple[str, ...]:
        """Name everybody who has a record, in order."""
        with self._reading() as connection:
            return tuple(connection.execute(select(STANDING.c.agent).distinct().order_by(STANDING.c.agent)).scalars())

    def peers(self, agent_ids: Iterable[str], *, simulated: bool) -> PeerRecords:
        """Observe how far agents agreed in the last few hundred closed decisions in which two or more of them voted."""
        recent = (
            select(DECISION.c.id)
            .where(DECISION.c.outcome.is_not(None), DECISION.c.simulated == simulated)
            .order_by(DECISION.c.opened_at.desc(), DECISION.c.id.desc())
            .limit(_PEER_DECISIONS)
            .subquery()
        )
        query = (
            select(ANSWER.c.decision_id, ANSWER.c.round, ANSWER.c.agent_id, ANSWER.c.choice)
            .join(recent, recent.c.id == ANSWER.c.decision_id)
            .join(DECISION, DECISION.c.id == ANSWER.c.decision_id)
            .where(ANSWER.c.kind == "ballot", ANSWER.c.agent_id.in_(tuple(agent_ids)))
            .order_by(DECISION.c.opened_at, DECISION.c.id, ANSWER.c.round, ANSWER.c.agent_id)
        )
        cast: dict[tuple[str, int], dict[str, str]] = {}
        with self._reading() as connection:
            for row in connection.execute(query):
                if row.choice != ABSTAIN:
                    cast.setdefault((row.decision_id, row.round), {})[row.agent_id] = row.choice
        records = PeerRecords()
        for answers in cast.values():
            if len(answers) > 1:
                records = records.observed(answers)
        return records


def choices_cast(ballots: Iterable[Ballot]) -> dict[str, str]:
    """Give the choice of each agent that voted for one."""
    return {ballot.agent_id: ballot.choice for ballot in ballots if ballot.choice != ABSTAIN}


def _keep(connection: Connection, feedback: Feedback) -> None:
    told = _Told(feedback.correct, dict(sorted(feedback.scores.items())))
    values = {
        "decision_id": feedback.decision_id,
        "at": in_utc(feedback.at, path="at"),
        "by": cut(feedback.by, MOST_TEXT),
        "correct": feedback.correct,
        "record": encode(told),
    }
    connection.execute(insert(FEEDBACK), values)


def _learn(connection: Connection, feedback: Feedback, names: Mapping[str, str], learning: Learning) -> None:
    kept = _standings(connection, tuple(names.values()))
    before = {agent: kept.get(name, Standing()) for agent, name in names.items()}
    after = learning(before)
    numbers = _numbers(connection, tuple(names.values()))
    for agent, score in sorted(feedback.scores.items()):
        values = {
            "agent": names[agent],
            "number": numbers.get(names[agent], 0) + 1,
            "decision_id": feedback.decision_id,
            "at": in_utc(feedback.at, path="at"),
            "record": encode(_Change(score, before[agent], after[agent])),
        }
        connection.execute(insert(STANDING), values)


def _feedback(connection: Connection, decision_id: str) -> Feedback | None:
    row = connection.execute(select(FEEDBACK).where(FEEDBACK.c.decision_id == decision_id)).one_or_none()
    if row is None:
        return None
    told = decode(_Told, row.record)
    return Feedback(row.decision_id, row.at, row.by, told.correct, told.scores)


def _numbers(connection: Connection, names: tuple[str, ...]) -> dict[str, int]:
    query = select(STANDING.c.agent, func.max(STANDING.c.number)).where(STANDING.c.agent.in_(names))
    return {row[0]: row[1] for row in connection.execute(query.group_by(STANDING.c.agent))}


def _standings(connection: Connection, names: tuple[str, ...]) -> dict[str, Standing]:
    newest = (
        select(STANDING.c.agent, func.max(STANDING.c.number).label("number"))
        .where(STANDING.c.agent.in_(names))
        .group_by(STANDING.c.agent)
        .subquery()
    )
    query = select(STANDING.c.agent, STANDING.c.record).join(
        newest, (STANDING.c.agent == newest.c.agent) & (STANDING.c.number == newest.c.number)
    )
    return {row.agent: decode(_Change, row.record).after for row in connection.execute(query)}


def _changes(connection: Connection, condition: Any) -> tuple[WeightChange, ...]:
    query = select(STANDING).where(condition).order_by(STANDING.c.at, STANDING.c.decision_id, STANDING.c.agent)
    return tuple(map(_change, connection.execute(query)))


def _change(row: Row[Any]) -> WeightChange:
    record = decode(_Change, row.record)
    return WeightChange(row.agent, row.number, row.decision_id, row.at, record.score, record.before, record.after)
