"""Proof of whose a ballot is: an agent elsewhere, whose key the roster has, signs its ballots or has none."""

from dataclasses import replace

from maos_flows import signing
from maos_flows.agreement.binding import BALLOT, SUGGESTION, claims_of, detail_of, suggestion_claims
from maos_flows.model import Agent, AuthClass, Ballot, Proposal, Suggestion
from maos_flows.voters.failures import LastingError

_ELSEWHERE = frozenset({"http"})
"""Kinds of voters that hold the agent's key themselves."""


def proven_suggestion(agent: Agent, proposal: Proposal, suggestion: Suggestion) -> Suggestion:
    """Give an agent's suggestion with how independent its author is, by the same rule as for its ballots.

    Raises:
        LastingError: It is not signed by the roster's key, for this decision, as it stands.
    """
    if agent.voter not in _ELSEWHERE or agent.public_key is None:
        return suggestion
    if not suggestion.signature:
        raise LastingError("its suggestion is not signed, and the roster has a key for it")
    if signing.verify(agent.public_key, SUGGESTION, suggestion.signature) != suggestion_claims(suggestion, proposal):
        raise LastingError("its suggestion is not signed, as it stands, with the key that the roster has for it")
    return replace(suggestion, auth_class=AuthClass.REMOTE)


def proven(agent: Agent, proposal: Proposal, ballot: Ballot) -> Ballot:
    """Give an agent's ballot with how independent its author is, once its signature is checked, if it must have one.

    The key is the agent's as it was frozen with the request; nothing in the answer can name another.

    Raises:
        LastingError: It is not signed by that key, for this round of this decision, as it stands.
    """
    if agent.voter not in _ELSEWHERE or agent.public_key is None:
        return ballot
    if not ballot.signature:
        raise LastingError("its answer is not signed, and the roster has a key for it")
    said = signing.verify(agent.public_key, BALLOT, ballot.signature)
    if said is None:
        raise LastingError("its answer is not signed with the key that the roster has for it")
    claimed = claims_of(proposal) | {"agent_id": agent.id}
    if {name: value for name, value in said.items() if name not in {"choice", "detail"}} != claimed:
        raise LastingError("its signature is for another agent, decision, round or proposal")
    if (said.get("choice"), said.get("detail")) != (ballot.choice, detail_of(ballot)):
        raise LastingError("it signed something else than it says")
    return replace(ballot, auth_class=AuthClass.REMOTE)
