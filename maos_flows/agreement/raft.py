"""The replicas of a Raft decision: they elect a leader, which orders ballots and the closing in a replicated log.

The agent's own replica hands its ballot in as soon as it knows a leader, and again until it is committed. The leader
opens the log, and closes it when every agent that answered has its ballot in it, or when time is over. The decision is
the fold over what a majority holds. An agent that failed to answer takes no part: its replica is down.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import chain, count
from random import Random
from typing import Any

from maos_flows.agreement.faults import Injection
from maos_flows.agreement.network import Network, Wake
from maos_flows.agreement.raft_record import RaftRecord, said
from maos_flows.agreement.raft_seat import NOTHING_APPLIED, Seat
from maos_flows.agreement.telling import Agreed, Happening
from maos_flows.model import EventKind
from maos_flows.policies.raft import RaftTiming
from maos_flows.protocols.raft import RaftStep, Replica, Role
from maos_flows.protocols.raft_config import RaftConfig
from maos_flows.protocols.raft_decision import (
    BallotEntry,
    DecisionState,
    Opening,
    apply_entry,
    closing_due,
)
from maos_flows.protocols.raft_log import Saved
from maos_flows.protocols.raft_messages import Entry, Message
from maos_flows.protocols.raft_requests import Committed
from maos_flows.protocols.step import Envelope
from maos_flows.quorum import majority, tolerated_crashes

OPEN, CLOSE = "open", "close"
_TICKS = 10
_HEARTBEAT_TICKS = 2
_HOPS_PER_TICK = 15
_RETRY_TICKS = 4
_PATIENCE = 20


@dataclass(frozen=True, slots=True)
class RaftPacing:
    """How fast a run goes, in milliseconds.

    Attributes:
        gathering: Over how long the ballots are handed in, once there can be a leader.
        give_up: When the run ends without agreement; None for twenty of the longest election timeouts.
        linger: How long replicas that are down or cut off are waited for once a majority has the decision.
    """

    gathering: int = 0
    give_up: int | None = None
    linger: int = 100


class RaftReplicas:
    """All replicas of one Raft decision.

    Args:
        opening: The terms, its electorate every agent that has a replica.
        ballots: The ballots to hand in, in order.
        down: Agents whose replicas take no part.
        timing: How long replicas wait.
        seed: Where chance comes from.
        pacing: How fast it goes.
    """

    def __init__(
        self,
        opening: Opening,
        ballots: Sequence[BallotEntry],
        *,
        down: AbstractSet[str],
        timing: RaftTiming,
        seed: int,
        pacing: RaftPacing = RaftPacing(),
    ) -> None:
        self._opening = opening
        self._ballots = {ballot.agent: ballot for ballot in ballots}
        self._ballot_ids = tuple(ballot.ballot_id for ballot in ballots)
        self._silent = frozenset(down)
        self._timing = timing
        self._seed = seed
        self._pacing = pacing
        self._tick = max(1, timing.election_timeout_min // _TICKS)
        self._quorum = majority(len(opening.electorate))
        chance = Random(seed)  # noqa: S311  replayable from the recorded seed
        self._network = Network(opening.electorate, chance, max(1, self._tick // _HOPS_PER_TICK))
        usual = _PATIENCE * timing.election_timeout_max + pacing.gathering
        self._give_up = pacing.give_up if pacing.give_up is not None else usual
        self._record = RaftRecord(self._network, self._quorum)
        self._folded: dict[int, tuple[DecisionState, object, DecisionState]] = {}
        self._heard: dict[str, None] = {}
        self._closed_at: int | None = None
        self._closed: DecisionState | None = None
        self._network.suffer((), silent=self._silent)
        self._seats = {agent: self._seat(agent) for agent in opening.electorate}
        self._plan()

    @property
    def is_over(self) -> bool:
        """Whether all that can have the decision have it, no majority is left for ever, or the time is over."""
        now = self._network.now
        if self._is_hopeless or now >= self._give_up:
            return True
        if self._closed_at is None:
            return False
        return not self._behind() or now >= self._closed_at + self._pacing.linger

    @property
    def next_at(self) -> int:
        """The moment up to which nothing happens by itself."""
        if self._closed_at is None:
            return self._network.next_at(self._give_up)
        return self._network.next_at(self._give_up, self._closed_at + self._pacing.linger)

    def advance(self, now: int, acting: Sequence[Injection]) -> Sequence[Happening]:
        """Let time pass to a moment under these faults, and give what happened."""
        self._network.advance(now, acting, self)
        return self._record.take()

    def agreed(self) -> Agreed:
        """Give what the replicas agreed on."""
        n, electorate = len(self._opening.electorate), self._opening.electorate
        best = max(self._seats.values(), key=lambda seat: seat.replica.commit)
        term, leader = self._record.leaders[-1] if self._record.leaders else (0, None)
        details: dict[str, Any] = {
            "protocol": "raft",
            "agents": n,
            "crashes_borne": tolerated_crashes(n),
            "quorum": self._quorum,
            "seed": self._seed,
            "milliseconds": self._network.now,
            "messages": self._network.sent,
            "term": term,
            "leader": leader,
            "leaders": [{"term": of, "leader": who} for of, who in self._record.leaders],
            "elections": self._record.elections,
            "commit_index": best.replica.commit,
            "log": [
                {"index": index, "term": entry.term, "entry": said(entry.payload)}
                for index, entry in enumerate(best.replica.log.entries[: best.replica.commit], 1)
            ],
            "replicas": {
                agent: {"role": "down" if self._network.is_down(agent) else seat.replica.role.value}
                | {"term": seat.replica.term, "log": seat.replica.log.last_index, "commit": seat.replica.commit}
                for agent, seat in self._seats.items()
            },
        }
        faults = tuple(self._record.suspected.values())
        if self._closed is None:
            up = [agent for agent in electorate if not self._network.is_down(agent)]
            words = f"{len(up)} of {n} replicas are up; no {self._quorum} of them committed the closing in time"
            if self._is_hopeless:
                down = ", ".join(sorted(self._silent))
                words = (
                    f"only {len(up)} of {n} replicas are up, fewer than the majority of {self._quorum}; down: {down}"
                )
            return Agreed(False, words, faults=faults, details=details)
        counted = tuple(ballot.agent for ballot in self._closed.ballots)
        words = f"{len(counted)} ballots and the closing stand in the log of a majority, led by {leader} in term {term}"
        return Agreed(True, words, counted, faults=faults, leader=leader, details=details)

    @property
    def _is_hopeless(self) -> bool:
        return len(self._opening.electorate) - len(self._silent) < self._quorum

    def _seat(self, agent: str, saved: Saved | None = None) -> Seat:
        patience = max(_HEARTBEAT_TICKS + 1, self._timing.leader_timeout // self._tick)
        config = RaftConfig(agent, self._opening.electorate, election_ticks=patience, heartbeat_ticks=_HEARTBEAT_TICKS)
        life = self._network.now
        timeouts = self._timeouts(agent, life)
        first = next(timeouts)
        ticks = (max(_HEARTBEAT_TICKS + 1, timeout // self._tick) for timeout in chain([first], timeouts))
        phase = first % self._tick  # in step, many a clock would ring for an election at the moment another does
        seat = Seat(Replica(config, ticks.__next__), phase, ticked_at=-((phase - life) // self._tick))
        if saved is not None:
            seat.replica.restore(saved)
            seat.disk = saved
        return seat

    def _timeouts(self, agent: str, life: int) -> Iterator[int]:
        """Draw election timeouts in milliseconds, others in each life, the same whenever a run is repeated."""
        low, high = self._timing.election_timeout_min, self._timing.election_timeout_max
        for drawn in count(1):
            number = int.from_bytes(sha256(f"{self._seed}\0{agent}\0{life}\0{drawn}".encode()).digest()[:8])
            yield low + number % (high - low)

    def _plan(self) -> None:
        for agent, seat in self._seats.items():
            if agent not in self._silent:
                self._wait(agent, seat)
        first = self._timing.election_timeout_max if self._pacing.gathering else 0
        for place, agent in enumerate(self._ballots):
            at = first + self._pacing.gathering * place // max(1, len(self._ballots))
            self._network.plan(at, partial(self._hand_in, agent))

    def deliver(self, envelope: Envelope[Message]) -> None:
        """Hand a message to its recipient's replica, which answers when the moment ends."""
        agent = envelope.recipient
        seat = self._seats[agent]
        self._catch_up(agent, seat)
        seat.replica.step(envelope)
        self._heard[agent] = None

    def wake(self, agent: str, life: int) -> None:
        """Let a replica's time pass up to now, unless it has another life or another hour to be woken by now."""
        seat = self._seats[agent]
        if seat.life == life:
            self._catch_up(agent, seat)
            self._wait(agent, seat)

    def settle(self) -> None:
        """Let the replicas that heard something at this moment answer to all of it at once."""
        heard, self._heard = self._heard, {}
        for agent in heard:
            if not self._network.is_down(agent):
                self._drain(agent, self._seats[agent])
        self._record.tell_moment()

    def _hand_in(self, agent: str) -> None:
        """Let an agent's ballot be handed in from now on."""
        seat = self._seats[agent]
        seat.is_due = True
        if seat.replica.leader is not None and not self._network.is_down(agent):
            self._catch_up(agent, seat)
            self._heard[agent] = None

    def _offer(self, agent: str, seat: Seat) -> None:
        """Have an agent's ballot appended by a leader that has not got it yet, and look later whether it was."""
        replica = seat.replica
        if not seat.is_due or replica.leader is None or seat.handed_to == (replica.term, replica.leader):
            return
        if not self._is_committed(agent):
            seat.handed_to = (replica.term, replica.leader)
            ballot = self._ballots[agent]
            replica.propose(ballot, ballot.ballot_id)
            again = partial(self._offer_again, agent, seat, seat.handed_to)
            self._network.plan(self._network.now + _RETRY_TICKS * self._tick, again)

    def _offer_again(self, agent: str, seat: Seat, handed_to: tuple[int, str]) -> None:
        if self._seats[agent] is seat and seat.handed_to == handed_to and self._closed_at is None:
            seat.handed_to = None
            self._hand_in(agent)

    def _is_committed(self, agent: str) -> bool:
        return any(ballot.agent == agent for ballot in self._seats[agent].state.ballots)

    def _wait(self, agent: str, seat: Seat) -> None:
        seat.life += 1
        at = (seat.ticked_at + seat.replica.deadline) * self._tick + seat.phase
        self._network.plan(at, Wake(agent, seat.life))

    def _catch_up(self, agent: str, seat: Seat) -> None:
        """Let a replica's time pass up to now; before its deadline a tick changes nothing that anybody sees."""
        now = (self._network.now - seat.phase) // self._tick
        while seat.ticked_at < now:
            deadline = 1 if seat.replica.role is Role.LEADER else seat.replica.deadline
            ticks = min(now - seat.ticked_at, deadline)
            seat.ticked_at += ticks
            seat.replica.tick(ticks)
            if ticks == deadline:
                self._drain(agent, seat)

    def _drain(self, agent: str, seat: Seat) -> None:
        """Hand in, write, send, apply, until nothing is ready; a leader opens and closes the log."""
        while True:
            self._hand_over(agent, seat)
            step = seat.replica.ready()
            if step is None:
                return
            self._carry_out(agent, seat, step)
            seat.replica.advance()
            if step.durable is None or seat.replica.role is Role.FOLLOWER:
                return  # nothing was written that could count now

    def _hand_over(self, agent: str, seat: Seat) -> None:
        """Give a replica what it is to have in the log, in its present role."""
        replica = seat.replica
        if replica.role is not seat.role:
            self._record.role(agent, replica, seat.role)
            seat.role = replica.role
            self._wait(agent, seat)  # a new leader shows itself sooner than it would have stood again
        if replica.role is not Role.LEADER:
            self._offer(agent, seat)
            return
        self._open(replica)
        self._offer(agent, seat)
        self._close(replica)

    def _carry_out(self, agent: str, seat: Seat, step: RaftStep) -> None:
        if step.durable is not None:
            seat.disk = step.durable.onto(seat.disk)
        if step.messages:
            self._record.votes(step.messages)
            self._network.send(step.messages)
        for output in step.outputs:
            if isinstance(output, Committed):
                self._apply(agent, seat, output)
        for fault in step.faults:
            self._record.suspect(fault.peer, fault.reason, by=agent)

    def _open(self, leader: Replica) -> None:
        """Let a leader open the log, if it is not open."""
        if leader.log.index_of(OPEN) is None:
            leader.propose(self._opening, OPEN)

    def _close(self, leader: Replica) -> None:
        """Let a leader close the log, if that is due."""
        if leader.log.index_of(CLOSE) is not None:
            return
        deadline = self._give_up - self._timing.election_timeout_max * 2
        if self._network.now < deadline and any(leader.log.index_of(key) is None for key in self._ballot_ids):
            return
        state = self._fold(NOTHING_APPLIED, 1, leader.log.entries)
        if not any(agent in self._ballots for agent in state.missing):
            deadline = 0
        closing = closing_due(state, leader_time=self._network.now, deadline=deadline)
        if closing is not None:
            leader.propose(closing, CLOSE)

    def _fold(self, state: DecisionState, first: int, entries: Sequence[Entry]) -> DecisionState:
        """Apply entries, the first of them at that index; replicas with the same log share what comes of it."""
        for index, entry in enumerate(entries, first):
            payload, known = entry.payload, self._folded.get(index)
            if known is None or known[0] is not state or known[1] is not payload:
                known = self._folded[index] = state, payload, apply_entry(state, index, payload)
            state = known[2]
        return state

    def _apply(self, agent: str, seat: Seat, committed: Committed) -> None:
        """Apply what an agent's replica has learnt to be committed."""
        last = committed.last
        seat.state = self._fold(seat.state, committed.index, committed.entries)
        self._record.commit(agent, committed)
        if self._closed is None and seat.state.closing is not None:
            self._closed, self._closed_at = seat.state, self._network.now
        if seat.behind and last == len(self._record.committed):
            seat.behind = False
            data = {"term": seat.replica.term, "index": last, "kind": "caught_up"}
            self._record.tell(EventKind.RECOVERED, f"{agent} has made its log whole, up to entry {last}", agent, data)

    def suffer(self, before: Sequence[Injection], acting: Sequence[Injection]) -> None:
        """Let other faults act than before: who was down comes back, and sides without a majority stall."""
        del before
        was_down = {agent for agent in self._seats if self._network.is_down(agent)}
        sides = self._network.sides()
        self._network.suffer(acting, silent=self._silent)
        for agent, seat in list(self._seats.items()):
            is_down = self._network.is_down(agent)
            if is_down and agent not in was_down:
                seat.role = Role.FOLLOWER
                self._record.tell(EventKind.FAILURE, f"the replica of {agent} is down", agent, {"kind": "crash"})
            elif agent in was_down and not is_down:
                self._revive(agent, seat)
        if self._network.sides() != sides:
            self._tell_sides()

    def _revive(self, agent: str, seat: Seat) -> None:
        fresh = self._seats[agent] = self._seat(agent, seat.disk)
        fresh.behind = True
        self._record.tell(EventKind.RECOVERED, f"the replica of {agent} is back", agent, {"kind": "restarted"})
        self._wait(agent, fresh)
        if seat.is_due:
            self._hand_in(agent)

    def _tell_sides(self) -> None:
        sides = self._network.sides()
        if len(sides) == 1:
            for seat in self._seats.values():
                seat.behind = seat.replica.commit < len(self._record.committed)
            self._record.tell(EventKind.RECOVERED, "all links carry again", None, {"kind": "partition_healed"})
            return
        for side in sides:
            if len(side) < self._quorum:
                names = ", ".join(side)
                text = f"{len(side)} of {len(self._seats)} replicas are cut off and can commit nothing: {names}"
                self._record.tell(EventKind.STALLED, text, None, {"agents": list(side), "needed": self._quorum})

    def _behind(self) -> bool:
        """Say whether a replica that takes part has not applied the closing."""
        return any(seat.state.closing is None for agent, seat in self._seats.items() if agent not in self._silent)
