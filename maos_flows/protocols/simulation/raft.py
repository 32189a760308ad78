"""Raft in the simulation: replicas, disks, clients, and what liveness demands of a healed majority."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

from maos_flows.protocols.raft import Replica, Role
from maos_flows.protocols.raft_config import RaftConfig
from maos_flows.protocols.raft_decision import DecisionState, Opening, apply_entry
from maos_flows.protocols.raft_log import Saved, Write
from maos_flows.protocols.raft_messages import MESSAGE_TYPES
from maos_flows.protocols.raft_requests import Committed
from maos_flows.protocols.simulation.driver import Simulation
from maos_flows.protocols.simulation.events import Act, Deliver, Disturb, Event
from maos_flows.protocols.simulation.faults import Mend, Profile
from maos_flows.protocols.simulation.raft_clients import (
    CHOICES,
    DECISION,
    FRESH,
    Ambush,
    Campaign,
    Propose,
    ProposeFresh,
    Read,
    Request,
    Transfer,
    draw_ambush,
    draw_request,
)
from maos_flows.protocols.simulation.raft_invariants import RaftInvariants
from maos_flows.protocols.simulation.raft_watcher import RaftWatcher, summary
from maos_flows.protocols.simulation.report import Report, Violation
from maos_flows.protocols.simulation.transcript import describe
from maos_flows.protocols.simulation.world import AnyStep, Settings
from maos_flows.quorum import majority

SIZES = (1, 2, 3, 3, 3, 4, 5, 5, 5, 7)
FRESH_EVERY = 100
LIVE_WITHIN = 3_000
LIVE_EVENTS = 10_000


def run(seed: int, profile: Profile = Profile.SWARM, settings: Settings | None = None) -> Report:
    """Run one seed of Raft. Liveness may take thirty election timeouts, or less by `settings.live_within`."""
    settings = settings or Settings()
    bounded = replace(
        settings, live_within=min(settings.live_within, LIVE_WITHIN), live_events=min(settings.live_events, LIVE_EVENTS)
    )
    simulation = Simulation(seed, profile, bounded, message_types=MESSAGE_TYPES)
    return simulation.run(RaftWorld(simulation))


class RaftWorld:
    """The replicas of one decision. The seed also draws their number, append cap, heartbeat and election options."""

    def __init__(self, simulation: Simulation) -> None:
        chance = simulation.chance
        self._simulation = simulation
        size = simulation.settings.size or chance.choice(SIZES)
        self.addresses = tuple(f"a{number}" for number in range(1, size + 1))
        is_guarded = chance.random() < 0.6  # noqa: PLR2004  mostly with both options, as they are by default
        self._options: dict[str, Any] = {
            "max_entries_per_append": chance.choice((1, 2, 4, 64)),
            "election_ticks": chance.choice((4, 5, 10)),
            "heartbeat_ticks": chance.choice((1, 2, 3)),
            "pre_vote": is_guarded or chance.random() < 0.5,  # noqa: PLR2004  else one, the other or neither
            "check_quorum": is_guarded or chance.random() < 0.5,  # noqa: PLR2004  as above
        }
        self._request_every = chance.choice((10, 30, 80))
        self._ambush = chance.choice((0.0, 0.05, 0.15)) if simulation.plan.disturb_every else 0.0
        self._requests = 0
        self._core: tuple[str, ...] = ()
        self._has_fresh: set[str] = set()
        self._touched: dict[str, None] = {}
        self._replicas: dict[str, Replica] = {}
        self._states: dict[str, DecisionState] = {}
        self._disks = {agent: Saved() for agent in self.addresses}
        self._highest_term = 0
        self.invariants = RaftInvariants(self._disks)
        self._watcher = RaftWatcher(simulation)

    def start(self) -> None:
        """Boot all replicas and let the first client come."""
        for agent in self.addresses:
            self.restart(agent)
        self._simulation.clock.schedule(self._request_every, Act(None))

    def restart(self, address: str) -> None:
        """Boot a replica from its disk; the decision is folded anew from what will be committed."""
        config = RaftConfig(address, self.addresses, **self._options)
        chance, least = self._simulation.chance, config.election_ticks
        replica = Replica(config, lambda: chance.randrange(least, 2 * least))
        replica.restore(self._disks[address])
        self._replicas[address] = replica
        self._states[address] = DecisionState()
        self.invariants.born(address, replica)
        self._drain(address)

    def crash(self, address: str) -> None:
        """Lose a replica and all it had in memory."""
        del self._replicas[address]
        self._touched[address] = None
        self.invariants.died(address)

    def deliver(self, event: Deliver) -> None:
        """Hand a message to its recipient."""
        replica = self._replicas[event.target]
        replica.step(event.envelope)
        self._watcher.message("receive", replica, event.envelope)
        self._drain(event.target)

    def tick(self, address: str) -> None:
        """Let a replica's clock tick."""
        self._replicas[address].tick()
        self._drain(address)

    def write(self, address: str, durable: Write) -> None:
        """Change what a replica has on disk."""
        before = self._disks[address]
        after = durable.onto(before)
        self._disks[address] = after
        self.invariants.wrote(address, before, after)
        self._watcher.write(address, self._replicas[address], durable)

    def send(self, address: str, step: AnyStep) -> None:
        """Send a step's messages."""
        for envelope in step.messages:
            self.invariants.sent(envelope)
            self._watcher.message("send", self._replicas[address], envelope)
            self._simulation.network.send(address, envelope.recipient, envelope)

    def released(self, address: str, step: AnyStep) -> None:
        """Advance the replica and apply what it has committed."""
        replica = self._replicas[address]
        self.invariants.changed(address)
        for output in step.outputs:
            if isinstance(output, Committed):
                self._apply(address, replica, output)
            else:
                self.invariants.said(address, output)
        for fault in step.faults:
            self.invariants.accused(address, fault)
        replica.advance()
        self._drain(address)

    def _apply(self, address: str, replica: Replica, committed: Committed) -> None:
        for index, entry in enumerate(committed.entries, committed.index):
            state = self._states[address] = apply_entry(self._states[address], index, entry.payload)
            self._watcher.apply(address, replica, index, entry)
            if entry.key == FRESH:
                self._has_fresh.add(address)
            self.invariants.folded(address, index, state)

    def act(self, action: Request | None) -> None:
        """Do what a client asks; None draws it, and the next."""
        if action is not None:
            self._request(action)
        elif not self._simulation.is_healed:
            self._requests += 1
            self._request(self._draw_request())
            delay = self._simulation.chance.randint(1, 2 * self._request_every)
            self._simulation.clock.schedule(delay, Act(None))

    def check(self, event: Event) -> Sequence[Violation]:  # noqa: ARG002  what the event touched is noted as it happens
        """Check every invariant of every replica that the event touched; the others cannot have changed."""
        for agent in self._touched:
            self.invariants.changed(agent)
            if agent in self._replicas:
                self._highest_term = max(self._highest_term, self._replicas[agent].term)
            self._watcher.looked(agent, self._replicas.get(agent))
        self._touched.clear()
        return self.invariants.take()

    def fingerprint(self, event: Event) -> str:
        """Sum up the state of the replicas that the event touched."""
        match event:
            case Deliver():
                cause = f"{event.source} {type(event.envelope.message).__name__}"
            case Disturb() | Act():
                cause = describe(event)
            case _:
                cause = ""
        return cause + "".join(f" {summary(agent, self._replicas.get(agent))}" for agent in self._touched)

    def core(self) -> Sequence[str]:
        """Choose a majority, or all: without PreVote and CheckQuorum a single broken link may prevent any leader."""
        chance, size = self._simulation.chance, len(self.addresses)
        if not (self._options["pre_vote"] and self._options["check_quorum"]):
            return self.addresses
        return tuple(sorted(chance.sample(self.addresses, chance.randint(majority(size), size))))

    def healed(self, core: Sequence[str]) -> None:
        """Let a client propose something new until it is committed."""
        self._core = tuple(core)
        self._propose_fresh()

    def is_live(self) -> bool:
        """Demand one leader in the core, the new proposal applied everywhere in it, and all its logs equal."""
        if len(self._has_fresh) < len(self._core) or not self._has_fresh.issuperset(self._core):
            return False
        replicas = [self._replicas[agent] for agent in self._core]
        leaders = sum(replica.role is Role.LEADER for replica in replicas)
        logs = {(replica.log.entries, replica.commit) for replica in replicas}
        return leaders == 1 and len(logs) == 1

    def rounds(self) -> int:
        """Give the highest term."""
        return self._highest_term

    def _drain(self, agent: str) -> None:
        self._touched[agent] = None
        step = self._replicas[agent].ready()
        if step is not None:
            self._simulation.perform(agent, step)

    def _draw_request(self) -> Request:
        chance, leaders = self._simulation.chance, self._leaders()
        if leaders and chance.random() < self._ambush:
            return draw_ambush(chance, self.addresses, chance.choice(leaders))
        return draw_request(chance, self.addresses, leaders, self._requests)

    def _leaders(self) -> tuple[str, ...]:
        """Give all that believe to lead, the deposed among them: clients that ask these make logs diverge."""
        return tuple(agent for agent in sorted(self._replicas) if self._replicas[agent].role is Role.LEADER)

    def _propose_fresh(self) -> None:
        agent = self._simulation.chance.choice(self._core)
        self._simulation.clock.schedule(FRESH_EVERY, Act(ProposeFresh(agent)))

    def _request(self, request: Request) -> None:
        replica = self._replicas.get(request.agent)
        if replica is None:
            return
        self._simulation.note(f"client: {request}")
        match request:
            case Propose():
                replica.propose(request.payload, request.key)
            case ProposeFresh():
                replica.propose(Opening(DECISION, CHOICES, self.addresses, "digest"), FRESH)
                self._propose_fresh()
            case Read():
                self.invariants.read_asked(request.key)
                replica.read(request.key)
            case Transfer() | Campaign() | Ambush():
                self._unsettle(replica, request)
            case _:
                assert_never(request)
        self._drain(request.agent)

    def _unsettle(self, replica: Replica, request: Transfer | Campaign | Ambush) -> None:
        match request:
            case Transfer():
                replica.transfer(request.target)
            case Campaign():
                replica.campaign()
            case Ambush():
                self._simulation.network.stop(request.links)
                self._simulation.clock.schedule(request.duration, Disturb(Mend(request.links)))
            case _:
                assert_never(request)
