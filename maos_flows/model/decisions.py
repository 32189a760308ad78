"""Decisions: the tally, what a policy makes of it, and the full record with its timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from maos_flows.model.ballots import Absence, Ballot, Fault, RejectedBallot
from maos_flows.model.codes import Basis, EventKind, Outcome, Reason
from maos_flows.model.proposals import Opening


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
class Certificate:
    """The signed statements that prove which ballots a decision rests on, for whoever checks it later.

    Attributes:
        view: The view in which the replicas agreed.
        ballots: By agent, its signed ballot, or two that differ and void each other.
        commits: By agent, a quorum's signed COMMITs for exactly these ballots.
    """

    view: int
    ballots: tuple[tuple[str, tuple[str, ...]], ...]
    commits: tuple[tuple[str, str], ...]


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
        margin: The fewest ballots that would have had to change to change the outcome; None if no change could, or if
            the policy does not know. With a chair's casting vote only a margin of 1 is known.
        details: What the policy adds.
        certificate: What proves which ballots it rests on, where replicas agreed on signed ballots.
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
    certificate: Certificate | None = None

    @property
    def decision_id(self) -> str:
        """The decision's id."""
        return self.opening.proposal.decision_id

    @property
    def dissenting(self) -> tuple[Dissent, ...]:
        """Who was for something else than what was decided; where nothing was, there is nothing to dissent from."""
        return self.dissent if self.choice is not None else ()

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
