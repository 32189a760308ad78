"""Answers as they come in: one accepted per elector and round, the first; every other ballot kept with why not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from maos_flows.agreement.authenticating import unauthenticated
from maos_flows.audit import sealing, timeline
from maos_flows.audit.bounds import bound_answer, bound_rejected
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.openings import Openings, Privacy, Standing, hold
from maos_flows.audit.rows import ANSWER, REJECTED
from maos_flows.audit.sealing import content_digest
from maos_flows.audit.texts import without_gaps
from maos_flows.errors import NotFoundError, StoreError
from maos_flows.model import (
    Absence,
    Ballot,
    Event,
    EventKind,
    Opening,
    RejectedBallot,
    RejectionReason,
    exact,
)
from maos_flows.scrutiny import scrutinise
from maos_flows.sealing import is_sealed

_BALLOT = "ballot"

_OF_ROUND = (
    select(ANSWER.c.kind, ANSWER.c.record, ANSWER.c.decision_id, ANSWER.c.round, ANSWER.c.agent_id)
    .add_columns(ANSWER.c.voter, ANSWER.c.received_at)
    .where(ANSWER.c.decision_id == bindparam("decision"), ANSWER.c.round == bindparam("number"))
)
_OF_AGENT = _OF_ROUND.where(ANSWER.c.agent_id == bindparam("agent"))
_ADD = insert(ANSWER)
_REJECTED = select(REJECTED).where(REJECTED.c.decision_id == bindparam("decision")).order_by(REJECTED.c.sequence)
_REJECTED_OF_ROUND = _REJECTED.where(REJECTED.c.round == bindparam("number"))
_ADD_REJECTED = insert(REJECTED)


def record_ballot(connection: Connection, openings: Openings, ballot: Ballot, *, now: datetime) -> Ballot | Absence:
    """Keep a ballot: as its agent's answer if it is the first and scrutiny finds nothing, else as rejected.

    Returns:
        The agent's answer as it is kept; the ballot itself if it is rejected and the agent has no answer.
    """
    standing = hold(connection, ballot.decision_id)
    known = ballot.round in range(1, standing.latest_round + 1)
    number = ballot.round if known else standing.latest_round
    opening = openings.get(connection, ballot.decision_id, number)
    latest = openings.get(connection, ballot.decision_id, standing.latest_round)
    author: object = ballot.agent_id  # a plug-in may put anything there
    is_elector = isinstance(author, str) and opening.electorate.elector(author) is not None
    stored = find(connection, ballot.decision_id, number, ballot.agent_id) if is_elector else None
    privacy = Privacy.NONE if standing.is_closed else openings.privacy(connection, ballot.decision_id)
    match judge(ballot, stored, opening=opening, latest=latest, standing=standing):
        case RejectedBallot() as rejected:
            bounded = bound_rejected(rejected)
            add_rejected(connection, bounded, decision_id=ballot.decision_id, number=number, now=now, privacy=privacy)
            return bounded.ballot if stored is None else stored
        case answer if answer is stored:
            return answer
        case Ballot() as valid:
            answer = bound_answer(valid)
            event = _event_of(answer, sealed=privacy is not Privacy.NONE, now=now)
            _add(connection, answer, event, encrypted=privacy is Privacy.ENCRYPTED)
            return answer


def record_absence(connection: Connection, openings: Openings, absence: Absence, *, now: datetime) -> Ballot | Absence:
    """Keep why an elector has no ballot, unless it has an answer; after closing, nothing is kept.

    Raises:
        NotFoundError: There is no such decision, round or elector.
    """
    standing = hold(connection, absence.decision_id)
    opening = openings.get(connection, absence.decision_id, absence.round)
    if opening.electorate.elector(absence.agent_id) is None:
        raise NotFoundError(f"{absence.agent_id!r} is not in the electorate of decision {absence.decision_id!r}")
    stored = find(connection, absence.decision_id, absence.round, absence.agent_id)
    if stored is not None or standing.is_closed:
        return absence if stored is None else stored
    words = f"{absence.agent_id}: {absence.kind.value.replace('_', ' ')}"
    data = {"round": absence.round, "kind": absence.kind.value}
    event = Event(absence.received_at or now, EventKind.ABSENCE, words, absence.agent_id, data=data)
    bounded = bound_answer(absence)
    _add(connection, bounded, event)
    return bounded


def judge(
    ballot: Ballot, stored: Ballot | Absence | None, *, opening: Opening, latest: Opening, standing: Standing
) -> Ballot | RejectedBallot:
    """Say what becomes of a ballot: its agent's answer, the answer there is already, or rejected."""
    scrutiny = scrutinise((ballot,), opening)
    if scrutiny.rejected:
        return scrutiny.rejected[0]
    valid = scrutiny.counted[0]
    unproven = unauthenticated(bound_answer(valid), opening)
    if unproven is not None:
        return unproven
    match stored:
        case Ballot():
            if is_same_answer(stored, valid, opening):
                return stored
            words = f"{valid.agent_id} had already cast a ballot for {stored.choice!r} in round {stored.round}"
            return RejectedBallot(valid, RejectionReason.CONFLICTING, words)
        case Absence():
            words = f"it came after {valid.agent_id} was recorded as {stored.kind.value.replace('_', ' ')}"
            return RejectedBallot(valid, RejectionReason.LATE, words)
        case None:
            pass
    if standing.is_closed:
        return RejectedBallot(valid, RejectionReason.LATE, "it arrived after the decision was closed")
    overtaken = scrutinise((valid,), latest).rejected
    return overtaken[0] if overtaken else valid


