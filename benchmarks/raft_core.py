"""Raft: simulated events per second, and commits per second and latency of the core against pysyncobj in the same run.

Run from the root of the project: `python -m benchmarks.raft_core`. Three replicas share one process and one thread on
both sides, all in memory. The core runs twice: messages handed over as they are, and pickled over loopback TCP as
pysyncobj sends its own. Rounds are interleaved and the ratio is taken per round; only ratios mean anything on a shared
machine. A rate is over the time in which commands were submitted.
"""

import argparse
import logging
import pickle
import selectors
import socket
import statistics
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations
from typing import Any, Protocol

from pysyncobj import SyncObj, SyncObjConf, replicated  # type: ignore[import-untyped]

from maos_flows.protocols.raft import Replica, Role
from maos_flows.protocols.raft_config import RaftConfig, seeded_timeouts
from maos_flows.protocols.raft_requests import Fate, FateKind
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.simulation.raft import run
from maos_flows.protocols.step import Envelope

AGENTS = ("a", "b", "c")
PAYLOAD = "x" * 200
OUTSTANDING = (1, 64, 4096)
LENGTH = struct.Struct("!I")


class Peers(Protocol):
    """Three replicas that can be asked to commit something."""

    def elect(self) -> None:
        """Wait for a leader."""

    def submit(self, done: Callable[[], None]) -> None:
        """Propose a command at the leader; `done` is called once it is committed there."""

    def poll(self) -> None:
        """Let messages flow for a moment."""

    def close(self) -> None:
        """Free what is held."""


class InMemory:
    """The core, its messages handed over as they are."""

    def __init__(self) -> None:
        self.replicas = {agent: _replica(agent) for agent in AGENTS}
        self.wire: deque[Envelope[Any]] = deque()
        self._waiting: dict[str, Callable[[], None]] = {}
        self._count = 0

    def elect(self) -> None:
        """Let the first agent's replica lead."""
        self.leader.campaign()
        while self.leader.role is not Role.LEADER or self.leader.commit < 1:
            self.poll()

    @property
    def leader(self) -> Replica:
        """The replica that proposes."""
        return self.replicas[AGENTS[0]]

    def submit(self, done: Callable[[], None]) -> None:
        """Propose at the leader; its step is taken with the next poll, with all else proposed by then."""
        self._count += 1
        key = str(self._count)
        self._waiting[key] = done
        self.leader.propose(PAYLOAD, key)

    def poll(self) -> None:
        """Take all steps that are ready, then deliver all messages that wait."""
        for replica in self.replicas.values():
            self.drain(replica)
        for _ in range(len(self.wire)):
            envelope = self.wire.popleft()
            self.replicas[envelope.recipient].step(envelope)

    def drain(self, replica: Replica) -> None:
        """Do what a replica says."""
        while (step := replica.ready()) is not None:
            self.send(step.messages)
            for output in step.outputs:
                if isinstance(output, Fate) and output.kind is FateKind.COMMITTED:
                    self._waiting.pop(output.key)()
            replica.advance()

    def send(self, messages: Iterable[Envelope[Any]]) -> None:
        """Put messages on the wire."""
        self.wire.extend(messages)

    def close(self) -> None:
        """Hold nothing."""


class OverSockets(InMemory):
    """The core, its messages pickled over loopback TCP."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._links: dict[tuple[str, str], socket.socket] = {}
        self._unread: dict[tuple[str, str], bytearray] = {}
        for one, other in combinations(AGENTS, 2):
            for link, end in zip(((one, other), (other, one)), _tcp_pair(), strict=True):
                end.setblocking(False)
                self._links[link] = end
                self._unread[link] = bytearray()
                self._selector.register(end, selectors.EVENT_READ, link)

    def poll(self) -> None:
        """Take all steps that are ready, then deliver what the sockets hold."""
        for replica in self.replicas.values():
            self.drain(replica)
        for key, _ in self._selector.select(0.001):
            self._read(key.data)

    def _read(self, link: tuple[str, str]) -> None:
        unread = self._unread[link]
        unread += self._links[link].recv(1 << 16)
        replica = self.replicas[link[0]]
        while len(unread) >= LENGTH.size and len(unread) >= LENGTH.size + LENGTH.unpack_from(unread)[0]:
            end = LENGTH.size + LENGTH.unpack_from(unread)[0]
            replica.step(Envelope(link[1], link[0], pickle.loads(unread[LENGTH.size : end])))
            del unread[:end]

    def send(self, messages: Iterable[Envelope[Any]]) -> None:
        """Pickle messages onto their links."""
        for envelope in messages:
            body = pickle.dumps(envelope.message, protocol=pickle.HIGHEST_PROTOCOL)
            self._links[envelope.sender, envelope.recipient].sendall(LENGTH.pack(len(body)) + body)

    def close(self) -> None:
        """Close the sockets."""
        self._selector.close()
        for link in self._links.values():
            link.close()


class Store(SyncObj):  # type: ignore[misc]  # pysyncobj has no types
    """pysyncobj's replica: counts what it applies."""

    def __init__(self, address: str, partners: list[str], conf: SyncObjConf) -> None:
        super().__init__(address, partners, conf=conf)
        self.applied = 0

    @replicated  # type: ignore[untyped-decorator]  # as above
    def add(self, payload: str) -> int:
        """Apply a command."""
        self.applied += len(payload) > 0
        return self.applied


