"""The links between the replicas of one process, and what is to happen when: an agenda of moments, in order.

It has no clock: `advance` lets time pass to a moment that whoever runs it names.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from maos_flows.agreement.faults import Crash, Delay, Injection, Partition
from maos_flows.protocols.step import Envelope

Happens = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wake:
    """A replica wanted to be woken now; `life` tells its lives apart."""

    agent: str
    life: int


class Driven(Protocol):
    """The replicas that a network carries messages to and wakes."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of them."""
        ...

    def deliver(self, envelope: Envelope[Any]) -> None:
        """Hand a message to its recipient."""
        ...

    def wake(self, agent: str, life: int) -> None:
        """Let an agent's replica do what it does by itself, unless it has another life by now."""
        ...

    def settle(self) -> None:
        """End a moment at which something happened: nothing more happens at it."""
        ...

    def suffer(self, before: Sequence[Injection], acting: Sequence[Injection]) -> None:
        """Let other faults act than before."""
        ...


class Network:
    """Links, delays and the agenda.

    Args:
        agents: All agents.
        chance: Draws how long a message takes.
        hop: The longest that is, in milliseconds.

    Attributes:
        now: Milliseconds since the run began.
        sent: Messages handed in.
    """

    def __init__(self, agents: Sequence[str], chance: Random, hop: int) -> None:
        self.now = 0
        self.sent = 0
        self._chance = chance
        self._hop = hop
        self._side = dict.fromkeys(agents, 0)
        self._late: dict[str, int] = {}
        self._down: set[str] = set()
        self._acting: tuple[Injection, ...] = ()
        self._agenda: dict[int, list[Envelope[Any] | Wake | Happens]] = {}
        self._moments: list[int] = []  # a heap of the agenda's

    def next_at(self, *ends: int) -> int:
        """Give the next moment beside these ends at which something happens; one of the ends if that is earlier."""
        planned = self._moments[:1]
        return min((moment for moment in (*ends, *planned) if moment > self.now), default=0)

    def plan(self, at: int, *events: Envelope[Any] | Wake | Happens) -> None:
        """Let something happen at a moment; of two at one moment the one planned first is first."""
        moment = max(at, self.now)
        planned = self._agenda.get(moment)
        if planned is None:
            planned = self._agenda[moment] = []
            heapq.heappush(self._moments, moment)
        planned += events

    def send(self, envelopes: Sequence[Envelope[Any]]) -> None:
        """Put messages on the wire."""
        self.sent += len(envelopes)
        carried = [envelope for envelope in envelopes if self.carries(envelope.sender, envelope.recipient)]
        if self._hop == 1 and not self._late:
            if carried:
                self.plan(self.now + 1, *carried)
            return
        for envelope in carried:
            delay = 1 if self._hop == 1 else self._chance.randint(1, self._hop)
            self.plan(self.now + delay + self._late.get(envelope.sender, 0), envelope)

    def carries(self, sender: str, recipient: str) -> bool:
        """Say whether a link is whole; asked once more on arrival, so a cut loses what is under way."""
        return self._side[sender] == self._side[recipient] and recipient not in self._down

    def advance(self, now: int, acting: Sequence[Injection], driven: Driven) -> None:
        """Let time pass to a moment; if other faults act than before, they do from that moment on."""
        if tuple(acting) != self._acting:
            self._let_pass(now - 1, driven)
            self.now = now
            before, self._acting = self._acting, tuple(acting)
            driven.suffer(before, self._acting)
        self._let_pass(now, driven)

    def _let_pass(self, moment: int, driven: Driven) -> None:
        """Let happen what is due by a moment, in order; meanwhile time is that of what happens."""
        moments = self._moments
        while moments and moments[0] <= moment:
            self.now = moments[0]
            for event in self._agenda[self.now]:  # what is planned for this moment meanwhile is among it
                match event:
                    case Envelope():
                        if self.carries(event.sender, event.recipient):
                            driven.deliver(event)
                    case Wake():
                        if event.agent not in self._down:
                            driven.wake(event.agent, event.life)
                    case _:
                        event()
            del self._agenda[heapq.heappop(moments)]
            driven.settle()
            if driven.is_over:
                return
        self.now = max(self.now, moment)

    def is_down(self, agent: str) -> bool:
        """Say whether an agent's replica is down."""
        return agent in self._down

    def sides(self) -> tuple[tuple[str, ...], ...]:
        """Give the sides of the partition, each sorted; one side if there is none."""
        found: dict[int, list[str]] = {}
        for agent, side in self._side.items():
            found.setdefault(side, []).append(agent)
        return tuple(tuple(sorted(agents)) for _, agents in sorted(found.items()))

    def suffer(self, acting: Sequence[Injection], *, silent: frozenset[str]) -> None:
        """Let exactly these injections act, and those agents be down whose replicas take no part at all."""
        self._late = {one.agent: one.milliseconds for one in acting if isinstance(one, Delay)}
        self._down = {one.agent for one in acting if isinstance(one, Crash)} | silent
        self._side = dict.fromkeys(self._side, 0)
        for partition in (one for one in acting if isinstance(one, Partition)):
            sides = {agent: place for place, group in enumerate(partition.groups, 1) for agent in group}
            for agent, side in self._side.items():
                self._side[agent] = side * (len(partition.groups) + 1) + sides.get(agent, 0)