def is_same_answer(one: Ballot, other: Ballot, opening: Opening) -> bool:
    """Say whether scrutiny takes two ballots of an agent for the same one."""
    return one == other or bool(scrutinise((one, other), opening).duplicates)


def find(connection: Connection, decision_id: str, number: int, agent_id: str) -> Ballot | Absence | None:
    """Find an agent's answer in a round."""
    of_agent = {"decision": decision_id, "number": number, "agent": agent_id}
    row = connection.execute(_OF_AGENT, of_agent).mappings().one_or_none()
    return None if row is None else _answer(connection, row)


def read(
    connection: Connection, decision_id: str, number: int, *, covered: bool = False
) -> tuple[Ballot | Absence, ...]:
    """Read the answers of a round, by agent; if asked, ballots that cannot be opened here as ballots for nothing."""
    rows = connection.execute(_OF_ROUND, {"decision": decision_id, "number": number}).mappings()
    return tuple(
        sorted((_answer(connection, row, covered=covered) for row in rows), key=lambda answer: answer.agent_id)
    )


def names(connection: Connection, decision_id: str, number: int, *, kind: str | None) -> frozenset[str]:
    """Name the agents that have answered in a round: in any way, or in one."""
    query = select(ANSWER.c.agent_id).where(ANSWER.c.decision_id == decision_id, ANSWER.c.round == number)
    return frozenset(connection.execute(query if kind is None else query.where(ANSWER.c.kind == kind)).scalars())


def read_rejected(connection: Connection, decision_id: str, number: int) -> tuple[RejectedBallot, ...]:
    """Read the rejected ballots of a round, as they came."""
    rows = connection.execute(_REJECTED_OF_ROUND, {"decision": decision_id, "number": number}).mappings()
    return tuple(_rejected(connection, row) for row in rows)


def numbers_of_rejected(connection: Connection, decision_id: str, number: int) -> tuple[int, ...]:
    """Give the numbers of the events that tell of a round's rejected ballots, in order."""
    rows = connection.execute(_REJECTED_OF_ROUND, {"decision": decision_id, "number": number})
    return tuple(row.sequence for row in rows)


def read_numbered(connection: Connection, decision_id: str, sequences: Sequence[int]) -> tuple[RejectedBallot, ...]:
    """Read the rejected ballots whose events have these numbers, in this order."""
    if not sequences:
        return ()
    rows = {row["sequence"]: row for row in connection.execute(_REJECTED, {"decision": decision_id}).mappings()}
    return tuple(_rejected(connection, rows[sequence]) for sequence in sequences)


