"""Suggestions as they come in: one of each elector, the first; and the choices that they became."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select

from maos_flows.audit import answers, timeline
from maos_flows.audit.bounds import bound_suggestion, in_utc
from maos_flows.audit.encoding import decode, encode
from maos_flows.audit.openings import Openings, Privacy, hold
from maos_flows.audit.suggestion_rows import SUGGESTION
from maos_flows.audit.texts import without_gaps
from maos_flows.errors import NotFoundError
from maos_flows.model import Absence, AbsenceKind, Event, EventKind, Opening, Suggestion
from maos_flows.proposing import Merged, SuggestedChoice, as_details

Transaction = Callable[[], AbstractContextManager[Connection]]
_ROUND = 0

_OF_DECISION = select(SUGGESTION.c.record).where(SUGGESTION.c.decision_id == bindparam("decision"))
_IN_ORDER = _OF_DECISION.order_by(SUGGESTION.c.agent_id)
_OF_AGENT = _OF_DECISION.where(SUGGESTION.c.agent_id == bindparam("agent"))
_ADD = insert(SUGGESTION)


class Suggestions:
    """The suggestions in one store."""

    def __init__(self, writing: Transaction, reading: Transaction, openings: Openings) -> None:
        self._writing = writing
        self._reading = reading
        self._openings = openings

    def of(self, decision_id: str) -> tuple[Suggestion, ...]:
        """Read what was suggested in a decision, by agent."""
        with self._reading() as connection:
            return _read(connection, decision_id)

    def answered(self, decision_id: str) -> frozenset[str]:
        """Name the agents that have suggested something, or of whom nothing is awaited any more."""
        with self._reading() as connection:
            absent = answers.names(connection, decision_id, _ROUND, kind=None)
            return absent | {suggestion.agent_id for suggestion in _read(connection, decision_id)}

    def record(self, answer: Suggestion | Absence, *, now: datetime) -> Suggestion | Absence:
        """Keep what an agent suggested, or why it did not; the first that comes stands.

        Returns:
            The agent's answer as it is kept. A suggestion that comes after the round's deadline is kept as an absence;
            one that comes once the vote is open, or the decision closed, is not kept, and comes back as an absence too.

        Raises:
            NotFoundError: There is no such decision, it has no round of suggestions, or the agent is not in it.
        """
        with self._writing() as connection:
            standing = hold(connection, answer.decision_id)
            opening = self._openings.get(connection, answer.decision_id, _ROUND)
            if opening.electorate.elector(answer.agent_id) is None:
                raise NotFoundError(f"{answer.agent_id!r} is not in the electorate of decision {answer.decision_id!r}")
            known = _find(connection, answer.decision_id, answer.agent_id)
            if known is not None:
                return known
            is_over = standing.is_closed or standing.latest_round > _ROUND
            given = answer if isinstance(answer, Absence) else _in_time(answer, opening, now=now, is_over=is_over)
            if isinstance(given, Absence) and is_over:
                return given
            if isinstance(given, Absence):
                kept = answers.record_absence(connection, self._openings, given, now=now)
                assert isinstance(kept, Absence), "there are no ballots in this round"
                return kept
            is_sealed = self._openings.privacy(connection, answer.decision_id) is not Privacy.NONE
            return _add(connection, bound_suggestion(given), now=now, is_sealed=is_sealed)

    def merged(self, decision_id: str, merged: Merged, *, at: datetime) -> None:
        """Note what suggestions became; once. While ballots are sealed it does not say who suggested what.

        Raises:
            NotFoundError: There is no such decision.
        """
        with self._writing() as connection:
            hold(connection, decision_id)
            if timeline.holds(connection, decision_id, EventKind.CHOICES, after=0):
                return
            if self._openings.privacy(connection, decision_id) is not Privacy.NONE:
                merged = Merged(*(tuple(map(_nameless, part)) for part in (merged.choices, merged.left_out)))
            words = _in_words(merged)
            timeline.append(connection, decision_id, Event(at, EventKind.CHOICES, words, data=as_details(merged)))


def _read(connection: Connection, decision_id: str) -> tuple[Suggestion, ...]:
    found = connection.execute(_IN_ORDER, {"decision": decision_id}).scalars()
    return tuple(decode(Suggestion, record) for record in found)


def _find(connection: Connection, decision_id: str, agent_id: str) -> Suggestion | Absence | None:
    found = connection.execute(_OF_AGENT, {"decision": decision_id, "agent": agent_id}).scalar_one_or_none()
    if found is not None:
        return decode(Suggestion, found)
    absent = answers.find(connection, decision_id, _ROUND, agent_id)
    return absent if isinstance(absent, Absence) else None


def _in_time(suggestion: Suggestion, opening: Opening, *, now: datetime, is_over: bool) -> Suggestion | Absence:
    """Give a suggestion with when it came, in UTC; one that came too late as an absence."""
    came, deadline = in_utc(suggestion.received_at or now, path="received_at"), opening.proposal.deadline
    if not is_over and (deadline is None or came <= deadline):
        return replace(suggestion, received_at=came)
    return Absence(
        suggestion.decision_id,
        suggestion.agent_id,
        AbsenceKind.TIMED_OUT,
        "its suggestion came too late",
        round=_ROUND,
        voter=suggestion.voter,
        received_at=came,
        seconds=suggestion.seconds,
    )


def _add(connection: Connection, suggestion: Suggestion, *, now: datetime, is_sealed: bool) -> Suggestion:
    simulated = " (simulated)" if suggestion.voter == "simulated" else ""
    words, data = f"{suggestion.agent_id} suggests: {suggestion.text}{simulated}", {"text": suggestion.text}
    if is_sealed:
        words, data = f"{suggestion.agent_id}: suggestion made", {}
    said = {"round": _ROUND, "voter": suggestion.voter, **data}
    event = Event(suggestion.received_at or now, EventKind.SUGGESTION, words, suggestion.agent_id, data=said)
    values = {
        "decision_id": suggestion.decision_id,
        "round": _ROUND,
        "agent_id": suggestion.agent_id,
        "sequence": timeline.append(connection, suggestion.decision_id, event).sequence,
        "text": without_gaps(suggestion.text),
        "voter": without_gaps(suggestion.voter),
        "received_at": suggestion.received_at,
        "record": encode(suggestion),
    }
    connection.execute(_ADD, values)
    return suggestion


def _nameless(suggested: SuggestedChoice) -> SuggestedChoice:
    return replace(suggested, agents=())


def _in_words(merged: Merged) -> str:
    left_out = f"; left out: {_listed(merged.left_out)}" if merged.left_out else ""
    return f"suggested choices: {_listed(merged.choices) or 'none'}{left_out}"


def _listed(choices: tuple[SuggestedChoice, ...]) -> str:
    return ", ".join(f"{one.choice} ({', '.join(one.agents)})" if one.agents else one.choice for one in choices)
