"""The replicas of a Byzantine decision: each agent's copy of the protocol, and the phases that people follow.

1. Information gathering: every agent's signed ballot is cast by its replica. 2. Cross-validation: replicas pass on what
they got, so that two ballots of one agent meet, and claims that contradict each other are disputed. 3. Detection.
4. Vote collection: PROPOSE, PREPARE, COMMIT. 5. Agreement: a quorum's COMMITs are the certificate.

Disputes are suspicion and cost nobody its ballot; two ballots signed by one agent are proof and void each other. An
agent that gave no ballot takes no part: its replica is silent and counts among the faulty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from maos_flows.agreement.binding import AgentSigning, Binding, detail_of
from maos_flows.agreement.disputes import disputes
from maos_flows.agreement.faults import Equivocate, Injection, Lie
from maos_flows.agreement.network import Network, Wake
from maos_flows.agreement.telling import Agreed, Happening
from maos_flows.model import Ballot, Certificate, EventKind, Fault
from maos_flows.protocols import byzantine as protocol
from maos_flows.protocols.byzantine import Misdeed, Replica, Signed, Timing
from maos_flows.protocols.byzantine.messages import Ballots
from maos_flows.protocols.simulation.byzantine_liars import Liar
from maos_flows.protocols.step import Envelope, Step
from maos_flows.signing import SigningKey

HOP_MS = 5
_CROSS_HOPS = 6
_WINDOW_TICKS = 4
_LAST_VIEWS = 3
_LINGER_HOPS = 60
_MESSAGES_A_TICK = 4
_INCLUSION_TICKS = 1  # a message takes less than half a tick, so a primary that has not got it by then hides it
AnyStep = Step[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Pacing:
    """How fast a run goes, in milliseconds.

    Attributes:
        hop: A tick of the protocol; a message takes a quarter of it at most, so proposal, PREPARE and COMMIT fit in one
            tick, and nobody has to pass on a ballot that the proposal brings.
        gathering: Over how long the ballots are cast.
        give_up: When the run ends without agreement; None for `f + 3` views.
        linger: How long replicas that are down or cut off are waited for once the others have agreed.
    """

    hop: int = HOP_MS
    gathering: int = 0
    give_up: int | None = None
    linger: int = _LINGER_HOPS * HOP_MS


@dataclass(slots=True)
class _Seat:
    """One agent's replica: an honest one, or a liar with the same key.

    Attributes:
        replica: It, in its present life.
        durable: What outlives a crash.
        life: Tells the times it wanted to be woken apart; only the last one counts.
        ticked_at: The tick up to which its time has passed.
        wakes_at: The tick at which it is woken next; None if it is not.
        is_due: Whether its ballot is to be cast by now.
    """

    replica: Replica | Liar
    durable: protocol.Durable
    life: int = 0
    ticked_at: int = 0
    wakes_at: int | None = None
    is_due: bool = False


class ByzantineReplicas:
    """All replicas of one Byzantine decision.

    Args:
        binding: What is agreed upon, and who may sign.
        ballots: By agent, the ballots it signed: one, or two that differ. Who is missing is silent.
        keys: By agent, the key of its replica; every agent that is not silent needs one.
        seed: Where chance comes from.
        pacing: How fast it goes.
    """

    def __init__(
        self,
        binding: Binding,
        ballots: Mapping[str, Sequence[Ballot]],
        keys: Mapping[str, SigningKey],
        *,
        seed: int,
        pacing: Pacing = Pacing(),
    ) -> None:
        self.binding = binding
        self.agreement = binding.agreement
        self._ballots = {agent: tuple(ballots[agent]) for agent in self.agreement.agents if ballots.get(agent)}
        self._keys = keys
        self._pacing = pacing
        self._seed = seed
        self._chance = Random(seed)  # noqa: S311  replayable from the recorded seed; keys are drawn elsewhere
        self._network = Network(self.agreement.agents, self._chance, max(1, pacing.hop // _MESSAGES_A_TICK))
        self._silent = frozenset(agent for agent in self.agreement.agents if agent not in self._ballots)
        self._cross_at = pacing.gathering + pacing.hop
        self._last_cast = self._cross_at + _CROSS_HOPS * pacing.hop
        window = self._last_cast // pacing.hop + _WINDOW_TICKS
        self._timing = Timing(ballot_window=window, inclusion_delay=_INCLUSION_TICKS)
        views = self._timing.timeout(self.agreement.faults + _LAST_VIEWS + 1)
        self._give_up = pacing.give_up if pacing.give_up is not None else (window + views) * pacing.hop
        self._told: list[Happening] = []
        self._proven: dict[tuple[str, str], Fault] = {}
        self._suspected: dict[tuple[str, str], Fault] = {}
        self._decided_at: int | None = None
        self._certificate: protocol.Certificate | None = None
        self._phase = ""
        self._highest_view = 1
        self._has_lied = False
        self._seats = {agent: self._seat(agent) for agent in self._ballots}
        self._network.suffer((), silent=self._silent)
        self._plan()

    @property
    def is_over(self) -> bool:
        """Whether all that can have agreed have, too many are faulty, or the time is over."""
        now = self._network.now
        if self._is_hopeless or now >= self._give_up:
            return True
        if self._decided_at is None or (self._undecided() and now < self._decided_at + self._pacing.linger):
            return False
        if self._has_lied and now <= self._last_cast + self._pacing.hop:
            return False  # a lying primary need not wait for the ballots, its own among them, that will convict it
        return not self._has_unnoticed_ballots()

    @property
    def next_at(self) -> int:
        """The moment up to which nothing happens by itself."""
        if self._decided_at is None:
            return self._network.next_at(self._give_up)
        return self._network.next_at(self._give_up, self._decided_at + self._pacing.linger)

    def advance(self, now: int, acting: Sequence[Injection]) -> Sequence[Happening]:
        """Let time pass to a moment under these faults, and give what happened."""
        self._network.advance(now, acting, self)
        told, self._told = self._told, []
        return told

    def agreed(self) -> Agreed:
        """Give what the replicas agreed on."""
        faults = (*self._proven.values(), *self._suspected.values())
        n, f = self.agreement.size, self.agreement.faults
        faulty = sorted({*self._silent, *self._culprits})
        details = {
            "protocol": "byzantine",
            "agents": n,
            "faults_borne": f,
            "quorum": self.agreement.quorum,
            "seed": self._seed,
            "milliseconds": self._network.now,
            "messages": self._network.sent,
            "views": self._highest_view,
            "silent": sorted(self._silent),
            "proven": sorted(self._culprits),
        }
        if self._is_hopeless:
            words = f"{len(faulty)} of {n} agents are silent or proven faulty, and at most {f} can be borne"
            return Agreed(False, f"{words}: {', '.join(faulty)}", faults=faults, details=details)
        if self._certificate is None:
            words = f"no {self.agreement.quorum} of {n} replicas agreed in {self._highest_view} views"
            return Agreed(False, words, faults=faults, details=details)
        certificate = self._certificate
        voided = {agent for agent, kind in self._proven if kind == "equivocation"}
        voided |= {entry.agent for entry in certificate.value.entries if entry.is_equivocation}
        counted = tuple(entry.agent for entry in certificate.value.entries if entry.agent not in voided)
        words = (
            f"{len(certificate.commits)} of {n} replicas signed the same {len(certificate.value.entries)} ballots in "
            f"view {certificate.view}"
        )
        details["view"] = certificate.view
        recorded = Certificate(
            certificate.view,
            tuple((entry.agent, entry.ballots) for entry in certificate.value.entries),
            tuple((commit.agent, commit.token) for commit in certificate.commits),
        )
        return Agreed(True, words, counted, tuple(sorted(voided)), faults, certificate=recorded, details=details)

    @property
    def _culprits(self) -> set[str]:
        return {agent for agent, _ in self._proven}

    @property
    def _is_hopeless(self) -> bool:
        return len(self._silent | self._culprits) > self.agreement.faults

    def _seat(self, agent: str) -> _Seat:
        replica = Replica(self.agreement, agent, self._signing(agent), timing=self._timing)
        return _Seat(replica, replica.durable)

    def _signing(self, agent: str) -> AgentSigning:
        return AgentSigning(self.binding, agent, self._keys[agent], self._ballots[agent][0])

    def _plan(self) -> None:
        """Let the first primary cast last, when all others' ballots have met: it proposes as soon as it has all."""
        gathering, agents = self._pacing.gathering, tuple(self._ballots)
        primary = self.agreement.primary(1)
        plan = self._network.plan
        plan(0, lambda: self._enter("information_gathering", self._gathered()))
        for place, agent in enumerate(agents):
            at = self._last_cast if agent == primary else gathering * place // max(1, len(agents))
            plan(at, partial(self._cast, agent))
        plan(self._cross_at, self._cross_validate)

    def _gathered(self) -> str:
        text = f"{len(self._ballots)} of {self.agreement.size} agents signed a ballot"
        return f"{text}; silent: {', '.join(sorted(self._silent))}" if self._silent else text

    def _cross_validate(self) -> None:
        said = [ballots[0] for ballots in self._ballots.values()]
        found = disputes(said)
        words = f"{len(found)} claims are disputed" if found else "no claim is disputed"
        self._enter("cross_validation", f"replicas show each other the signed ballots; {words}")
        for fault in found:
            self._suspect(fault, by=fault.evidence[0])

    def _enter(self, phase: str, text: str) -> None:
        if phase != self._phase:
            self._phase = phase
            title = phase.replace("_", " ")
            self._tell(EventKind.PHASE, f"{title}: {text}", data={"phase": phase})

    def _tell(
        self, kind: EventKind, text: str, agent: str | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        self._told.append(Happening(self._network.now, kind, text, agent, {"at_ms": self._network.now, **(data or {})}))

    def _cast(self, agent: str) -> None:
        seat = self._seats[agent]
        seat.is_due = True
        if self._network.is_down(agent):
            return
        first, *others = self._ballots[agent]
        self._catch_up(agent, seat)
        self._perform(agent, seat, seat.replica.propose(first.choice, detail_of(first)))
        for other in others:
            message = Ballots((Signed(agent, other.signature),))
            self._network.send([Envelope(agent, peer, message) for peer in self.agreement.agents if peer != agent])

    def deliver(self, envelope: Envelope[Any]) -> None:
        """Hand a message to its recipient's replica, if it has one."""
        seat = self._seats.get(envelope.recipient)
        if seat is not None:
            self._catch_up(envelope.recipient, seat)
            self._perform(envelope.recipient, seat, seat.replica.handle(envelope))

    def wake(self, agent: str, life: int) -> None:
        """Let a replica's time pass up to now, unless it has another life or another hour to be woken by now."""
        seat = self._seats[agent]
        if seat.life == life:
            seat.wakes_at = None
            self._catch_up(agent, seat)

    def settle(self) -> None:
        """Replicas answer at once: nothing is left for a moment's end."""

    def _catch_up(self, agent: str, seat: _Seat) -> None:
        """Let a replica's time pass up to now."""
        ticks = self._network.now // self._pacing.hop - seat.ticked_at
        if ticks > 0:
            seat.ticked_at += ticks
            step = seat.replica.tick(ticks) if isinstance(seat.replica, Replica) else seat.replica.tick()
            self._perform(agent, seat, step)

    def _perform(self, agent: str, seat: _Seat, step: AnyStep) -> None:
        """Write, send, note; and wake the replica when time matters to it next."""
        if step.durable is not None:
            seat.durable = step.durable
        if step.messages:
            self._network.send(step.messages)
        is_honest = isinstance(seat.replica, Replica)
        if is_honest:
            self._note(agent, step)
        deadline = step.deadline if is_honest else 1
        wakes_at = None if deadline is None else seat.ticked_at + deadline
        if wakes_at != seat.wakes_at:
            seat.life += 1
            seat.wakes_at = wakes_at
            if wakes_at is not None:
                self._network.plan(wakes_at * self._pacing.hop, Wake(agent, seat.life))

    def _note(self, agent: str, step: AnyStep) -> None:
        """Tell what an honest replica's step shows."""
        for fault in step.faults:
            found = fault.evidence[0] if fault.evidence else None
            if isinstance(found, protocol.Evidence):
                self._convict(agent, found)
            else:
                self._suspect(Fault(fault.peer, fault.reason, is_proof=False, evidence=(agent,)), by=agent)
        durable = step.durable
        if durable is None:
            return  # nor has it decided
        if durable.view > self._highest_view:
            self._highest_view = durable.view
            primary = self.agreement.primary(durable.view)
            text = f"view {durable.view}: the primary before was silent or refused; {primary} is to propose"
            self._tell(EventKind.ELECTION, text, primary, {"view": durable.view, "cause": "view_timeout"})
        if durable.propose is not None and self._phase in {"information_gathering", "cross_validation"}:
            self._detect()
            entries = len(durable.propose.value.entries)
            text = f"{agent} proposes {entries} ballots in view {durable.view}; replicas PREPARE and COMMIT"
            self._enter("vote_collection", text)
        for decision in step.outputs:
            self._decide(agent, decision.certificate)

    def _detect(self) -> None:
        named = ", ".join(sorted(self._culprits))
        self._enter("detection", f"proven to contradict itself: {named}" if named else "nobody contradicted itself")

    def _decide(self, agent: str, certificate: protocol.Certificate) -> None:
        if self._certificate is None:
            self._certificate = certificate
            self._decided_at = self._network.now
            holders = [commit.agent for commit in certificate.commits]
            text = f"{len(holders)} of {self.agreement.size} replicas signed COMMIT for the same ballots"
            self._enter("agreement", f"{text} in view {certificate.view}")
            data = {"view": certificate.view, "holders": holders, "value": certificate.value.digest}
            self._tell(EventKind.COMMIT, f"{agent} holds the certificate: {text}", agent, data)

    def _convict(self, by: str, evidence: protocol.Evidence) -> None:
        kind = "equivocation" if evidence.misdeed is Misdeed.TWO_BALLOTS else evidence.misdeed.name.lower()
        if (evidence.agent, kind) in self._proven:
            return
        tokens = tuple(f"{said.value} {token}" for said, token in evidence.statements)
        self._proven[evidence.agent, kind] = Fault(evidence.agent, kind, is_proof=True, evidence=tokens)
        what = kind.replace("_", " ")
        voids = "; its ballots void each other" if kind == "equivocation" else ""
        text = f"{evidence.agent} is proven faulty by {len(tokens)} signed statements ({what}){voids}"
        self._tell(EventKind.EVIDENCE, text, evidence.agent, {"kind": kind, "code": evidence.misdeed.value, "by": by})

    def _suspect(self, fault: Fault, *, by: str) -> None:
        if (fault.agent_id, fault.kind) not in self._suspected:
            self._suspected[fault.agent_id, fault.kind] = fault
            text = f"{fault.agent_id} is suspected by {by}: {fault.kind.replace('_', ' ')}"
            self._tell(EventKind.SUSPICION, text, fault.agent_id, {"kind": fault.kind, "by": by})

    def suffer(self, before: Sequence[Injection], acting: Sequence[Injection]) -> None:
        """Let other faults act than before: who was down comes back, who was honest lies, and the other way round."""
        was_down = {agent for agent in self._seats if self._network.is_down(agent)}
        self._network.suffer(acting, silent=self._silent)
        lying = {one.agent: one for one in acting if isinstance(one, Equivocate | Lie)}
        lied = {one.agent for one in before if isinstance(one, Equivocate | Lie)}
        self._has_lied = self._has_lied or bool(lying)
        for agent, seat in self._seats.items():
            is_back = agent in was_down and not self._network.is_down(agent)
            if agent in lying and agent not in lied:
                self._begin_lying(agent, seat, lying[agent])
            elif (agent in lied and agent not in lying) or is_back:
                self._restart(agent, seat)

    def _begin_lying(self, agent: str, seat: _Seat, lie: Equivocate | Lie) -> None:
        script = "split" if isinstance(lie, Equivocate) else "chameleon"
        seat.replica = Liar(self.agreement, agent, self._signing(agent), script, self._chance)
        self._begin_again(agent, seat)

    def _restart(self, agent: str, seat: _Seat) -> None:
        seat.replica = Replica(self.agreement, agent, self._signing(agent), timing=self._timing, durable=seat.durable)
        self._begin_again(agent, seat)

    def _begin_again(self, agent: str, seat: _Seat) -> None:
        seat.life += 1
        seat.wakes_at = None
        seat.ticked_at = self._network.now // self._pacing.hop
        if seat.is_due:
            self._cast(agent)

    def _undecided(self) -> bool:
        """Say whether an honest replica that takes part has no certificate yet."""
        return any(isinstance(seat.replica, Replica) and seat.durable.decided is None for seat in self._seats.values())

    def _has_unnoticed_ballots(self) -> bool:
        """Say whether honest replicas hold different ballots of one agent and none has the proof yet."""
        honest = [seat.replica for seat in self._seats.values() if isinstance(seat.replica, Replica)]
        for agent in self._ballots:
            held = {token for replica in honest for token in replica.ballots.held(agent)}
            if len(held) > 1 and (agent, "equivocation") not in self._proven:
                return True
        return False
