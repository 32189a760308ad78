"""What a leader keeps for the length of its term: each follower's progress, reads to confirm, a transfer under way."""

from collections.abc import Iterator
from dataclasses import dataclass

from maos_flows.protocols.raft_config import RaftConfig
from maos_flows.protocols.raft_log import RaftLog
from maos_flows.protocols.raft_messages import (
    AppendReply,
    AppendRequest,
    CommitNotice,
    Entry,
    Heartbeat,
    HeartbeatReply,
    Message,
    TimeoutNow,
)

Addressed = tuple[str, Message]


@dataclass(slots=True)
class Progress:
    """What the leader knows of one follower.

    Attributes:
        next_index: The next entry to send it (the paper's nextIndex).
        match_index: The highest entry it is known to hold (matchIndex).
        told_commit: The highest commit index sent to it.
        beat: The last heartbeat it answered.
        is_probing: Whether its log's end is still searched for; then one append at a time.
        is_due: Whether an append should leave with the next step.
        was_heard: Whether it has answered since the last quorum check.
    """

    next_index: int
    match_index: int = 0
    told_commit: int = 0
    beat: int = 0
    is_probing: bool = True
    is_due: bool = True
    was_heard: bool = False


@dataclass(slots=True)
class _Read:
    """A linearizable read: `index` and `beat` are 0 until the leader has committed an entry of its own term."""

    reader: str
    key: str
    index: int = 0
    beat: int = 0


