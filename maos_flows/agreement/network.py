"""The links between the replicas of one process, and what is to happen when: a heap ordered by time.

It has no clock: `until` hands out what is due by a moment that whoever runs it names.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from maos_flows.agreement.faults import Crash, Delay, Injection, Partition
from maos_flows.protocols.step import Envelope

Happens = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message reaches its recipient."""

    envelope: Envelope[Any]


@dataclass(frozen=True, slots=True)
class Wake:
    """A replica wanted to be woken now; `life` tells its lives apart."""

    agent: str
    life: int


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
        self._agenda: list[tuple[int, int, Delivery | Wake | Happens]] = []
        self._count = 0

    @property
    def next_at(self) -> int | None:
        """When the next thing happens; None if nothing will."""
        return self._agenda[0][0] if self._agenda else None

    def plan(self, at: int, event: Delivery | Wake | Happens) -> None:
        """Let something happen at a moment; of two at one moment the one planned first is first."""
        self._count += 1
        heapq.heappush(self._agenda, (max(at, self.now), self._count, event))

    def send(self, envelope: Envelope[Any]) -> None:
        """Put a message on the wire."""
        self.sent += 1
        if self.carries(envelope.sender, envelope.recipient):
            delay = self._chance.randint(1, self._hop) + self._late.get(envelope.sender, 0)
            self.plan(self.now + delay, Delivery(envelope))

    def carries(self, sender: str, recipient: str) -> bool:
        """Say whether a link is whole; asked once more on arrival, so a cut loses what is under way."""
        return self._side[sender] == self._side[recipient] and recipient not in self._down

    def until(self, moment: int) -> Iterator[Delivery | Wake | Happens]:
        """Hand out what is due by a moment, in order; meanwhile time is that of the event handed out."""
        while self._agenda and self._agenda[0][0] <= moment:
            self.now, _, event = heapq.heappop(self._agenda)
            if not isinstance(event, Delivery) or self.carries(event.envelope.sender, event.envelope.recipient):
                yield event
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
