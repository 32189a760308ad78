"""The values everything speaks of: agents, proposals, ballots, decisions. All frozen, none acts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

from maos_flows.quorum import MAJORITY, Threshold

ABSTAIN = "abstain"
"""The choice that is always allowed: it counts for participation and for no choice."""


class Outcome(StrEnum):
    """How a decision ended."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    ESCALATED = "escalated"
    OVERRIDDEN = "overridden"
    CANCELLED = "cancelled"
    ERROR = "error"


class Reason(StrEnum):
    """Why a decision ended so."""

    THRESHOLD_MET = "threshold_met"
    POLICY_AGREED = "policy_agreed"
    BELOW_THRESHOLD = "below_threshold"
    POLICY_DECLINED = "policy_declined"
    TIE = "tie"
    NO_BALLOTS = "no_ballots"
    ALL_ABSTAINED = "all_abstained"
    TOO_FEW_PARTICIPANTS = "too_few_participants"
    DEADLINE_PASSED = "deadline_passed"
    VETOED = "vetoed"
    TOO_MANY_FAULTS = "too_many_faults"
    POLICY_ERROR = "policy_error"
    NO_CONSENSUS = "no_consensus"
    CANCELLED = "cancelled"


class Basis(StrEnum):
    """What a share is a share of."""

    ELIGIBLE = "eligible"
    """The weight of the whole electorate: silence is not consent."""
    CAST = "cast"
    """The weight of those who cast a ballot, abstentions among them."""
    DECISIVE = "decisive"
    """The weight cast less abstentions."""


class TieBreak(StrEnum):
    """What happens when the strongest choices are equally strong."""

    NONE = "none"
    REVOTE = "revote"
    CHAIR = "chair"
    HUMAN = "human"


class Risk(StrEnum):
    """How risky an agent finds the matter."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class AuthClass(StrEnum):
    """How independent of the coordinator a ballot's author is."""

    IN_PROCESS = "in_process"
    REMOTE = "remote"
    HUMAN = "human"


class AbsenceKind(StrEnum):
    """Why a member of the electorate has no ballot."""

    FAILED = "failed"
    TIMED_OUT = "timed_out"
    NOT_NEEDED = "not_needed"


class RejectionReason(StrEnum):
    """Why a ballot is recorded but not counted."""

    UNKNOWN_VOTER = "unknown_voter"
    WRONG_DECISION = "wrong_decision"
    WRONG_ROUND = "wrong_round"
    LATE = "late"
    INVALID_CHOICE = "invalid_choice"
    INVALID_CONFIDENCE = "invalid_confidence"
    NO_JUSTIFICATION = "no_justification"
    VETO_WITHOUT_REASON = "veto_without_reason"
    OWN_PROPOSAL = "own_proposal"
    CONFLICTING = "conflicting"


@dataclass(frozen=True, slots=True)
class Agent:
    """A participant.

    Attributes:
        id: Unique in its roster, also when case, spaces and Unicode forms are set aside.
        role: What it is; weights and expertise are looked up by it, never by its name.
        domains: What it knows about.
        weight: Its own factor; 0 makes it an adviser, shown without effect.
        enabled: Whether it may be in an electorate.
        public_key: Its Ed25519 key (RFC 8037 JWK `x`, base64url), if it signs.
        voter: The kind of voter that answers for it.
        settings: That voter's settings, checked where the roster was read.
    """

    id: str
    role: str = "agent"
    domains: tuple[str, ...] = ()
    weight: Fraction = Fraction(1)
    enabled: bool = True
    public_key: str | None = None
    voter: str = "simulated"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Roster:
    """All agents known."""

    agents: tuple[Agent, ...]

    def agent(self, agent_id: str) -> Agent | None:
        """Find an agent by its id."""
        return next((agent for agent in self.agents if agent.id == agent_id), None)


@dataclass(frozen=True, slots=True)
class Elector:
    """One agent's place in an electorate, frozen with its weight when the decision opens.

    Attributes:
        agent_id: The agent.
        weight: Exact and at least 0; 0 is an adviser.
        role: As in the roster then.
        domains: As in the roster then.
        voter: The kind of voter that answers.
        public_key: As in the roster then.
        weight_reason: Where the weight comes from, in words.
    """

    agent_id: str
    weight: Fraction = Fraction(1)
    role: str = "agent"
    domains: tuple[str, ...] = ()
    voter: str = "simulated"
    public_key: str | None = None
    weight_reason: str = ""