class Leadership:
    """One term's leader state.

    Attributes:
        progress: Each follower's.
        transferee: To whom leadership is passing, if it is.
    """

    def __init__(self, config: RaftConfig, term: int, log: RaftLog) -> None:
        self._config = config
        self._term = term
        self._log = log
        self.progress = {peer: Progress(log.last_index + 1) for peer in config.peers}
        self.transferee: str | None = None
        self._reads: list[_Read] = []
        self._beat = 0
        self._is_beat_due = False
        self._is_transfer_sent = False
        self._transfer_ticks = 0
        self._ticks = 0

    def tick(self) -> bool:
        """Let one tick pass; False if no majority was heard for an election timeout: the leader must step down."""
        self._ticks += 1
        if self.transferee is not None:
            self._transfer_ticks += 1
            if self._transfer_ticks >= self._config.election_ticks:
                self.transferee = None
        if self._ticks % self._config.heartbeat_ticks == 0:
            self.beat()
        if self._config.check_quorum and self._ticks % self._config.election_ticks == 0:
            return self._heard_quorum()
        return True

    @property
    def deadline(self) -> int:
        """Ticks to the next heartbeat."""
        return self._config.heartbeat_ticks - self._ticks % self._config.heartbeat_ticks

    def transfer_to(self, peer: str) -> None:
        """Pass leadership on once that follower holds every entry; given up after an election timeout."""
        self.transferee = peer
        self._is_transfer_sent = False
        self._transfer_ticks = 0

    def append(self, entry: Entry) -> int:
        """Add an entry to the leader's log and give its index; it leaves for the followers with the next step."""
        for progress in self.progress.values():
            progress.is_due = progress.is_due or not progress.is_probing
        return self._log.append(entry)

    def accept(self, payload: object, key: str) -> int | None:
        """Give the index at which a proposal stands, appended now unless its key is there already.

        None if it is refused, because leadership is passing on or the log is full.
        """
        standing = self._log.index_of(key)
        if standing is not None:
            return standing
        if self.transferee is not None or self._log.last_index >= self._config.max_log_entries:
            return None
        return self.append(Entry(self._term, payload, key))

    def beat(self) -> None:
        """Show the followers, with the next step, that this leader lives."""
        self._beat += 1
        self._is_beat_due = True

    def append_answered(self, sender: str, reply: AppendReply) -> bool:
        """Learn from an append's answer; False if no correct replica sends it."""
        progress = self.progress[sender]
        progress.was_heard = True
        if not reply.is_success:
            self._refused(progress, reply)
            return True
        if reply.index > self._log.last_index:
            return False
        if reply.index > progress.match_index or progress.is_probing:
            progress.match_index = max(progress.match_index, reply.index)
            optimistic = 0 if progress.is_probing else progress.next_index
            progress.next_index = max(progress.match_index + 1, optimistic)
            progress.is_probing = False
            progress.is_due = progress.next_index <= self._log.last_index
        return True

    def _refused(self, progress: Progress, reply: AppendReply) -> None:
        """Step back: when probing to the hint, else to what surely matches. Late refusals change nothing."""
        if progress.is_probing:
            if reply.previous_index != progress.next_index - 1:
                return
            step_back = min(reply.previous_index, reply.index + 1)
        elif reply.previous_index <= progress.match_index:
            return
        else:
            step_back = reply.index + 1
            progress.is_probing = True
        progress.next_index = max(progress.match_index + 1, step_back)
        progress.is_due = True

    def heartbeat_answered(self, sender: str, reply: HeartbeatReply) -> None:
        """Learn that a follower lives; if it lacks entries, something was lost and is sent again."""
        progress = self.progress[sender]
        progress.was_heard = True
        progress.beat = max(progress.beat, reply.beat)
        if progress.match_index < self._log.last_index:
            progress.is_due = True

    def quorum_index(self) -> int:
        """Give the highest index that a majority holds on disk, this replica included."""
        held = [progress.match_index for progress in self.progress.values()]
        held.append(self._log.durable_index)
        held.sort(reverse=True)
        return held[self._config.quorum - 1]

    def _heard_quorum(self) -> bool:
        """Say whether a majority was heard since the last call."""
        heard = 1 + sum(progress.was_heard for progress in self.progress.values())
        for progress in self.progress.values():
            progress.was_heard = False
        return heard >= self._config.quorum

    def add_read(self, reader: str, key: str) -> bool:
        """Take on a linearizable read; False if too many wait."""
        if len(self._reads) >= self._config.max_pending:
            return False
        self._reads.append(_Read(reader, key))
        return True

    def confirmed_reads(self, commit: int) -> Iterator[tuple[str, str, int]]:
        """Take the reads that a majority has confirmed: (reader, key, index).

        A new leader does not know what is committed before an entry of its own term is; until then reads wait.
        """
        if self._log.term_at(commit) != self._term:
            return
        self._start_reads(commit)
        waiting = self._reads
        self._reads = []
        for read in waiting:
            confirmed = 1 + sum(progress.beat >= read.beat for progress in self.progress.values())
            if confirmed >= self._config.quorum:
                yield read.reader, read.key, read.index
            else:
                self._reads.append(read)

    def _start_reads(self, commit: int) -> None:
        if any(not read.beat for read in self._reads):
            self.beat()
        for read in self._reads:
            if not read.beat:
                read.index, read.beat = commit, self._beat

    def dropped_reads(self, reader: str) -> tuple[str, ...]:
        """Give the keys of one reader's reads that will not be confirmed, because the term ends."""
        return tuple(read.key for read in self._reads if read.reader == reader)

    def due_messages(self, commit: int) -> Iterator[Addressed]:
        """Take the messages that are due: appends, heartbeats, news of commits."""
        for peer, progress in self.progress.items():
            if progress.is_due:
                progress.is_due = False
                yield peer, self._append_for(progress, commit)
            known = min(progress.match_index, commit)
            if self._is_beat_due:
                progress.told_commit = max(progress.told_commit, known)
                yield peer, Heartbeat(self._term, known, self._beat)
            elif known > progress.told_commit:
                progress.told_commit = known
                yield peer, CommitNotice(self._term, known)
        self._is_beat_due = False
        heir = self.transferee
        if heir is None or self._is_transfer_sent:
            return
        if self.progress[heir].match_index == self._log.last_index:
            self._is_transfer_sent = True
            yield heir, TimeoutNow(self._term)

    def _append_for(self, progress: Progress, commit: int) -> AppendRequest:
        previous = progress.next_index - 1
        entries = self._log.after(previous, self._config.max_entries_per_append)
        previous_term = self._log.term_at(previous)
        assert previous_term is not None
        if not progress.is_probing:
            progress.next_index += len(entries)
        progress.told_commit = max(progress.told_commit, min(commit, previous + len(entries)))
        return AppendRequest(self._term, previous, previous_term, entries, commit)
