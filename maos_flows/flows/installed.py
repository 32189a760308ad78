"""Decide by somebody's own policy: beside the loop, and with what it says of the ballots on the timeline."""

import asyncio
from functools import partial

from maos_flows.audit.store import AuditStore
from maos_flows.flows.stores import kept, opened_store
from maos_flows.model import BallotBox, Decision, Event, EventKind, Opening
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide
from maos_flows.voters.base import utc_now


async def decide_installed(policy: ConsensusPolicy, opening: Opening, box: BallotBox) -> Decision:
    """Let an installed policy decide, in a process that is waited for in a thread, and note what it found.

    Raises:
        ConfigurationError: The decision was opened under another version of the policy.
    """
    decision = await asyncio.to_thread(decide, policy, opening, box.ballots, absences=box.absences)
    store = await opened_store()
    await kept(store, partial(_note_once, store, decision))
    return decision


def _note_once(store: AuditStore, decision: Decision) -> None:
    """Write which version ruled and what it said, unless a run that broke off afterwards has written it."""
    opening = decision.opening
    number, digest = opening.proposal.round, opening.policy_digest
    events = store.timeline(decision.decision_id)
    if any(event.kind is EventKind.POLICY and event.data.get("round") == number for event in events):
        return
    found = "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in decision.details.items())
    text = f"{opening.algorithm} ({digest[:19]}): {found or decision.explanation}"
    data = {"round": number, "policy": opening.algorithm, "digest": digest, "details": dict(decision.details)}
    store.note(decision.decision_id, Event(utc_now(), EventKind.POLICY, text, data=data))
