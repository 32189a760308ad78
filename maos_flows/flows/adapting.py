"""Adaptive decisions in flows: what the risk leads to, and what the timeline tells of it."""

from maos_flows.audit.store import AuditStore
from maos_flows.model import BallotBox, Event, EventKind, Opening
from maos_flows.policies.adaptive import Adaptive, classify
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.protocols.byzantine.agreement import FEWEST_REPLICAS
from maos_flows.scrutiny import scrutinise
from maos_flows.voters.base import utc_now


def may_agree(policy: ConsensusPolicy, opening: Opening) -> bool:
    """Say whether it may turn out that agents' replicas must agree on signed ballots."""
    return isinstance(policy, Adaptive) and opening.electorate.size >= FEWEST_REPLICAS


def adapted(policy: ConsensusPolicy, opening: Opening, box: BallotBox) -> ConsensusPolicy:
    """Give the policy that carries out what the risk asks for; any but `adaptive` stays as it is."""
    if not isinstance(policy, Adaptive):
        return policy
    return policy.under(classify(opening, scrutinise(box.ballots, opening).counted).risk)


def note_adapted(store: AuditStore, opening: Opening, box: BallotBox) -> None:
    """Note, once a round, the risk that each agent finds, what follows from all, and the rule that leads to."""
    proposal = opening.proposal
    seen = (event for event in store.timeline(proposal.decision_id) if event.kind is EventKind.RISK)
    if any(event.data.get("round") == proposal.round for event in seen):
        return
    ballots = scrutinise(box.ballots, opening).counted
    found = classify(opening, ballots)
    now, common = utc_now(), {"round": proposal.round}
    for agent, risk in found.findings.items():
        words = f"{agent} finds the risk {risk.value}" if risk else f"{agent} does not say how risky it is: critical"
        data = {**common, "risk": risk and risk.value}
        store.note(proposal.decision_id, Event(now, EventKind.RISK, words, agent, data=data))
    data = {**common, "risk": found.risk.value, "algorithm": found.algorithm}
    if found.algorithm is None:
        kind, words = EventKind.ESCALATED, f"{found.explanation}; a person must decide"
    else:
        kind, words = EventKind.ADAPTED, f"{found.explanation}, so {found.algorithm} decides"
    store.note(proposal.decision_id, Event(now, kind, words, data=data))
