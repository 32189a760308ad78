"""Say what happens in a run in words: one line an event, for people and for scenario files."""

from typing import assert_never

from maos_flows.protocols.simulation.events import Act, Deliver, Disturb, Event, Restart, Tick, Written
from maos_flows.protocols.simulation.faults import Crash, Cut, Disturbance, Mend


def describe(event: Event) -> str:
    """Describe an event in one line."""
    match event:
        case Deliver():
            return f"{event.source} -> {event.target}  {event.envelope.message}"
        case Tick():
            return f"{event.address} ticks"
        case Written():
            return f"{event.address} has written"
        case Restart():
            return f"{event.address} restarts"
        case Disturb():
            return describe_disturbance(event.disturbance)
        case Act():
            return f"client: {event.action}"
        case _:
            assert_never(event)


def describe_disturbance(disturbance: Disturbance | None) -> str:
    """Describe a disturbance in one line; None is one still to be drawn."""
    match disturbance:
        case None:
            return "something goes wrong"
        case Cut():
            return "cut " + _links(disturbance.links)
        case Mend():
            return "mend " + _links(disturbance.links)
        case Crash():
            end = "for good" if disturbance.down is None else f"for {disturbance.down}"
            return f"{disturbance.address} crashes {end}"
        case _:
            assert_never(disturbance)


def _links(links: tuple[tuple[str, str], ...]) -> str:
    return " ".join(f"{source}>{target}" for source, target in links)
