"""What a run tells: happenings for the timeline while it goes on, and what the replicas agreed on in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maos_flows.model import Certificate, EventKind, Fault


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of what happens among the replicas.

    Attributes:
        at: Milliseconds since the run began.
        kind: What the timeline calls it.
        text: All of it in one line.
        agent_id: The agent that acted or is spoken of.
        data: The same for programs.
    """

    at: int
    kind: EventKind
    text: str
    agent_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the replicas agreed on.

    Attributes:
        is_agreed: Whether they did; if not, too many were faulty, down or cut off.
        explanation: How it came about, or why it did not, with its numbers.
        agents: The agents whose ballots count.
        voided: The agents whose two different ballots void each other.
        faults: Misbehaviour found, proofs and suspicions.
        leader: The agent whose replica closed the decision (Raft).
        certificate: What proves it (Byzantine agreement).
        details: What is recorded with the decision.
    """

    is_agreed: bool
    explanation: str
    agents: tuple[str, ...] = ()
    voided: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    leader: str | None = None
    certificate: Certificate | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
