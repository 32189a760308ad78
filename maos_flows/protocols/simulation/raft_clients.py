"""What clients ask of simulated Raft replicas: ballots of one decision, some repeated, reads, transfers, elections."""

from dataclasses import dataclass
from random import Random

from maos_flows.protocols.raft_decision import BallotEntry, CloseReason, Closing, DecisionEntry, Opening

CHOICES = ("approve", "reject")
DECISION = "d1"
FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Propose:
    """Propose a payload at an agent's replica."""

    agent: str
    payload: DecisionEntry
    key: str

    def __str__(self) -> str:
        return f"propose {self.key} at {self.agent}"


@dataclass(frozen=True, slots=True)
class Read:
    """Ask an agent's replica for a linearizable read."""

    agent: str
    key: str

    def __str__(self) -> str:
        return f"read {self.key} at {self.agent}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Ask an agent's replica to pass leadership on."""

    agent: str
    target: str

    def __str__(self) -> str:
        return f"transfer from {self.agent} to {self.target}"


@dataclass(frozen=True, slots=True)
class Campaign:
    """Let an agent's replica stand for election at once."""

    agent: str

    def __str__(self) -> str:
        return f"campaign at {self.agent}"


@dataclass(frozen=True, slots=True)
class Ambush:
    """Cut a leader off from most, but let clients go on asking it: its log and the others' grow apart."""

    agent: str
    links: tuple[tuple[str, str], ...]
    duration: int

    def __str__(self) -> str:
        return f"ambush {self.agent} for {self.duration}: {' '.join('>'.join(link) for link in self.links)}"


@dataclass(frozen=True, slots=True)
class ProposeFresh:
    """After healing: propose something new at an agent's replica, again and again until it is committed."""

    agent: str

    def __str__(self) -> str:
        return f"propose {FRESH} at {self.agent}"


Request = Propose | Read | Transfer | Campaign | Ambush | ProposeFresh


def draw_request(chance: Random, agents: tuple[str, ...], leaders: tuple[str, ...], number: int) -> Request:
    """Draw the `number`-th request: mostly ballots, a few of them repeats of the one before, mostly at a leader."""
    agent = chance.choice(leaders if leaders and chance.random() < 0.7 else agents)  # noqa: PLR2004  most know it
    dice = chance.random()
    if dice < 0.75:  # noqa: PLR2004  shares of the kinds of request
        key_number = number - 1 if chance.random() < 0.1 else number  # noqa: PLR2004  a client that heard nothing
        return Propose(agent, _draw_entry(chance, agents, number), f"p{key_number}")
    if dice < 0.9:  # noqa: PLR2004  as above
        return Read(agent, f"r{number}")
    if dice < 0.97:  # noqa: PLR2004  as above
        return Transfer(agent, chance.choice(agents))
    return Campaign(agent)


def _draw_entry(chance: Random, agents: tuple[str, ...], number: int) -> DecisionEntry:
    dice = chance.random()
    if number == 1 or dice < 0.1:  # noqa: PLR2004  shares of the kinds of entry
        return Opening(DECISION, CHOICES, agents, "digest")
    if dice < 0.13:  # noqa: PLR2004  as above
        return Closing(DECISION, CloseReason.DEADLINE_PASSED, number)
    return BallotEntry(DECISION, chance.choice(agents), f"b{number}", chance.choice(CHOICES))


def draw_ambush(chance: Random, agents: tuple[str, ...], leader: str) -> Ambush:
    """Draw how a leader is cut off: from all but a few, one way or both, for a while."""
    others = [agent for agent in agents if agent != leader]
    victims = sorted(chance.sample(others, chance.randint((len(others) + 1) // 2, len(others))))
    outward = tuple((leader, victim) for victim in victims)
    inward = tuple((victim, leader) for victim in victims)
    return Ambush(leader, chance.choice((outward, inward, outward + inward)), chance.randint(20, 300))
