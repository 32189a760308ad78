"""The world outside the replicas: a virtual clock and links that lose, delay, double and reorder."""

import heapq
from collections.abc import Iterable
from random import Random
from typing import Any

from maos_flows.protocols.simulation.events import Deliver, Event
from maos_flows.protocols.simulation.faults import FaultPlan
from maos_flows.protocols.step import Envelope


class Clock:
    """A heap of (time, sequence number, event): the only time there is, and a total order of what happens."""

    def __init__(self) -> None:
        self.now = 0
        self._sequence = 0
        self._heap: list[tuple[int, int, Event]] = []

    def schedule(self, delay: int, event: Event) -> None:
        """Let `event` happen `delay` units from now; of two at one time the one scheduled first is first."""
        self._sequence += 1
        heapq.heappush(self._heap, (self.now + delay, self._sequence, event))

    @property
    def is_empty(self) -> bool:
        """Whether nothing will ever happen again."""
        return not self._heap

    def next_event(self) -> Event:
        """Move to the next event and take it."""
        self.now, _, event = heapq.heappop(self._heap)
        return event


class Network:
    """Links between addresses. An address is a replica's place; two twins are one agent at two addresses.

    Attributes:
        plan: What may go wrong; may be exchanged at any time.
        sent: Messages handed in so far.
        cut: The links that carry nothing now, each (from, to).
    """

    def __init__(self, clock: Clock, chance: Random, plan: FaultPlan) -> None:
        self.sent = 0
        self.cut: set[tuple[str, str]] = set()
        self._clock = clock
        self._chance = chance
        self.plan = plan

    @property
    def plan(self) -> FaultPlan:
        """What may go wrong from now on."""
        return self._plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._loss_by_type = dict(plan.loss_by_type)

    def send(self, source: str, target: str, envelope: Envelope[Any]) -> None:
        """Put a message on the wire between two addresses: it arrives never, once or twice, some time."""
        self.sent += 1
        if (source, target) in self.cut or self._is_lost(envelope):
            return
        self._clock.schedule(self._delay(), Deliver(source, target, envelope))
        if self._plan.duplicate and self._chance.random() < self._plan.duplicate:
            self._clock.schedule(self._delay(), Deliver(source, target, envelope))

    def carries(self, source: str, target: str) -> bool:
        """Say whether the link is whole: asked once more on arrival, so a cut loses what is under way."""
        return (source, target) not in self.cut

    def stop(self, links: Iterable[tuple[str, str]]) -> None:
        """Cut these links."""
        self.cut.update(links)

    def mend(self, links: Iterable[tuple[str, str]]) -> None:
        """Let these links carry again."""
        self.cut.difference_update(links)

    def _is_lost(self, envelope: Envelope[Any]) -> bool:
        plan = self._plan
        if plan.drop and self._chance.random() < plan.drop:
            return True
        if not self._loss_by_type:
            return False
        loss = self._loss_by_type.get(type(envelope.message).__name__, 0.0)
        return loss > 0 and self._chance.random() < loss

    def _delay(self) -> int:
        plan = self._plan
        shortest, longest = plan.delay
        if plan.reorder and self._chance.random() < plan.reorder:
            longest = max(longest, plan.long_delay)
        return shortest if shortest == longest else self._chance.randint(shortest, longest)
