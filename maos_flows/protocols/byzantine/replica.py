"""The replica as its driver sees it: cast a ballot, handle a message, let time pass; each answers with a step.

It has no clock, chance, disk or keys. The driver writes a step's durable part, then sends its messages.
"""

from dataclasses import replace
from typing import Any, assert_never

from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError, Problem
from maos_flows.protocols.byzantine.aftermath import Aftermath
from maos_flows.protocols.byzantine.agreement import ABSTAIN, Agreement
from maos_flows.protocols.byzantine.ballots import BallotBook
from maos_flows.protocols.byzantine.certificate import Certificate, certificate_problem, tally_value
from maos_flows.protocols.byzantine.evidence import Evidence, Misdeed, is_evidence
from maos_flows.protocols.byzantine.memory import Memory
from maos_flows.protocols.byzantine.messages import (
    MESSAGES,
    Accusation,
    Ballots,
    Commit,
    Decided,
    Fetch,
    Message,
    Prepare,
    Propose,
    Supply,
    ViewChange,
    is_within_bounds,
)
from maos_flows.protocols.byzantine.outbox import ByzantineStep
from maos_flows.protocols.byzantine.state import Decision, Durable, Prepared, Timing
from maos_flows.protocols.byzantine.statements import Kind, Signed, Signing
from maos_flows.protocols.byzantine.value import Value
from maos_flows.protocols.byzantine.views import Views
from maos_flows.protocols.byzantine.wire import decode
from maos_flows.protocols.canonical import is_digest
from maos_flows.protocols.step import Envelope

_START = Durable()
_DEFAULT_TIMING = Timing()
_SIGNED_BY_SENDER = (Prepare, Commit, Propose, ViewChange)


