"""What algorithms recorded of agents: who led, and whose misbehaviour was found."""

from collections.abc import Iterator, Mapping
from typing import Any

from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.sections import SECTIONS, Section
from maos_flows.cli.watching.words import LONG, one_line, spoken
from maos_flows.model import Event, EventKind, Fault, Opening, RejectionReason

_BY_FLAG = {section.flag: section for section in SECTIONS}


def leadership(found: Found, opening: Opening) -> dict[str, Any]:
    """Say who leads now, by the timeline; None if nobody does, or ever did."""
    changes = [event for event in found.timeline if event.kind is EventKind.LEADER]
    last = changes[-1] if changes else None
    return {
        "current_leader": None if last is None else last.agent_id,
        "term": None if last is None else last.data.get("term"),
        "leaders": [
            {"at": event.at.isoformat(), "leader": event.agent_id, "term": event.data.get("term"), "text": event.text}
            for event in changes
        ],
        "remark": None if changes else _remark("raft-leader", opening),
    }


def leadership_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write who led for people."""
    leader = data["current_leader"]
    term = f" (term {one_line(str(data['term']), 20)})" if data["term"] is not None else ""
    yield f"Leader: {one_line(leader)}{term}" if leader else f"Leader: none{_because(data)}"
    for change in data["leaders"]:
        yield f"  {change['at'][11:19]} - {one_line(change['text'], LONG)}"


def misbehaviour(found: Found, opening: Opening) -> dict[str, Any]:
    """Say whose misbehaviour was proven or suspected, and who is kept out for it."""
    faults = () if found.decision is None else found.decision.faults
    proven = [_fault(fault) for fault in faults if fault.is_proof]
    suspected = [_fault(fault) for fault in faults if not fault.is_proof]
    proven += _noted(found, EventKind.EVIDENCE, proven)
    suspected += _noted(found, EventKind.SUSPICION, suspected)
    isolated: dict[str, str] = {}
    for event in found.timeline:
        if event.kind is EventKind.ISOLATED and event.agent_id is not None:
            isolated[event.agent_id] = event.text
        elif event.kind is EventKind.RELEASED:
            isolated.pop(event.agent_id or "", None)
    twice = [entry for entry in found.rejected if entry.reason is RejectionReason.CONFLICTING]
    nothing = not (proven or suspected)
    return {
        "proven": proven,
        "suspected": suspected,
        "isolated": sorted(isolated),
        "conflicting_ballots": [{"agent_id": entry.ballot.agent_id, "why": entry.explanation} for entry in twice],
        "drills": [event.text for event in found.timeline if event.kind is EventKind.INJECTED],
        "remark": _remark("byzantine-detection", opening) if nothing else None,
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {"agent_id": fault.agent_id, "kind": fault.kind, "evidence": list(fault.evidence)}


def _noted(found: Found, kind: EventKind, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what the timeline tells and the decision does not list: while it is open, that is all there is."""
    listed = {(one["agent_id"], one["kind"]) for one in known}
    events: dict[tuple[str | None, str], Event] = {}
    for event in found.timeline:
        name = event.agent_id, str(event.data.get("kind", ""))
        if event.kind is kind and name not in listed:
            events.setdefault(name, event)
    return [{"agent_id": name[0], "kind": name[1], "evidence": [event.text]} for name, event in events.items()]


def misbehaviour_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write misbehaviour for people."""
    proven, suspected = data["proven"], data["suspected"]
    if not proven and not suspected:
        yield f"Misbehaviour: none proven, none suspected{_because(data)}"
    else:
        yield f"Misbehaviour: {len(proven)} proven, {len(suspected)} suspected"
    for word, faults in (("proven", proven), ("suspected", suspected)):
        for fault in faults:
            shown = f" ({one_line('; '.join(fault['evidence']), 300)})" if fault["evidence"] else ""
            yield f"  {one_line(fault['agent_id'] or 'somebody')}: {word}, {one_line(spoken(fault['kind']))}{shown}"
    for entry in data["conflicting_ballots"]:
        yield f"  {one_line(entry['agent_id'])}: a second ballot was not counted ({one_line(entry['why'])})"
    for agent_id in data["isolated"]:
        yield f"  {one_line(agent_id)}: kept out of later electorates"
    for drill in data["drills"]:
        yield f"  drill: {one_line(drill, 300)}"


def _because(data: Mapping[str, Any]) -> str:
    return f"; {data['remark']}" if data["remark"] else ""


def _remark(flag: str, opening: Opening) -> str | None:
    section: Section = _BY_FLAG[flag]
    return section.remark(opening.algorithm)
