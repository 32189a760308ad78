"""Plans of drills: which agents fail, how and when, drawn from a seed; the same seed draws the same plan.

Agents are drawn from their sorted names, so the order of an electorate does not matter.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from random import Random

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import FailureKind, PlannedFailure, Protocol

Plan = tuple[PlannedFailure, ...]
WAVES_PER_RECOVERY = 3
"""A cascade takes its next step after a third of the time an agent needs to recover."""


def share_of(share: Fraction, whole: int) -> int:
    """Give the nearest count of a share, half up: at least one, and never all of two or more."""
    return max(1, min(whole - 1, int(share * whole + Fraction(1, 2))))


def check_ratio(value: Fraction, *, path: str) -> Fraction:
    """Give a ratio that is between 0 and 1, and neither.

    Raises:
        ConfigurationError: It is not.
    """
    if not 0 < value < 1:
        raise ConfigurationError([Problem(path, f"{value} must be above 0 and below 1")])
    return value


def byzantine_simulation(
    agents: Iterable[str], *, rate: Fraction, kinds: Sequence[FailureKind], seconds: float, seed: int
) -> Plan:
    """Let a share of the agents lie: each kind is dealt to one of them at least, and each of them gets one at least."""
    liars = _drawn(agents, rate, Random(seed))  # noqa: S311 - replayable from the recorded seed
    dealt: dict[tuple[str, FailureKind], None] = {}
    for place in range(max(len(liars), len(kinds))):
        dealt[liars[place % len(liars)], kinds[place % len(kinds)]] = None
    return tuple(PlannedFailure(kind, (agent,), seconds) for agent, kind in sorted(dealt))


def partition(agents: Iterable[str], *, ratio: Fraction, seconds: float, seed: int) -> Plan:
    """Cut a share of the agents off from the rest."""
    cut_off = _drawn(agents, ratio, Random(seed))  # noqa: S311 - replayable from the recorded seed
    return (PlannedFailure(FailureKind.PARTITION, tuple(sorted(cut_off)), seconds),)


def cascade(
    agents: Iterable[str], *, initial: Fraction, propagation: Fraction, recovery_seconds: float, seed: int
) -> Plan:
    """Let a share of the agents crash, and then wave after wave whom they pull down.

    In each wave every agent that crashed in the wave before pulls down every agent that has not crashed yet with the
    probability given. Each is back after the time it needs to recover, and does not crash again.
    """
    chance = Random(seed)  # noqa: S311 - replayable from the recorded seed
    names = sorted(set(agents))
    falling = sorted(_drawn(names, initial, chance))
    standing = [name for name in names if name not in falling]
    plan: list[PlannedFailure] = []
    wave = 0
    while falling:
        after = wave * recovery_seconds / WAVES_PER_RECOVERY
        plan += [PlannedFailure(FailureKind.CRASH, (name,), recovery_seconds, after) for name in falling]
        pulls = {name: [chance.random() < propagation for _ in falling] for name in standing}
        falling = [name for name in standing if any(pulls[name])]
        standing = [name for name in standing if name not in falling]
        wave += 1
    return tuple(plan)


def most_at_once(plan: Sequence[PlannedFailure]) -> int:
    """Give how many agents fail at the same time at most."""
    return max((len(failing(plan, one.after_seconds)) for one in plan), default=0)


def failing(plan: Iterable[PlannedFailure], moment: float) -> frozenset[str]:
    """Name the agents that fail at a moment."""
    acting = (one for one in plan if one.after_seconds <= moment < one.until_seconds)
    return frozenset(agent for one in acting for agent in one.agents)


def tolerated(protocol: Protocol | None, agents: int) -> int | None:
    """Give how many failing agents a decision bears by its replicas' protocol; None if it has none."""
    match protocol:
        case Protocol.BYZANTINE:
            return (agents - 1) // 3
        case Protocol.RAFT:
            return (agents - 1) // 2
        case None:
            return None


def drawn_share(agents: Iterable[str], share: Fraction, *, seed: int) -> tuple[str, ...]:
    """Draw a share of the agents, sorted."""
    return tuple(sorted(_drawn(agents, share, Random(seed))))  # noqa: S311 - replayable from the recorded seed


def _drawn(agents: Iterable[str], share: Fraction, chance: Random) -> list[str]:
    names = sorted(set(agents))
    count = share_of(share, len(names))
    draw: Callable[[Sequence[str], int], list[str]] = chance.sample
    return draw(names, count)
