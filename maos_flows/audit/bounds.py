"""Bounds on what an agent's answer may store. What goes beyond is cut with a visible mark, never refused."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, TypeVar

from maos_flows.audit.texts import Limits, cut, portable
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Absence, Ballot, Event, RejectedBallot, Suggestion
from maos_flows.records import canonical

MOST_REASONING = 64 * 1024
"""Bytes of a reasoning or an explanation, in UTF-8."""

MOST_EVIDENCE = 64
"""Pieces of evidence, each of at most `MOST_TEXT` bytes."""

MOST_ATTRIBUTES = 64 * 1024
"""Bytes of a ballot's attributes, as JSON."""

MOST_TEXT = 2 * 1024
"""Bytes of an id, a choice, a piece of evidence, or one text among the attributes."""

_WITHIN_ATTRIBUTES = Limits(text=MOST_TEXT, name=256, items=64, depth=16)
_MOST_CONFIDENCE_BITS = 1024
_MOST_BYTES_A_CHARACTER = 6
"""How much longer than what Python prints its canonical JSON can be: a control character takes six bytes."""


Answer = TypeVar("Answer", Ballot, Absence)


def arrived(answer: Answer, *, now: datetime | None) -> Answer:
    """Put the time of an answer in UTC; one that states none gets `now`.

    Raises:
        ConfigurationError: It has no time zone.
    """
    instant = now if answer.received_at is None else in_utc(answer.received_at, path="received_at")
    return replace(answer, received_at=instant)


def bound_answer(answer: Answer) -> Answer:
    """Bound the free texts of an answer. Whose it is and its choice are known by then, and stay."""
    seconds = answer.seconds if math.isfinite(answer.seconds) else 0.0
    if isinstance(answer, Absence):
        return replace(answer, explanation=cut(answer.explanation, MOST_REASONING), seconds=seconds)
    return replace(
        answer,
        confidence=_short(answer.confidence),
        reasoning=cut(answer.reasoning, MOST_REASONING),
        evidence=_cut_evidence(answer.evidence),
        attributes=_cut_attributes(answer.attributes),
        seconds=seconds,
    )


def bound_suggestion(suggestion: Suggestion) -> Suggestion:
    """Bound the free texts of a suggestion; the answer it suggests is short and stays."""
    return replace(
        suggestion,
        reasoning=cut(suggestion.reasoning, MOST_REASONING),
        attributes=_cut_attributes(suggestion.attributes),
        seconds=suggestion.seconds if math.isfinite(suggestion.seconds) else 0.0,
    )


def bound_rejected(rejected: RejectedBallot) -> RejectedBallot:
    """Bound all texts of a rejected ballot: any of them may be what it was rejected for."""
    ballot = rejected.ballot
    bounded = replace(
        bound_answer(ballot),
        decision_id=cut(ballot.decision_id, MOST_TEXT),
        agent_id=cut(ballot.agent_id, MOST_TEXT),
        choice=cut(ballot.choice, MOST_TEXT),
        voter=cut(ballot.voter, MOST_TEXT),
    )
    return replace(rejected, ballot=bounded, explanation=cut(rejected.explanation, MOST_TEXT))


def bound_event(event: Event, *, sequence: int = 0) -> Event:
    """Bound an event's texts, and number it.

    Raises:
        ConfigurationError: Its time has no time zone.
    """
    return Event(
        in_utc(event.at, path="at"),
        event.kind,
        cut(event.text, MOST_TEXT),
        None if event.agent_id is None else cut(event.agent_id, MOST_TEXT),
        sequence,
        _cut_attributes(event.data),
    )


def in_utc(instant: datetime, *, path: str) -> datetime:
    """Give an aware instant in UTC.

    Raises:
        ConfigurationError: It has no time zone.
    """
    if instant.tzinfo is None:
        raise ConfigurationError([Problem(path, f"{instant.isoformat()} has no time zone; give instants in UTC")])
    return instant.astimezone(UTC)


def _short(confidence: Fraction | None) -> Fraction | None:
    """Give a confidence that can be written: one with hundreds of digits is rounded, and stays in or out of [0, 1]."""
    if confidence is None:
        return None
    if confidence.numerator.bit_length() + confidence.denominator.bit_length() <= _MOST_CONFIDENCE_BITS:
        return confidence
    if 0 <= confidence <= 1:
        return confidence.limit_denominator(10**18)
    return Fraction(2) if confidence > 1 else Fraction(-1)


def _cut_evidence(evidence: tuple[str, ...]) -> tuple[str, ...]:
    room = MOST_EVIDENCE if len(evidence) <= MOST_EVIDENCE else MOST_EVIDENCE - 1
    kept = tuple(cut(item, MOST_TEXT) for item in evidence[:room])
    return (*kept, f"[cut: {len(evidence) - room} more]") if len(evidence) > room else kept


def _cut_attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    bounded: dict[str, Any] = portable(attributes, _WITHIN_ATTRIBUTES)
    if _MOST_BYTES_A_CHARACTER * len(repr(bounded)) <= MOST_ATTRIBUTES:
        return bounded
    kept: dict[str, Any] = {}
    left = MOST_ATTRIBUTES
    for name, value in bounded.items():
        size = len(canonical(value))
        kept[name] = value if size <= left else f"[cut: {size} bytes]"
        left -= size if size <= left else 0
    return kept
