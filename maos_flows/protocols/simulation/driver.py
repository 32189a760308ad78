"""Run any protocol's replicas from one seed: a safety phase full of faults, then a liveness phase.

The driver owns the clock, the network, the disks' delays, crashes and the trace hash; the world the rest.
"""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import assert_never

from maos_flows.protocols.simulation.disturbances import draw_disturbance, draw_lasting_break
from maos_flows.protocols.simulation.events import Act, Deliver, Disturb, Event, Restart, Tick, Written
from maos_flows.protocols.simulation.faults import Crash, Cut, Disturbance, Mend, Profile, draw_plan
from maos_flows.protocols.simulation.network import Clock, Network
from maos_flows.protocols.simulation.report import Report, Violation
from maos_flows.protocols.simulation.transcript import describe, describe_disturbance
from maos_flows.protocols.simulation.world import AnyStep, Settings, World

TICK_UNITS = 10
HEALED_DELAY = (1, 4)
HEALED_DISK_DELAY = 5


@dataclass(slots=True)
class _Host:
    """A place where a replica lives, crashes and comes back."""

    life: int = 0
    is_up: bool = True
    is_busy: bool = False
    pending: deque[AnyStep] = field(default_factory=deque)


class Simulation:
    """One run. Make it, make the world with it, then `run(world)`.

    Attributes:
        seed: The run's seed.
        profile: How the seed becomes a plan.
        settings: Length, size and watchers.
        chance: The only source of chance; worlds draw from it too.
        plan: The faults of the safety phase.
        clock: Virtual time.
        network: The links.
    """

    def __init__(self, seed: int, profile: Profile, settings: Settings, *, message_types: Sequence[str]) -> None:
        self.seed = seed
        self.profile = profile
        self.settings = settings
        self.chance = Random(seed)
        self.plan = settings.plan or draw_plan(profile, self.chance, message_types)
        self.clock = Clock()
        self.network = Network(self.clock, self.chance, self.plan)
        self.is_healed = False
        self._hosts: dict[str, _Host] = {}
        self._hash = hashlib.sha256()
        self._events = 0
        self._present: Event | None = None
        self._healed_at = 0
        self._deadline = 0
        self._last_event = 0

    def run(self, world: World) -> Report:
        """Run to the first violation, to a live end, or to `settings.stop_after`."""
        self._world = world
        self._hosts = {address: _Host() for address in world.addresses}
        for time, disturbance in self.plan.script:
            self.clock.schedule(time, Disturb(disturbance))
        if self.plan.disturb_every:
            self._schedule_disturbance()
        world.start()
        for address in world.addresses:
            self._schedule_tick(address)
        violations = tuple(self._loop())
        return Report(
            seed=self.seed,
            profile=self.profile.value,
            trace_hash=self._hash.hexdigest(),
            decided=self.is_healed and not violations and world.is_live(),
            rounds=world.rounds(),
            messages=self.network.sent,
            events=self._events,
            virtual_time=self.clock.now,
            violations=violations,
        )

    def is_up(self, address: str) -> bool:
        """Say whether a replica lives there now."""
        return self._hosts[address].is_up

    def is_busy(self, address: str) -> bool:
        """Say whether a write is under way there."""
        return self._hosts[address].is_busy

    def perform(self, address: str, step: AnyStep) -> None:
        """Write a step's durable part, then send its messages; a replica's steps in order."""
        host = self._hosts[address]
        host.pending.append(step)
        if not host.is_busy:
            self._drain(address, host)

    def note(self, line: str) -> None:
        """Tell the observer something readable about the present event."""
        self._announce()
        if self.settings.observe is not None:
            self.settings.observe(f"{self.clock.now:>6}   {line}")

    def _announce(self) -> None:
        """Name the present event, once. A tick only if it has a consequence to tell; an act still to be drawn never."""
        if self.settings.observe is not None and self._present is not None:
            self.settings.observe(f"{self.clock.now:>6} {describe(self._present)}")
            self._present = None

    def _loop(self) -> Sequence[Violation]:
        limit = self.settings.stop_after
        while limit is None or self._events < limit:
            if not self.is_healed and (self._events >= self.settings.events or self.clock.is_empty):
                self._heal()
            if self.is_healed:
                if self._world.is_live():
                    return ()
                if self.clock.now > self._deadline or self._events > self._last_event:
                    after = f"{self.clock.now - self._healed_at} units after healing"
                    return (Violation("liveness", f"not live {after}, {self._events} events in all"),)
            violations = self._next()
            if violations:
                for violation in violations:
                    self.note(f"VIOLATION {violation}")
                return violations
        return ()

    def _next(self) -> Sequence[Violation]:
        event = self.clock.next_event()
        self._events += 1
        self._present = event if event != Act(None) else None
        if not isinstance(event, Tick):
            self._announce()
        self._handle(event)
        summary = f"{self.clock.now} {type(event).__name__} {self._world.fingerprint(event)}\n"
        self._hash.update(summary.encode())
        return self._world.check(event)

    def _handle(self, event: Event) -> None:
        match event:
            case Deliver():
                if self._hosts[event.target].is_up and self.network.carries(event.source, event.target):
                    self._world.deliver(event)
            case Tick():
                self._tick(event)
            case Written():
                self._written(event)
            case Restart():
                self._restart(event)
            case Disturb():
                self._disturb(event)
            case Act():
                self._world.act(event.action)
            case _:
                assert_never(event)

    def _tick(self, event: Tick) -> None:
        host = self._hosts[event.address]
        if host.is_up and host.life == event.life:
            self._schedule_tick(event.address)
            self._world.tick(event.address)

    def _schedule_tick(self, address: str) -> None:
        jitter = self.network.plan.tick_jitter
        late = self.chance.randint(0, jitter) if jitter else 0
        self.clock.schedule(TICK_UNITS + late, Tick(address, self._hosts[address].life))

    def _drain(self, address: str, host: _Host) -> None:
        host.is_busy = True
        while host.pending:
            step = host.pending[0]
            plan = self.network.plan
            if step.durable is not None and plan.slow_disk and self.chance.random() < plan.slow_disk:
                self.clock.schedule(self.chance.randint(1, plan.disk_delay), Written(address, host.life))
                return
            self._complete(address, host)
        host.is_busy = False

    def _complete(self, address: str, host: _Host) -> None:
        step = host.pending[0]
        if step.durable is not None:
            self._world.write(address, step.durable)
        self._world.send(address, step)
        host.pending.popleft()
        self._world.released(address, step)

    def _written(self, event: Written) -> None:
        host = self._hosts[event.address]
        if host.is_up and host.life == event.life:
            self._complete(event.address, host)
            self._drain(event.address, host)

    def _restart(self, event: Restart) -> None:
        host = self._hosts[event.address]
        if host.is_up or host.life != event.life:
            return
        host.is_up = True
        self._schedule_tick(event.address)
        self._world.restart(event.address)

    def _crash(self, address: str) -> None:
        """Stop a replica. A write under way may have reached the disk although its messages never left."""
        host = self._hosts[address]
        if not host.is_up:
            return
        if host.pending and host.pending[0].durable is not None and self.chance.random() < 0.5:  # noqa: PLR2004  either way
            self._world.write(address, host.pending[0].durable)
        host.pending.clear()
        host.is_busy = False
        host.life += 1
        host.is_up = False
        self._world.crash(address)

    def _schedule_disturbance(self) -> None:
        self.clock.schedule(self.chance.randint(1, 2 * self.plan.disturb_every), Disturb())

    def _disturb(self, event: Disturb) -> None:
        if self.is_healed:
            return
        if event.disturbance is not None:
            self._apply(event.disturbance)
            return
        self._schedule_disturbance()
        for delay, disturbance in draw_disturbance(self.plan, self.chance, self._world.addresses):
            self._apply_later(delay, disturbance)

    def _apply_later(self, delay: int, disturbance: Disturbance) -> None:
        if delay:
            self.clock.schedule(delay, Disturb(disturbance))
        else:
            self._apply(disturbance)

    def _apply(self, disturbance: Disturbance) -> None:
        self.note(describe_disturbance(disturbance))
        match disturbance:
            case Cut():
                self.network.stop(disturbance.links)
            case Mend():
                self.network.mend(disturbance.links)
            case Crash():
                self._crash(disturbance.address)
                host = self._hosts[disturbance.address]
                if disturbance.down is None:
                    host.life += 1  # it may have been down already, to restart later
                else:
                    self.clock.schedule(disturbance.down, Restart(disturbance.address, host.life))
            case _:
                assert_never(disturbance)

    def _heal(self) -> None:
        """Make the core's links, disks and replicas sound, and break the others for ever."""
        world, plan = self._world, self.plan
        self.is_healed = True
        self._healed_at = self.clock.now
        self._deadline = self.clock.now + self.settings.live_within
        self._last_event = self._events + self.settings.live_events
        calm_disk = min(plan.disk_delay, HEALED_DISK_DELAY)
        self.network.plan = replace(
            plan, drop=0.0, loss_by_type=(), reorder=0.0, delay=HEALED_DELAY, disk_delay=calm_disk
        )
        self.network.cut.clear()
        core = tuple(world.core())
        self.note(f"healed: {' '.join(core)}")
        for address in world.addresses:
            if address not in core:
                self._apply(draw_lasting_break(self.chance, address, world.addresses))
            elif not self._hosts[address].is_up:
                self._restart(Restart(address, self._hosts[address].life))
        world.healed(core)
