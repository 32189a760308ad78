"""Drills on running decisions: written by whoever starts one, read by whoever runs the decision, told on its timeline.

A failure begins and ends to act at instants written beforehand. Whoever runs the decision notes both when they come;
what is still acting when the decision is closed ends with it.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from maos_flows.audit import timeline
from maos_flows.audit.bounds import in_utc
from maos_flows.audit.drill_rows import DRILL
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.openings import hold
from maos_flows.audit.rows import DECISION, ELECTOR
from maos_flows.errors import ConfigurationError, ConflictError, Problem
from maos_flows.model import Event, EventKind, FailureKind, PlannedFailure

Transaction = Callable[[], AbstractContextManager[Connection]]
MOST_FAILURES = 1_000
"""How many failures one drill may have."""


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill to start.

    Attributes:
        id: Told from others by it.
        name: What it is: the command that started it, or `stage`.
        plan: What fails.
        seed: What drew it.
        who: Who started it.
    """

    id: str
    name: str
    plan: tuple[PlannedFailure, ...]
    seed: int = 0
    who: str = ""


@dataclass(frozen=True, slots=True)
class Injected:
    """One failure of a drill on one decision, as it is on record.

    Attributes:
        decision_id: The decision.
        drill: The drill's id.
        name: What drill it is.
        kind: What fails.
        agents: Whom it makes fail.
        starts_at: When it begins.
        ends_at: When it ends by itself.
        seed: What drew it.
        who: Who started it.
        number: Counts from 1 for each decision.
        is_told: Whether its beginning is on the timeline.
    """

    decision_id: str
    drill: str
    name: str
    kind: FailureKind
    agents: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    seed: int
    who: str
    number: int
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Record:
    failure: PlannedFailure
    seed: int
    who: str


class Drills:
    """The drills in one store."""

    def __init__(self, writing: Transaction, reading: Transaction) -> None:
        self._writing = writing
        self._reading = reading

    def start(self, decision_id: str, drill: Drill, *, now: datetime) -> tuple[Injected, ...]:
        """Start a drill on a decision that is open. A drill that was started before is not started again.

        Raises:
            NotFoundError: There is no such decision.
            ConflictError: It is closed, or one of the agents is in a drill at that time already.
            ConfigurationError: An agent is not in its electorate, or there are too many failures.
        """
        moment = in_utc(now, path="now")
        with self._writing() as connection:
            standing = hold(connection, decision_id)
            there = _of(connection, decision_id, drill.id)
            if there:
                return there
            if standing.is_closed:
                raise ConflictError(f"decision {decision_id} is over; drills act on decisions that are running")
            _check_agents(connection, decision_id, drill.plan, standing.latest_round)
            _check_free(connection, decision_id, drill.plan, moment)
            _add(connection, decision_id, drill, moment)
            _tell(connection, decision_id, moment)
            return _of(connection, decision_id, drill.id)

    def acting(self, decision_id: str, *, now: datetime) -> tuple[Injected, ...]:
        """Read what acts on a decision now, and note on its timeline what has begun or ended since."""
        moment = in_utc(now, path="now")
        with self._reading() as connection:
            found = _read(connection, decision_id)
        if any(_is_due(one, moment) for one in found):
            with self._writing() as connection:
                if not hold(connection, decision_id).is_closed:
                    _tell(connection, decision_id, moment)
        return tuple(one for one in found if one.starts_at <= moment < one.ends_at)

    def on(self, decision_id: str) -> tuple[Injected, ...]:
        """Read what acts, or will, on a decision, in order."""
        with self._reading() as connection:
            return tuple(_read(connection, decision_id))

    def running(self, *, name: str | None = None) -> tuple[Injected, ...]:
        """Read what acts, or will, on any decision that is open; of drills of one name, if asked."""
        query = select(DRILL).join(DECISION, DECISION.c.id == DRILL.c.decision_id)
        query = query.where(DECISION.c.outcome.is_(None), DRILL.c.ended_at.is_(None))
        if name is not None:
            query = query.where(DRILL.c.name == name)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(DRILL.c.decision_id, DRILL.c.number))
            return tuple(map(_injected, rows))

    def stop(self, decision_id: str, *, now: datetime, name: str | None = None) -> tuple[Injected, ...]:
        """End the drills on a decision, those of one name if asked; what has not begun never will.

        Returns:
            What was ended.

        Raises:
            NotFoundError: There is no such decision.
        """
        moment = in_utc(now, path="now")
        with self._writing() as connection:
            if hold(connection, decision_id).is_closed:
                return ()
            _tell(connection, decision_id, moment)
            ended = [one for one in _read(connection, decision_id) if name in {None, one.name}]
            _end(connection, ended, moment, "was stopped")
            return tuple(ended)

    def open_decisions_with(self, agent: str) -> tuple[str, ...]:
        """Name the open decisions in whose electorate an agent is, the oldest first."""
        query = select(DECISION.c.id).where(DECISION.c.outcome.is_(None))
        member = select(ELECTOR.c.agent_id).where(ELECTOR.c.decision_id == DECISION.c.id, ELECTOR.c.agent_id == agent)
        with self._reading() as connection:
            found = connection.execute(query.where(member.exists()).order_by(DECISION.c.opened_at, DECISION.c.id))
            return tuple(found.scalars())


def end_with_decision(connection: Connection, decision_id: str, *, at: datetime) -> None:
    """End what still acts on a decision that is being closed, and note it; the caller holds the decision."""
    still = _read(connection, decision_id)
    if still:
        _tell(connection, decision_id, at)
        _end(connection, _read(connection, decision_id), at, "ended with the decision")


