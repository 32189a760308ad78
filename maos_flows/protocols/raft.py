"""One agent's Raft replica, sans-IO: fed with ticks, messages and proposals, it says what to write, send and apply.

After figure 2 of Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (extended, 2014), with
PreVote, CheckQuorum, ReadIndex and leadership transfer from Ongaro's dissertation (2014; 9.6, 6.2, 6.4, 3.10). The
order write, send, apply, advance is the driver's duty, as in etcd-io/raft.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

from maos_flows.protocols.raft_config import RaftConfig
from maos_flows.protocols.raft_leader import Leadership
from maos_flows.protocols.raft_log import RaftLog, Saved, Write
from maos_flows.protocols.raft_messages import (
    LONGEST_KEY,
    AppendReply,
    AppendRequest,
    CommitNotice,
    Entry,
    Forward,
    FromLeader,
    Heartbeat,
    HeartbeatReply,
    Message,
    PreVoteReply,
    PreVoteRequest,
    ReadReply,
    ReadRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
    raises_term,
    refusal,
    stale_answer,
)
from maos_flows.protocols.raft_outbox import Outbox
from maos_flows.protocols.raft_requests import Committed, Output, Proposals, Reads
from maos_flows.protocols.step import Envelope, Step

RaftStep = Step[Message, Write, Output]


class Role(StrEnum):
    """What a replica is in its term."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre_candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


