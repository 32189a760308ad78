"""A decision on top of a replicated log: a fold over the committed entries OPEN, BALLOT and CLOSE, never an entry.

Every replica that has applied the same prefix has the same decision, so nothing more is agreed upon.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from typing import assert_never

ABSTAIN = "abstain"


class Recasting(StrEnum):
    """Which of an agent's ballots counts, fixed when the decision opens."""

    FIRST = "first"
    LAST = "last"


class Refusal(StrEnum):
    """Why a committed entry has no effect; it stays on record."""

    NOT_OPEN = "not_open"
    ALREADY_OPEN = "already_open"
    OTHER_DECISION = "other_decision"
    NOT_ELIGIBLE = "not_eligible"
    UNKNOWN_CHOICE = "unknown_choice"
    CHANGED = "changed"
    LATE = "late"
    ALREADY_CLOSED = "already_closed"
    MALFORMED = "malformed"


class CloseReason(StrEnum):
    """Why no more ballots are taken."""

    ALL_VOTED = "all_voted"
    DEADLINE_PASSED = "deadline_passed"


@dataclass(frozen=True, slots=True)
class Opening:
    """OPEN: the question's frozen terms. `policy_digest` binds all else that was resolved."""

    decision: str
    choices: tuple[str, ...]
    electorate: tuple[str, ...]
    policy_digest: str
    recasting: Recasting = Recasting.FIRST


@dataclass(frozen=True, slots=True)
class BallotEntry:
    """BALLOT: one agent's answer; repeats bear the same `ballot_id`. `detail_digest` binds reasoning and evidence."""

    decision: str
    agent: str
    ballot_id: str
    choice: str
    detail_digest: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """CLOSE: proposed by a leader alone; `leader_time` is by its clock, in its unit, and no other's matters."""

    decision: str
    reason: CloseReason
    leader_time: int


DecisionEntry = Opening | BallotEntry | Closing


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry without effect, and why."""

    index: int
    reason: Refusal


@dataclass(frozen=True, slots=True)
class DecisionState:
    """What the log says so far.

    Attributes:
        opening: The terms; None before OPEN.
        ballots: The counting ballot of each agent that cast one, in order of the agents' first.
        closing: Why and when it was closed; None while open.
        refused: Entries without effect, changes of a ballot among them, in log order. Repeats are not listed.
    """

    opening: Opening | None = None
    ballots: tuple[BallotEntry, ...] = ()
    closing: Closing | None = None
    refused: tuple[Refused, ...] = field(default=())

    @property
    def missing(self) -> tuple[str, ...]:
        """The agents that may vote and have not, in the electorate's order."""
        if self.opening is None:
            return ()
        voted = {ballot.agent for ballot in self.ballots}
        return tuple(agent for agent in self.opening.electorate if agent not in voted)


def fold(entries: Iterable[tuple[int, object]]) -> DecisionState:
    """Fold a committed prefix, as (index, payload), into the decision so far."""
    return reduce(lambda state, item: apply_entry(state, *item), entries, DecisionState())


def apply_entry(state: DecisionState, index: int, payload: object) -> DecisionState:
    """Apply one committed entry. The empty entry of a new leader does nothing; nonsense is refused, never raised."""
    match payload:
        case None:
            return state
        case Opening() | BallotEntry() | Closing():
            answer = _apply(state, payload)
        case _:
            answer = Refusal.MALFORMED
    if isinstance(answer, Refusal):
        return replace(state, refused=(*state.refused, Refused(index, answer)))
    return answer


def closing_due(state: DecisionState, *, leader_time: int, deadline: int) -> Closing | None:
    """Say whether the leader should propose CLOSE: all have voted, or its own clock has reached `deadline`.

    A leader may ask this of the fold over its uncommitted log too: what is committed stands in the same order.
    """
    if state.opening is None or state.closing is not None:
        return None
    if not state.missing:
        return Closing(state.opening.decision, CloseReason.ALL_VOTED, leader_time)
    if leader_time >= deadline:
        return Closing(state.opening.decision, CloseReason.DEADLINE_PASSED, leader_time)
    return None


def _apply(state: DecisionState, entry: DecisionEntry) -> DecisionState | Refusal:
    opening = state.opening
    if opening is None:
        return replace(state, opening=entry) if isinstance(entry, Opening) else Refusal.NOT_OPEN
    if entry.decision != opening.decision:
        return Refusal.OTHER_DECISION
    match entry:
        case Opening():
            return state if entry == opening else Refusal.ALREADY_OPEN
        case BallotEntry():
            return _cast(state, opening, entry)
        case Closing():
            return Refusal.ALREADY_CLOSED if state.closing is not None else replace(state, closing=entry)
        case _:
            assert_never(entry)


def _cast(state: DecisionState, opening: Opening, ballot: BallotEntry) -> DecisionState | Refusal:
    earlier = next((cast for cast in state.ballots if cast.agent == ballot.agent), None)
    if earlier == ballot:
        return state
    if state.closing is not None:
        return Refusal.LATE
    if ballot.agent not in opening.electorate:
        return Refusal.NOT_ELIGIBLE
    if ballot.choice not in opening.choices and ballot.choice != ABSTAIN:
        return Refusal.UNKNOWN_CHOICE
    if earlier is None:
        return DecisionState(opening, (*state.ballots, ballot), state.closing, state.refused)
    if opening.recasting is Recasting.FIRST or earlier.ballot_id == ballot.ballot_id:
        return Refusal.CHANGED
    return replace(state, ballots=tuple(ballot if cast is earlier else cast for cast in state.ballots))
