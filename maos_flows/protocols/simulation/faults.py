"""Faults as data: what may go wrong in a run, how often, and the two ways of drawing it from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import assert_never


class Profile(StrEnum):
    """How a seed becomes a fault plan."""

    CALM = "calm"
    """No faults: for message counts and measurements."""
    UNIFORM = "uniform"
    """Every kind of fault at a moderate rate."""
    SWARM = "swarm"
    """Each seed switches a random subset of the kinds off: finds subtle errors five times as often."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Stop these links; each is (from address, to address), so one way is one pair."""

    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mend:
    """Let these links carry again."""

    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Crash:
    """Stop a replica, losing all it had not written; `down` is how long, None until the run ends."""

    address: str
    down: int | None = None


Disturbance = Cut | Mend | Crash


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """What may go wrong. Rates are chances in [0, 1]; times are units of the virtual clock.

    Attributes:
        drop: Chance that a message is lost.
        loss_by_type: The same for one type of message, (type name, chance), on top of `drop`.
        duplicate: Chance that it arrives twice, the copy with a delay of its own.
        delay: Shortest and longest time on the wire; unequal bounds already reorder a little.
        reorder: Chance that it takes up to `long_delay` and is overtaken.
        long_delay: See `reorder`.
        disturb_every: Mean time between disturbances of the kinds below; 0 for none.
        one_way: Weight of cutting links in one direction.
        two_way: Weight of cutting the replicas in two halves.
        clog: Weight of cutting all of one replica's links one after another, mended in another order.
        crash: Weight of crashing a replica, which then restarts.
        outage: Longest time a cut or a crash lasts.
        slow_disk: Chance that a write takes up to `disk_delay`, and is lost in a crash before its end.
        disk_delay: See `slow_disk`.
        tick_jitter: Most that one tick of a replica is late.
        script: Disturbances at fixed times, (time, disturbance).
        twins: Agents that run twice with one key. Read by the Byzantine world.
        liars: (agent, name of its script). Read by the Byzantine world.
    """

    drop: float = 0.0
    loss_by_type: tuple[tuple[str, float], ...] = ()
    duplicate: float = 0.0
    delay: tuple[int, int] = (1, 1)
    reorder: float = 0.0
    long_delay: int = 150
    disturb_every: int = 0
    one_way: float = 0.0
    two_way: float = 0.0
    clog: float = 0.0
    crash: float = 0.0
    outage: int = 400
    slow_disk: float = 0.0
    disk_delay: int = 40
    tick_jitter: int = 0
    script: tuple[tuple[int, Disturbance], ...] = ()
    twins: tuple[str, ...] = ()
    liars: tuple[tuple[str, str], ...] = ()


CALM = FaultPlan()
UNIFORM = FaultPlan(
    drop=0.05,
    duplicate=0.05,
    delay=(1, 12),
    reorder=0.05,
    disturb_every=100,
    outage=150,
    one_way=1.0,
    two_way=1.0,
    clog=1.0,
    crash=2.0,
    slow_disk=0.1,
    tick_jitter=3,
)
_KINDS = ("drop", "duplicate", "reorder", "one_way", "two_way", "clog", "crash", "slow_disk", "tick_jitter")


def draw_plan(profile: Profile, chance: Random, message_types: Sequence[str]) -> FaultPlan:
    """Draw a seed's fault plan. `message_types` are the names that may suffer losses of their own."""
    match profile:
        case Profile.CALM:
            return CALM
        case Profile.UNIFORM:
            return UNIFORM
        case Profile.SWARM:
            return _draw_swarm(chance, message_types)
        case _:
            assert_never(profile)


def _draw_swarm(chance: Random, message_types: Sequence[str]) -> FaultPlan:
    off = {kind: 0 for kind in _KINDS if chance.random() < 0.5}  # noqa: PLR2004  half of the kinds, on average
    plan = FaultPlan(
        drop=chance.uniform(0.0, 0.3),
        duplicate=chance.uniform(0.0, 0.3),
        delay=(1, chance.choice((1, 5, 15, 40))),
        reorder=chance.uniform(0.0, 0.3),
        long_delay=chance.choice((60, 150, 400)),
        disturb_every=chance.choice((60, 150, 400)),
        one_way=1.0,
        two_way=1.0,
        clog=1.0,
        crash=chance.choice((1.0, 4.0)),
        outage=chance.choice((30, 100, 300)),
        slow_disk=chance.uniform(0.0, 0.5),
        disk_delay=chance.choice((10, 40, 120)),
        tick_jitter=chance.choice((2, 5, 9)),
        loss_by_type=_draw_losses(chance, message_types),
    )
    return replace(plan, **off)  # type: ignore[arg-type]  # the names are _KINDS, all numbers


def _draw_losses(chance: Random, message_types: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Draw a loss of their own for a few types of message, in half of the seeds."""
    if chance.random() < 0.5:  # noqa: PLR2004  one half
        return ()
    return tuple((name, chance.uniform(0.2, 0.9)) for name in message_types if chance.random() < 0.2)  # noqa: PLR2004