def add_rejected(
    connection: Connection,
    rejected: RejectedBallot,
    *,
    decision_id: str,
    number: int,
    now: datetime,
    privacy: Privacy = Privacy.NONE,
) -> int:
    """Keep a rejected ballot, once however often it comes, and give the number of its event.

    Why it was rejected may say what it, or another of its agent, is for; while that is sealed the event says less.
    """
    ballot, reason = rejected.ballot, rejected.reason.value
    content = content_digest(ballot)
    record, explanation = encode(ballot), rejected.explanation
    if privacy is Privacy.ENCRYPTED:
        content = sealing.blind(connection, content)
        record = sealing.seal(connection, record)
        explanation = sealing.seal(connection, explanation.encode()).decode()
    again = select(REJECTED.c.sequence).where(
        *(REJECTED.c.decision_id == decision_id, REJECTED.c.round == number),
        *(REJECTED.c.digest == content, REJECTED.c.reason == reason),
    )
    earlier: int | None = connection.execute(again).scalar_one_or_none()
    if earlier is not None:
        return earlier
    words = f"{ballot.agent_id}: not counted, {reason.replace('_', ' ')}"
    words = f"{words}: {rejected.explanation}" if privacy is Privacy.NONE else words
    data = {"round": number, "reason": reason}
    event = Event(ballot.received_at or now, EventKind.REJECTED, words, ballot.agent_id, data=data)
    sequence = timeline.append(connection, decision_id, event).sequence
    values = {
        "decision_id": decision_id,
        "sequence": sequence,
        "round": number,
        "agent_id": ballot.agent_id,
        "reason": reason,
        "explanation": explanation,
        "received_at": ballot.received_at,
        "digest": content,
        "record": record,
    }
    connection.execute(_ADD_REJECTED, values)
    return sequence


def _add(connection: Connection, answer: Ballot | Absence, event: Event, *, encrypted: bool = False) -> None:
    kind, choice = (_BALLOT, answer.choice) if isinstance(answer, Ballot) else (answer.kind.value, None)
    record = encode(answer)
    if encrypted:
        record, choice = sealing.seal(connection, record), None
    values = {
        "decision_id": answer.decision_id,
        "round": answer.round,
        "agent_id": answer.agent_id,
        "sequence": timeline.append(connection, answer.decision_id, event).sequence,
        "kind": kind,
        "choice": None if choice is None else without_gaps(choice),
        "voter": without_gaps(answer.voter),
        "received_at": answer.received_at,
        "record": record,
    }
    connection.execute(_ADD, values)


def _event_of(ballot: Ballot, *, sealed: bool, now: datetime) -> Event:
    """Make the event that tells of a ballot; of a sealed one it does not say what it is for, neither then nor later."""
    words, data = _words_of(ballot), _data_of(ballot)
    if sealed:
        words, data = f"{ballot.agent_id}: ballot cast", {"round": ballot.round, "voter": ballot.voter}
    return Event(ballot.received_at or now, EventKind.BALLOT, words, ballot.agent_id, data=data)


def _words_of(ballot: Ballot) -> str:
    confidence = "" if ballot.confidence is None else f", confidence {exact(ballot.confidence)}"
    return f"{ballot.agent_id}: {ballot.choice}{confidence}{' (simulated)' if ballot.voter == 'simulated' else ''}"


def _data_of(ballot: Ballot) -> dict[str, str | int | bool]:
    return {"round": ballot.round, "choice": ballot.choice, "voter": ballot.voter}


def _answer(connection: Connection, row: RowMapping, *, covered: bool = False) -> Ballot | Absence:
    if row["kind"] != _BALLOT:
        return decode(Absence, row["record"])
    place = sealing.Place(row["decision_id"], row["round"], row["agent_id"])
    try:
        return sealing.read_ballot(connection, row["record"], place)
    except StoreError:
        if not covered or not is_sealed(row["record"]):
            raise
    cast = Ballot(place.decision_id, place.agent_id, "", round=place.round)
    return replace(cast, voter=row["voter"], received_at=row["received_at"])


def _rejected(connection: Connection, row: RowMapping) -> RejectedBallot:
    explanation: str = row["explanation"]
    if is_sealed(row["record"]):
        explanation = sealing.unsealed(connection, explanation.encode()).decode()
    return RejectedBallot(sealing.read_ballot(connection, row["record"]), RejectionReason(row["reason"]), explanation)
