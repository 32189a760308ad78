"""How a protocol plugs into the simulation: its world owns replicas, disks, clients and invariants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from maos_flows.protocols.simulation.events import Deliver, Event
from maos_flows.protocols.simulation.faults import FaultPlan, Profile
from maos_flows.protocols.simulation.report import Report, Violation
from maos_flows.protocols.step import Step

AnyStep = Step[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and how closely watched a run is.

    Attributes:
        events: Length of the safety phase.
        size: Number of replicas; None lets the seed draw it.
        plan: Faults; None lets the profile draw them.
        stop_after: End after so many events in all, whatever the phase: replays a prefix.
        live_within: Virtual time that the liveness phase may take.
        live_events: Events that it may take: ends a storm of messages.
        observe: Receives a readable line for everything that happens.
        trace: Receives a mapping for every state change of a replica (docs/protocol-trace.md).
    """

    events: int = 600
    size: int | None = None
    plan: FaultPlan | None = None
    stop_after: int | None = None
    live_within: int = 20_000
    live_events: int = 100_000
    observe: Callable[[str], None] | None = None
    trace: Callable[[Mapping[str, object]], None] | None = None


class Runner(Protocol):
    """A protocol's `run`: what the command line and the tests call."""

    def __call__(self, seed: int, profile: Profile = ..., settings: Settings = ...) -> Report:
        """Run one seed to its report."""
        ...


class World(Protocol):
    """A protocol's replicas, clients and invariants.

    Whenever a replica has answered an input, the world hands its steps to `Simulation.perform`, which writes,
    then asks the world to `send`, then says `released`.
    """

    @property
    def addresses(self) -> Sequence[str]:
        """Every replica's address, twins' too, in a fixed order."""
        ...

    def start(self) -> None:
        """Boot all replicas and schedule what clients do (`Simulation.clock.schedule(delay, Act(...))`)."""
        ...

    def deliver(self, event: Deliver) -> None:
        """Give `event.envelope` to the living replica at `event.target`."""
        ...

    def tick(self, address: str) -> None:
        """Tell a living replica that its clock ticked."""
        ...

    def write(self, address: str, durable: Any) -> None:
        """Note that this part of a step survives a crash of the replica from now on."""
        ...

    def send(self, address: str, step: AnyStep) -> None:
        """Hand the step's messages to `Simulation.network.send`; its durable part is written."""
        ...

    def released(self, address: str, step: AnyStep) -> None:
        """Note that a step is done with: written and sent; its outputs are due."""
        ...

    def crash(self, address: str) -> None:
        """Forget all that is not on the replica's disk."""
        ...

    def restart(self, address: str) -> None:
        """Boot a replica from its disk."""
        ...

    def act(self, action: Any) -> None:
        """Do what an `Act` says."""
        ...

    def check(self, event: Event) -> Sequence[Violation]:
        """Check all invariants; called after every event."""
        ...

    def fingerprint(self, event: Event) -> str:
        """Sum up what the event did, for the trace hash: short, and the same in every process."""
        ...

    def core(self) -> Sequence[str]:
        """Choose the addresses that will heal; the rest stays broken for ever."""
        ...

    def healed(self, core: Sequence[str]) -> None:
        """Begin the liveness phase."""
        ...

    def is_live(self) -> bool:
        """Say whether the healed core has done all that liveness demands."""
        ...

    def rounds(self) -> int:
        """Give the highest term or round seen."""
        ...
