"""Scrutiny: which ballots count. The one place that decides it, for every way a ballot can come in."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from maos_flows.model import ABSTAIN, Ballot, Elector, Opening, RejectedBallot, RejectionReason


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """Ballots sorted: `counted` by agent, `rejected` with reasons; `duplicates` repeated a counted one."""

    counted: tuple[Ballot, ...]
    rejected: tuple[RejectedBallot, ...]
    duplicates: int = 0


def fold(text: str) -> str:
    """Give the form under which two ids are the same: NFKC, case folded, spaces collapsed (UAX #15, UTS #39)."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tidy(choice: str) -> str:
    """Normalise a choice as written on a ballot: NFC, no outer spaces. Case is kept: `mongodb` is not `MongoDB`."""
    return unicodedata.normalize("NFC", choice).strip()


def scrutinise(ballots: Iterable[Ballot], opening: Opening) -> Scrutiny:
    """Sort ballots into counted and rejected; the answer does not depend on their order.

    Of two different valid ballots of one agent the earlier one (by arrival at the coordinator) stands and the
    other is rejected; the same ballot again is a duplicate and counts once.
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
        earlier = counted.setdefault(ballot.agent_id, valid)
        if earlier is valid:
            continue
        if _same_answer(earlier, valid):
            duplicates += 1
        else:
            rejected.append(_conflict(earlier, valid))
    in_order = sorted(counted.values(), key=lambda ballot: ballot.agent_id)
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
    listed = list(ballots)
    if len(listed) == len({ballot.agent_id for ballot in listed}):
        return listed
    return sorted(listed, key=_arrival)


def _arrival(ballot: Ballot) -> tuple[str, bool, str, str]:
    arrived = ballot.received_at
    return ballot.agent_id, arrived is None, arrived.isoformat() if arrived else "", repr(_answer(ballot))


def _answer(ballot: Ballot) -> tuple[object, ...]:
    attributes = sorted((key, repr(value)) for key, value in ballot.attributes.items())
    return (
        *(tidy(ballot.choice), ballot.veto, ballot.reasoning, ballot.evidence),
        *(ballot.confidence, ballot.risk, tuple(attributes)),
    )


def _same_answer(one: Ballot, other: Ballot) -> bool:
    return _answer(one) == _answer(other)


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
    if ballot.confidence is not None and not 0 <= ballot.confidence <= 1:
        return RejectionReason.INVALID_CONFIDENCE, f"a confidence of {ballot.confidence} is not in [0, 1]"
    if ballot.agent_id == proposal.proposer and not parameters.self_approval:
        return RejectionReason.OWN_PROPOSAL, "a proposer's own ballot does not count here"
    if ballot.reasoning.strip():
        return None
    if parameters.justification_required:
        return RejectionReason.NO_JUSTIFICATION, "a ballot needs a reasoning here"
    if ballot.veto and may_veto(elector, opening):
        return RejectionReason.VETO_WITHOUT_REASON, "a veto needs a reasoning"
    return None
