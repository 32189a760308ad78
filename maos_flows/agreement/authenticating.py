"""Authentication: under `signed_ballots` a ballot counts only with its agent's signature, whatever the algorithm."""

from collections.abc import Sequence
from dataclasses import replace

from maos_flows.agreement.binding import binding_of
from maos_flows.keys import KeyFolder
from maos_flows.model import AuthClass, Ballot, Decision, Opening, RejectedBallot
from maos_flows.scrutiny import scrutinise


def rejection_of(ballot: Ballot, opening: Opening) -> RejectedBallot | None:
    """Find why a ballot cannot count as it stands: by scrutiny or, where ballots must be signed, by its signature."""
    rejected = scrutinise((ballot,), opening).rejected
    return rejected[0] if rejected else unauthenticated(ballot, opening)


def unauthenticated(ballot: Ballot, opening: Opening) -> RejectedBallot | None:
    """Find why a ballot is not proven to be its agent's; None if it is, or need not be."""
    if not opening.parameters.signed_ballots:
        return None
    problem = binding_of(opening).ballot_problem(ballot)
    return None if problem is None else RejectedBallot(ballot, *problem)


def authenticated(ballots: Sequence[Ballot], opening: Opening) -> tuple[tuple[Ballot, ...], tuple[RejectedBallot, ...]]:
    """Part ballots into those that may be counted and those that may not, for want of a signature."""
    refused = tuple(found for ballot in ballots if (found := unauthenticated(ballot, opening)) is not None)
    unproven = {id(entry.ballot) for entry in refused}
    return tuple(ballot for ballot in ballots if id(ballot) not in unproven), refused


def with_refused(decision: Decision, refused: Sequence[RejectedBallot]) -> Decision:
    """List in a decision the ballots that were not let in to be counted."""
    return replace(decision, rejected=(*decision.rejected, *refused)) if refused else decision


def sign_here(ballot: Ballot, opening: Opening, keys: KeyFolder) -> Ballot:
    """Sign a ballot as it will be kept, if its agent's key is here; one that brought its own signature says so.

    The key of an agent that answers in this process is in this process too, so that its signature proves that the
    ballot came this way and was not altered since, and no more: its `auth_class` stays `in_process`.
    """
    binding = binding_of(opening)
    if not ballot.signature:
        valid = scrutinise((ballot,), opening).counted
        return binding.sign_ballot(valid[0] if valid else ballot, keys)
    elector = opening.electorate.elector(ballot.agent_id)
    is_elsewhere = elector is not None and keys.private(elector.agent_id, elector.public_key or "") is None
    if ballot.auth_class is AuthClass.IN_PROCESS and is_elsewhere and binding.ballot_problem(ballot) is None:
        return replace(ballot, auth_class=AuthClass.REMOTE)
    return ballot