class Replica:
    """A replica. Feed it, then take `ready()`, do what the step says in its order, `advance()`, until nothing is ready.

    Args:
        config: Who it is and who the others are.
        timeouts: Draws an election timeout in ticks, from `election_ticks` to below twice that.

    Attributes:
        role, term, vote, leader: As in the paper; `leader` is the term's, if known.
        log: The entries.
        commit: The highest index known to be committed.
        applied: The highest index handed out as an output.
    """

    def __init__(self, config: RaftConfig, timeouts: Callable[[], int]) -> None:
        self.config = config
        self.role = Role.FOLLOWER
        self.term = 0
        self.vote: str | None = None
        self.leader: str | None = None
        self.log = RaftLog()
        self.commit = 0
        self.applied = 0
        self.leadership: Leadership | None = None
        self._draw_timeout = timeouts
        peers = config.peers
        self._peers = frozenset(peers)
        self._grants: set[str] = set()
        self._elapsed = 0
        self._timeout = timeouts()
        self._written: tuple[int, str | None] = (0, None)
        self._in_flight: RaftStep | None = None
        self._outbox = Outbox(config.agent, peers)
        self._proposals = Proposals(config.max_pending)
        self._reads = Reads(config.max_pending)

    def restore(self, saved: Saved) -> None:
        """Begin from what an earlier life wrote. Only for a replica just made."""
        self.term, self.vote = self._written = (saved.term, saved.vote)
        self.log = RaftLog(saved.entries)

    def tick(self, ticks: int = 1) -> None:
        """Let protocol time pass: as many ticks as the driver waited, at most to the `deadline`; a leader's singly."""
        if self.leadership is not None:
            if not self.leadership.tick():
                self._become_follower(self.term, leader=None)
            return
        self._elapsed += ticks
        if self._elapsed >= self._timeout:
            self.campaign()

    def campaign(self) -> None:
        """Stand for election now, as after an election timeout; a leader does nothing.

        Out of term 0 there is no PreVote: a term of 1 unseats no leader, for none has a lower one.
        """
        if self.role is Role.LEADER:
            return
        if self.config.pre_vote and self.term > 0:
            self._become_pre_candidate()
        else:
            self._become_candidate(is_forced=False)

    def propose(self, payload: object, key: str) -> None:
        """Have a value appended by the leader; its `Fate` is an output, under this key.

        A client that learns no fate proposes again with the same key, and counts once. None is no payload, and a key
        has 1 to 256 characters; else the proposal is refused.
        """
        standing = self.log.index_of(key)
        if payload is None or not 0 < len(key) <= LONGEST_KEY:
            self._proposals.refuse(key)
        elif standing is not None and standing <= self.applied:
            self._proposals.already_committed(key, standing)
        elif self.leadership is not None:
            index = self.leadership.accept(payload, key)
            self._proposals.refuse(key) if index is None else self._proposals.follow(key, index)
        elif self.leader is not None:
            self._proposals.follow(key, None)
            self._outbox.send(self.leader, Forward(self.term, key, payload))
        else:
            self._proposals.refuse(key)

    def read(self, key: str) -> None:
        """Ask up to where a linearizable read must have applied; a `ReadIndex` is the output. Keys are used once."""
        if not 0 < len(key) <= LONGEST_KEY:
            self._reads.refuse(key)
        elif self.leadership is not None:
            if not self.leadership.add_read(self.config.agent, key):
                self._reads.refuse(key)
        elif self.leader is not None:
            self._reads.ask(key)
            self._outbox.send(self.leader, ReadRequest(self.term, key))
        else:
            self._reads.refuse(key)

    def transfer(self, target: str) -> bool:
        """Pass leadership to another agent's replica; False if this is not the leader or knows no such peer."""
        if self.leadership is None or target not in self._peers:
            return False
        self.leadership.transfer_to(target)
        return True

    def step(self, envelope: Envelope[Message]) -> None:
        """Take in a message. What no correct replica sends is a fault of the sender and changes nothing."""
        reason = self._refusal(envelope)
        if reason is not None:
            self._outbox.fault(envelope, reason)
            return
        sender, message = envelope.sender, envelope.message
        if message.term < self.term:
            answer = stale_answer(message, self.term)
            if answer is not None:
                self._outbox.send(sender, answer)
            return
        if message.term > self.term and raises_term(message):
            if isinstance(message, VoteRequest) and self._has_live_leader() and not message.is_forced:
                return
            self._become_follower(message.term, leader=None)
        self._handle(envelope, message)

    def ready(self) -> RaftStep | None:
        """Give what is to be done, in the order of `Step`; None if nothing, or if the last step is not advanced."""
        if self._in_flight is not None:
            return None
        if self.leadership is not None:
            self._take_leader_messages(self.leadership)
        outputs = self._take_outputs()
        write = self._take_write()
        if write is None and not outputs and self._outbox.is_empty():
            return None
        messages, faults = self._outbox.take()
        self._in_flight = Step(messages, write, outputs, faults, self.deadline)
        return self._in_flight

    def advance(self) -> None:
        """Note that the last step is done: written, sent, applied. Only now do own vote and own entries count."""
        step, self._in_flight = self._in_flight, None
        if step is None or step.durable is None:
            return
        write = step.durable
        self.log.written_to(write.first_index + len(write.entries) - 1)
        if self.role is Role.CANDIDATE and (write.term, write.vote) == (self.term, self.config.agent):
            self._granted(self.config.agent)
        self._advance_commit()

    @property
    def deadline(self) -> int:
        """Ticks from now to the next thing this replica does by itself."""
        if self.leadership is None:
            return max(self._timeout - self._elapsed, 1)
        return self.leadership.deadline

    def _become_follower(self, term: int, *, leader: str | None) -> None:
        if self.leadership is not None:
            self._reads.refuse(*self.leadership.dropped_reads(self.config.agent))
            self.leadership = None
        if term > self.term:
            self.term, self.vote = term, None
        self.role, self.leader = Role.FOLLOWER, leader
        self._restart_timer()

    def _become_pre_candidate(self) -> None:
        self.role, self.leader = Role.PRE_CANDIDATE, None
        self._grants.clear()
        self._restart_timer()
        request = PreVoteRequest(self.term + 1, self.log.last_index, self.log.last_term)
        self._outbox.broadcast(request)
        self._granted(self.config.agent)

    def _become_candidate(self, *, is_forced: bool) -> None:
        self.role, self.leader = Role.CANDIDATE, None
        self.term, self.vote = self.term + 1, self.config.agent
        self._grants.clear()
        self._restart_timer()
        self._outbox.broadcast(VoteRequest(self.term, self.log.last_index, self.log.last_term, is_forced))

    def _become_leader(self) -> None:
        self.role, self.leader = Role.LEADER, self.config.agent
        self._elapsed = 0
        self.leadership = Leadership(self.config, self.term, self.log)
        self.leadership.append(Entry(self.term))

    def _restart_timer(self) -> None:
        self._elapsed = 0
        self._timeout = self._draw_timeout()

    def _granted(self, voter: str) -> None:
        self._grants.add(voter)
        if len(self._grants) < self.config.quorum:
            return
        if self.role is Role.PRE_CANDIDATE:
            self._become_candidate(is_forced=False)
        else:
            self._become_leader()

    def _has_live_leader(self) -> bool:
        return self.config.check_quorum and self.leader is not None and self._elapsed < self.config.election_ticks

    def _refusal(self, envelope: Envelope[Message]) -> str | None:
        if envelope.recipient != self.config.agent:
            return "misdelivered"
        if envelope.sender not in self._peers:
            return "unknown_sender"
        return refusal(envelope.message, max_entries=self.config.max_entries_per_append)

    def _handle(self, envelope: Envelope[Message], message: Message) -> None:
        sender = envelope.sender
        match message:
            case AppendRequest() | Heartbeat() | CommitNotice():
                self._on_leader(envelope, message)
            case PreVoteRequest():
                self._on_pre_vote(sender, message)
            case VoteRequest():
                self._on_vote(sender, message)
            case PreVoteReply() | VoteReply():
                self._on_grant(sender, message)
            case TimeoutNow() | ReadReply():
                self._on_order(message)
            case AppendReply() | HeartbeatReply() | Forward() | ReadRequest():
                if self.leadership is not None:
                    self._on_follower(envelope, message, self.leadership)
            case _:
                assert_never(message)

    def _on_grant(self, sender: str, reply: PreVoteReply | VoteReply) -> None:
        """Count a vote, if it is for the election under way; a sender counts once."""
        if isinstance(reply, PreVoteReply):
            is_awaited = self.role is Role.PRE_CANDIDATE and reply.term == self.term + 1
        else:
            is_awaited = self.role is Role.CANDIDATE
        if reply.is_granted and is_awaited:
            self._granted(sender)

    def _on_order(self, message: TimeoutNow | ReadReply) -> None:
        if isinstance(message, ReadReply):
            self._reads.answered(message.key, message.index)
        elif self.role is not Role.LEADER:
            self._become_candidate(is_forced=True)

    def _on_leader(self, envelope: Envelope[Message], message: FromLeader) -> None:
        """Follow the term's leader, yielding an election of the same term to it."""
        sender = envelope.sender
        if self.leader not in {None, sender}:
            self._outbox.fault(envelope, "second_leader")
            return
        if self.role is not Role.FOLLOWER:
            self._become_follower(self.term, leader=sender)
        self.leader, self._elapsed = sender, 0
        match message:
            case AppendRequest():
                self._append_entries(envelope, message)
            case Heartbeat():
                self._outbox.send(sender, HeartbeatReply(self.term, message.beat))
                self._learn_commit(envelope, message.commit)
            case CommitNotice():
                self._learn_commit(envelope, message.commit)
            case _:
                assert_never(message)

    def _append_entries(self, envelope: Envelope[Message], request: AppendRequest) -> None:
        previous, entries = request.previous_index, request.entries
        if self.log.term_at(previous) != request.previous_term:
            hint = self.log.match_hint(previous, request.previous_term)
            self._outbox.send(envelope.sender, AppendReply(self.term, False, hint, previous))
            return
        conflict = self.log.first_conflict(previous, entries)
        if conflict is not None:
            if conflict <= self.commit:
                self._outbox.fault(envelope, "contradicts_commit")
                return
            self.log.replace_from(conflict, entries[conflict - previous - 1 :])
        last_new = previous + len(entries)
        self.commit = max(self.commit, min(request.commit, last_new))
        self._outbox.send(envelope.sender, AppendReply(self.term, True, last_new, previous))

    def _learn_commit(self, envelope: Envelope[Message], commit: int) -> None:
        if commit > self.log.last_index:
            self._outbox.fault(envelope, "beyond_log")
            return
        self.commit = max(self.commit, commit)

    def _on_pre_vote(self, sender: str, request: PreVoteRequest) -> None:
        if self._has_live_leader():
            return
        would_vote = request.term > self.term and self.log.is_up_to_date(request.last_index, request.last_term)
        term = request.term if would_vote else self.term
        self._outbox.send(sender, PreVoteReply(term, would_vote))

    def _on_vote(self, sender: str, request: VoteRequest) -> None:
        is_free = self.vote in {None, sender}
        is_granted = is_free and self.log.is_up_to_date(request.last_index, request.last_term)
        if is_granted:
            self.vote = sender
            self._elapsed = 0
        self._outbox.send(sender, VoteReply(self.term, is_granted))

    def _on_follower(
        self,
        envelope: Envelope[Message],
        message: AppendReply | HeartbeatReply | Forward | ReadRequest,
        leadership: Leadership,
    ) -> None:
        match message:
            case AppendReply():
                if not leadership.append_answered(envelope.sender, message):
                    self._outbox.fault(envelope, "beyond_log")
                self._advance_commit()
            case HeartbeatReply():
                leadership.heartbeat_answered(envelope.sender, message)
            case Forward():
                leadership.accept(message.payload, message.key)
            case ReadRequest():
                leadership.add_read(envelope.sender, message.key)
            case _:
                assert_never(message)

    def _advance_commit(self) -> None:
        """Commit what a majority holds, if it is of the own term; older entries go along (figure 8)."""
        if self.leadership is not None:
            index = self.leadership.quorum_index()
            if index > self.commit and self.log.term_at(index) == self.term:
                self.commit = index

    def _take_leader_messages(self, leadership: Leadership) -> None:
        for reader, key, index in leadership.confirmed_reads(self.commit):
            if reader == self.config.agent:
                self._reads.confirmed(key, index)
            else:
                self._outbox.send(reader, ReadReply(self.term, key, index))
        for peer, message in leadership.due_messages(self.commit):
            self._outbox.send(peer, message)

    def _take_outputs(self) -> tuple[Output, ...]:
        if self.applied == self.commit and not self._proposals.has_fates and not self._reads.has_answers:
            return ()
        new = Committed(self.applied + 1, self.log.after(self.applied, self.commit - self.applied))
        self.applied = self.commit
        self._proposals.committed(new)
        committed = (new,) if new.entries else ()
        return (*committed, *self._proposals.take_fates(), *self._reads.take_due(self.applied))

    def _take_write(self) -> Write | None:
        hard_state = (self.term, self.vote)
        if hard_state == self._written and not self.log.has_unwritten():
            return None
        self._written = hard_state
        return Write(self.term, self.vote, *self.log.take_unwritten())
