"""The value that is agreed upon: a set of signed ballots, at most one entry an agent, and what makes it valid."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from maos_flows.protocols.byzantine.statements import BallotStatement, Reader, Signed
from maos_flows.protocols.canonical import canonical_bytes, sha256_hex

PAIR = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """What a value says of one agent: its signed ballot, or two that differ and void each other."""

    agent: str
    ballots: tuple[str, ...]

    @property
    def is_equivocation(self) -> bool:
        """Whether the agent signed two different ballots."""
        return len(self.ballots) == PAIR


@dataclass(frozen=True, slots=True)
class Value:
    """A ballot certificate. An agent without an entry is absent.

    Attributes:
        entries: Sorted by agent.
        digest: SHA-256 over their canonical bytes: what replicas vote on.
    """

    entries: tuple[Entry, ...]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        listed = [[entry.agent, list(entry.ballots)] for entry in self.entries]
        object.__setattr__(self, "digest", sha256_hex(canonical_bytes(listed)))

    @property
    def agents(self) -> frozenset[str]:
        """The agents that have an entry."""
        return frozenset(entry.agent for entry in self.entries)

    def signed(self) -> Iterable[Signed]:
        """Give every signed ballot in it."""
        return (Signed(entry.agent, token) for entry in self.entries for token in entry.ballots)


def value_problem(reader: Reader, value: Value) -> str | None:
    """Say what makes a value invalid; None if it is valid. Every replica and every auditor finds the same."""
    agreement = reader.agreement
    agents = [entry.agent for entry in value.entries]
    if any(one >= other for one, other in pairwise(agents)):
        return "entries are not sorted, one an agent"
    if len(agents) < agreement.size - agreement.faults:
        return f"{len(agents)} entries; at least {agreement.size - agreement.faults} are needed"
    for entry in value.entries:
        if _entry_problem(reader, entry):
            return f"the entry of {entry.agent[:40]!r} does not verify"
    return None


def single_ballots(reader: Reader, value: Value) -> tuple[BallotStatement, ...]:
    """Read the ballots of a valid value that count: those of agents that signed only one."""
    read = (
        reader.ballot(Signed(entry.agent, entry.ballots[0])) for entry in value.entries if not entry.is_equivocation
    )
    return tuple(ballot for ballot in read if ballot is not None)


def _entry_problem(reader: Reader, entry: Entry) -> bool:
    ballots = [reader.ballot(Signed(entry.agent, token)) for token in entry.ballots[: PAIR + 1]]
    match ballots:
        case [BallotStatement()]:
            return False
        case [BallotStatement() as one, BallotStatement() as other]:
            return one == other or entry.ballots[0] >= entry.ballots[1]
        case _:
            return True
