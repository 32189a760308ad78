"""The course of a decision, on its page: phases, elections, risks, and what failed on the way, as a table to read."""

from collections.abc import Sequence

from maos_flows.flows.fences import inline, table
from maos_flows.model import Decision, Event, EventKind

_K = EventKind

_WORDS = {
    _K.RISK: "risk",
    _K.ADAPTED: "rule",
    _K.ESCALATED: "a person",
    _K.OVERRIDDEN: "a person",
    _K.PHASE: "phase",
    _K.ELECTION: "election",
    _K.VOTE: "vote",
    _K.LEADER: "leader",
    _K.STALLED: "no progress",
    _K.EVIDENCE: "proof",
    _K.SUSPICION: "suspicion",
    _K.INJECTED: "drill begins",
    _K.HEALED: "drill ends",
    _K.FAILURE: "failure",
    _K.RECOVERED: "recovery",
}
"""What stands in a course, and what it is called there."""

_CHATTY = (_K.VOTE, _K.RISK)
"""What is left out first where there is too much: one comes of every agent."""

_MOST_ROWS = 40

_TITLES = {"raft": "Elections", "byzantine_tolerant": "Phases", "adaptive": "Risk and rule"}


def course(decision: Decision, timeline: Sequence[Event]) -> str:
    """Write what happened between the ballots and the decision, if anything did that people should see."""
    events = _readable([event for event in timeline if event.kind in _WORDS])
    if not events:
        return ""
    title = _TITLES.get(decision.opening.algorithm, "What happened")
    if decision.opening.algorithm in _TITLES and any(event.kind is _K.INJECTED for event in events):
        title += ", and what failed on purpose"
    rows = [(f"{event.at:%H:%M:%S}", _WORDS[event.kind], inline(event.text)) for event in events]
    return f"## {title}\n\n{table(('when', 'what', ''), rows[:_MOST_ROWS])}{_left_out(len(rows) - _MOST_ROWS)}"


def _readable(events: Sequence[Event]) -> Sequence[Event]:
    if len(events) <= _MOST_ROWS:
        return events
    return [event for event in events if event.kind not in _CHATTY]


def _left_out(count: int) -> str:
    return f"\n\n... and {count} more, in the timeline" if count > 0 else ""
