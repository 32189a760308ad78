"""What Raft replicas say to each other, and the check that refuses what no correct replica would say."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

LONGEST_KEY = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in the log; its index is its position, from 1.

    Attributes:
        term: When its leader received it.
        payload: The application's frozen value; None is the empty entry of a new leader.
        key: The proposer's name for it, by which its fate is told and a repeat is known; "" for none.
    """

    term: int
    payload: object = None
    key: str = ""

    def __str__(self) -> str:
        return f"{self.term}:{self.key or self.payload or '-'}"


@dataclass(frozen=True, slots=True)
class PreVoteRequest:
    """Would you vote for me? `term` is one above the sender's own, which it has not raised."""

    term: int
    last_index: int
    last_term: int


@dataclass(frozen=True, slots=True)
class PreVoteReply:
    """A granted answer repeats the asked term and raises nobody's; a refusal bears the sender's own."""

    term: int
    is_granted: bool


@dataclass(frozen=True, slots=True)
class VoteRequest:
    """RequestVote; `is_forced` marks a leadership transfer, which even a voter with a live leader answers."""

    term: int
    last_index: int
    last_term: int
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class VoteReply:
    """The answer to a `VoteRequest`."""

    term: int
    is_granted: bool


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """AppendEntries: `entries` follow the entry at `previous_index`, whose term is `previous_term`."""

    term: int
    previous_index: int
    previous_term: int
    entries: tuple[Entry, ...]
    commit: int

    def __str__(self) -> str:
        entries = " ".join(map(str, self.entries))
        previous = f"{self.previous_term}@{self.previous_index}"
        return f"AppendRequest(term={self.term} after {previous} [{entries}] commit={self.commit})"


@dataclass(frozen=True, slots=True)
class AppendReply:
    """The answer to an `AppendRequest`.

    Attributes:
        term: The sender's.
        is_success: Whether the entry before matched.
        index: On success the last index known to match; else where the sender's log may match.
        previous_index: The request's, so that a late refusal is known as late.
    """

    term: int
    is_success: bool
    index: int
    previous_index: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A leader's sign of life; `commit` never passes what it knows the recipient to hold."""

    term: int
    commit: int
    beat: int


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    """Confirms that the sender followed this leader at this beat."""

    term: int
    beat: int


@dataclass(frozen=True, slots=True)
class CommitNotice:
    """Tells a follower how much of what it holds is committed; wants no answer."""

    term: int
    commit: int


@dataclass(frozen=True, slots=True)
class Forward:
    """A follower's proposal, passed on to the leader."""

    term: int
    key: str
    payload: object


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A follower asks the leader up to where a linearizable read must have applied."""

    term: int
    key: str


@dataclass(frozen=True, slots=True)
class ReadReply:
    """The answer to a `ReadRequest`, given once a majority confirmed the leader."""

    term: int
    key: str
    index: int


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """The leader asks an up-to-date follower to stand for election at once."""

    term: int


Message = (
    PreVoteRequest
    | PreVoteReply
    | VoteRequest
    | VoteReply
    | AppendRequest
    | AppendReply
    | Heartbeat
    | HeartbeatReply
    | CommitNotice
    | Forward
    | ReadRequest
    | ReadReply
    | TimeoutNow
)
FromLeader = AppendRequest | Heartbeat | CommitNotice

_NUMBERS: dict[type[Any], Callable[[Any], tuple[object, ...]]] = {
    PreVoteRequest: attrgetter("last_index", "last_term", "term"),
    PreVoteReply: lambda message: (message.term,),
    VoteRequest: attrgetter("last_index", "last_term", "term"),
    VoteReply: lambda message: (message.term,),
    AppendRequest: attrgetter("previous_index", "previous_term", "commit", "term"),
    AppendReply: attrgetter("index", "previous_index", "term"),
    Heartbeat: attrgetter("commit", "beat", "term"),
    HeartbeatReply: attrgetter("beat", "term"),
    CommitNotice: attrgetter("commit", "term"),
    Forward: lambda message: (message.term,),
    ReadRequest: lambda message: (message.term,),
    ReadReply: attrgetter("index", "term"),
    TimeoutNow: lambda message: (message.term,),
}
_FLAGS: dict[type[Any], str] = {
    PreVoteReply: "is_granted",
    VoteRequest: "is_forced",
    VoteReply: "is_granted",
    AppendReply: "is_success",
}
_KEYED = frozenset({Forward, ReadRequest, ReadReply})
MESSAGE_TYPES = tuple(kind.__name__ for kind in _NUMBERS)


def refusal(message: Any, *, max_entries: int) -> str | None:
    """Say why a message is refused (`malformed` or `oversized`), or None if a correct replica may have sent it."""
    kind = type(message)
    numbers = _NUMBERS.get(kind)
    if numbers is None:
        return "malformed"
    for number in numbers(message):
        if type(number) is not int or number < 0:
            return "malformed"
    if not message.term:
        return "malformed"
    flag = _FLAGS.get(kind)
    if flag is not None and not isinstance(getattr(message, flag), bool):
        return "malformed"
    if kind is AppendRequest:
        return _entries_refusal(message, max_entries)
    return _key_refusal(message) if kind in _KEYED else None


def raises_term(message: Message) -> bool:
    """Say whether a term above the own is a sign of a newer one: always, but for what only talks of an election."""
    match message:
        case PreVoteRequest():
            return False
        case PreVoteReply():
            return not message.is_granted
        case _:
            return True


def stale_answer(message: Message, term: int) -> Message | None:
    """Give the answer that tells the sender of an older term of the newer one, where the paper has an answer."""
    match message:
        case VoteRequest():
            return VoteReply(term, is_granted=False)
        case PreVoteRequest():
            return PreVoteReply(term, is_granted=False)
        case AppendRequest():
            return AppendReply(term, is_success=False, index=0, previous_index=message.previous_index)
        case Heartbeat():
            return HeartbeatReply(term, beat=0)
        case _:
            return None


def _key_refusal(message: Any) -> str | None:
    if not isinstance(message.key, str) or (isinstance(message, Forward) and message.payload is None):
        return "malformed"
    if not message.key:
        return "malformed"
    return "oversized" if len(message.key) > LONGEST_KEY else None


def _entries_refusal(message: Any, max_entries: int) -> str | None:
    if not isinstance(message.entries, tuple):
        return "malformed"
    if len(message.entries) > max_entries:
        return "oversized"
    term: int = message.previous_term
    for entry in message.entries:
        if type(entry) is not Entry or type(entry.term) is not int or type(entry.key) is not str:
            return "malformed"
        if entry.term < term or not entry.term:
            return "malformed"
        term = entry.term
    if term > message.term or (message.previous_index == 0) != (message.previous_term == 0):
        return "malformed"
    return None
