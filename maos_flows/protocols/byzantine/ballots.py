"""The ballots a replica holds, since when, and the fresh value they make."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from maos_flows.protocols.byzantine.agreement import Agreement
from maos_flows.protocols.byzantine.evidence import Evidence, Misdeed
from maos_flows.protocols.byzantine.statements import BallotStatement, Kind, Reader, Signed
from maos_flows.protocols.byzantine.value import PAIR, Entry, Value


@dataclass(slots=True)
class _Held:
    since: int
    statement: BallotStatement
    tokens: tuple[str, ...]


class BallotBook:
    """At most two ballots an agent: a third adds nothing to the proof that there are two."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held: dict[str, _Held] = {}

    def add(self, ballot: Signed, now: int) -> tuple[bool, Evidence | None]:
        """Take a signed ballot: whether it is a valid one, and evidence if it is a second, different one."""
        statement = self._reader.ballot(ballot)
        if statement is None:
            return False, None
        held = self._held.get(ballot.agent)
        if held is None:
            self._held[ballot.agent] = _Held(now, statement, (ballot.token,))
            return True, None
        if statement == held.statement or len(held.tokens) == PAIR:
            return True, None
        one, other = sorted((*held.tokens, ballot.token))
        held.tokens = (one, other)
        return True, Evidence(Misdeed.TWO_BALLOTS, ballot.agent, ((Kind.BALLOT, one), (Kind.BALLOT, other)))

    def has(self, ballot: Signed) -> bool:
        """Say whether this very ballot is held, or two others of its agent."""
        held = self._held.get(ballot.agent)
        return held is not None and (ballot.token in held.tokens or len(held.tokens) == PAIR)

    def held(self, agent: str) -> tuple[str, ...]:
        """Give the tokens of an agent's ballots."""
        held = self._held.get(agent)
        return () if held is None else held.tokens

    def of(self, agent: str) -> tuple[Signed, ...]:
        """Give an agent's ballots."""
        return tuple([Signed(agent, token) for token in self.held(agent)])

    def all(self, agents: Iterable[str]) -> tuple[Signed, ...]:
        """Give the ballots of these agents, in their order."""
        return tuple(ballot for agent in agents for ballot in self.of(agent))

    def held_since(self, moment: int) -> AbstractSet[str]:
        """Give the agents whose ballots were here before `moment`."""
        return {agent for agent, held in self._held.items() if held.since < moment}

    def value(self, agreement: Agreement) -> Value:
        """Make a fresh value of all that is held."""
        held = ((agent, self._held.get(agent)) for agent in agreement.agents)
        return Value(tuple(Entry(agent, one.tokens) for agent, one in held if one is not None))

    def __len__(self) -> int:
        return len(self._held)
