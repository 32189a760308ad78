"""What an application asks of a Raft replica and what it hears back: entries committed, proposals' fates, reads."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum

from maos_flows.protocols.raft_messages import Entry


class FateKind(StrEnum):
    """How a proposal ended, as far as this replica knows."""

    COMMITTED = "committed"
    REFUSED = "refused"
    """Not appended: no leader is known, leadership is passing on, the log is full, or it makes no sense."""
    LOST = "lost"
    """Another entry was committed where this one stood."""
    UNKNOWN = "unknown"
    """No longer followed, because too many newer ones are; it may yet be committed."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Entries to apply, the first of them at `index`: each index once a life, in order, from 1."""

    index: int
    entries: tuple[Entry, ...]

    @property
    def last(self) -> int:
        """The index of the last of them."""
        return self.index + len(self.entries) - 1


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a proposal made at this replica; `index` is 0 unless it is committed."""

    key: str
    kind: FateKind
    index: int = 0


@dataclass(frozen=True, slots=True)
class ReadIndex:
    """A read may be answered: all up to `index` has been handed out. None: it was refused or lost; ask anew."""

    key: str
    index: int | None


Output = Committed | Fate | ReadIndex


class Proposals:
    """The proposals made at this replica whose fate is open."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: OrderedDict[str, int | None] = OrderedDict()
        self._key_at: dict[int, str] = {}
        self._fates: list[Fate] = []

    @property
    def has_fates(self) -> bool:
        """Whether there is something to be told."""
        return bool(self._fates)

    def follow(self, key: str, index: int | None) -> None:
        """Await a proposal's fate; `index` is where it stands, if this replica appended it itself."""
        self._forget(key)
        if len(self._open) >= self._most:
            oldest = next(iter(self._open))
            self._forget(oldest)
            self._fates.append(Fate(oldest, FateKind.UNKNOWN))
        self._open[key] = index
        if index is not None:
            self._key_at[index] = key

    def refuse(self, key: str) -> None:
        """Say that a proposal went nowhere."""
        self._fates.append(Fate(key, FateKind.REFUSED))

    def already_committed(self, key: str, index: int) -> None:
        """Say that a proposal made again was committed before."""
        self._fates.append(Fate(key, FateKind.COMMITTED, index))

    def committed(self, committed: Committed) -> None:
        """Learn what was committed."""
        for index, entry in enumerate(committed.entries, committed.index):
            if not self._open:
                return
            key = entry.key
            standing = self._key_at.get(index)
            if standing is not None and standing != key:
                self._forget(standing)
                self._fates.append(Fate(standing, FateKind.LOST))
            if key in self._open:
                self._forget(key)
                self._fates.append(Fate(key, FateKind.COMMITTED, index))

    def take_fates(self) -> tuple[Fate, ...]:
        """Take what is to be told."""
        fates = tuple(self._fates)
        self._fates.clear()
        return fates

    def _forget(self, key: str) -> None:
        index = self._open.pop(key, None)
        if index is not None:
            self._key_at.pop(index, None)


class Reads:
    """The linearizable reads asked at this replica."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._answers: list[ReadIndex] = []

    @property
    def has_answers(self) -> bool:
        """Whether there are answers, due or not."""
        return bool(self._answers)

    def ask(self, key: str) -> None:
        """Await the leader's answer."""
        if len(self._asked) >= self._most:
            oldest, _ = self._asked.popitem(last=False)
            self.refuse(oldest)
        self._asked[key] = None

    def answered(self, key: str, index: int) -> None:
        """Take the leader's answer; one not awaited is a repeat and ignored."""
        if key in self._asked:
            del self._asked[key]
            self.confirmed(key, index)

    def confirmed(self, key: str, index: int) -> None:
        """Let a read be answered once `index` is applied."""
        self._answers.append(ReadIndex(key, index))

    def refuse(self, *keys: str) -> None:
        """Say that reads were refused or lost."""
        self._answers.extend(ReadIndex(key, None) for key in keys)

    def take_due(self, applied: int) -> tuple[ReadIndex, ...]:
        """Take the answers whose index is applied, and the refusals."""
        due = tuple(answer for answer in self._answers if answer.index is None or answer.index <= applied)
        self._answers = [answer for answer in self._answers if answer not in due]
        return due
