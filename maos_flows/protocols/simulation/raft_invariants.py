"""Every safety promise of Raft in checkable form, over all replicas, their disks and all that was ever sent.

After Ongaro and Ousterhout, figure 3, and the invariants of etcd's TLA+ model. A promise about history is kept as a
map, so each event costs what it changed and not what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from maos_flows.protocols.raft import Replica, Role
from maos_flows.protocols.raft_log import Saved
from maos_flows.protocols.raft_messages import (
    AppendReply,
    Entry,
    Message,
    PreVoteReply,
    PreVoteRequest,
    VoteReply,
    VoteRequest,
)
from maos_flows.protocols.raft_requests import Fate, FateKind, ReadIndex
from maos_flows.protocols.simulation.report import Violation
from maos_flows.protocols.step import Envelope, Fault
from maos_flows.quorum import majority

Chain = int


@dataclass(slots=True)
class _Seen:
    """What was seen of a replica in its present life."""

    term: int = 0
    commit: int = 0
    leads: int = 0
    entries: tuple[Entry, ...] = ()
    chain: list[Chain] = field(default_factory=lambda: [0])


class RaftInvariants:
    """Watches one run.

    Args:
        disks: What each replica has on disk, kept by the world.

    Attributes:
        committed: Index to the entry committed there.
    """

    def __init__(self, disks: Mapping[str, Saved]) -> None:
        self._disks = disks
        self._majority = majority(len(disks))
        self._seen = {agent: _Seen() for agent in disks}
        self._leaders: dict[int, str] = {}
        self._living: dict[str, Replica] = {}
        self._prefix: dict[tuple[int, int], Chain] = {}
        self._votes: dict[tuple[str, int], str] = {}
        self._committing_term: list[int] = [0]
        self._states: dict[int, object] = {}
        self._reads: dict[str, int] = {}
        self._index_of: dict[str, int] = {}
        self.committed: dict[int, Entry] = {}
        self.found: list[Violation] = []

    @property
    def commit(self) -> int:
        """The highest index committed anywhere."""
        return len(self.committed)

    def take(self) -> tuple[Violation, ...]:
        """Take what was found since the last call."""
        found = tuple(self.found)
        self.found.clear()
        return found

    def born(self, agent: str, replica: Replica) -> None:
        """Watch a replica's new life: it must begin with what is on its disk."""
        saved = self._disks[agent]
        if (replica.term, replica.vote, replica.log.entries) != (saved.term, saved.vote, saved.entries):
            self._violate("restart", f"{agent} did not begin with what it had written")
        self._seen[agent] = _Seen()
        self._living[agent] = replica
        self.changed(agent)

    def died(self, agent: str) -> None:
        """Forget a crashed replica's life."""
        self._living.pop(agent, None)

    def wrote(self, agent: str, before: Saved, after: Saved) -> None:
        """Check a write: the durable term never falls and a term's vote never changes."""
        if after.term < before.term:
            self._violate("term_monotone", f"{agent} wrote term {after.term} after {before.term}")
        if after.vote is not None:
            self._voted(agent, after.term, after.vote)

    def sent(self, envelope: Envelope[Message]) -> None:
        """Check a message as it leaves: nothing in it may go beyond what its sender has on disk.

        What was overtaken by a newer term within one step may never have been written: it is as if it had been.
        """
        sender, message = envelope.sender, envelope.message
        saved = self._disks[sender]
        if _own_term(message) > saved.term:
            self._violate("write_before_send", f"{sender} sent {message} with term {saved.term} on disk")
        match message:
            case VoteRequest():
                self._vote_sent(sender, message.term, sender)
            case VoteReply() if message.is_granted:
                self._vote_sent(sender, message.term, envelope.recipient)
            case AppendReply() if message.is_success and message.term == saved.term:
                if message.index > len(saved.entries):
                    self._violate("write_before_send", f"{sender} acknowledged {message.index} before writing it")
            case _:
                pass

    def folded(self, agent: str, index: int, state: object) -> None:
        """Check the decision as a replica has folded it up to an index."""
        known = self._states.setdefault(index, state)
        if known != state:
            self._violate("same_decision", f"{agent} folds {index} entries to another decision")

    def said(self, agent: str, output: Fate | ReadIndex) -> None:
        """Check what a replica says of a proposal or a read."""
        match output:
            case Fate() if output.kind is FateKind.COMMITTED:
                entry = self.committed.get(output.index)
                if entry is None or entry.key != output.key:
                    self._violate("fate", f"{agent} says {output.key} is committed at {output.index}")
            case ReadIndex() if output.index is not None:
                if output.index < self._reads.get(output.key, 0):
                    self._violate("linearizable_read", f"{agent} reads {output.key} at {output.index}, a stale index")
            case _:
                pass

    def read_asked(self, key: str) -> None:
        """Note what a read must see: all that is committed when it is asked."""
        self._reads[key] = self.commit

    def accused(self, agent: str, fault: Fault) -> None:
        """Check that nobody is accused: in these runs no replica lies."""
        self._violate("no_false_fault", f"{agent} accuses {fault.peer} of {fault.reason}: {fault.evidence}")

    def changed(self, agent: str) -> None:
        """Check a living replica after anything that may have changed it."""
        replica = self._living.get(agent)
        if replica is None:
            return
        seen = self._seen[agent]
        if replica.term < seen.term or replica.commit < seen.commit:
            self._violate("monotone", f"{agent} went back to term {replica.term}, commit {replica.commit}")
        if not replica.applied <= replica.commit <= replica.log.last_index:
            self._violate(
                "applied_committed_stored", f"{agent}: {replica.applied}, {replica.commit}, and the log's end"
            )
            return
        self._log_changed(agent, replica, seen)
        if replica.role is Role.LEADER:
            self._leads(agent, replica, seen)
        if replica.commit > seen.commit:
            self._commits(agent, replica, seen)
        seen.term, seen.commit = replica.term, replica.commit

    def _violate(self, invariant: str, detail: str) -> None:
        self.found.append(Violation(invariant, detail))

    def _voted(self, agent: str, term: int, vote: str) -> None:
        first = self._votes.setdefault((agent, term), vote)
        if first != vote:
            self._violate("one_vote", f"{agent} voted for {first} and {vote} in term {term}")

    def _vote_sent(self, agent: str, term: int, vote: str) -> None:
        self._voted(agent, term, vote)
        saved = self._disks[agent]
        if saved.term == term and saved.vote != vote:
            self._violate("write_before_send", f"{agent} sent a vote of term {term} for {vote} before writing it")

    def _log_changed(self, agent: str, replica: Replica, seen: _Seen) -> None:
        entries = replica.log.entries
        if entries == seen.entries:
            return
        same = _common(entries, seen.entries)
        if same < seen.commit:
            self._violate("committed_stays", f"{agent} changed entry {same + 1}, committed to {seen.commit}")
        if seen.leads == replica.term and replica.role is Role.LEADER and same < len(seen.entries):
            self._violate("leader_append_only", f"{agent} leads term {replica.term} and changed entry {same + 1}")
        del seen.chain[same + 1 :]
        for index, entry in enumerate(entries[same:], same + 1):
            link = hash((seen.chain[-1], entry))
            seen.chain.append(link)
            if self._prefix.setdefault((index, entry.term), link) != link:
                self._violate("log_matching", f"{agent} has another log up to entry {index} of term {entry.term}")
        seen.entries = entries

    def _leads(self, agent: str, replica: Replica, seen: _Seen) -> None:
        if seen.leads == replica.term:
            return
        seen.leads = replica.term
        first = self._leaders.setdefault(replica.term, agent)
        if first != agent:
            self._violate("election_safety", f"{first} and {agent} both lead term {replica.term}")
        self._complete(agent, replica, range(1, self.commit + 1))

    def _complete(self, agent: str, replica: Replica, indices: range) -> None:
        """Check that a leader has all that leaders of earlier terms have committed, by the committing leader's term."""
        for index in indices:
            if self._committing_term[index] >= replica.term:
                continue
            if index > replica.log.last_index or replica.log.entry(index) != self.committed[index]:
                self._violate("leader_completeness", f"{agent} leads term {replica.term} without entry {index}")
                return

    def _commits(self, agent: str, replica: Replica, seen: _Seen) -> None:
        known = self.commit
        for index in range(seen.commit + 1, replica.commit + 1):
            entry = replica.log.entry(index)
            if index > known:
                self._once(agent, index, entry)
                self.committed[index] = entry
                self._committing_term.append(replica.term)
                self._on_quorum(agent, index, entry)
            elif entry != self.committed[index]:
                self._violate("state_machine_safety", f"{agent} commits another entry {index}")
        if self.commit > known:
            for other, living in self._living.items():
                if living.role is Role.LEADER:
                    self._complete(other, living, range(known + 1, self.commit + 1))

    def _once(self, agent: str, index: int, entry: Entry) -> None:
        """Check that a proposal is committed at one place only, however often it was made."""
        first = self._index_of.setdefault(entry.key, index) if entry.key else index
        if first != index:
            self._violate("committed_once", f"{agent} commits {entry.key} at {index}, committed at {first}")

    def _on_quorum(self, agent: str, index: int, entry: Entry) -> None:
        holders = sum(
            len(saved.entries) >= index and saved.entries[index - 1] == entry for saved in self._disks.values()
        )
        if holders < self._majority:
            self._violate("commit_on_quorum", f"{agent} commits entry {index}, which {holders} have on disk")


def _own_term(message: Message) -> int:
    """Give the term a message shows its sender to have reached; in PreVote that is one less than it bears."""
    match message:
        case PreVoteRequest():
            return message.term - 1
        case PreVoteReply() if message.is_granted:
            return 0
        case _:
            return message.term


def _common(one: tuple[Entry, ...], other: tuple[Entry, ...]) -> int:
    """Count the leading entries two logs share."""
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return position
    return min(len(one), len(other))
