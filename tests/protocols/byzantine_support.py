"""What the tests of Byzantine agreement share: an agreement with keys, statements by anyone, replicas on a table."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from maos_flows.protocols.byzantine import (
    Agreement,
    Decision,
    Durable,
    Entry,
    Kind,
    Replica,
    Seat,
    Signed,
    Timing,
    Value,
)
from maos_flows.protocols.byzantine.messages import (
    Ballots,
    Commit,
    Decided,
    Message,
    Prepare,
    Propose,
    ViewChange,
)
from maos_flows.protocols.byzantine.outbox import ByzantineStep
from maos_flows.protocols.byzantine.statements import ballot_payload, change_payload, vote_payload
from maos_flows.protocols.simulation.fake_signing import Keyring
from maos_flows.protocols.step import Envelope, Fault

DETAIL = "0" * 64
CHOICES = ("yes", "no")


def agents_of(n: int) -> tuple[str, ...]:
    return tuple(f"a{number:02}" for number in range(1, n + 1))


def agreement_of(n: int, **settings: Any) -> Agreement:
    seats = settings.pop("seats", tuple(Seat(agent, f"key of {agent}") for agent in agents_of(n)))
    return Agreement("d1", settings.pop("question", "Shall we?"), settings.pop("choices", CHOICES), seats, **settings)


class Table:
    """Replicas of one decision around a table: nothing happens that a test does not ask for."""

    def __init__(self, n: int = 4, timing: Timing | None = None, agreement: Agreement | None = None) -> None:
        self.agreement = agreement or agreement_of(n)
        self.keyring: Any = Keyring(0)
        self.timing = timing or Timing(ballot_window=2, base_timeout=10, resend_every=4, inclusion_delay=3)
        self.replicas = {agent: self.boot(agent) for agent in self.agreement.agents}
        self.on_the_way: deque[Envelope[Any]] = deque()
        self.sent: list[Envelope[Any]] = []
        self.decisions: dict[str, Decision] = {}
        self.faults: list[tuple[str, Fault]] = []
        self.disks: dict[str, Durable] = {}

    def boot(self, agent: str, durable: Durable | None = None) -> Replica:
        return Replica(
            self.agreement, agent, self.keyring.signing(agent), timing=self.timing, durable=durable or Durable()
        )

    def restart(self, agent: str) -> None:
        self.replicas[agent] = self.boot(agent, self.disks.get(agent))

    def take(self, agent: str, step: ByzantineStep) -> ByzantineStep:
        if step.durable is not None:
            self.disks[agent] = step.durable
        self.sent.extend(step.messages)
        self.on_the_way.extend(step.messages)
        for output in step.outputs:
            assert agent not in self.decisions, "decides twice"
            self.decisions[agent] = output
        self.faults.extend((agent, fault) for fault in step.faults)
        return step

    def cast(self, agent: str, choice: str = "yes") -> ByzantineStep:
        return self.take(agent, self.replicas[agent].propose(choice, DETAIL))

    def cast_all(self, agents: Iterable[str] | None = None) -> None:
        for agent in agents or self.agreement.agents:
            self.cast(agent)

    def give(self, sender: str, recipient: str, message: Any) -> ByzantineStep:
        return self.take(recipient, self.replicas[recipient].handle(Envelope(sender, recipient, message)))

    def give_all(self, sender: str, message: Any) -> None:
        for peer in self.agreement.agents:
            if peer != sender:
                self.give(sender, peer, message)

    def deliver(self, wanted: Callable[[Envelope[Any]], bool] = lambda _: True) -> None:
        """Deliver what is wanted, in order, until nothing is on the way; the rest is lost."""
        while self.on_the_way:
            envelope = self.on_the_way.popleft()
            if wanted(envelope):
                self.give(envelope.sender, envelope.recipient, envelope.message)

    def tick(self, ticks: int = 1, agents: Iterable[str] | None = None) -> None:
        for agent in agents or self.agreement.agents:
            self.take(agent, self.replicas[agent].tick(ticks))

    def lose(self) -> None:
        self.on_the_way.clear()

    def sent_by_type(self) -> Counter[str]:
        return Counter(type(envelope.message).__name__ for envelope in self.sent)

    def messages(self, kind: type, sender: str) -> list[Any]:
        """Give what a replica sent of a type, each broadcast once, in order."""
        seen = (one.message for one in self.sent if isinstance(one.message, kind) and one.sender == sender)
        return list(dict.fromkeys(seen))

    def reasons(self, agent: str) -> list[str]:
        """Give why a replica complained, in order."""
        return [fault.reason for who, fault in self.faults if who == agent]

    # Statements by anyone: the tests hold all keys.

    def ballot(self, agent: str, choice: str = "yes", detail: str = DETAIL) -> Signed:
        payload = ballot_payload(self.agreement, agent, choice, detail)
        return Signed(agent, self.keyring.signing(agent).sign(Kind.BALLOT, payload))

    def vote(self, agent: str, kind: Kind, view: int, digest: str) -> Signed:
        return Signed(agent, self.keyring.signing(agent).sign(kind, vote_payload(self.agreement, view, digest)))

    def change(self, agent: str, view: int, prepared_view: int = 0, prepared_value: str = "") -> Signed:
        payload = change_payload(self.agreement, view, prepared_view, prepared_value)
        return Signed(agent, self.keyring.signing(agent).sign(Kind.VIEW_CHANGE, payload))

    def value(self, choice: str = "yes", agents: Iterable[str] | None = None) -> Value:
        chosen = sorted(agents or self.agreement.agents)
        return Value(tuple(Entry(agent, (self.ballot(agent, choice).token,)) for agent in chosen))

    def votes(self, kind: Kind, view: int, value: Value, agents: Iterable[str] | None = None) -> tuple[Signed, ...]:
        chosen = list(agents or self.agreement.agents)[: self.agreement.quorum]
        return tuple(self.vote(agent, kind, view, value.digest) for agent in chosen)

    def changes(self, view: int, prepared_view: int = 0, value: Value | None = None) -> tuple[Signed, ...]:
        digest = value.digest if value is not None else ""
        agents = self.agreement.agents[: self.agreement.quorum]
        return tuple(self.change(agent, view, prepared_view, digest) for agent in agents)

    # Messages by anyone.

    def propose_message(
        self, view: int, value: Value, changes: tuple[Signed, ...] = (), prepares: tuple[Signed, ...] = ()
    ) -> Propose:
        primary = self.agreement.primary(view)
        return Propose(
            primary, view, self.vote(primary, Kind.PROPOSE, view, value.digest).token, value, changes, prepares
        )

    def prepare_message(self, agent: str, view: int, value: Value) -> Prepare:
        return Prepare(agent, view, value.digest, self.vote(agent, Kind.PREPARE, view, value.digest).token)

    def commit_message(self, agent: str, view: int, value: Value) -> Commit:
        return Commit(agent, view, value.digest, self.vote(agent, Kind.COMMIT, view, value.digest).token)

    def change_message(self, agent: str, view: int, prepared_view: int = 0, value: Value | None = None) -> ViewChange:
        if value is None:
            return ViewChange(agent, view, self.change(agent, view).token)
        prepares = self.votes(Kind.PREPARE, prepared_view, value)
        return ViewChange(agent, view, self.change(agent, view, prepared_view, value.digest).token, prepares, value)

    def decided_message(self, view: int, value: Value, **fields: Any) -> Decided:
        return Decided(view, value, self.votes(Kind.COMMIT, view, value), **fields)

    def primary(self, view: int = 1) -> str:
        return self.agreement.primary(view)

    def backup(self, *views: int) -> str:
        """Name an agent that is primary of none of these views."""
        primaries = {self.agreement.primary(view) for view in views or (1,)}
        return next(agent for agent in self.agreement.agents if agent not in primaries)

    def others(self, *agents: str) -> tuple[str, ...]:
        return tuple(agent for agent in self.agreement.agents if agent not in agents)


def sent_to(step: ByzantineStep, kind: type[Message]) -> list[str]:
    return [envelope.recipient for envelope in step.messages if isinstance(envelope.message, kind)]


def said(step: ByzantineStep, kind: type) -> list[Any]:
    """Give what a step says of a type, each broadcast once."""
    return list(dict.fromkeys(one.message for one in step.messages if isinstance(one.message, kind)))


def reasons(step: ByzantineStep) -> list[str]:
    return [fault.reason for fault in step.faults]


__all__ = ["Ballots", "Table", "agents_of", "agreement_of", "reasons", "said", "sent_to"]