class Replica:
    """One agent's replica in one decision.

    Args:
        agreement: The decision.
        agent: Whose replica this is.
        signing: That agent's key, and everybody's public keys.
        timing: How long to wait for what.
        durable: What an earlier life wrote last; none in the first life.

    Raises:
        NotFoundError: The agent has no seat in the decision.
    """

    def __init__(
        self,
        agreement: Agreement,
        agent: str,
        signing: Signing,
        *,
        timing: Timing = _DEFAULT_TIMING,
        durable: Durable = _START,
    ) -> None:
        if agent not in agreement.places:
            raise NotFoundError(f"agent {agent!r} has no seat in decision {agreement.decision_id!r}")
        self.agreement = agreement
        self.agent = agent
        self._memory = Memory(agreement, agent, signing, timing, durable)
        self._views = Views(self._memory, self._decide)
        self._written = durable
        self._resend_at = timing.resend_every
        self._aftermath: Aftermath | None = None
        if durable.ballot is not None:
            self._memory.absorb([durable.ballot])
            self._memory.unshared.clear()
        if durable.decided is not None:
            self._memory.hold(durable.decided.value)
            self._aftermath = Aftermath(durable.decided, timing.resend_every, 0)

    @property
    def view(self) -> int:
        """The present view."""
        return self._memory.durable.view

    @property
    def durable(self) -> Durable:
        """All that must survive a crash."""
        return self._memory.durable

    @property
    def prepared(self) -> Prepared | None:
        """The value prepared last."""
        return self._memory.durable.prepared

    @property
    def decided(self) -> Certificate | None:
        """The certificate, once there is one."""
        return self._memory.durable.decided

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All evidence found or received since this replica started."""
        return tuple(self._memory.evidence.values())

    @property
    def verifications(self) -> int:
        """How many signatures were checked since this replica started."""
        return self._memory.reader.verifications

    @property
    def ballots(self) -> BallotBook:
        """The ballots held."""
        return self._memory.ballots

    @property
    def buffered(self) -> int:
        """How many statements and values are kept: bounded, whatever peers send."""
        memory = self._memory
        return len(memory.votes) + len(memory.changes) + len(memory.values) + len(memory.ballots)

    def propose(self, choice: str, detail: str) -> ByzantineStep:
        """Cast this agent's ballot, once.

        Args:
            choice: One of the agreement's choices, or `abstain`.
            detail: SHA-256 in hex of the reasoning and all else that stays outside.

        Raises:
            ConfigurationError: A choice that is not allowed, or a detail that is no digest.
            ConflictError: Another ballot was cast before, perhaps in an earlier life.
        """
        memory = self._memory
        if choice != ABSTAIN and choice not in self.agreement.choices:
            allowed = ", ".join((*self.agreement.choices, ABSTAIN))
            raise ConfigurationError([Problem("choice", f"{choice[:40]!r} is not allowed; allowed are {allowed}")])
        if not is_digest(detail):
            raise ConfigurationError([Problem("detail", f"{detail[:80]!r} is not a SHA-256 digest in hex")])
        cast = memory.durable.ballot
        if cast is not None:
            statement = memory.reader.ballot(cast)
            if statement is None or (statement.choice, statement.detail) != (choice, detail):
                raise ConflictError(f"agent {self.agent!r} has cast another ballot in {self.agreement.decision_id!r}")
            return self._step()
        ballot = memory.sign_ballot(choice, detail)
        memory.durable = replace(memory.durable, ballot=ballot)
        memory.absorb([ballot])
        memory.unshared.clear()
        memory.out.broadcast(Ballots((ballot,)))
        if self._aftermath is None:
            self._views.propose_if_due()
        return self._step()

    def handle(self, envelope: Envelope[Message | bytes]) -> ByzantineStep:
        """Handle a message from a peer, as a value or as bytes from a wire. Nothing in it can make this raise."""
        message = self._admit(envelope)
        if message is not None:
            if self._aftermath is None:
                self._receive(envelope.sender, message)
            else:
                self._receive_late(envelope.sender, message, self._aftermath)
        return self._step()

    def tick(self, ticks: int = 1) -> ByzantineStep:
        """Let time pass: as many ticks as the driver waited, at most to the deadline of the last step."""
        memory = self._memory
        memory.now += ticks
        if self._aftermath is None:
            self._share()
            self._views.on_timer()
            self._views.propose_if_due()
            if memory.now >= self._resend_at:
                self._resend()
        else:
            asked = self._aftermath.due(memory.peers, memory.now)
            for peer in asked:
                memory.out.send(peer, self._aftermath.message(asks=True))
        return self._step()

    def _admit(self, envelope: Envelope[Any]) -> Message | None:
        """Let in what comes from a peer to us, is readable and no larger than an honest message."""
        message = envelope.message
        if isinstance(message, bytes):
            message = decode(self.agreement, message)
        problem = self._problem_with(envelope, message)
        if problem is not None:
            self._memory.out.suspect(envelope.sender, problem)
            return None
        admitted: Message = message
        return admitted

    def _problem_with(self, envelope: Envelope[Any], message: Any) -> str | None:
        if envelope.recipient != self.agent:
            return "misaddressed"
        if envelope.sender not in self.agreement.places or envelope.sender == self.agent:
            return "unknown_sender"
        if not isinstance(message, MESSAGES):
            return "malformed"
        if not is_within_bounds(self.agreement, message):
            return "oversized"
        if isinstance(message, _SIGNED_BY_SENDER) and message.agent != envelope.sender:
            return "foreign_sender"
        return None

    def _receive(self, sender: str, message: Message) -> None:
        match message:
            case Prepare() | Commit():
                self._take_vote(sender, message)
            case Ballots(ballots):
                self._take_ballots(sender, ballots)
                self._views.propose_if_due()
            case Propose():
                self._views.on_propose(sender, message)
            case ViewChange():
                self._views.on_change(sender, message)
            case Decided():
                self._take_decided(sender, message)
            case _:
                self._receive_rare(sender, message)

    def _receive_rare(self, sender: str, message: Accusation | Fetch | Supply) -> None:
        match message:
            case Accusation(evidence):
                self._take_evidence(sender, evidence)
                self._views.propose_if_due()
            case Fetch(digest):
                self._supply(sender, digest)
            case Supply(value):
                self._take_value(sender, value)
            case _:
                assert_never(message)

    def _receive_late(self, sender: str, message: Message, aftermath: Aftermath) -> None:
        """R3, afterwards: answer anything with the certificate; still take what may convict."""
        memory = self._memory
        match message:
            case Ballots(ballots):
                self._take_ballots(sender, ballots)
            case Accusation(evidence):
                self._take_evidence(sender, evidence)
            case Decided():
                self._take_late(sender, message, aftermath)
            case Prepare() | Commit():
                self._take_vote(sender, message)
            case _:
                pass
        aftermath.hold(self._late_ballots(aftermath), memory.now)
        is_content = isinstance(message, Decided) and not message.asks
        if not is_content and aftermath.may_answer(sender, memory.now):
            memory.out.send(sender, aftermath.message())
            aftermath.told([sender], memory.now)

    def _take_late(self, sender: str, message: Decided, aftermath: Aftermath) -> None:
        """Take late ballots; and say so if the impossible has happened, which needs more than f liars."""
        self._take_ballots(sender, message.others)
        aftermath.hold(self._late_ballots(aftermath), self._memory.now)
        aftermath.heard(sender, message.others)
        certificate = Certificate(message.view, message.value, message.commits)
        is_other = certificate.value.digest != aftermath.certificate.value.digest
        if is_other and certificate_problem(self._memory.reader, certificate) is None:
            self._memory.out.suspect(sender, "second_certificate")

    def _take_vote(self, sender: str, message: Prepare | Commit) -> None:
        kind = Kind.PREPARE if isinstance(message, Prepare) else Kind.COMMIT
        self._views.on_vote(sender, kind, message)
        self._fetch()

    def _decide(self, certificate: Certificate) -> None:
        """R3: decide once, tell the application and all peers."""
        memory = self._memory
        memory.durable = replace(memory.durable, decided=certificate)
        memory.out.say(Decision(certificate, tally_value(memory.reader, certificate.value)))
        self._aftermath = Aftermath(certificate, memory.timing.resend_every, memory.now)
        self._aftermath.hold(self._late_ballots(self._aftermath), memory.now)
        self._aftermath.told(memory.peers, memory.now)
        memory.out.broadcast(self._aftermath.message())

    def _take_ballots(self, sender: str, ballots: tuple[Signed, ...]) -> None:
        if not self._memory.absorb(ballots):
            self._memory.out.suspect(sender, "invalid_ballot")

    def _take_decided(self, sender: str, message: Decided) -> None:
        memory = self._memory
        certificate = Certificate(message.view, message.value, message.commits)
        if certificate_problem(memory.reader, certificate) is not None:
            memory.out.suspect(sender, "invalid_certificate")
            return
        memory.hold(message.value)
        self._take_ballots(sender, message.others)
        self._decide(certificate)

    def _take_evidence(self, sender: str, evidence: Evidence) -> None:
        memory = self._memory
        if (evidence.agent, evidence.misdeed) in memory.evidence:
            return
        if not is_evidence(memory.reader, evidence):
            memory.out.suspect(sender, "false_accusation")
            return
        memory.convict(evidence, is_ours=False)
        if evidence.misdeed is Misdeed.TWO_BALLOTS:
            memory.absorb(Signed(evidence.agent, token) for _, token in evidence.statements)

    def _supply(self, sender: str, digest: str) -> None:
        value = self._memory.value(digest)
        if value is not None:
            self._memory.out.send(sender, Supply(value))

    def _take_value(self, sender: str, value: Value) -> None:
        if value.digest not in self._views.wanted:
            return
        if not self._memory.hold(value):
            self._memory.out.suspect(sender, "invalid_value")
            return
        self._views.advance()

    def _fetch(self) -> None:
        """Ask those who voted for a value that is not held here."""
        for digest, votes in self._views.wanted.items():
            for vote in votes:
                if vote.agent != self.agent:
                    self._memory.out.send(vote.agent, Fetch(digest))

    def _share(self) -> None:
        """Pass on others' ballots seen since the last tick: every honest primary shall know them."""
        memory = self._memory
        if memory.unshared:
            memory.out.broadcast(Ballots(tuple(memory.unshared[: 2 * self.agreement.size])))
            memory.unshared.clear()

    def _resend(self) -> None:
        """Say again whatever may have been lost."""
        memory = self._memory
        self._resend_at = memory.now + memory.timing.resend_every
        ballots = memory.ballots.all(self.agreement.agents)
        if ballots:
            memory.out.broadcast(Ballots(ballots))
        for message in self._views.repeated():
            memory.out.broadcast(message)
        self._views.advance()
        self._fetch()

    def _late_ballots(self, aftermath: Aftermath) -> tuple[Signed, ...]:
        counted = aftermath.certificate.value.agents
        return self._memory.ballots.all(agent for agent in self.agreement.agents if agent not in counted)

    def _step(self) -> ByzantineStep:
        durable = self._memory.durable
        changed = durable if durable is not self._written else None
        self._written = durable
        return self._memory.out.step(changed, self._deadline())

    def _deadline(self) -> int | None:
        memory = self._memory
        if self._aftermath is not None:
            return self._aftermath.deadline(memory.peers, memory.now)
        if memory.unshared:
            return 1
        due = min(self._views.expires_at, self._resend_at)
        if memory.now < memory.timing.ballot_window:
            due = min(due, memory.timing.ballot_window)
        return max(1, due - memory.now)
