"""Isolated agents in flows: who was isolated before a decision opens is not in its electorate."""

from dataclasses import replace

from maos_flows.audit.store import AuditStore
from maos_flows.model import Event, EventKind, Opening
from maos_flows.request import DecisionRequest
from maos_flows.scrutiny import fold
from maos_flows.voters.base import utc_now


def without_isolated(store: AuditStore, request: DecisionRequest) -> DecisionRequest:
    """Give a request to the agents that may be in an electorate."""
    isolated = {fold(one.agent_id) for one in store.isolations.among(agent.id for agent in request.agents)}
    if not isolated:
        return request
    return replace(request, agents=tuple(agent for agent in request.agents if fold(agent.id) not in isolated))


def of_electorate(request: DecisionRequest, opening: Opening) -> DecisionRequest:
    """Give a request to those of its agents who are in the electorate: nobody else is asked."""
    electors = opening.electorate.by_id
    if len(electors) == len(request.agents):
        return request
    return replace(request, agents=tuple(agent for agent in request.agents if agent.id in electors))


def note_isolated(store: AuditStore, opening: Opening, request: DecisionRequest) -> None:
    """Note, once, who is not in the electorate because it is isolated."""
    electors = opening.electorate.by_id
    left_out = [agent.id for agent in request.agents if agent.id not in electors]
    decision_id = opening.proposal.decision_id
    if not left_out or store.happened(decision_id, EventKind.ISOLATED):
        return
    for one in store.isolations.among(left_out):
        text = f"{one.agent_id} is not in the electorate: it is isolated for proof in {one.decision_id}"
        data = {"decision_id": one.decision_id, "kinds": list(one.kinds)}
        store.note(decision_id, Event(utc_now(), EventKind.ISOLATED, text, one.agent_id, data=data))
