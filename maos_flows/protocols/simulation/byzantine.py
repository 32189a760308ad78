"""Byzantine agreement in the simulation: replicas, twins with one key, scripted liars, and what liveness demands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from maos_flows.protocols.byzantine.agreement import Agreement, Seat
from maos_flows.protocols.byzantine.evidence import Misdeed, Utterance, name_culprits
from maos_flows.protocols.byzantine.messages import MESSAGES
from maos_flows.protocols.byzantine.replica import Replica
from maos_flows.protocols.byzantine.state import Durable, Timing
from maos_flows.protocols.byzantine.statements import Kind, Signed
from maos_flows.protocols.byzantine.wire import decode, encode
from maos_flows.protocols.canonical import sha256_hex
from maos_flows.protocols.simulation.byzantine_invariants import ByzantineInvariants
from maos_flows.protocols.simulation.byzantine_liars import SCRIPT_NAMES, Liar
from maos_flows.protocols.simulation.byzantine_watcher import ByzantineWatcher, summary
from maos_flows.protocols.simulation.driver import Simulation
from maos_flows.protocols.simulation.events import Act, Deliver, Disturb, Event
from maos_flows.protocols.simulation.fake_signing import Keyring
from maos_flows.protocols.simulation.faults import FaultPlan, Profile
from maos_flows.protocols.simulation.report import Report, Violation
from maos_flows.protocols.simulation.transcript import describe
from maos_flows.protocols.simulation.world import AnyStep, Settings
from maos_flows.protocols.step import Envelope

SIZES = (4, 4, 4, 5, 6, 7, 7, 8)
CHOICES = ("no", "yes")
TWIN = "'"
AFTER_HEALING = 300
LIVE_WITHIN = 8_000
RETRY_CAST = 40
_CAST_DELAYS = (0, 0, 0, 5, 30, 100, 300)
_STARVED = (
    ("Commit", 0.9, 0.5),
    ("Decided", 0.9, 0.5),
    ("Prepare", 0.3, 0.2),
    ("Propose", 0.3, 0.2),
    ("Ballots", 0.4, 0.3),
)
MESSAGE_TYPES = tuple(message.__name__ for message in MESSAGES)


@dataclass(frozen=True, slots=True)
class Cast:
    """An agent gives its replica its answer."""

    address: str

    def __str__(self) -> str:
        return f"{self.address} casts its ballot"


def run(seed: int, profile: Profile = Profile.SWARM, settings: Settings | None = None) -> Report:
    """Run one seed of Byzantine agreement. The plan's twins and liars lie; if it has none, the seed draws up to f.

    With more than f in the plan the run demands what then still holds: two certificates name f + 1 culprits.
    """
    settings = settings or Settings()
    settings = replace(settings, live_within=min(settings.live_within, LIVE_WITHIN))
    simulation = Simulation(seed, profile, settings, message_types=MESSAGE_TYPES)
    if profile is not Profile.CALM and settings.plan is None:
        simulation.network.plan = starve(simulation.plan, simulation.chance)
    return simulation.run(ByzantineWorld(simulation))


def starve(plan: FaultPlan, chance: Random) -> FaultPlan:
    """Lose most messages of some types, in half of the seeds: values are prepared and not decided, or only by a few.

    Without this most seeds decide in the first view, and view changes have nothing to preserve.
    """
    if chance.random() < 0.5:  # noqa: PLR2004  half of the seeds
        return plan
    hungry = tuple((name, chance.uniform(least, 0.95)) for name, odds, least in _STARVED if chance.random() < odds)
    return replace(plan, loss_by_type=plan.loss_by_type + hungry)


class ByzantineWorld:
    """The replicas of one decision. The seed also draws their number, liars, ballots and timing."""

    def __init__(self, simulation: Simulation) -> None:
        chance = simulation.chance
        self._simulation = simulation
        size = simulation.settings.size or chance.choice(SIZES)
        agents = tuple(f"a{number:02}" for number in range(1, size + 1))
        self._keyring = Keyring(simulation.seed)
        seats = tuple(Seat(agent, f"key of {agent}") for agent in agents)
        self.agreement = Agreement(f"decision {simulation.seed}", "simulated?", CHOICES, seats)
        self._timing = Timing(
            ballot_window=chance.choice((0, 2, 6)),
            base_timeout=chance.choice((2, 4, 8)),
            resend_every=chance.choice((2, 4)),
            inclusion_delay=chance.choice((1, 2, 6)),
        )
        self._is_by_wire = chance.random() < 0.2  # noqa: PLR2004  a fifth of the seeds, for it is slow
        self._draw_liars(agents)
        byzantine = {*self._twins, *self._scripts}
        self.honest = frozenset(agent for agent in agents if agent not in byzantine)
        self.addresses = (*agents, *(f"{agent}{TWIN}" for agent in self._twins))
        self._places = {agent: (agent, f"{agent}{TWIN}") if agent in self._twins else (agent,) for agent in agents}
        self._choices = {address: chance.choice(CHOICES) for address in self.addresses}
        self._has_cast: set[str] = set()
        self._replicas: dict[str, Replica | Liar] = {}
        self._disks: dict[str, Durable] = {address: Durable() for address in self.addresses}
        self._lives: dict[str, int] = dict.fromkeys(self.addresses, 0)
        self._touched: dict[str, None] = {}
        self._core: tuple[str, ...] = ()
        self._highest_view = 1
        self._last_view = 0
        self._end = 0
        self._is_live = False
        self._watcher = ByzantineWatcher(simulation)
        self.invariants = ByzantineInvariants(self.agreement, self._keyring.verify, self.honest)

    @property
    def is_within_tolerance(self) -> bool:
        """Whether at most f agents are Byzantine."""
        return self.agreement.size - len(self.honest) <= self.agreement.faults

    def start(self) -> None:
        """Boot all replicas and let agents answer within a while."""
        for address in self.addresses:
            self.restart(address)
            delay = 0 if self._simulation.profile is Profile.CALM else self._simulation.chance.choice(_CAST_DELAYS)
            self._simulation.clock.schedule(delay, Act(Cast(address)))

    def restart(self, address: str) -> None:
        """Boot a replica from its disk; a liar is as it was."""
        agent = address.rstrip(TWIN)
        signing = self._keyring.signing(agent)
        self._lives[address] += 1
        script = self._scripts.get(agent)
        if script is None:
            self._replicas[address] = Replica(
                self.agreement, agent, signing, timing=self._timing, durable=self._disks[address]
            )
        else:
            self._replicas[address] = Liar(self.agreement, agent, signing, script, self._simulation.chance)
        if address in self._has_cast:
            self._cast(address)

    def crash(self, address: str) -> None:
        """Lose a replica and all it had in memory."""
        del self._replicas[address]
        self._touched[address] = None

    def deliver(self, event: Deliver) -> None:
        """Hand a message to its recipient, in some seeds as bytes."""
        address, envelope = event.target, event.envelope
        replica = self._replicas[address]
        if self._is_by_wire and isinstance(envelope.message, MESSAGES):
            self._check_wire(envelope.message)
            envelope = Envelope(envelope.sender, envelope.recipient, encode(envelope.message))
        if address in self.honest and isinstance(replica, Replica):
            half = self.invariants.hears(replica, self._lives[address], event.envelope)
            self._perform(address, replica.handle(envelope))
            if half is not None:
                self.invariants.heard(replica, half)
        else:
            self._perform(address, replica.handle(envelope))
        self._watcher.message("receive", address, replica, event.envelope)

    def tick(self, address: str) -> None:
        """Let a replica's clock tick."""
        self._perform(address, self._replicas[address].tick())

    def write(self, address: str, durable: Durable) -> None:
        """Change what a replica has on disk."""
        self._disks[address] = durable
        self._watcher.write(address, self._replicas[address], durable)

    def send(self, address: str, step: AnyStep) -> None:
        """Send a step's messages; both twins hear what is for their agent."""
        if address in self.honest:
            self.invariants.sent(address, step)
        for envelope in step.messages:
            self._watcher.message("send", address, self._replicas[address], envelope)
            for target in self._places[envelope.recipient]:
                self._simulation.network.send(address, target, envelope)

    def released(self, address: str, step: AnyStep) -> None:
        """Note what was said."""
        self._touched[address] = None
        for fault in step.faults:
            self._watcher.found(address, self._replicas[address], fault.reason, fault.peer)

    def act(self, action: Cast) -> None:
        """Let an agent cast its ballot, later if its replica is down."""
        if self._simulation.is_up(action.address):
            self._cast(action.address)
        elif not self._simulation.is_healed:
            self._simulation.clock.schedule(RETRY_CAST, Act(action))

    def check(self, event: Event) -> Sequence[Violation]:  # noqa: ARG002  what the event touched is noted as it happens
        """Check every invariant of every honest replica that the event touched; the others cannot have changed."""
        for address in self._touched:
            replica = self._replicas.get(address)
            self._watcher.looked(address, replica)
            if isinstance(replica, Replica) and address in self.honest:
                self.invariants.changed(replica)
                self._highest_view = max(self._highest_view, replica.view)
        if self._touched and self._core:
            self._check_liveness()
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
        return cause + "".join(f" {summary(address, self._replicas.get(address))}" for address in self._touched)

    def core(self) -> Sequence[str]:
        """Choose who heals: of the honest all but as many as liars leave of f; liars as it comes."""
        chance, agreement = self._simulation.chance, self.agreement
        honest = sorted(self.honest)
        spare = max(0, agreement.faults - (agreement.size - len(honest)))
        broken = set(chance.sample(honest, chance.randint(0, spare)))
        lying = [address for address in self.addresses if address not in self.honest and chance.random() < 0.8]  # noqa: PLR2004  most
        return tuple(sorted([agent for agent in honest if agent not in broken] + lying))

    def healed(self, core: Sequence[str]) -> None:
        """Let whoever has not answered yet do so, and fix by which view there must be a decision."""
        self._core = tuple(address for address in core if address in self.honest)
        for address in core:
            self._cast(address)
        views = [self._replicas[address].view for address in self._core]
        adequate, timing = 1, self._timing
        while timing.timeout(adequate) < 4 * timing.resend_every + 8 or timing.patience(adequate) < 4:  # noqa: PLR2004  delays
            adequate += 1
        self._last_view = max(*views, adequate) + self.agreement.faults + 2
        self._end = self._simulation.clock.now + AFTER_HEALING

    def is_live(self) -> bool:
        """Say whether the healed core has done all that is demanded of it."""
        return self._is_live

    def rounds(self) -> int:
        """Give the highest view that an honest replica entered."""
        return self._highest_view

    def _draw_liars(self, agents: Sequence[str]) -> None:
        chance, plan = self._simulation.chance, self._simulation.plan
        self._twins: tuple[str, ...] = plan.twins
        self._scripts = dict(plan.liars)
        if self._twins or self._scripts or self._simulation.profile is Profile.CALM:
            return
        most = self.agreement.faults
        liars = chance.sample(agents, chance.choice((most, most, most, chance.randint(0, most))))
        if chance.random() < 0.5:  # noqa: PLR2004  half of the adversaries take the first primaries
            liars = [self.agreement.primary(view) for view in range(1, len(liars) + 1)]
        self._twins = tuple(sorted(agent for agent in liars if chance.random() < 0.4))  # noqa: PLR2004  the rest has scripts
        names = (*SCRIPT_NAMES, "split", "split", "chameleon", "chameleon", "chameleon")
        self._scripts = {agent: chance.choice(names) for agent in liars if agent not in self._twins}

    def _perform(self, address: str, step: AnyStep) -> None:
        self._touched[address] = None
        self._simulation.perform(address, step)

    def _cast(self, address: str) -> None:
        choice = self._choices[address]
        self._has_cast.add(address)
        if address in self.honest:
            self.invariants.cast(address, choice)
        self._perform(address, self._replicas[address].propose(choice, sha256_hex(address.encode())))

    def _check_wire(self, message: object) -> None:
        if isinstance(message, MESSAGES) and decode(self.agreement, encode(message)) != message:
            self.invariants.violate("wire", f"{type(message).__name__} does not read as it was written")

    def _check_liveness(self) -> None:
        """Demand a decision of all honest replicas in the core, in time, and that double ballots are found out.

        Beyond tolerance nothing is promised but that two certificates name their culprits.
        """
        if not self.is_within_tolerance:
            if self._simulation.clock.now >= self._end:
                self._check_culprits()
                self._is_live = True
            return
        replicas = [self._replicas[address] for address in self._core]
        decided = [replica.decided for replica in replicas if isinstance(replica, Replica)]
        if None in decided or self._has_unnoticed_ballots():
            return
        self._is_live = True
        for certificate in decided:
            if certificate is not None and certificate.view > self._last_view:
                self.invariants.violate("liveness", f"decided in view {certificate.view}, not by {self._last_view}")

    def _has_unnoticed_ballots(self) -> bool:
        """Say whether honest replicas hold different ballots of one agent and none has the evidence."""
        replicas = [one for address in self._core if isinstance(one := self._replicas[address], Replica)]
        for agent in (*self._twins, *self._scripts):
            held = {ballot.token for replica in replicas for ballot in replica.ballots.of(agent)}
            is_known = any(
                (one.agent, one.misdeed) == (agent, Misdeed.TWO_BALLOTS)
                for replica in replicas
                for one in replica.evidence
            )
            if len(held) > 1 and not is_known:
                return True
        return False

    def _check_culprits(self) -> None:
        certificates = {one.value.digest: one for one in self.invariants.certificates}
        if len(certificates) < 2:  # noqa: PLR2004  agreement held by luck
            return
        utterances = [Utterance(Kind.COMMIT, commit) for one in self.invariants.certificates for commit in one.commits]
        for agent in sorted(self.honest):
            for proposal in self._disks[agent].archive:
                utterances.append(Utterance(Kind.PROPOSE, Signed(proposal.agent, proposal.token)))
                utterances += [Utterance(Kind.VIEW_CHANGE, signed) for signed in proposal.changes]
                utterances += [Utterance(Kind.PREPARE, signed) for signed in proposal.prepares]
        culprits = name_culprits(self.agreement, utterances, self._keyring.verify)
        self._simulation.note(f"two certificates; culprits: {' '.join(culprits)}")
        if self.honest & culprits.keys():
            self.invariants.violate("accused", "an honest agent is named as a culprit")
        if len(culprits) < self.agreement.weak_quorum:
            self.invariants.violate("culprits", f"only {len(culprits)} named")
