"""What a voter is asked: the proposal as one JSON object, the same for programs and for functions."""

from typing import Any

from maos_flows.agreement.binding import claims_of
from maos_flows.model import Agent, Proposal

SUGGESTION = "suggestion"
"""What `wanted` says where an agent is to suggest an answer, rather than to choose one."""


def as_asked(agent: Agent, proposal: Proposal) -> dict[str, Any]:
    """Give a proposal as plain JSON data for one agent; a fresh dict, which a voter may change without effect.

    Where there are no choices yet it says that a suggestion is wanted. Where ballots are signed it has `claims`: what
    an agent that signs for itself adds its own to.
    """
    claims = {"claims": claims_of(proposal)} if proposal.nonce else {}
    wanted = {"wanted": SUGGESTION} if proposal.wants_suggestions else {}
    return {
        "decision_id": proposal.decision_id,
        "round": proposal.round,
        "question": proposal.question,
        "choices": list(proposal.choices),
        "domains": list(proposal.domains),
        "context": [{"name": context.name, "text": context.text} for context in proposal.context],
        "deadline": proposal.deadline.isoformat() if proposal.deadline else None,
        "agent": {"id": agent.id, "role": agent.role, "domains": list(agent.domains)},
        **wanted,
        **claims,
    }