@dataclass(frozen=True)
class Electorate:
    """Who may vote on one proposal. Weights are counted in integer units of `unit`, so that no sum is rounded."""

    electors: tuple[Elector, ...]

    @cached_property
    def unit(self) -> Fraction:
        """The largest 1/n of which every weight is a multiple: 1/10 for weights 1.5 and 0.1."""
        return Fraction(1, lcm(*(elector.weight.denominator for elector in self.electors)))

    @cached_property
    def units(self) -> Mapping[str, int]:
        """Each agent's weight in units."""
        unit = self.unit
        return {elector.agent_id: int(elector.weight / unit) for elector in self.electors}

    @cached_property
    def total(self) -> int:
        """The weight of all, in units."""
        return sum(self.units.values())

    @cached_property
    def common_units(self) -> int | None:
        """The weight of everybody, in units, if all have the same."""
        weights = set(self.units.values())
        return weights.pop() if len(weights) == 1 else None

    @cached_property
    def by_name(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The agents' ids in order, and their weights in units: where all vote, ballots in order match them."""
        ids = tuple(sorted(self.units))
        return ids, tuple(map(self.units.__getitem__, ids))

    @cached_property
    def size(self) -> int:
        """How many count: advisers do not."""
        return sum(1 for units in self.units.values() if units)

    def elector(self, agent_id: str) -> Elector | None:
        """Find an elector by the agent's id."""
        return self.by_id.get(agent_id)

    @cached_property
    def by_id(self) -> Mapping[str, Elector]:
        """The electors by their agents' ids."""
        return {elector.agent_id: elector for elector in self.electors}


@dataclass(frozen=True, slots=True)
class Context:
    """Something agents are given beside the question: its name and its text, which is data, never instruction."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The question, as every agent gets it.

    Attributes:
        decision_id: The decision it belongs to.
        question: What is asked.
        choices: The answers allowed beside `abstain`, in order.
        domains: What it is about; expertise is matched against it.
        context: What agents are given beside the question.
        round: Counts from 1; a new round wants fresh ballots.
        proposer: The agent whose proposal it is, if one's.
        deadline: After it, by the coordinator's clock, a ballot is late. Aware, in UTC.
    """

    decision_id: str
    question: str
    choices: tuple[str, ...]
    domains: tuple[str, ...] = ()
    context: tuple[Context, ...] = ()
    round: int = 1
    proposer: str | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a policy is applied with, frozen when the decision opens.

    Attributes:
        threshold: The share a choice needs.
        basis: What that is a share of.
        min_participants: How many distinct electors must cast a valid ballot, abstentions among them.
        tie_break: What a tie leads to.
        chair: The agent with the casting vote, for `tie_break: chair`.
        veto: Ids or roles of agents that may veto.
        self_approval: Whether the proposer's own ballot counts.
        justification_required: Whether a ballot without reasoning is invalid.
    """

    threshold: Threshold = MAJORITY
    basis: Basis = Basis.ELIGIBLE
    min_participants: int = 1
    tie_break: TieBreak = TieBreak.NONE
    chair: str | None = None
    veto: tuple[str, ...] = ()
    self_approval: bool = True
    justification_required: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that binds a decision: nothing read later changes it."""

    proposal: Proposal
    electorate: Electorate
    algorithm: str
    parameters: Parameters
    opened_at: datetime


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


@dataclass(frozen=True, slots=True)
class Tally:
    """Weight per choice, counted once. Integers are in the electorate's units; `unit` gives their weight.

    Attributes:
        units: Weight of each choice, 0 among them, in the proposal's order.
        heads: Ballots of each choice.
        abstained: Weight of abstentions.
        cast: Weight of all valid ballots, abstentions among them.
        eligible: Weight of the whole electorate.
        participants: How many electors with weight cast a valid ballot.
        unit: The weight of one unit.
    """

    units: Mapping[str, int] = field(hash=False)
    heads: Mapping[str, int] = field(hash=False)
    abstained: int
    cast: int
    eligible: int
    participants: int
    unit: Fraction

    def whole(self, basis: Basis) -> int:
        """Give what a share is a share of, in units."""
        if basis is Basis.ELIGIBLE:
            return self.eligible
        return self.cast if basis is Basis.CAST else self.cast - self.abstained

    def weight(self, choice: str) -> Fraction:
        """Give a choice's weight."""
        return Fraction(self.units.get(choice, 0), self.unit.denominator)

    def amount(self, units: int) -> str:
        """Write an amount of units as the weight it is, exactly."""
        return str(units) if self.unit.denominator == 1 else exact(units * self.unit)

    @property
    def leaders(self) -> tuple[str, ...]:
        """The strongest choices: one, or several if tied; none if nothing was cast for any."""
        best = max(self.units.values(), default=0)
        return tuple(choice for choice, units in self.units.items() if units == best) if best else ()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy makes of a tally: the outcome, and the numbers it came from."""

    outcome: Outcome
    reason: Reason
    choice: str | None = None
    strength: Fraction = Fraction(0)
    explanation: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Dissent:
    """A choice that did not win, and who was for it."""

    choice: str
    weight: Fraction
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The full record of one decision.

    Attributes:
        opening: What bound it.
        outcome: How it ended.
        reason: Why it ended so.
        choice: What was decided; None unless reached or overridden.
        strength: The leading share of the basis, exact.
        explanation: The same in words, with its numbers.
        tally: The count.
        ballots: The ballots counted, by agent.
        rejected: Ballots kept and not counted.
        absences: Who gave none, and why.
        faults: Misbehaviour found.
        dissent: The choices that did not win.
        decisive: Agents any one of whom, voting otherwise, would have changed the outcome.
        margin: The fewest ballots that would have had to change to change the outcome; None if no change could.
        details: What the policy adds.
    """

    opening: Opening
    outcome: Outcome
    reason: Reason
    choice: str | None
    strength: Fraction
    explanation: str
    tally: Tally
    ballots: tuple[Ballot, ...]
    rejected: tuple[RejectedBallot, ...] = ()
    absences: tuple[Absence, ...] = ()
    faults: tuple[Fault, ...] = ()
    dissent: tuple[Dissent, ...] = ()
    decisive: tuple[str, ...] = ()
    margin: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def decision_id(self) -> str:
        """The decision's id."""
        return self.opening.proposal.decision_id

    @property
    def not_counted(self) -> tuple[tuple[str, str, str], ...]:
        """Whose answer was not counted, why as a code, and why in words; each agent's rejected ballots go first."""
        rejected = [(item.ballot.agent_id, item.reason.value, item.explanation) for item in self.rejected]
        explained = {agent_id for agent_id, _, _ in rejected}
        absent = [(item.agent_id, item.kind.value, item.explanation) for item in self.absences]
        return (*rejected, *(row for row in absent if row[0] not in explained))

    @property
    def is_simulated(self) -> bool:
        """Whether any ballot in it came from a generator rather than from an agent."""
        return any(ballot.voter == "simulated" for ballot in self.ballots)


class EventKind(StrEnum):
    """What can happen to a decision, as its timeline tells it."""

    OPENED = "opened"
    RESUMED = "resumed"
    ROUND_OPENED = "round_opened"
    ASKED = "asked"
    BALLOT = "ballot"
    ABSENCE = "absence"
    REJECTED = "rejected"
    SETTLED_EARLY = "settled_early"
    DEADLINE = "deadline"
    DECIDED = "decided"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a decision's timeline."""

    at: datetime
    kind: EventKind
    text: str
    agent_id: str | None = None
    sequence: int = 0
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


def exact(number: Fraction) -> str:
    """Write a number exactly: `0.6`, `3`, or `2/3` where no short decimal is equal to it."""
    if number.denominator == 1:
        return str(number.numerator)
    above, below = number.numerator, number.denominator
    for digits in range(1, 7):
        scaled, rest = divmod(abs(above) * 10**digits, below)
        if not rest:
            whole, part = divmod(scaled, 10**digits)
            return f"{'-' if above < 0 else ''}{whole}.{part:0{digits}d}"
    return f"{above}/{below}"
