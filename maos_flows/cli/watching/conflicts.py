"""Conflicts between ballots: who stands for what, how far apart, and what would have changed the outcome."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.words import counted, one_line
from maos_flows.model import ABSTAIN, Ballot, Opening, RejectionReason, Tally
from maos_flows.policies.threshold import describe
from maos_flows.scrutiny import scrutinise
from maos_flows.tally import count


def conflicts(found: Found, opening: Opening) -> dict[str, Any]:
    """Say which choices conflict in the latest round, who is for them, and what would have changed the outcome."""
    assert found.reader is not None
    if found.reader.is_sealed:
        return {"sealed": True, "camps": [], "would_have_changed": []}
    decision = found.decision
    ballots = decision.ballots if decision is not None else scrutinise(found.ballots, opening).counted
    tally = decision.tally if decision is not None else count(ballots, opening.proposal, opening.electorate)
    twice = [entry for entry in found.rejected if entry.reason is RejectionReason.CONFLICTING]
    return {
        "sealed": False,
        "choice": None if decision is None else decision.choice,
        "needed": f"{describe(opening.parameters.threshold)} of {opening.parameters.basis}",
        "camps": _camps(ballots, tally, opening),
        "undecided": sorted(ballot.agent_id for ballot in ballots if ballot.choice == ABSTAIN),
        "margin": None if decision is None else decision.margin,
        "decisive": [] if decision is None else list(decision.decisive),
        "would_have_changed": list(_changes(found, tally, opening)),
        "conflicting_ballots": [{"agent_id": entry.ballot.agent_id, "why": entry.explanation} for entry in twice],
    }


def _camps(ballots: Sequence[Ballot], tally: Tally, opening: Opening) -> list[dict[str, Any]]:
    whole = tally.whole(opening.parameters.basis)
    ranked = [choice for choice in ranking(tally) if tally.units[choice]]
    return [
        {
            "choice": choice,
            "weight": tally.amount(tally.units[choice]),
            "share": round(tally.units[choice] / whole, 4) if whole else None,
            "agents": sorted(ballot.agent_id for ballot in ballots if ballot.choice == choice),
        }
        for choice in ranked
    ]


def _changes(found: Found, tally: Tally, opening: Opening) -> Iterator[str]:
    decision, leaders = found.decision, tally.leaders
    if decision is not None and decision.margin is not None:
        who = f": any one of {', '.join(decision.decisive)}" if decision.decisive else ""
        yield f"{counted(decision.margin, 'ballot')} cast otherwise{who}"
    if (decision is None or decision.choice is None) and leaders:
        whole = tally.whole(opening.parameters.basis)
        lacking = opening.parameters.threshold.needed(whole) - tally.units[leaders[0]]
        if lacking > 0:
            yield f"{tally.amount(lacking)} more for {' or '.join(leaders)}"
        silent = tally.eligible - tally.cast
        if silent and silent >= lacking:
            yield f"the ballots of those who gave none, who weigh {tally.amount(silent)}"
    veto = [ballot.agent_id for ballot in found.ballots if ballot.veto]
    if veto and decision is not None and decision.choice is None:
        yield f"no veto by {', '.join(sorted(veto))}"


def conflict_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write conflicts for people."""
    if data["sealed"]:
        yield "Conflicts: ballots are sealed until the decision is closed"
        return
    camps = data["camps"]
    if len(camps) > 1:
        yield f"Conflicts: {len(camps)} choices; {data['needed']} needed"
    else:
        yield f"Conflicts: none, every ballot for a choice is for the same; {data['needed']} needed"
    for camp in camps:
        mark = " (decided)" if camp["choice"] == data["choice"] else ""
        yield f"  {one_line(camp['choice'])} {camp['weight']}{mark}: {one_line(', '.join(camp['agents']), 300)}"
    if data["undecided"]:
        yield f"  abstained: {one_line(', '.join(data['undecided']), 300)}"
    for change in data["would_have_changed"]:
        yield f"  would have changed it: {one_line(change, 300)}"
    for entry in data["conflicting_ballots"]:
        yield f"  cast two ballots: {one_line(entry['agent_id'])} ({one_line(entry['why'])})"


def ranking(tally: Tally) -> list[str]:
    """Put choices in order, the heaviest first, then by name."""
    return sorted(tally.units, key=lambda choice: (-tally.units[choice], choice))
