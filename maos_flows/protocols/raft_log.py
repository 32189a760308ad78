"""A replica's log and how much of it is on disk. Positions count from 1; before them is term 0."""

from collections.abc import Sequence
from dataclasses import dataclass

from maos_flows.protocols.raft_messages import Entry


@dataclass(frozen=True, slots=True)
class Saved:
    """All that outlives a crash: the paper's persistent state."""

    term: int = 0
    vote: str | None = None
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """A change of what is saved.

    Attributes:
        term: The new term.
        vote: Whom this term's vote went to.
        first_index: From here on the saved log is replaced by `entries`.
        entries: What stands there now, up to the log's end.
    """

    term: int
    vote: str | None
    first_index: int
    entries: tuple[Entry, ...]

    def onto(self, saved: Saved) -> Saved:
        """Give what is saved once this write is done."""
        return Saved(self.term, self.vote, saved.entries[: self.first_index - 1] + self.entries)


class RaftLog:
    """The entries in order.

    Attributes:
        durable_index: The last index known to be on disk as it stands in memory.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._entries = list(entries)
        self._index_of = {entry.key: index for index, entry in enumerate(entries, 1) if entry.key}
        self._first_unwritten = len(self._entries) + 1
        self.durable_index = len(self._entries)

    @property
    def last_index(self) -> int:
        """The last entry's position, 0 if there is none."""
        return len(self._entries)

    @property
    def last_term(self) -> int:
        """The last entry's term, 0 if there is none."""
        return self._entries[-1].term if self._entries else 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """A copy of all entries."""
        return tuple(self._entries)

    def entry(self, index: int) -> Entry:
        """Give the entry at a position the log has."""
        return self._entries[index - 1]

    def term_at(self, index: int) -> int | None:
        """Give the term at a position: 0 before the first, None past the last."""
        if index == 0:
            return 0
        return self._entries[index - 1].term if index <= len(self._entries) else None

    def after(self, index: int, count: int) -> tuple[Entry, ...]:
        """Give at most `count` entries after a position."""
        return tuple(self._entries[index : index + count])

    def index_of(self, key: str) -> int | None:
        """Find where the proposal with this key stands."""
        return self._index_of.get(key)

    def is_up_to_date(self, last_index: int, last_term: int) -> bool:
        """Say whether a log that ends so is at least as complete as this one (section 5.4.1 of the paper)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def append(self, entry: Entry) -> int:
        """Add an entry at the end and give its position."""
        self._entries.append(entry)
        if entry.key:
            self._index_of[entry.key] = len(self._entries)
        return len(self._entries)

    def first_conflict(self, previous_index: int, entries: Sequence[Entry]) -> int | None:
        """Find the first position where `entries`, put after `previous_index`, differ in term from the log.

        A position past the log's end differs; None if all are there already.
        """
        for index, entry in enumerate(entries, previous_index + 1):
            if self.term_at(index) != entry.term:
                return index
        return None

    def replace_from(self, index: int, entries: Sequence[Entry]) -> None:
        """Delete the entry at `index` and all after it, and put `entries` there."""
        for gone in self._entries[index - 1 :]:
            self._index_of.pop(gone.key, None)
        del self._entries[index - 1 :]
        self._entries += entries
        self._index_of |= {entry.key: at for at, entry in enumerate(entries, index) if entry.key}
        self._first_unwritten = min(self._first_unwritten, index)
        self.durable_index = min(self.durable_index, index - 1)

    def match_hint(self, index: int, term: int) -> int:
        """Find the last position up to `index` whose term is at most `term`: a leader's next try."""
        hint = min(index, self.last_index)
        while hint > 0 and self._entries[hint - 1].term > term:
            hint -= 1
        return hint

    def has_unwritten(self) -> bool:
        """Say whether something is not yet handed out for writing."""
        return self._first_unwritten <= len(self._entries)

    def take_unwritten(self) -> tuple[int, tuple[Entry, ...]]:
        """Hand out what must be written: from which position, and what."""
        first = self._first_unwritten
        self._first_unwritten = len(self._entries) + 1
        return first, tuple(self._entries[first - 1 :])

    def written_to(self, index: int) -> None:
        """Note that all up to `index` is on disk, less what was replaced since it was handed out."""
        self.durable_index = max(self.durable_index, min(index, self._first_unwritten - 1))
