"""Performance of a decision: where its time went, from one event of its timeline to the next."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from maos_flows.audit.store import DecisionSummary
from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.reading import round_of
from maos_flows.cli.watching.words import counted, duration, one_line, spoken
from maos_flows.model import Ballot, Event, EventKind, Opening

_MOST_AGENTS = 5
_WAITING = "waiting for answers"
_ANSWERS = {EventKind.BALLOT, EventKind.ABSENCE}


def performance(
    found: Found, opening: Opening, *, submitted_at: datetime | None, others: Sequence[DecisionSummary]
) -> dict[str, Any]:
    """Say where the time of a decision went.

    Args:
        found: The decision.
        opening: What binds it.
        submitted_at: When it was handed in, if it was submitted.
        others: Decisions to compare it with: those by the same algorithm that have ended are.
    """
    assert found.reader is not None
    spans = _spans(found.timeline, submitted_at)
    total = round(sum(spans.values()), 3)
    answers = sorted(found.reader.answers(), key=lambda answer: (-answer.seconds, answer.agent_id))
    same = [one for one in others if one.algorithm == opening.algorithm and one.decision_id != found.name]
    took = [(one.decided_at - one.opened_at).total_seconds() for one in same if one.decided_at is not None]
    return {
        "seconds": total,
        "spans": [
            {"what": what, "seconds": round(seconds, 3), "share": round(seconds / total, 4) if total else None}
            for what, seconds in sorted(spans.items(), key=lambda item: -item[1])
        ],
        "slowest_agents": [
            {
                "agent_id": answer.agent_id,
                "seconds": answer.seconds,
                "answer": "ballot" if isinstance(answer, Ballot) else answer.kind.value,
            }
            for answer in answers[:_MOST_AGENTS]
        ],
        "median_seconds_of_others": round(median(took), 3) if took else None,
        "others": len(took),
    }


def _spans(timeline: Sequence[Event], submitted_at: datetime | None) -> dict[str, float]:
    """Add up the seconds from each landmark to the next, by what was going on between them."""
    landmarks = [] if submitted_at is None else [(submitted_at, "waiting to be opened")]
    landmarks += _landmarks(timeline)
    spans: dict[str, float] = {}
    for (start, what), (end, _) in pairwise(landmarks):
        spans[what] = spans.get(what, 0.0) + max(0.0, (end - start).total_seconds())
    return spans


def _landmarks(timeline: Sequence[Event]) -> Iterator[tuple[datetime, str]]:
    last_answers = {round_of(event): event.sequence for event in timeline if event.kind in _ANSWERS}
    for event in timeline:
        match event.kind:
            case EventKind.OPENED | EventKind.ROUND_OPENED:
                yield event.at, "opening"
            case EventKind.ASKED | EventKind.RESUMED:
                yield event.at, _WAITING
            case EventKind.BALLOT | EventKind.ABSENCE if event.sequence == last_answers[round_of(event)]:
                yield event.at, "deciding and recording"
            case EventKind.PHASE:
                yield event.at, spoken(str(event.data.get("phase") or event.text))
            case EventKind.DECIDED:
                yield event.at, "after the end"
                return
            case _:
                pass


def performance_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write where the time went for people, what took longest first."""
    yield f"Performance: {duration(data['seconds'])} in all"
    for span in data["spans"]:
        share = "" if span["share"] is None else f" ({100 * span['share']:.0f} %)"
        yield f"  {one_line(span['what'], 60)}: {duration(span['seconds'])}{share}"
    slowest = data["slowest_agents"]
    if slowest:
        named = (f"{one['agent_id']} {duration(one['seconds'])} ({spoken(one['answer'])})" for one in slowest)
        yield f"  slowest agents: {one_line(', '.join(named), 400)}"
    if data["median_seconds_of_others"] is not None:
        usual = duration(data["median_seconds_of_others"])
        others = counted(data["others"], "other decision")
        yield f"  usual by the same algorithm: {usual} (median of {others})"
    if data["spans"] and data["spans"][0]["what"] == _WAITING and slowest:
        longest = slowest[0]
        if 2 * longest["seconds"] >= data["spans"][0]["seconds"]:
            yield f"  most of it was spent waiting for answers, longest for {one_line(longest['agent_id'])}"
        else:
            took = duration(longest["seconds"])
            yield f"  most of it was spent starting calls and recording answers; no agent took longer than {took}"
