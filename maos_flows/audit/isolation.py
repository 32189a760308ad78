"""Agents that are kept out of electorates for proof against them, until somebody releases them."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from maos_flows.audit import timeline
from maos_flows.audit.bounds import in_utc
from maos_flows.audit.drill_rows import ISOLATION
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.openings import hold
from maos_flows.audit.rows import FAULT
from maos_flows.errors import ConflictError, NotFoundError
from maos_flows.model import Event, EventKind
from maos_flows.scrutiny import fold

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Isolation:
    """That an agent is kept out of electorates.

    Attributes:
        agent_id: The agent; all spellings of its id are kept out.
        decision_id: The decision in which it was proven faulty.
        kinds: What was proven.
        at: Since when.
        by: Who isolated it.
        released_at: Since when it may be in electorates again.
    """

    agent_id: str
    decision_id: str
    kinds: tuple[str, ...]
    at: datetime
    by: str
    released_at: datetime | None = None


class Isolations:
    """The isolations in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def isolate(self, decision_id: str, *, by: str, now: datetime) -> tuple[Isolation, ...]:
        """Isolate every agent that a closed decision proves to be faulty; suspicion isolates nobody.

        Returns:
            The agents with proof against them, as they are isolated now; those who were already stay as they were.

        Raises:
            NotFoundError: There is no such decision.
            ConflictError: It is open, so its proofs are not on record yet.
        """
        moment = in_utc(now, path="now")
        with self._writing() as connection:
            if not hold(connection, decision_id).is_closed:
                raise ConflictError(f"decision {decision_id} is running; agents are isolated when it is closed")
            there = {fold(one.agent_id): one for one in _read(connection)}
            found = []
            for agent, kinds in _proven(connection, decision_id).items():
                isolation = there.get(fold(agent))
                if isolation is None:
                    isolation = Isolation(agent, decision_id, kinds, moment, by)
                    _add(connection, isolation)
                found.append(isolation)
            return tuple(found)

    def release(self, agent_id: str, *, by: str, now: datetime) -> Isolation:
        """Let an agent be in electorates again.

        Raises:
            NotFoundError: It is not isolated.
        """
        moment = in_utc(now, path="now")
        with self._writing() as connection:
            found = next((one for one in _read(connection) if fold(one.agent_id) == fold(agent_id)), None)
            if found is None:
                raise NotFoundError(f"{agent_id[:80]!r} is not isolated")
            hold(connection, found.decision_id)
            key = (ISOLATION.c.agent == fold(agent_id), ISOLATION.c.released_at.is_(None))
            connection.execute(update(ISOLATION).where(*key).values(released_at=moment))
            text = f"{found.agent_id} may be in electorates again, released by {by}"
            event = Event(moment, EventKind.RELEASED, text, found.agent_id, data={"by": by})
            timeline.append(connection, found.decision_id, event)
            return Isolation(found.agent_id, found.decision_id, found.kinds, found.at, found.by, moment)

    def standing(self) -> tuple[Isolation, ...]:
        """Read who is isolated now, by agent."""
        with self._reading() as connection:
            return tuple(_read(connection))

    def among(self, agents: Iterable[str]) -> tuple[Isolation, ...]:
        """Read which of these agents are isolated now."""
        keys = sorted({fold(agent) for agent in agents})
        with self._reading() as connection:
            return tuple(one for one in _read(connection) if fold(one.agent_id) in keys)


def _proven(connection: Connection, decision_id: str) -> dict[str, tuple[str, ...]]:
    query = select(FAULT.c.agent_id, FAULT.c.kind).where(FAULT.c.decision_id == decision_id, FAULT.c.is_proof)
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(FAULT.c.agent_id, FAULT.c.position)):
        found.setdefault(row.agent_id, []).append(row.kind)
    return {agent: tuple(dict.fromkeys(kinds)) for agent, kinds in found.items()}


def _add(connection: Connection, isolation: Isolation) -> None:
    key = fold(isolation.agent_id)
    highest = select(func.coalesce(func.max(ISOLATION.c.number), 0)).where(ISOLATION.c.agent == key)
    last: int = connection.execute(highest).scalar_one()
    values = {
        "agent": key,
        "number": last + 1,
        "decision_id": isolation.decision_id,
        "at": isolation.at,
        "record": encode(isolation),
    }
    connection.execute(insert(ISOLATION), values)
    kinds = ", ".join(kind.replace("_", " ") for kind in isolation.kinds)
    text = f"{isolation.agent_id} is kept out of later electorates, for proof of {kinds}"
    event = Event(
        isolation.at,
        EventKind.ISOLATED,
        text,
        isolation.agent_id,
        data={"kinds": list(isolation.kinds), "by": isolation.by},
    )
    timeline.append(connection, isolation.decision_id, event)


def _read(connection: Connection) -> list[Isolation]:
    query = select(ISOLATION).where(ISOLATION.c.released_at.is_(None)).order_by(ISOLATION.c.agent)
    return [_isolation(row) for row in connection.execute(query)]


def _isolation(row: Row[Any]) -> Isolation:
    return decode(Isolation, row.record)
