"""Read decisions on from where the last look stopped, from the audit store alone."""

from collections.abc import Callable, Sequence
from datetime import datetime
from heapq import merge
from typing import TYPE_CHECKING

from maos_flows.model import Absence, Ballot, Decision, Event, EventKind, Opening, Tally
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count

if TYPE_CHECKING:
    from maos_flows.audit.store import AuditStore

_OPENS = {EventKind.OPENED, EventKind.ROUND_OPENED}
_ANSWERS = {EventKind.BALLOT, EventKind.ABSENCE}


_WAITED_FOR = frozenset({EventKind.ESCALATED, EventKind.INJECTED})
"""What says until when nothing more need be heard: a person is asked, or a drill keeps replicas apart."""


class Reader:
    """One decision as far as it was read: each look reads only what came since.

    Attributes:
        name: The decision's id.
        opening: The latest round's.
        decision: The whole record, once its end was read.
        events: The timeline.
        has_hidden: Whether sealed ballots were read that now are shown.
    """

    def __init__(self, store: "AuditStore", name: str) -> None:
        self._store = store
        self.name = name
        self.opening: Opening | None = None
        self.decision: Decision | None = None
        self.events: list[Event] = []
        self.has_hidden = False
        self._seals_ballots = False
        self._answers: dict[tuple[int, str], Ballot | Absence] = {}

    def news(self) -> tuple[Event, ...]:
        """Read the events since the last look, and what they tell of. A look that fails can be repeated.

        Raises:
            StoreError: The store is busy or cannot be reached.
        """
        last = self.events[-1].sequence if self.events else 0
        found = self._store.timeline(self.name, after=last)
        kinds = {event.kind for event in found}
        opening = self._store.opening(self.name) if kinds & _OPENS else self.opening
        seals = self._is_to_seal() if EventKind.OPENED in kinds else self._seals_ballots
        rounds = {round_of(event) for event in found if event.kind in _ANSWERS}
        decision = self._store.decision(self.name) if EventKind.DECIDED in kinds else self.decision
        if seals and EventKind.DECIDED in kinds:
            rounds |= {number for number, _ in self._answers}  # what was covered until now can be read
        answers = [
            answer for number in sorted(rounds) for answer in self._store.answers(self.name, number, covered=seals)
        ]
        self.opening, self.decision, self._seals_ballots = opening, decision, seals
        self._answers.update({(answer.round, answer.agent_id): answer for answer in answers})
        self.events += found
        self.has_hidden |= self.is_sealed and EventKind.BALLOT in kinds
        return found

    def _is_to_seal(self) -> bool:
        request = self._store.request(self.name)
        return request is not None and request.sealed

    @property
    def is_sealed(self) -> bool:
        """Whether ballots are sealed: until the decision is closed, nobody is shown what they are for."""
        return self._seals_ballots and self.decision is None

    def answer(self, event: Event) -> Ballot | Absence | None:
        """Give the answer an event tells of; None where it is none, or sealed."""
        if event.kind not in _ANSWERS or event.agent_id is None:
            return None
        found = self._answers.get((round_of(event), event.agent_id))
        return None if isinstance(found, Ballot) and self.is_sealed else found

    @property
    def round(self) -> int:
        """The latest round's number; 0 before the first."""
        return 0 if self.opening is None else self.opening.proposal.round

    def answers(self) -> tuple[Ballot | Absence, ...]:
        """Give the latest round's answers, sealed or not: who has answered is no secret."""
        return tuple(answer for (number, _), answer in self._answers.items() if number == self.round)

    def tally(self) -> Tally | None:
        """Count the latest round's ballots so far; None while they are sealed, or before the opening."""
        if self.opening is None or self.is_sealed:
            return None
        ballots = [answer for answer in self.answers() if isinstance(answer, Ballot)]
        return count(scrutinise(ballots, self.opening).counted, self.opening.proposal, self.opening.electorate)

    @property
    def lives_until(self) -> datetime | None:
        """By when more must have been heard of it: a deadline, or a later event; None if it has no deadline."""
        if self.opening is None or self.opening.proposal.deadline is None:
            return None
        waiting = [event for event in self.events if event.kind in _WAITED_FOR]
        given = [instant for event in waiting if (instant := _instant(event.data.get("until"))) is not None]
        return max(self.opening.proposal.deadline, self.events[-1].at, *given)


def round_of(event: Event) -> int:
    """Give the round an event is of; 1 where it does not say."""
    number = event.data.get("round", 1)
    return number if isinstance(number, int) else 1


def _instant(text: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


class Timelines:
    """Several decisions read together: those there are by now."""

    def __init__(self, store: "AuditStore", names: "Callable[[AuditStore], Sequence[str]]") -> None:
        self._store = store
        self._names = names
        self.readers: dict[str, Reader] = {}
        self._unseen: dict[str, list[tuple[Reader, Event]]] = {}

    def news(self) -> list[tuple[Reader, Event]]:
        """Read what came since the last look, in the order in which it happened.

        Raises:
            StoreError: The store is busy or cannot be reached.
        """
        for name in self._names(self._store):
            if name not in self.readers:
                self.readers[name] = Reader(self._store, name)
        for reader in self.readers.values():
            if reader.decision is None:
                self._unseen.setdefault(reader.name, []).extend((reader, event) for event in reader.news())
        found = list(merge(*self._unseen.values(), key=lambda item: item[1].at))  # each one's own order stays
        self._unseen = {}  # not before all were read: what one look found must not be lost when another fails
        return found
