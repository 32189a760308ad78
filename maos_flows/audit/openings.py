"""What binds a decision: its request, and the opening of each of its rounds, kept as they were frozen."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from maos_flows.audit import timeline
from maos_flows.audit.bounds import MOST_TEXT, in_utc
from maos_flows.audit.encoding import decode, digest_of, encode
from maos_flows.audit.engine import notes_of
from maos_flows.audit.rows import DECISION, ELECTOR, ROUND
from maos_flows.audit.texts import cut, without_gaps
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError, Problem
from maos_flows.model import Event, EventKind, Opening
from maos_flows.request import DecisionRequest

_MOST_KNOWN = 256
_STANDING = "standing"
_NONE = -1

_THIS: BindParameter[str] = bindparam("decision")
_HOLD = select(DECISION.c.outcome).where(DECISION.c.id == _THIS).with_for_update()
_LATEST = select(func.coalesce(func.max(ROUND.c.number), _NONE)).where(ROUND.c.decision_id == _THIS)
_ADD_ROUND = insert(ROUND)
_ADD_ELECTORS = insert(ELECTOR)


class Privacy(Enum):
    """Who may see what a ballot is for before its decision is closed: anybody, nobody by us, nobody without the key."""

    NONE = auto()
    SEALED = auto()
    ENCRYPTED = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a decision is, for as long as the transaction that holds it lasts."""

    is_closed: bool
    latest_round: int


class Openings:
    """Reads openings, and remembers some: what is frozen never changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Opening] = {}
        self._privacy: dict[str, Privacy] = {}

    def read(self, connection: Connection, decision_id: str, number: int) -> Opening | None:
        """Read the opening of a round; None if there is none."""
        known = self._known.get((decision_id, number))
        if known is not None:
            return known
        query = select(ROUND.c.record).where(ROUND.c.decision_id == decision_id, ROUND.c.number == number)
        record = connection.execute(query).scalar_one_or_none()
        if record is None:
            return None
        opening = decode(Opening, record)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[decision_id, number] = opening
        return opening

    def forget(self) -> None:
        """Forget what was read: it may have been read in a transaction that was undone."""
        self._known.clear()
        self._privacy.clear()

    def privacy(self, connection: Connection, decision_id: str) -> Privacy:
        """Say who may see the ballots of a decision until it is closed."""
        known = self._privacy.get(decision_id)
        if known is not None:
            return known
        record = connection.execute(select(DECISION.c.request).where(DECISION.c.id == decision_id)).scalar_one()
        if len(self._privacy) >= _MOST_KNOWN:
            self._privacy.clear()
        asked = json.loads(record)  # a request of 1,000 agents is long, and this is all of it that is wanted
        shown = Privacy.SEALED if asked.get("sealed", False) else Privacy.NONE
        self._privacy[decision_id] = Privacy.ENCRYPTED if asked.get("encrypted", False) else shown
        return self._privacy[decision_id]

    def get(self, connection: Connection, decision_id: str, number: int) -> Opening:
        """Read the opening of a round that is there."""
        opening = self.read(connection, decision_id, number)
        if opening is None:
            raise NotFoundError(f"there is no round {number} of decision {decision_id!r} in the audit store")
        return opening


def hold(connection: Connection, decision_id: str) -> Standing:
    """Keep other writers off a decision until the transaction ends, and say how far it is.

    Raises:
        NotFoundError: There is no such decision.
    """
    notes = notes_of(connection)
    known: Standing | None = notes.get((_STANDING, decision_id))
    if known is not None:
        return known
    row = connection.execute(_HOLD, {"decision": decision_id}).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no decision {decision_id!r} in the audit store")
    # A query of its own: one that waited for the row above would still see the rounds as they were before.
    standing = Standing(row.outcome is not None, latest_round(connection, decision_id))
    notes[_STANDING, decision_id] = standing
    return standing


def changed(connection: Connection, decision_id: str) -> None:
    """Note that how far a decision is has changed in this transaction."""
    notes_of(connection).pop((_STANDING, decision_id), None)


def latest_round(connection: Connection, decision_id: str) -> int:
    """Give the number of the latest round, 0 for that of suggestions; -1 if there is no such decision."""
    number: int = connection.execute(_LATEST, {"decision": decision_id}).scalar_one()
    return number


def open_decision(connection: Connection, openings: Openings, opening: Opening, request: DecisionRequest) -> Opening:
    """Keep a decision and its first round, or give that round's opening if they are kept already.

    Raises:
        ConflictError: The decision is there and was requested otherwise.
        ConfigurationError: It is not a first round, its id is unusable, or an instant has no time zone.
    """
    _check(opening)
    proposal = opening.proposal
    first = 0 if request.wants_suggestions else 1
    if proposal.round != first:
        raise ConfigurationError([Problem("round", f"a decision opens with round {first}, not {proposal.round}")])
    record = encode(request)
    values = {
        "id": proposal.decision_id,
        "title": cut(request.title, MOST_TEXT),
        "question": without_gaps(request.question),
        "algorithm": without_gaps(opening.algorithm),
        "workflow": without_gaps(request.workflow),
        "run_id": without_gaps(request.run_id),
        "simulated": any(elector.voter == "simulated" for elector in opening.electorate.electors),
        "opened_at": opening.opened_at,
        "request": record,
        "request_digest": digest_of(record),
    }
    if _insert_if_new(connection, values):
        return _add_round(connection, opening, EventKind.OPENED, at=opening.opened_at)
    stored = select(DECISION.c.request_digest).where(DECISION.c.id == proposal.decision_id)
    if connection.execute(stored).scalar_one() != values["request_digest"]:
        raise ConflictError(f"decision {proposal.decision_id!r} is in the audit store already and asks something else")
    return openings.get(connection, proposal.decision_id, first)


def open_round(connection: Connection, openings: Openings, opening: Opening, *, now: datetime) -> Opening:
    """Keep a further round, or give its opening if it is kept already.

    Raises:
        NotFoundError: There is no such decision.
        ConflictError: The decision is closed, or the round before is missing.
    """
    _check(opening)
    decision_id, number = opening.proposal.decision_id, opening.proposal.round
    standing = hold(connection, decision_id)
    if 1 <= number <= standing.latest_round:
        return openings.get(connection, decision_id, number)
    if standing.is_closed:
        raise ConflictError(f"decision {decision_id!r} is closed; round {number} cannot be opened")
    if number != standing.latest_round + 1:
        raise ConflictError(f"round {number} of decision {decision_id!r} cannot follow round {standing.latest_round}")
    return _add_round(connection, opening, EventKind.ROUND_OPENED, at=now)


def _check(opening: Opening) -> None:
    decision_id = opening.proposal.decision_id
    if not decision_id or cut(decision_id, MOST_TEXT) != decision_id:
        allowed = f"text of 1 to {MOST_TEXT} bytes without NUL characters"
        raise ConfigurationError([Problem("decision_id", f"{decision_id[:80]!r} cannot be an id; allowed: {allowed}")])
    in_utc(opening.opened_at, path="opened_at")
    if opening.proposal.deadline is not None:
        in_utc(opening.proposal.deadline, path="deadline")


def _insert_if_new(connection: Connection, values: dict[str, Any]) -> bool:
    """Insert a decision unless it is there; of two that do so at once, one waits for the other."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    once = dialect.insert(DECISION).on_conflict_do_nothing().returning(DECISION.c.id)
    return connection.execute(once, values).one_or_none() is not None


