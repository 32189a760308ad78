"""Draw what goes wrong next: cuts one way and two, links clogged one by one, crashes; what stays broken."""

from collections.abc import Sequence
from random import Random

from maos_flows.protocols.simulation.faults import Crash, Cut, Disturbance, FaultPlan, Mend

Timed = tuple[int, Disturbance]
Link = tuple[str, str]


def draw_disturbance(plan: FaultPlan, chance: Random, addresses: Sequence[str]) -> Sequence[Timed]:
    """Draw one disturbance by the plan's weights, and its end: each with the delay until it happens."""
    weights = (plan.one_way, plan.two_way, plan.clog, plan.crash)
    if not any(weights) or len(addresses) < 2:  # noqa: PLR2004  one replica has no links
        return ()
    (kind,) = chance.choices(("one_way", "two_way", "clog", "crash"), weights)
    outage = chance.randint(1, plan.outage)
    match kind:
        case "crash":
            return ((0, Crash(chance.choice(addresses), outage)),)
        case "clog":
            return _clog(chance, addresses, outage)
        case _:
            links = _split(chance, addresses, both_ways=kind == "two_way")
            return ((0, Cut(links)), (outage, Mend(links)))


def draw_lasting_break(chance: Random, outsider: str, addresses: Sequence[str]) -> Disturbance:
    """Draw how a replica outside the healed core stays broken for ever: alone, deaf, mute or stopped."""
    inward = tuple((other, outsider) for other in addresses if other != outsider)
    outward = tuple((outsider, other) for other in addresses if other != outsider)
    return chance.choice((Cut(inward + outward), Cut(inward), Cut(outward), Crash(outsider)))


def _split(chance: Random, addresses: Sequence[str], *, both_ways: bool) -> tuple[Link, ...]:
    shuffled = chance.sample(addresses, len(addresses))
    size = chance.randint(1, len(addresses) - 1)
    links = tuple((one, other) for one in shuffled[:size] for other in shuffled[size:])
    return links + tuple((other, one) for one, other in links) if both_ways else links


def _clog(chance: Random, addresses: Sequence[str], outage: int) -> Sequence[Timed]:
    """Stop one replica's links at different times and mend them in another order."""
    victim = chance.choice(addresses)
    timed: list[Timed] = []
    for other in addresses:
        if other == victim:
            continue
        for link in ((victim, other), (other, victim)):
            start = chance.randint(0, outage)
            timed.append((start, Cut((link,))))
            timed.append((start + chance.randint(1, outage), Mend((link,))))
    return timed
