"""Agents, and the electorate they are in when a decision opens: who may vote, with which weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any


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
        lineage: What it descends from (a model family, a vendor, an owner): agents of one lineage err alike.
        on_call: Whether it is asked only where its role or a domain of its is named.
    """

    id: str
    role: str = "agent"
    domains: tuple[str, ...] = ()
    weight: Fraction = Fraction(1)
    enabled: bool = True
    public_key: str | None = None
    voter: str = "simulated"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lineage: str = ""
    on_call: bool = False


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
        public_key: The key its ballots are verified with; as in the roster then, or made for it here.
        weight_reason: Where the weight comes from, in words.
        replica_key: The key of its replica in agreement, where that is not the agent's own.
        lineage: As in the roster then.
    """

    agent_id: str
    weight: Fraction = Fraction(1)
    role: str = "agent"
    domains: tuple[str, ...] = ()
    voter: str = "simulated"
    public_key: str | None = None
    weight_reason: str = ""
    replica_key: str | None = None
    lineage: str = ""


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
    def by_name(self) -> tuple[str, ...]:
        """The agents' ids in order: where all vote, ballots in order match them."""
        return tuple(sorted(self.units))

    @cached_property
    def weights(self) -> Mapping[int, int]:
        """The weights there are, in units, and the place of each among them."""
        return {units: place for place, units in enumerate(sorted(set(self.units.values())))}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The place of each agent's weight among the weights there are."""
        return {agent_id: self.weights[units] for agent_id, units in self.units.items()}

    @cached_property
    def places_by_name(self) -> bytes:
        """The same as a byte each, in the order of the agents' ids; for up to 256 weights."""
        return bytes(map(self.places.__getitem__, self.by_name))

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