class PySyncObj:
    """pysyncobj over loopback TCP, ticked by hand in this thread."""

    def __init__(self, *, batch: bool) -> None:
        addresses = [f"127.0.0.1:{port}" for port in _free_ports(len(AGENTS))]
        conf = partial(SyncObjConf, autoTick=False, appendEntriesUseBatch=batch, connectionRetryTime=0.1)
        self.stores = [
            Store(address, [other for other in addresses if other != address], conf()) for address in addresses
        ]

    def elect(self) -> None:
        """Wait for a leader that all know."""
        deadline = time.monotonic() + 20
        while not all(store.isReady() for store in self.stores):
            assert time.monotonic() < deadline, "pysyncobj elected no leader in 20 seconds"
            self.poll()
        self.leader = next(store for store in self.stores if store._isLeader())  # noqa: SLF001  it says it no other way

    def submit(self, done: Callable[[], None]) -> None:
        """Propose at the leader."""
        self.leader.add(PAYLOAD, callback=lambda _result, _error: done())

    def poll(self) -> None:
        """Tick every store once."""
        for store in self.stores:
            store.doTick(0.0)

    def close(self) -> None:
        """Close the sockets."""
        for store in self.stores:
            store.destroy()
        for _ in range(3):
            self.poll()


def _replica(agent: str) -> Replica:
    config = RaftConfig(agent, AGENTS, max_entries_per_append=256, max_pending=10_000)
    return Replica(config, seeded_timeouts(1, config))


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    for end in (one, other):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


def _free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def measure(peers: Peers, outstanding: int, seconds: float) -> tuple[float, float]:
    """Keep so many commands under way for a while; give commits per second and the median latency in milliseconds."""
    latencies: list[float] = []
    open_commands = 0

    def done(since: float) -> None:
        nonlocal open_commands
        open_commands -= 1
        latencies.append(time.perf_counter() - since)

    start = time.perf_counter()
    while time.perf_counter() - start < seconds or not latencies:
        while open_commands < outstanding:
            open_commands += 1
            peers.submit(partial(done, time.perf_counter()))
        peers.poll()
    elapsed = time.perf_counter() - start
    committed, median = len(latencies), statistics.median(latencies)
    while open_commands:
        peers.poll()
    return committed / elapsed, median * 1000


def compare(rounds: int, seconds: float) -> None:
    """Measure all in turn, several rounds, and print medians and ratios."""
    made: dict[str, Peers] = {
        "core in memory": InMemory(),
        "core over TCP": OverSockets(),
        "pysyncobj, default": PySyncObj(batch=True),
        "pysyncobj, unbatched": PySyncObj(batch=False),
    }
    try:
        for peers in made.values():
            peers.elect()
        for outstanding in OUTSTANDING:
            measured: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
            for _ in range(rounds):
                for name, peers in made.items():
                    measured[name].append(measure(peers, outstanding, seconds))
            _print(outstanding, measured)
    finally:
        for peers in made.values():
            peers.close()


def _print(outstanding: int, measured: dict[str, list[tuple[float, float]]]) -> None:
    print(f"three replicas, {outstanding} outstanding, 200-byte commands (medians):")
    for name, values in measured.items():
        rates, latencies = zip(*values, strict=True)
        print(f"  {name:22} {statistics.median(rates):>10,.0f} commits/s  {statistics.median(latencies):>9.3f} ms")
    others = [measured["pysyncobj, default"], measured["pysyncobj, unbatched"]]
    for name in ("core in memory", "core over TCP"):
        rate = statistics.median(
            mine[0] / max(theirs[0] for theirs in others_now)
            for mine, *others_now in zip(measured[name], *others, strict=True)
        )
        latency = statistics.median(
            mine[1] / min(theirs[1] for theirs in others_now)
            for mine, *others_now in zip(measured[name], *others, strict=True)
        )
        print(f"  {name} / the better pysyncobj: commits {rate:.2f} times, latency {latency:.2f} times")


def simulate(seconds: float) -> None:
    """Print the simulator's events per second, all invariants checked."""
    for profile in (Profile.SWARM, Profile.UNIFORM):
        events = seeds = 0
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            events += run(seeds, profile).events
            seeds += 1
        elapsed = time.perf_counter() - start
        print(f"simulation, {profile}: {events / elapsed:,.0f} events/s, {seeds / elapsed:,.0f} seeds/s")


def main() -> int:
    """Run all measurements within about half a minute by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.7, help="length of one measurement")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    simulate(2 * options.seconds)
    compare(options.rounds, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
