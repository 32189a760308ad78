"""Oversight of one decision: what is written to its timeline and checked, where its request asks for that.

What is written is written once, also when a run that died is taken up.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from maos_flows.audit.store import AuditStore
from maos_flows.flows.stores import kept
from maos_flows.model import Decision, Elector, Event, EventKind, Fault, Opening, Oversight, Suspicions, exact
from maos_flows.policies.compliance import complying, examine
from maos_flows.policies.figures import WINDOW, failures_among, figures
from maos_flows.policies.suspicions import suspicions
from maos_flows.policies.threshold import describe
from maos_flows.voters.base import utc_now

_LOOKED_THROUGH = 4 * WINDOW
"""Decisions listed to find the last closed ones: open ones are among them."""


def note_trail(store: AuditStore, opening: Opening, oversight: Oversight) -> None:
    """Write under what a decision was opened: its rule, every weight and why, and the configuration's digest."""
    parameters = opening.parameters
    rule = f"{opening.algorithm}, {describe(parameters.threshold)} of {parameters.basis}"
    weights = {elector.agent_id: _weight(elector) for elector in opening.electorate.electors}
    data = {
        "rule": rule,
        "decision_type": oversight.decision_type,
        "min_participants": parameters.min_participants,
        "reviewers": list(parameters.reviewers),
        "configuration": oversight.configuration,
        "weights": weights,
    }
    kind = f"{oversight.decision_type}, " if oversight.decision_type else ""
    text = f"under {kind}{rule}; configuration {oversight.configuration[:19] or 'by default'}"
    _note_once(store, opening, Event(utc_now(), EventKind.TRAIL, text, data=data))


def _weight(elector: Elector) -> str:
    return f"{exact(elector.weight)}: {elector.weight_reason}"


async def note_when_slow(store: AuditStore, opening: Opening, oversight: Oversight, over: asyncio.Event) -> bool:
    """Wait until a decision is slow and write so, or until it is over; says whether it is slow."""
    if oversight.slow_seconds is None:
        return False
    slow_from = opening.opened_at + timedelta(seconds=oversight.slow_seconds)
    try:
        await asyncio.wait_for(over.wait(), max(0.0, (slow_from - utc_now()).total_seconds()))
    except TimeoutError:
        await kept(store, partial(_note_slow, store, opening, oversight))
        return True
    return False


def _note_slow(store: AuditStore, opening: Opening, oversight: Oversight) -> None:
    text = f"slow: open for more than {oversight.slow_seconds:g} s"
    _note_once(store, opening, Event(utc_now(), EventKind.SLOW, text, data={"threshold": oversight.slow_seconds}))


def overseen(store: AuditStore, decision: Decision, oversight: Oversight, *, now: datetime) -> Decision:
    """Check a decision before it is closed, and write what was found.

    Returns:
        The decision with its suspects and its report; one that breaks a rule is not reached.
    """
    opening = decision.opening
    rejected = store.rejected(decision.decision_id, opening.proposal.round)
    if oversight.suspicions is not Suspicions.NONE:
        suspects = suspicions(rejected, decision.absences, oversight.suspicions)
        decision = _with_faults(decision, suspects)
    if oversight.slow_seconds is not None and now > opening.opened_at + timedelta(seconds=oversight.slow_seconds):
        _note_slow(store, opening, oversight)
    if oversight.compliance is not None:
        happened = {event.kind for event in store.timeline(decision.decision_id)}
        decision = complying(decision, examine(decision, oversight.compliance, happened))
    for event in _found(store, decision, oversight, rejected=len(rejected), now=now):
        _note_once(store, opening, event)
    return decision


def _with_faults(decision: Decision, suspects: Sequence[Fault]) -> Decision:
    """Add suspects; who stands there with a proof of the same is not added."""
    known = {(fault.agent_id, fault.kind) for fault in decision.faults}
    new = tuple(fault for fault in suspects if (fault.agent_id, fault.kind) not in known)
    return replace(decision, faults=(*decision.faults, *new))


def _found(
    store: AuditStore, decision: Decision, oversight: Oversight, *, rejected: int, now: datetime
) -> Iterator[Event]:
    """Tell what was found, in the order in which people want to read it."""
    for fault in decision.faults:
        if not fault.is_proof and oversight.suspicions is not Suspicions.NONE:
            text = f"suspicious: {fault.agent_id}, {fault.kind.replace('_', ' ')}"
            yield Event(now, EventKind.SUSPICION, text, fault.agent_id, data={"kind": fault.kind, "by": "scrutiny"})
    if oversight.compliance is not None:
        report = decision.details["compliance"]
        broken = [row["rule"] for row in report if not row["held"]]
        words = f"broken: {', '.join(broken)}" if broken else f"every rule held, of {len(report)}"
        yield Event(now, EventKind.COMPLIANCE, f"compliance: {words}", data={"findings": report})
    if oversight.metrics:
        measured = figures(decision, rejected=rejected, now=now)
        text = f"figures: {measured['seconds']:g} s, {measured['ballots']} of {measured['electors']} cast a ballot"
        yield Event(now, EventKind.FIGURES, text, data=measured)
    yield from _failures(store, decision, oversight, now=now)


def _failures(store: AuditStore, decision: Decision, oversight: Oversight, *, now: datetime) -> Iterator[Event]:
    if oversight.failure_rate is None:
        return
    others = store.decisions(limit=_LOOKED_THROUGH)
    before = [item.outcome for item in others if item.outcome and item.decision_id != decision.decision_id]
    rate = failures_among(decision.outcome, before)
    if rate is None or rate.share <= oversight.failure_rate:
        return
    most = exact(oversight.failure_rate)
    text = f"failures: {rate.failed} of the last {rate.of} decisions reached nothing; more than {most} of them"
    data = {"failed": rate.failed, "of": rate.of, "threshold": most}
    yield Event(now, EventKind.FAILURE_RATE, text, data=data)


_ONCE = {EventKind.TRAIL, EventKind.SLOW, EventKind.COMPLIANCE, EventKind.FIGURES, EventKind.FAILURE_RATE}


def _note_once(store: AuditStore, opening: Opening, event: Event) -> None:
    """Write an event unless it is there: of its kind, or with its text where there may be several."""
    decision_id = opening.proposal.decision_id
    there = [known for known in store.timeline(decision_id) if known.kind is event.kind]
    if there and (event.kind in _ONCE or any(known.text == event.text for known in there)):
        return
    store.note(decision_id, event)
