"""Answers: ballots, why there is none, ballots that are not counted, and misbehaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from maos_flows.model.agents import Agent
from maos_flows.model.codes import AbsenceKind, AuthClass, RejectionReason, Risk
from maos_flows.model.proposals import Proposal


@dataclass(frozen=True, slots=True)
class Ballot:
    """An agent's answer.

    Attributes:
        decision_id: The decision it is for.
        agent_id: Whose it is.
        choice: One of the proposal's choices, or `abstain`.
        round: The round it is for.
        confidence: In [0, 1], exact; None if not stated.
        reasoning: Why, in the agent's words.
        evidence: What it cites.
        risk: How risky it finds the matter, if it says.
        veto: Whether it uses its right to veto, if it has one.
        attributes: Anything else it states, as JSON.
        voter: The kind of voter it came from; `simulated` is shown wherever the ballot is.
        auth_class: How independent its author is.
        received_at: When it arrived, by the coordinator's clock.
        seconds: How long the agent took.
        signature: Its signed form, a JWS in compact serialisation; empty if it is not signed.
    """

    decision_id: str
    agent_id: str
    choice: str
    round: int = 1
    confidence: Fraction | None = None
    reasoning: str = ""
    evidence: tuple[str, ...] = ()
    risk: Risk | None = None
    veto: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    voter: str = "recorded"
    auth_class: AuthClass = AuthClass.IN_PROCESS
    received_at: datetime | None = None
    seconds: float = 0.0
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """Why an agent that was in the electorate gave no ballot."""

    decision_id: str
    agent_id: str
    kind: AbsenceKind
    explanation: str = ""
    round: int = 1
    voter: str = "recorded"
    received_at: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RejectedBallot:
    """A ballot that is kept and not counted, and why."""

    ballot: Ballot
    reason: RejectionReason
    explanation: str


@dataclass(frozen=True, slots=True)
class Fault:
    """An agent's misbehaviour, with what shows it.

    Attributes:
        agent_id: Whose fault.
        kind: What it did: `equivocation`, ...
        is_proof: True if it cannot be innocent, False if it is a suspicion.
        evidence: What shows it.
    """

    agent_id: str
    kind: str
    is_proof: bool
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BallotBox:
    """What was collected for a proposal, before it is counted: the agents as they were asked, and their answers."""

    proposal: Proposal
    agents: tuple[Agent, ...]
    ballots: tuple[Ballot, ...] = ()
    absences: tuple[Absence, ...] = ()
