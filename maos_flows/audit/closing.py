"""Closing a decision: its outcome is written once, over answers that are on record, and read back whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, insert, select, update

from maos_flows.audit import answers, sealing, signatures, timeline
from maos_flows.audit.bounds import MOST_REASONING, arrived, bound_answer, bound_rejected
from maos_flows.audit.drills import end_with_decision
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.openings import Openings, Privacy, changed, hold
from maos_flows.audit.rows import DECISION, FAULT
from maos_flows.audit.texts import cut, portable, without_gaps
from maos_flows.errors import ConflictError
from maos_flows.model import (
    Absence,
    Ballot,
    Certificate,
    Decision,
    Dissent,
    Event,
    EventKind,
    Fault,
    Outcome,
    Reason,
    Tally,
)

_COUNTED = {Outcome.REACHED, Outcome.NOT_REACHED}
"""Outcomes that come of counting: every ballot on record must have been looked at. A person or an error need not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision less what other rows hold: those it names, in its order.

    Attributes:
        round: The round it came of.
        ballots: The agents whose ballots were counted.
        absences: The agents whose absence it lists.
        rejected: The numbers of the events that tell of the ballots rejected until then.
    """

    round: int
    outcome: Outcome
    reason: Reason
    choice: str | None
    strength: Fraction
    explanation: str
    tally: Tally
    dissent: tuple[Dissent, ...]
    decisive: tuple[str, ...]
    margin: int | None
    ballots: tuple[str, ...]
    absences: tuple[str, ...]
    rejected: tuple[int, ...]
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    certificate: Certificate | None = None


def close_decision(
    connection: Connection, openings: Openings, decision: Decision, *, led_to: Sequence[Event] = (), at: datetime
) -> Decision:
    """Write a decision's outcome and what led to it, or give the decision as it is kept if it is closed already.

    Raises:
        NotFoundError: There is no such decision.
        ConflictError: It does not rest on what is on record: the latest round's opening, and its answers.
    """
    decision_id = decision.decision_id
    standing = hold(connection, decision_id)
    if not standing.is_closed:
        opening = openings.get(connection, decision_id, standing.latest_round)
        if decision.opening != opening:
            raise ConflictError(
                f"decision {decision_id!r} does not rest on its round {standing.latest_round} as opened"
            )
        _settle(connection, openings, decision, at=at)
        if openings.privacy(connection, decision_id) is Privacy.ENCRYPTED:
            sealing.open_all(connection, decision_id)
        if led_to:
            timeline.append_all(connection, decision_id, led_to)
        end_with_decision(connection, decision_id, at=at)
        _write(connection, decision, at=at)
        signatures.sign(connection, decision_id)
    closed = read(connection, openings, decision_id)
    assert closed is not None
    return closed


def read(connection: Connection, openings: Openings, decision_id: str) -> Decision | None:
    """Read a decision whole; None if it is open or not there."""
    query = select(DECISION.c.record).where(DECISION.c.id == decision_id)
    record = connection.execute(query).scalar_one_or_none()
    if record is None:
        return None
    verdict = decode(Verdict, record)
    given = {answer.agent_id: answer for answer in answers.read(connection, decision_id, verdict.round)}
    return Decision(
        opening=openings.get(connection, decision_id, verdict.round),
        outcome=verdict.outcome,
        reason=verdict.reason,
        choice=verdict.choice,
        strength=verdict.strength,
        explanation=verdict.explanation,
        tally=verdict.tally,
        ballots=tuple(ballot for name in verdict.ballots if isinstance(ballot := given.get(name), Ballot)),
        rejected=answers.read_numbered(connection, decision_id, verdict.rejected),
        absences=tuple(absence for name in verdict.absences if isinstance(absence := given.get(name), Absence)),
        faults=_read_faults(connection, decision_id),
        dissent=verdict.dissent,
        decisive=verdict.decisive,
        margin=verdict.margin,
        details=verdict.details,
        certificate=verdict.certificate,
    )


def _settle(connection: Connection, openings: Openings, decision: Decision, *, at: datetime) -> None:
    """Record the answers that were not recorded as they came, and check that the decision rests on those on record."""
    decision_id, number = decision.decision_id, decision.opening.proposal.round
    stored = {answer.agent_id: answer for answer in answers.read(connection, decision_id, number)}
    for ballot in decision.ballots:
        if ballot.agent_id not in stored:
            answers.record_ballot(connection, openings, arrived(ballot, now=None), now=at)
    for absence in decision.absences:
        if absence.agent_id not in stored:
            answers.record_absence(connection, openings, arrived(absence, now=None), now=at)
    if len(stored) < len(decision.ballots) + len(decision.absences):
        stored = {answer.agent_id: answer for answer in answers.read(connection, decision_id, number)}
    differing = _differing(decision, stored)
    if differing:
        names = ", ".join(sorted(differing)[:5])
        raise ConflictError(
            f"decision {decision_id!r} does not rest on the answers on record of {names}; read them and decide again"
        )


def _differing(decision: Decision, stored: Mapping[str, Ballot | Absence]) -> set[str]:
    """Name the agents whose answer on record is not the one in the decision."""
    counted = {ballot.agent_id: bound_answer(ballot) for ballot in decision.ballots}
    cast = {name: answer for name, answer in stored.items() if isinstance(answer, Ballot)}
    differing = {
        name
        for name, ballot in counted.items()
        if name not in cast or not answers.is_same_answer(cast[name], ballot, decision.opening)
    }
    differing |= {absence.agent_id for absence in decision.absences if absence.agent_id in cast}
    if decision.outcome in _COUNTED:
        differing |= cast.keys() - counted.keys() - {entry.ballot.agent_id for entry in decision.rejected}
    return differing


def _write(connection: Connection, decision: Decision, *, at: datetime) -> None:
    decision_id, number = decision.decision_id, decision.opening.proposal.round
    for entry in decision.rejected:
        answers.add_rejected(connection, bound_rejected(entry), decision_id=decision_id, number=number, now=at)
    rejected = answers.numbers_of_rejected(connection, decision_id, number)
    choice = None if decision.choice is None else without_gaps(decision.choice)
    values: dict[str, Any] = {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "choice": choice,
        "decided_at": at,
        "record": encode(_verdict(decision, rejected)),
    }
    if decision.is_simulated:
        values["simulated"] = True
    once = update(DECISION).where(DECISION.c.id == decision_id, DECISION.c.outcome.is_(None)).values(**values)
    assert connection.execute(once).rowcount == 1, "the decision is held, so nobody else can have closed it"
    changed(connection, decision_id)
    _add_faults(connection, decision_id, decision.faults)
    text = f"{decision.outcome.value}: {choice or decision.reason.value.replace('_', ' ')}"
    data = {"round": number, "outcome": decision.outcome.value, "reason": decision.reason.value, "choice": choice}
    timeline.append(connection, decision_id, Event(at, EventKind.DECIDED, text, data=data))


def _verdict(decision: Decision, rejected: tuple[int, ...]) -> Verdict:
    return Verdict(
        round=decision.opening.proposal.round,
        outcome=decision.outcome,
        reason=decision.reason,
        choice=None if decision.choice is None else without_gaps(decision.choice),
        strength=decision.strength,
        explanation=cut(decision.explanation, 2 * MOST_REASONING),
        tally=decision.tally,
        dissent=decision.dissent,
        decisive=decision.decisive,
        margin=decision.margin,
        ballots=tuple(ballot.agent_id for ballot in decision.ballots),
        absences=tuple(absence.agent_id for absence in decision.absences),
        rejected=rejected,
        details=portable(decision.details),
        certificate=decision.certificate,
    )


def _add_faults(connection: Connection, decision_id: str, faults: tuple[Fault, ...]) -> None:
    rows = [
        {
            "decision_id": decision_id,
            "position": position,
            "agent_id": without_gaps(fault.agent_id),
            "kind": without_gaps(fault.kind),
            "is_proof": fault.is_proof,
            "record": encode(fault),
        }
        for position, fault in enumerate(faults)
    ]
    if rows:
        connection.execute(insert(FAULT), rows)


def _read_faults(connection: Connection, decision_id: str) -> tuple[Fault, ...]:
    query = select(FAULT.c.record).where(FAULT.c.decision_id == decision_id).order_by(FAULT.c.position)
    return tuple(decode(Fault, record) for record in connection.execute(query).scalars())
