"""What can be made to go wrong with agents' replicas, and where a run learns what is going wrong now.

A run asks its `FaultSource` what is acting. On virtual time the source says when it next changes; on the clock it is
asked again every so often, so it may read from the audit store what another process puts there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Crash:
    """An agent's replica is down; when this ends it is back, with what it had written."""

    agent: str


@dataclass(frozen=True, slots=True)
class Partition:
    """Replicas of different groups do not hear each other; an agent in no group is in one with all such agents."""

    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Delay:
    """Whatever an agent's replica sends takes so much longer."""

    agent: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Equivocate:
    """An agent signs a second, different ballot and tells one half of its peers other things than the rest.

    Byzantine agreement only; the second ballot is signed when this acts for the first time before it has voted, or
    after. Needs the agent's private key here: for an agent whose key is elsewhere its replica alone contradicts itself.
    """

    agent: str


@dataclass(frozen=True, slots=True)
class Lie:
    """An agent's replica claims what never happened: forged, replayed, malformed and invented messages.

    Byzantine agreement only. Its ballot stays what the agent answered; answers are falsified where they are collected.
    """

    agent: str


Injection = Crash | Partition | Delay | Equivocate | Lie
"""One thing that is made to go wrong. Equal values are one."""


class FaultSource(Protocol):
    """Where a run learns what is made to go wrong. Times are milliseconds since the run began."""

    def acting(self, now: int) -> Sequence[Injection]:
        """Give all that is acting now; what is no longer among it has ended. May block: it is called in a thread."""
        ...

    def next_change(self, now: int) -> int | None:
        """Say when to ask again, later than now; None if nothing will ever change."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """An injection from one moment to another, in milliseconds since the run began; None is for good."""

    injection: Injection
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """Faults that are known beforehand: for tests, and for drills that stand in a workflow."""

    spans: tuple[Span, ...] = ()

    def acting(self, now: int) -> Sequence[Injection]:
        """Give all that is acting now."""
        return tuple(
            span.injection for span in self.spans if span.start <= now and (span.end is None or now < span.end)
        )

    def next_change(self, now: int) -> int | None:
        """Say when the next span begins or ends."""
        moments = [moment for span in self.spans for moment in (span.start, span.end) if moment is not None]
        return min((moment for moment in moments if moment > now), default=None)


NO_FAULTS = Script()
"""Nothing is made to go wrong."""
