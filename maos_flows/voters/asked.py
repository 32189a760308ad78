"""What a voter is asked: the proposal as one JSON object, the same for programs and for functions."""

from typing import Any

from maos_flows.model import Agent, Proposal


def as_asked(agent: Agent, proposal: Proposal) -> dict[str, Any]:
    """Give a proposal as plain JSON data for one agent; a fresh dict, which a voter may change without effect."""
    return {
        "decision_id": proposal.decision_id,
        "round": proposal.round,
        "question": proposal.question,
        "choices": list(proposal.choices),
        "domains": list(proposal.domains),
        "context": [{"name": context.name, "text": context.text} for context in proposal.context],
        "deadline": proposal.deadline.isoformat() if proposal.deadline else None,
        "agent": {"id": agent.id, "role": agent.role, "domains": list(agent.domains)},
    }
