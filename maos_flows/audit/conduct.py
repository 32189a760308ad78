"""What is on record of agents over many decisions: answers, failures, faults, and how often each stood alone.

Having been in the minority is a fact, not a fault: an agent that is right against all others is always in it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from maos_flows.audit.rows import ANSWER, DECISION, ELECTOR, FAULT, REJECTED, ROUND
from maos_flows.model import ABSTAIN
from maos_flows.sealing import is_sealed

_BALLOT = "ballot"


@dataclass(frozen=True, slots=True)
class Conduct:
    """What is on record of one agent, over the newest decisions.

    Attributes:
        agent_id: The agent.
        decisions: In how many decisions it was an elector.
        ballots: How many ballots it cast, in all rounds.
        absences: How often it gave none, by kind.
        rejected: How many ballots of it were not counted, by reason.
        proven: How often a fault of it was proven, by kind.
        suspected: How often one was suspected, by kind.
        stood: In how many decisions that were reached its ballot was for some choice.
        minority: In how many of those for another than the one decided.
        median_seconds: How long it took to answer; None if it never did.
    """

    agent_id: str
    decisions: int
    ballots: int
    absences: Mapping[str, int]
    rejected: Mapping[str, int]
    proven: Mapping[str, int]
    suspected: Mapping[str, int]
    stood: int
    minority: int
    median_seconds: float | None


def read(connection: Connection, agents: Sequence[str], *, limit: int) -> tuple[Conduct, ...]:
    """Read the conduct of agents over the newest `limit` decisions, in the order in which they are named."""
    newest = select(DECISION.c.id).order_by(DECISION.c.opened_at.desc(), DECISION.c.id.desc()).limit(limit)
    ids = tuple(connection.execute(newest).scalars())
    answers = _answers(connection, ids, agents)
    electors = _counted(connection, select(ELECTOR.c.agent_id, ELECTOR.c.decision_id).distinct(), ELECTOR, ids, agents)
    rejected = _counted(connection, select(REJECTED.c.agent_id, REJECTED.c.reason), REJECTED, ids, agents)
    faults = _counted(connection, select(FAULT.c.agent_id, FAULT.c.kind, FAULT.c.is_proof), FAULT, ids, agents)
    return tuple(
        _conduct(agent, answers.get(agent, ()), electors.get(agent, ()), rejected.get(agent, ()), faults.get(agent, ()))
        for agent in agents
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    kind: str
    seconds: float
    is_of_last_round: bool
    choice: str | None
    decided: str | None


def _answers(connection: Connection, ids: Sequence[str], agents: Sequence[str]) -> dict[str, list[_Answer]]:
    last = select(ROUND.c.decision_id, func.max(ROUND.c.number).label("number")).group_by(ROUND.c.decision_id)
    latest = last.where(ROUND.c.decision_id.in_(ids)).subquery()
    query = (
        select(ANSWER.c.agent_id, ANSWER.c.kind, ANSWER.c.choice, ANSWER.c.record, ANSWER.c.round)
        .add_columns(latest.c.number.label("last_round"), DECISION.c.choice.label("decided"))
        .join(latest, latest.c.decision_id == ANSWER.c.decision_id)
        .join(DECISION, DECISION.c.id == ANSWER.c.decision_id)
        .where(ANSWER.c.decision_id.in_(ids), ANSWER.c.agent_id.in_(agents))
    )
    found: dict[str, list[_Answer]] = {}
    for row in connection.execute(query):
        if is_sealed(row.record):
            continue  # its decision is open, and what is in it is for nobody yet
        seconds = float(json.loads(row.record).get("seconds", 0.0))
        answer = _Answer(row.kind, seconds, row.round == row.last_round, row.choice, row.decided)
        found.setdefault(row.agent_id, []).append(answer)
    return found


def _counted(
    connection: Connection, query: Select[Any], table: Table, ids: Sequence[str], agents: Sequence[str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Run a query about agents whose first column is the agent, and give the other columns by agent."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in connection.execute(query.where(table.c.decision_id.in_(ids), table.c.agent_id.in_(agents))):
        found.setdefault(row[0], []).append(tuple(row[1:]))
    return found


def _conduct(
    agent_id: str,
    answers: Iterable[_Answer],
    electors: Iterable[tuple[Any, ...]],
    rejected: Iterable[tuple[Any, ...]],
    faults: Iterable[tuple[Any, ...]],
) -> Conduct:
    given = tuple(answers)
    cast = [answer for answer in given if answer.kind == _BALLOT]
    stood = [answer for answer in cast if answer.is_of_last_round and answer.decided and answer.choice != ABSTAIN]
    misbehaved = tuple(faults)
    return Conduct(
        agent_id,
        decisions=len(tuple(electors)),
        ballots=len(cast),
        absences=dict(Counter(answer.kind for answer in given if answer.kind != _BALLOT)),
        rejected=dict(Counter(reason for (reason,) in rejected)),
        proven=dict(Counter(kind for kind, is_proof in misbehaved if is_proof)),
        suspected=dict(Counter(kind for kind, is_proof in misbehaved if not is_proof)),
        stood=len(stood),
        minority=sum(answer.choice != answer.decided for answer in stood),
        median_seconds=median(answer.seconds for answer in cast) if cast else None,
    )
