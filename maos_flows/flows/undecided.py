"""Closing a decision that is not to be decided: cancelled, or abandoned, with the ballots that were cast."""

from dataclasses import dataclass
from fractions import Fraction

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConflictError, NotFoundError
from maos_flows.model import Absence, AbsenceKind, Ballot, Decision, Opening, Outcome, Reason, Tally
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count
from maos_flows.voters.base import utc_now

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a decision is not to be decided.

    Attributes:
        outcome: How it ends.
        reason: Why, as a code.
        explanation: Why, in words.
        kind: What kept those who gave no ballot.
        absence: The same in words.
    """

    outcome: Outcome
    reason: Reason
    explanation: str
    kind: AbsenceKind
    absence: str


CANCELLED = Ending(
    Outcome.CANCELLED,
    Reason.CANCELLED,
    "cancelled by a person before it was decided",
    AbsenceKind.NOT_NEEDED,
    "the decision was cancelled",
)


def abandoned(explanation: str) -> Ending:
    """Give the ending of a decision whose process is gone for good."""
    return Ending(Outcome.ERROR, Reason.ABANDONED, explanation, AbsenceKind.FAILED, "whoever asked it was gone")


def close_undecided(store: AuditStore, decision_id: str, ending: Ending) -> Decision:
    """Close an open decision without deciding it; one that is closed stays as it is.

    Raises:
        NotFoundError: It was never opened.
        ConflictError: Ballots keep coming.
    """
    for _ in range(_ATTEMPTS):
        decision = store.decision(decision_id)
        opening = store.opening(decision_id)
        if decision is not None:
            return decision
        if opening is None:
            raise NotFoundError(f"there is no decision {decision_id[:80]!r} to close")
        try:
            return store.close_decision(undecided(store, opening, ending), at=utc_now())
        except ConflictError:
            continue  # a ballot or a round came between reading and closing: look again
    raise ConflictError(f"decision {decision_id!r} could not be closed: ballots keep coming")


def undecided(store: AuditStore, opening: Opening, ending: Ending) -> Decision:
    """Make the decision that an opening ends so, over the answers that are on record."""
    proposal = opening.proposal
    answers = store.answers(proposal.decision_id, proposal.round)
    scrutiny = scrutinise([answer for answer in answers if isinstance(answer, Ballot)], opening)
    absences = [answer for answer in answers if isinstance(answer, Absence)]
    answered = {answer.agent_id for answer in answers}
    absences += [
        Absence(proposal.decision_id, name, ending.kind, ending.absence, round=proposal.round)
        for name in (elector.agent_id for elector in opening.electorate.electors)
        if name not in answered
    ]
    tally = count(scrutiny.counted, proposal, opening.electorate)
    return Decision(
        opening=opening,
        outcome=ending.outcome,
        reason=ending.reason,
        choice=None,
        strength=_strength(tally, opening),
        explanation=ending.explanation,
        tally=tally,
        ballots=scrutiny.counted,
        rejected=scrutiny.rejected,
        absences=tuple(absences),
    )


def _strength(tally: Tally, opening: Opening) -> Fraction:
    whole = tally.whole(opening.parameters.basis)
    return Fraction(tally.units[tally.leaders[0]], whole) if tally.leaders and whole else Fraction(0)
