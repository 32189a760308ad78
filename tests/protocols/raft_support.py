"""Raft replicas by hand: feed one message, see what it says; or a few replicas whose messages the test delivers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from maos_flows.protocols.raft import Replica, Role
from maos_flows.protocols.raft_config import RaftConfig
from maos_flows.protocols.raft_log import Saved, Write
from maos_flows.protocols.raft_messages import AppendRequest, Entry, Message, VoteReply
from maos_flows.protocols.raft_requests import Committed, Output
from maos_flows.protocols.step import Envelope, Fault

TRIO = ("a", "b", "c")
FIVE = ("a", "b", "c", "d", "e")
PAPER = {"pre_vote": False, "check_quorum": False}


def terms(*numbers: int) -> tuple[Entry, ...]:
    """Make a log of these terms; the payload is the place, so that two logs of equal terms are equal."""
    return tuple(Entry(term, f"{term}@{index}", f"{term}@{index}") for index, term in enumerate(numbers, 1))


def log_terms(replica: Replica) -> tuple[int, ...]:
    return tuple(entry.term for entry in replica.log.entries)


@dataclass
class Said:
    """What a replica said until nothing was ready."""

    messages: list[Envelope[Message]] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def to(self, agent: str) -> list[Message]:
        return [envelope.message for envelope in self.messages if envelope.recipient == agent]

    def of(self, *kinds: type) -> list[Message]:
        return [envelope.message for envelope in self.messages if isinstance(envelope.message, kinds)]

    @property
    def reasons(self) -> list[str]:
        return [fault.reason for fault in self.faults]

    @property
    def applied(self) -> list[int]:
        committed = [output for output in self.outputs if isinstance(output, Committed)]
        return [index for output in committed for index in range(output.index, output.last + 1)]


def make(
    agent: str = "a",
    electorate: tuple[str, ...] = TRIO,
    saved: Saved | None = None,
    *,
    timeout: int | Callable[[], int] = 10,
    **options: object,
) -> Replica:
    draw = timeout if callable(timeout) else lambda: timeout
    replica = Replica(RaftConfig(agent, electorate, **options), draw)
    if saved is not None:
        replica.restore(saved)
    return replica


def follower(*numbers: int, term: int | None = None, vote: str | None = None, **options: object) -> Replica:
    """Make replica a, which has a log of these terms on disk."""
    present = term if term is not None else max(numbers, default=0)
    return make(saved=Saved(present, vote, terms(*numbers)), **options)


def drain(replica: Replica) -> Said:
    said = Said()
    while (step := replica.ready()) is not None:
        said.messages += step.messages
        said.writes += [step.durable] if step.durable is not None else []
        said.outputs += step.outputs
        said.faults += step.faults
        replica.advance()
    return said


def give(replica: Replica, sender: str, *messages: Message) -> Said:
    """Let a replica take in messages of one sender, and drain it."""
    for message in messages:
        replica.step(Envelope(sender, replica.config.agent, message))
    return drain(replica)


def tick(replica: Replica, times: int = 1) -> Said:
    for _ in range(times):
        replica.tick()
    return drain(replica)


def candidate(*numbers: int, electorate: tuple[str, ...] = TRIO, **options: object) -> Replica:
    """Make replica a stand for election in the term after its log's last."""
    replica = make(
        electorate=electorate, saved=Saved(max(numbers, default=0), None, terms(*numbers)), **PAPER | options
    )
    replica.campaign()
    drain(replica)
    assert replica.role is Role.CANDIDATE or len(electorate) == 1
    return replica


def leader(*numbers: int, electorate: tuple[str, ...] = TRIO, **options: object) -> Replica:
    """Make replica a lead the term after its log's last, its empty entry sent and written but unanswered."""
    replica = candidate(*numbers, electorate=electorate, **options)
    for voter in replica.config.peers[: replica.config.quorum - 1]:
        give(replica, voter, VoteReply(replica.term, is_granted=True))
    assert replica.role is Role.LEADER
    return replica


def append(
    term: int, previous: tuple[int, int] = (0, 0), entries: Iterable[Entry] = (), *, commit: int = 0
) -> AppendRequest:
    """Make an append after (index, term)."""
    return AppendRequest(term, previous[0], previous[1], tuple(entries), commit)


class Cluster:
    """Replicas of one electorate; messages wait in order until delivered. `cut` links lose theirs."""

    def __init__(self, electorate: tuple[str, ...] = TRIO, **options: object) -> None:
        self.electorate = electorate
        self.options = options
        self.disks = {agent: Saved() for agent in electorate}
        self.wire: list[Envelope[Message]] = []
        self.outputs: dict[str, list[Output]] = {agent: [] for agent in electorate}
        self.cut: set[tuple[str, str]] = set()
        self.sent = 0
        self.replicas = {agent: self._boot(agent) for agent in electorate}

    def __getitem__(self, agent: str) -> Replica:
        return self.replicas[agent]

    def _boot(self, agent: str) -> Replica:
        timeout = 10 + 3 * self.electorate.index(agent)
        return make(agent, self.electorate, self.disks[agent], timeout=min(timeout, 19), **self.options)

    def restart(self, agent: str) -> None:
        self.replicas[agent] = self._boot(agent)

    def collect(self) -> None:
        for agent, replica in self.replicas.items():
            said = drain(replica)
            for write in said.writes:
                self.disks[agent] = write.onto(self.disks[agent])
            self.sent += len(said.messages)
            self.wire += [item for item in said.messages if (item.sender, item.recipient) not in self.cut]
            self.outputs[agent] += said.outputs

    def settle(self) -> None:
        """Deliver until nobody says anything."""
        self.collect()
        while self.wire:
            waiting, self.wire = self.wire, []
            for envelope in waiting:
                self.replicas[envelope.recipient].step(envelope)
                self.collect()

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            for replica in self.replicas.values():
                replica.tick()
            self.settle()

    def elect(self, agent: str) -> Replica:
        self.replicas[agent].campaign()
        self.settle()
        assert self.replicas[agent].role is Role.LEADER
        return self.replicas[agent]

    def isolate(self, agent: str) -> None:
        self.cut |= {(agent, other) for other in self.electorate} | {(other, agent) for other in self.electorate}

    def leaders(self) -> list[str]:
        return [agent for agent, replica in self.replicas.items() if replica.role is Role.LEADER]