def _add_round(connection: Connection, opening: Opening, kind: EventKind, *, at: datetime) -> Opening:
    proposal, electors = opening.proposal, opening.electorate.electors
    record = encode(opening)
    deadline = proposal.deadline
    data = {
        "round": proposal.round,
        "digest": digest_of(record),
        "electors": len(electors),
        "deadline": None if deadline is None else in_utc(deadline, path="deadline").isoformat(),
    }
    number = "proposal round" if proposal.wants_suggestions else f"round {proposal.round}"
    text = f"{number}, {opening.algorithm} among {len(electors)}: {proposal.question}"
    event = timeline.append(connection, proposal.decision_id, Event(at, kind, text, data=data))
    values = {
        "decision_id": proposal.decision_id,
        "number": proposal.round,
        "sequence": event.sequence,
        "opened_at": opening.opened_at,
        "deadline": deadline,
        "digest": data["digest"],
        "record": record,
    }
    connection.execute(_ADD_ROUND, values)
    places = [
        {
            "decision_id": proposal.decision_id,
            "round": proposal.round,
            "agent_id": elector.agent_id,
            "position": position,
            "weight": str(elector.weight),
            "role": without_gaps(elector.role),
            "voter": without_gaps(elector.voter),
        }
        for position, elector in enumerate(electors)
    ]
    connection.execute(_ADD_ELECTORS, places)
    changed(connection, proposal.decision_id)
    return decode(Opening, record)
