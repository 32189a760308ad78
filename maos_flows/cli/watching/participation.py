"""Participation: who was asked, who answered and how fast, and why the others did not."""

from collections.abc import Iterator, Mapping
from typing import Any

from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.words import duration, one_line, spoken
from maos_flows.model import Absence, Ballot, Elector, Opening, exact

_WAITING = "waiting"


def participation(found: Found, opening: Opening) -> dict[str, Any]:
    """Say of every elector of the latest round what came of asking it."""
    assert found.reader is not None
    given = {answer.agent_id: answer for answer in found.reader.answers()}
    why = {entry.ballot.agent_id: f"{spoken(entry.reason)}: {entry.explanation}" for entry in found.rejected}
    seats = [_seat(elector, given.get(elector.agent_id), why) for elector in opening.electorate.electors]
    answered = sum(seat["answer"] == "ballot" for seat in seats)
    return {
        "round": opening.proposal.round,
        "asked": len(seats),
        "answered": answered,
        "rate": round(answered / len(seats), 4) if seats else None,
        "min_participants": opening.parameters.min_participants,
        "agents": seats,
    }


def _seat(elector: Elector, answer: Ballot | Absence | None, rejected: Mapping[str, str]) -> dict[str, Any]:
    kind = "ballot" if isinstance(answer, Ballot) else _WAITING if answer is None else answer.kind.value
    why = answer.explanation if isinstance(answer, Absence) else ""
    return {
        "agent_id": elector.agent_id,
        "role": elector.role,
        "weight": exact(elector.weight),
        "answer": kind,
        "seconds": None if answer is None else answer.seconds,
        "why": why or rejected.get(elector.agent_id, ""),
    }


def participation_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write participation for people; those without a ballot come first, then the slowest."""
    least = data["min_participants"]
    needed = f"; at least {least} needed" if least > 1 else ""
    yield f"Participation: {data['answered']} of {data['asked']} answered{needed}"
    for seat in sorted(data["agents"], key=lambda seat: (seat["answer"] == "ballot", -(seat["seconds"] or 0.0))):
        took = f" after {duration(seat['seconds'])}" if seat["seconds"] is not None else ""
        why = f"; {one_line(seat['why'])}" if seat["why"] else ""
        said = "answered" if seat["answer"] == "ballot" else spoken(seat["answer"])
        yield f"  {one_line(seat['agent_id'])} ({one_line(seat['role'], 40)}): {said}{took}{why}"
