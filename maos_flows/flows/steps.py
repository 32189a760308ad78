"""The steps of one decision that are written down, each in one transaction: opened, another round, closed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from maos_flows.audit.store import AuditStore
from maos_flows.flows.agreeing import Ruled, bound, note_happened
from maos_flows.flows.collecting import Answer, Begun, begin_asking
from maos_flows.flows.drilling import start_stage_drill
from maos_flows.flows.isolating import note_isolated, of_electorate, without_isolated
from maos_flows.flows.overseeing import note_trail
from maos_flows.flows.proposing import begin_proposing
from maos_flows.flows.rounds import given_of, note_minds
from maos_flows.judging import note_weights, with_learned_weights
from maos_flows.model import (
    Absence,
    Ballot,
    BallotBox,
    Decision,
    Event,
    Outcome,
    Proposal,
    Reason,
    TieBreak,
)
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest, Dynamics, open_decision
from maos_flows.voters.base import utc_now

Closed = tuple[Decision, Sequence[Event]]
"""A decision that is on record, with its timeline."""


def open_or_find(
    store: AuditStore, request: DecisionRequest, policy: ConsensusPolicy, decision_id: str
) -> Begun | Closed:
    """Open a decision, or find what was opened and perhaps decided under its id."""
    asked = with_learned_weights(without_isolated(store, request), store)
    asked_for = bound(open_decision(asked, policy, decision_id=decision_id, now=utc_now()), policy)
    opening = store.open_decision(asked_for, request)
    decision = store.decision(decision_id)
    if decision is not None:
        return decision, store.timeline(decision_id)
    note_isolated(store, opening, request)
    if request.drill:
        start_stage_drill(store, opening, request)
    if request.oversight.audit_trail:
        note_trail(store, opening, request.oversight)
    if opening.proposal.wants_suggestions:
        return begin_proposing(store, opening, of_electorate(request, opening))
    if request.dynamics is not Dynamics.NONE:
        note_weights(store, opening)
    return begin_asking(store, opening, of_electorate(request, opening))


def note_round(store: AuditStore, ruled: Ruled) -> None:
    """Write who changed their mind, from the second round on, and what the replicas of a round did: each once."""
    note_minds(store, ruled.decision.opening)
    note_happened(store, ruled)


def open_another_round(store: AuditStore, request: DecisionRequest, policy: ConsensusPolicy, ruled: Ruled) -> Begun:
    """Open the round after another, or find what was opened."""
    note_round(store, ruled)
    before = ruled.decision.opening
    decision_id, number = before.proposal.decision_id, before.proposal.round + 1
    again = open_decision(request, policy, decision_id=decision_id, now=utc_now(), round_number=number)
    proposal = replace(again.proposal, context=(*request.context, *given_of(store, request, before)))
    kept_terms = replace(again, proposal=proposal, opened_at=before.opened_at, electorate=before.electorate)
    return begin_asking(store, store.open_round(bound(kept_terms, policy)), request)


def close(store: AuditStore, ruled: Ruled, at: datetime) -> Closed:
    """Close a decision, and write how it came about; if it was closed before, give what was recorded then.

    What the replicas did can be on record before only if the decision is closed: who wrote it ahead of that was asked
    to put the decision to people, and whose request differs in that is refused.
    """
    note_minds(store, ruled.decision.opening)
    closed = store.close_decision(ruled.decision, led_to=ruled.events(at), at=at)
    return closed, store.timeline(closed.decision_id)


def box_of(proposal: Proposal, request: DecisionRequest, answers: Mapping[str, Answer]) -> BallotBox:
    """Put the answers accepted in a box; ballots that were rejected are on record and listed when it is closed."""
    in_order = [answers[name] for name in sorted(answers)]
    return BallotBox(
        proposal,
        request.agents,
        tuple(answer for answer in in_order if isinstance(answer, Ballot)),
        tuple(answer for answer in in_order if isinstance(answer, Absence)),
    )


def wants_another_round(decision: Decision, request: DecisionRequest) -> bool:
    """Say whether the agents are asked again: not after a veto, and not beyond the rounds allowed."""
    if decision.outcome is not Outcome.NOT_REACHED or decision.reason is Reason.VETOED:
        return False
    tied = decision.reason is Reason.TIE and request.parameters.tie_break is TieBreak.REVOTE
    allowed = max(request.rounds, 2) if tied else request.rounds
    return decision.opening.proposal.round < allowed


def escalated(decision: Decision, request: DecisionRequest) -> Decision:
    """Leave a decision that was not reached to people, if that was asked for."""
    if decision.outcome is not Outcome.NOT_REACHED or not request.escalate:
        return decision
    return replace(decision, outcome=Outcome.ESCALATED)
