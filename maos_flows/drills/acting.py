"""What acting failures mean: for the replicas of a decision, and for the answers of its agents."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from maos_flows.agreement.faults import Crash, Delay, Equivocate, Injection, Lie, Partition, Script, Span
from maos_flows.model import Ballot, FailureKind, PlannedFailure, Proposal

LATE_SECONDS = 10.0
"""How much later an answer comes under `delayed_responses`, if the failure lasts that long."""

LATE_MESSAGES_MS = 2_000
"""How much later its replica's messages come."""

INJECTED = "injected"
"""The attribute of a ballot that says what a drill made of it."""


def injections(kind: FailureKind, agents: Sequence[str]) -> tuple[Injection, ...]:
    """Say what a failure does to replicas."""
    match kind:
        case FailureKind.CRASH:
            return tuple(Crash(agent) for agent in agents)
        case FailureKind.DELAYED_RESPONSES:
            return tuple(Delay(agent, LATE_MESSAGES_MS) for agent in agents)
        case FailureKind.FALSE_INFORMATION:
            return tuple(Lie(agent) for agent in agents)
        case FailureKind.CONFLICTING_VOTES:
            return tuple(Equivocate(agent) for agent in agents)
        case FailureKind.PARTITION:
            return (Partition((tuple(agents),)),)


def all_injections(acting: Iterable[tuple[FailureKind, Sequence[str]]]) -> tuple[Injection, ...]:
    """Say what failures that act together do to replicas; whoever contradicts itself need not lie otherwise too."""
    found = [one for kind, agents in acting for one in injections(kind, agents)]
    twofaced = {one.agent for one in found if isinstance(one, Equivocate)}
    return tuple(dict.fromkeys(one for one in found if not (isinstance(one, Lie) and one.agent in twofaced)))


def script_of(plan: Iterable[PlannedFailure]) -> Script:
    """Make of a plan what acts on replicas on virtual time, counted from when they begin."""
    return Script(
        tuple(
            Span(injection, int(1000 * one.after_seconds), int(1000 * one.until_seconds))
            for one in plan
            for injection in injections(one.kind, one.agents)
        )
    )


def other_choice(ballot: Ballot, proposal: Proposal, *, seed: int) -> str:
    """Draw a choice that is not the ballot's, the same for the same seed."""
    preferred = [choice for choice in proposal.choices if choice != ballot.choice]
    drawn = hashlib.sha256(f"{seed}\0{ballot.agent_id}\0{proposal.question}".encode()).digest()
    return preferred[int.from_bytes(drawn[:8]) % len(preferred)]


def falsified(ballot: Ballot, proposal: Proposal, *, seed: int, kind: FailureKind) -> Ballot:
    """Give the ballot with another choice, marked as what a drill made of it."""
    attributes = {**ballot.attributes, INJECTED: kind.value}
    return replace(ballot, choice=other_choice(ballot, proposal, seed=seed), attributes=attributes, signature="")
