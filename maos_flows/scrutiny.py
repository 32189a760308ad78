"""Scrutiny: which ballots count. The one place that decides it, for every way a ballot can come in."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from maos_flows.model import ABSTAIN, Ballot, Elector, Opening, RejectedBallot, RejectionReason


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """Ballots sorted: `counted` by agent, `rejected` with reasons; `duplicates` repeated a counted one."""

    counted: tuple[Ballot, ...]
    rejected: tuple[RejectedBallot, ...]
    duplicates: int = 0


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_TEXT: type[object] = str  # typed loosely: what is asked with these is whether an annotation was kept to
_EXACT_OR_NONE: tuple[type[object], ...] = (Fraction, type(None))
_NO_CONFIDENCE = Fraction(-1)  # what stands in a record for a confidence that was no exact number


def fold(text: str) -> str:
    """Give the form under which two ids are the same: NFKC, case folded, spaces collapsed (UAX #15, UTS #39)."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tidy(choice: str) -> str:
    """Normalise a choice as written on a ballot: NFC, no outer spaces. Case is kept: `mongodb` is not `MongoDB`."""
    return unicodedata.normalize("NFC", choice).strip()


def scrutinise(ballots: Iterable[Ballot], opening: Opening) -> Scrutiny:
    """Sort ballots into counted and rejected; the answer does not depend on their order.

    Of two different valid ballots of one agent the earlier one (by arrival at the coordinator) stands and the
    other is rejected; the same ballot again is a duplicate and counts once. A ballot whose author, choice or
    confidence is not of its type at all is rejected too, and kept with what it said written as text (a confidence
    that is no exact number as -1); a reasoning that is no text is none.
    """
    electors = opening.electorate.by_id
    choices = opening.proposal.choices
    counted: dict[str, Ballot] = {}
    rejected: list[RejectedBallot] = []
    duplicates = 0
    for ballot in _by_arrival(ballots):
        problem = _problem(ballot, opening, electors.get(ballot.agent_id))
        if problem is not None:
            rejected.append(RejectedBallot(ballot, *problem))
            continue
        valid = ballot if ballot.choice in choices else replace(ballot, choice=tidy(ballot.choice))
        earlier = counted.get(ballot.agent_id)
        if earlier is None:
            counted[ballot.agent_id] = valid
        elif _same_answer(earlier, valid):
            duplicates += 1
        else:
            rejected.append(_conflict(earlier, valid))
    in_order = sorted(counted.values(), key=_agent_id)
    if len(rejected) > 1:
        rejected.sort(key=lambda refused: (_arrival(refused.ballot), refused.reason, refused.explanation))
    return Scrutiny(tuple(in_order), tuple(rejected), duplicates)


def may_veto(elector: Elector, opening: Opening) -> bool:
    """Say whether an elector may veto: its id or its role is named."""
    veto = opening.parameters.veto
    return elector.agent_id in veto or elector.role in veto


def vetoes(counted: Iterable[Ballot], opening: Opening) -> tuple[Ballot, ...]:
    """Pick the ballots that veto with the right to; anybody else's is an ordinary ballot."""
    if not opening.parameters.veto:
        return ()
    rights = {elector.agent_id for elector in opening.electorate.electors if may_veto(elector, opening)}
    return tuple(ballot for ballot in counted if ballot.veto and ballot.agent_id in rights)


def _by_arrival(ballots: Iterable[Ballot]) -> list[Ballot]:
    """Put ballots in order if any agent has several."""
    listed = [ballot if _is_well_formed(ballot) else _as_recordable(ballot) for ballot in ballots]
    if len(listed) == len({ballot.agent_id for ballot in listed}):
        return listed
    return sorted(listed, key=_arrival)


def _is_well_formed(ballot: Ballot) -> bool:
    """Say whether what scrutiny reads is of its type. Annotations promise it; plug-ins need not keep to them."""
    return (
        isinstance(ballot.choice, _TEXT)
        and isinstance(ballot.agent_id, _TEXT)
        and isinstance(ballot.reasoning, _TEXT)
        and isinstance(ballot.confidence, _EXACT_OR_NONE)
    )


def _as_recordable(ballot: Ballot) -> Ballot:
    """Give a malformed ballot a form that can be recorded and read back, and that is invalid there too."""
    return replace(
        ballot,
        agent_id=_text(ballot.agent_id),
        choice=_text(ballot.choice),
        reasoning=ballot.reasoning if isinstance(ballot.reasoning, _TEXT) else "",
        confidence=ballot.confidence if isinstance(ballot.confidence, _EXACT_OR_NONE) else _NO_CONFIDENCE,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else f"{type(value).__name__} {value!r:.80}"


def _agent_id(ballot: Ballot) -> str:
    return ballot.agent_id


def _arrival(ballot: Ballot) -> tuple[str, bool, datetime, str]:
    """Give the key by which ballots are put in order: all a ballot says, so that no two different ones are level."""
    arrived = ballot.received_at
    return ballot.agent_id, arrived is None, arrived or _LONG_AGO, repr(ballot)


def _same_answer(one: Ballot, other: Ballot) -> bool:
    return _answer(one) == _answer(other)


def _answer(ballot: Ballot) -> tuple[object, ...]:
    return (
        *(tidy(ballot.choice), ballot.veto, ballot.reasoning, ballot.evidence),
        *(ballot.confidence, ballot.risk, ballot.attributes),
    )


def _conflict(earlier: Ballot, later: Ballot) -> RejectedBallot:
    words = f"{later.agent_id} had already cast a ballot for {earlier.choice!r} in round {earlier.round}"
    return RejectedBallot(later, RejectionReason.CONFLICTING, words)


def _problem(ballot: Ballot, opening: Opening, elector: Elector | None) -> tuple[RejectionReason, str] | None:
    """Find what keeps a ballot from being counted, or None. First who and for what, then what it says."""
    if elector is None:
        return RejectionReason.UNKNOWN_VOTER, f"{ballot.agent_id!r} is not in the electorate"
    return _misplaced(ballot, opening) or _unusable(ballot, opening, elector)


def _misplaced(ballot: Ballot, opening: Opening) -> tuple[RejectionReason, str] | None:
    proposal = opening.proposal
    if ballot.decision_id != proposal.decision_id:
        return RejectionReason.WRONG_DECISION, f"it is for decision {ballot.decision_id!r}"
    if ballot.round != proposal.round:
        return RejectionReason.WRONG_ROUND, f"it is for round {ballot.round}, this is round {proposal.round}"
    if proposal.deadline is not None and ballot.received_at is not None and ballot.received_at > proposal.deadline:
        return RejectionReason.LATE, f"it arrived {ballot.received_at - proposal.deadline} after the deadline"
    return None


def _unusable(ballot: Ballot, opening: Opening, elector: Elector) -> tuple[RejectionReason, str] | None:
    proposal, parameters = opening.proposal, opening.parameters
    if ballot.choice not in proposal.choices and tidy(ballot.choice) not in (*proposal.choices, ABSTAIN):
        allowed = ", ".join((*proposal.choices, ABSTAIN))
        return (
            RejectionReason.INVALID_CHOICE,
            f"{ballot.choice[:80]!r} is not a choice; allowed: {allowed}",
        )
    confidence = ballot.confidence
    if confidence is not None and not 0 <= confidence.numerator <= confidence.denominator:
        return RejectionReason.INVALID_CONFIDENCE, f"a confidence of {confidence} is not in [0, 1]"
    if ballot.agent_id == proposal.proposer and not parameters.self_approval:
        return RejectionReason.OWN_PROPOSAL, "a proposer's own ballot does not count here"
    if ballot.reasoning.strip():
        return None
    if parameters.justification_required:
        return RejectionReason.NO_JUSTIFICATION, "a ballot needs a reasoning here"
    if ballot.veto and may_veto(elector, opening):
        return RejectionReason.VETO_WITHOUT_REASON, "a veto needs a reasoning"
    return None
