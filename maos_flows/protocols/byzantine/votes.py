"""What others voted in each view: the first vote of each agent counts, once; a second that differs convicts it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from maos_flows.protocols.byzantine.justification import Change
from maos_flows.protocols.byzantine.statements import Kind, Reader, Signed, VoteStatement

WINDOW = 8
"""How many views ahead (for COMMITs also behind) votes are kept; whatever is further off is dropped."""


class Fate(Enum):
    """What became of a vote."""

    COUNTED = auto()
    KNOWN = auto()
    """It says what this agent's earlier vote said."""
    SPARE = auto()
    """Enough others said the same: kept without being verified."""
    FORGED = auto()
    CONFLICTING = auto()


@dataclass(slots=True)
class _Poll:
    """The votes of one kind in one view."""

    first: dict[str, VoteStatement] = field(default_factory=dict)
    tokens: dict[str, Signed] = field(default_factory=dict)
    counted: dict[str, list[Signed]] = field(default_factory=dict)


class VoteBook:
    """PROPOSEs, PREPAREs and COMMITs by view and agent."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._polls: dict[tuple[Kind, int], _Poll] = {}

    def add(self, vote: VoteStatement, token: str) -> Fate:
        """Take what `token` is said to state. It is verified only if it can matter."""
        poll = self._polls.get((vote.kind, vote.view))
        if poll is None:
            poll = self._polls[vote.kind, vote.view] = _Poll()
        known = poll.first.get(vote.agent)
        if known is None:
            return self._add_first(poll, vote, Signed(vote.agent, token))
        if known.value == vote.value:
            return Fate.KNOWN
        return self._add_second(poll, vote, Signed(vote.agent, token))

    def counted(self, kind: Kind, view: int, value: str) -> tuple[Signed, ...]:
        """Give the verified votes for a value."""
        poll = self._polls.get((kind, view))
        return tuple(poll.counted.get(value, ())) if poll is not None else ()

    def has_quorum(self, kind: Kind, view: int, value: str) -> bool:
        """Say whether a quorum voted for a value."""
        poll = self._polls.get((kind, view))
        return poll is not None and len(poll.counted.get(value, ())) >= self._reader.agreement.quorum

    def values_with_quorum(self, kind: Kind, view: int) -> Iterator[str]:
        """Give the values that a quorum voted for: one, or several if more than f lie."""
        poll = self._polls.get((kind, view))
        if poll is not None:
            quorum = self._reader.agreement.quorum
            yield from (value for value, votes in poll.counted.items() if len(votes) >= quorum)

    def token_of(self, kind: Kind, view: int, agent: str) -> str | None:
        """Give the token of an agent's first vote, if there is one."""
        poll = self._polls.get((kind, view))
        signed = poll.tokens.get(agent) if poll is not None else None
        return signed.token if signed is not None else None

    def commits_of(self, agent: str) -> Iterator[tuple[VoteStatement, str]]:
        """Give an agent's verified COMMITs that are remembered, each with its token."""
        for (kind, _), poll in self._polls.items():
            signed = poll.tokens.get(agent)
            if kind is not Kind.COMMIT or signed is None:
                continue
            statement = self._reader.vote(kind, signed)
            if statement == poll.first[agent]:
                yield poll.first[agent], signed.token

    def views(self, kind: Kind) -> tuple[int, ...]:
        """Give the views in which votes of this kind are remembered."""
        return tuple(sorted(view for of_kind, view in self._polls if of_kind is kind))

    def forget_before(self, view: int) -> None:
        """Forget what can no longer matter once `view` is entered."""
        for kind, past in list(self._polls):
            if past < (view - WINDOW if kind is Kind.COMMIT else view):
                del self._polls[kind, past]

    def __len__(self) -> int:
        return sum(len(poll.first) for poll in self._polls.values())

    def _add_first(self, poll: _Poll, vote: VoteStatement, signed: Signed) -> Fate:
        if len(poll.counted.get(vote.value, ())) >= self._reader.agreement.quorum:
            poll.first[vote.agent] = vote
            poll.tokens[vote.agent] = signed
            return Fate.SPARE
        if self._reader.vote(vote.kind, signed) != vote:
            return Fate.FORGED
        poll.first[vote.agent] = vote
        poll.tokens[vote.agent] = signed
        poll.counted.setdefault(vote.value, []).append(signed)
        return Fate.COUNTED

    def _add_second(self, poll: _Poll, vote: VoteStatement, signed: Signed) -> Fate:
        if self._reader.vote(vote.kind, signed) != vote:
            return Fate.FORGED
        if self._reader.vote(vote.kind, poll.tokens[vote.agent]) == poll.first[vote.agent]:
            return Fate.CONFLICTING
        poll.first[vote.agent] = vote
        poll.tokens[vote.agent] = signed
        poll.counted.setdefault(vote.value, []).append(signed)
        return Fate.COUNTED


class ChangeBook:
    """Well-formed VIEW-CHANGEs by agent and view: those in the window, and each agent's highest."""

    def __init__(self) -> None:
        self._changes: dict[str, dict[int, Change]] = {}

    def wants(self, agent: str, view: int, present: int) -> bool:
        """Say whether a VIEW-CHANGE can matter: it is not for the past, not known, in the window or the highest."""
        kept = self._changes.get(agent, {})
        return view >= present and view not in kept and (view <= present + WINDOW or view > max(kept, default=0))

    def add(self, change: Change, present: int) -> None:
        """Keep a VIEW-CHANGE that is wanted."""
        kept = self._changes.setdefault(change.statement.agent, {})
        far = [view for view in kept if view > present + WINDOW]
        if change.statement.view > present + WINDOW:
            for view in far:
                del kept[view]
        kept[change.statement.view] = change

    def for_view(self, view: int) -> tuple[Change, ...]:
        """Give the VIEW-CHANGEs for a view, by agent."""
        return tuple(kept[view] for _, kept in sorted(self._changes.items()) if view in kept)

    def of(self, agent: str) -> tuple[Change, ...]:
        """Give an agent's VIEW-CHANGEs that are remembered."""
        return tuple(self._changes.get(agent, {}).values())

    def lowest_ahead(self, present: int) -> tuple[int, ...]:
        """Give, for each agent that is ahead, the lowest view ahead that it moved to; sorted."""
        ahead = ([view for view in kept if view > present] for kept in self._changes.values())
        return tuple(sorted(min(views) for views in ahead if views))

    def forget_before(self, view: int) -> None:
        """Forget VIEW-CHANGEs for past views."""
        for kept in self._changes.values():
            for past in [one for one in kept if one < view]:
                del kept[past]

    def __len__(self) -> int:
        return sum(len(kept) for kept in self._changes.values())