def _read(connection: Connection, decision_id: str) -> list[Injected]:
    """Read the failures of a decision that have not ended."""
    query = select(DRILL).where(DRILL.c.decision_id == decision_id, DRILL.c.ended_at.is_(None))
    return [_injected(row) for row in connection.execute(query.order_by(DRILL.c.number))]


def _of(connection: Connection, decision_id: str, drill: str) -> tuple[Injected, ...]:
    """Read the failures of one drill, those that have ended among them."""
    query = select(DRILL).where(DRILL.c.decision_id == decision_id, DRILL.c.drill == drill)
    return tuple(_injected(row) for row in connection.execute(query.order_by(DRILL.c.number)))


def _injected(row: Row[Any]) -> Injected:
    said = decode(_Record, row.record)
    return Injected(
        row.decision_id,
        row.drill,
        row.name,
        said.failure.kind,
        said.failure.agents,
        row.starts_at,
        row.ends_at,
        said.seed,
        said.who,
        row.number,
        is_told=row.begun_at is not None,
    )


def _is_due(one: Injected, now: datetime) -> bool:
    return one.ends_at <= now or (one.starts_at <= now and not one.is_told)


def _check_agents(connection: Connection, decision_id: str, plan: Sequence[PlannedFailure], number: int) -> None:
    query = select(ELECTOR.c.agent_id).where(ELECTOR.c.decision_id == decision_id, ELECTOR.c.round == number)
    known = set(connection.execute(query).scalars())
    strangers = sorted({agent for one in plan for agent in one.agents} - known)
    if strangers:
        there = ", ".join(sorted(known)[:20])
        message = f"{', '.join(strangers)[:200]} is not in the electorate of {decision_id}: {there}"
        raise ConfigurationError([Problem("agents", message)])
    if len(plan) > MOST_FAILURES:
        raise ConfigurationError([Problem("drill", f"{len(plan)} failures are more than {MOST_FAILURES}")])


def _check_free(connection: Connection, decision_id: str, plan: Sequence[PlannedFailure], now: datetime) -> None:
    """Refuse a second drill on an agent while the first is on."""
    for other in _read(connection, decision_id):
        for one in plan:
            starts, ends = _span(one, now)
            taken = sorted(set(one.agents) & set(other.agents))
            if taken and starts < other.ends_at and other.starts_at < ends:
                until = other.ends_at.strftime("%H:%M:%S")
                words = f"{', '.join(taken)} is in drill {other.drill} ({other.name}) until {until} UTC"
                raise ConflictError(f"{words}; one drill at a time on an agent")


def _span(one: PlannedFailure, now: datetime) -> tuple[datetime, datetime]:
    return now + timedelta(seconds=one.after_seconds), now + timedelta(seconds=one.until_seconds)


def _add(connection: Connection, decision_id: str, drill: Drill, now: datetime) -> None:
    highest = select(func.coalesce(func.max(DRILL.c.number), 0)).where(DRILL.c.decision_id == decision_id)
    last: int = connection.execute(highest).scalar_one()
    rows = []
    for number, one in enumerate(drill.plan, last + 1):
        starts, ends = _span(one, now)
        rows.append(
            {
                "decision_id": decision_id,
                "number": number,
                "drill": drill.id,
                "name": drill.name,
                "starts_at": starts,
                "ends_at": ends,
                "record": encode(_Record(one, drill.seed, drill.who)),
            }
        )
    connection.execute(insert(DRILL), rows)


def _tell(connection: Connection, decision_id: str, now: datetime) -> None:
    """Note what has begun or ended since it was last looked at; the caller holds the decision."""
    for one in _read(connection, decision_id):
        if one.starts_at <= now and not one.is_told:
            data = _data(one) | {"until": one.ends_at.isoformat(), "seed": one.seed, "by": one.who}
            seconds = (one.ends_at - one.starts_at).total_seconds()
            text = f"drill {one.name}: {_words(one.kind)} of {', '.join(one.agents)} for {seconds:g} s"
            _note(connection, one, Event(now, EventKind.INJECTED, text, _single(one), data=data))
            _mark(connection, one, begun_at=now)
        if one.ends_at <= now:
            _end(connection, [one], now, "is over")


def _end(connection: Connection, ended: Iterable[Injected], now: datetime, how: str) -> None:
    for one in ended:
        if one.is_told or one.starts_at <= now:
            text = f"drill {one.name}: {_words(one.kind)} of {', '.join(one.agents)} {how}"
            _note(connection, one, Event(now, EventKind.HEALED, text, _single(one), data=_data(one)))
        _mark(connection, one, ended_at=now)


def _note(connection: Connection, one: Injected, event: Event) -> None:
    timeline.append(connection, one.decision_id, event)


def _mark(connection: Connection, one: Injected, **columns: datetime) -> None:
    this = (DRILL.c.decision_id == one.decision_id, DRILL.c.number == one.number)
    connection.execute(update(DRILL).where(*this).values(**columns))


def _data(one: Injected) -> dict[str, Any]:
    return {"drill": one.drill, "name": one.name, "kind": one.kind.value, "agents": list(one.agents)}


def _words(kind: FailureKind) -> str:
    return kind.value.replace("_", " ")


def _single(one: Injected) -> str | None:
    return one.agents[0] if len(one.agents) == 1 else None
