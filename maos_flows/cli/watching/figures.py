"""Figures of decisions: participation, times, strength, margin, confidences, weights; and of many at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from maos_flows.audit.store import DecisionSummary
from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.conflicts import ranking
from maos_flows.cli.watching.costs import cost_of
from maos_flows.cli.watching.participation import participation
from maos_flows.cli.watching.words import LONG, counted, duration, one_line, spoken
from maos_flows.model import Ballot, EventKind, Opening, exact
from maos_flows.policies.threshold import describe

_ANSWERS = {EventKind.BALLOT, EventKind.ABSENCE}


def figures(found: Found, opening: Opening) -> dict[str, Any]:
    """Give the figures of one decision; None where there is nothing to measure, or while ballots are sealed."""
    assert found.reader is not None
    decision, reader = found.decision, found.reader
    ballots = found.ballots if decision is None else decision.ballots
    tally = reader.tally() if decision is None else decision.tally
    shown = participation(found, opening)
    return {
        "algorithm": opening.algorithm,
        "outcome": None if decision is None else decision.outcome.value,
        "choice": None if decision is None else decision.choice,
        "rounds": opening.proposal.round,
        "participation": {key: shown[key] for key in ("asked", "answered", "rate")},
        "seconds": _times(found, opening.opened_at),
        "needed": f"{describe(opening.parameters.threshold)} of {opening.parameters.basis}",
        "strength": None if decision is None else exact(decision.strength),
        "margin": None if decision is None else decision.margin,
        "confidence": _confidence(ballots),
        "weights": None if tally is None else {choice: exact(tally.weight(choice)) for choice in ranking(tally)},
        "rejected": len(found.rejected),
        "simulated": sum(ballot.voter == "simulated" for ballot in ballots),
        "cost": cost_of(ballots),
    }


def _times(found: Found, opened_at: datetime) -> dict[str, float | None]:
    assert found.reader is not None
    cast = [event.at for event in found.timeline if event.kind is EventKind.BALLOT]
    ended = [event.at for event in found.timeline if event.kind is EventKind.DECIDED]
    took = [answer.seconds for answer in found.reader.answers() if isinstance(answer, Ballot)]
    return {
        "to_first_ballot": _since(opened_at, min(cast, default=None)),
        "to_last_ballot": _since(opened_at, max(cast, default=None)),
        "to_decision": _since(opened_at, min(ended, default=None)),
        "median_answer": round(median(took), 3) if took else None,
        "slowest_answer": round(max(took), 3) if took else None,
    }


def _since(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else round((end - start).total_seconds(), 3)


def _confidence(ballots: Sequence[Ballot]) -> dict[str, Any]:
    stated = sorted(float(ballot.confidence) for ballot in ballots if ballot.confidence is not None)
    if not stated:
        return {"stated": 0, "lowest": None, "median": None, "highest": None}
    return {
        "stated": len(stated),
        "lowest": round(stated[0], 4),
        "median": round(median(stated), 4),
        "highest": round(stated[-1], 4),
    }


def figure_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Write the figures of one decision for people."""
    took, share, sure = data["seconds"], data["participation"], data["confidence"]
    ended = spoken(data["outcome"]) if data["outcome"] else "open"
    choice = f": {one_line(data['choice'])}" if data["choice"] else ""
    yield f"outcome        {ended}{choice} ({one_line(data['algorithm'])}, {data['needed']} needed)"
    rounds = f", in {data['rounds']} rounds" if data["rounds"] > 1 else ""
    yield f"participation  {share['answered']} of {share['asked']}{_percent(share['rate'])}{rounds}"
    yield f"first ballot   after {duration(took['to_first_ballot'])}, last after {duration(took['to_last_ballot'])}"
    yield f"answers        median {duration(took['median_answer'])}, slowest {duration(took['slowest_answer'])}"
    yield f"decided        after {duration(took['to_decision'])}"
    if data["strength"] is not None:
        margin = "-" if data["margin"] is None else counted(data["margin"], "ballot")
        yield f"strength       {data['strength']}, margin {margin}"
    if sure["stated"]:
        yield f"confidence     {sure['lowest']} to {sure['highest']}, median {sure['median']} ({sure['stated']} stated)"
    if data["weights"] is None:
        yield "weights        sealed until the decision is closed"
    else:
        weights = ", ".join(f"{choice} {weight}" for choice, weight in data["weights"].items())
        yield f"weights        {one_line(weights, LONG)}"
    if data["rejected"]:
        yield f"not counted    {data['rejected']}"
    if data["simulated"]:
        yield f"simulated      {counted(data['simulated'], 'ballot')} from a generator"
    if data["cost"] is not None:
        yield f"cost           {data['cost']}, as stated on the ballots"


def _percent(rate: float | None) -> str:
    return "" if rate is None else f" ({100 * rate:.0f} %)"


def figures_of_many(summaries: Sequence[DecisionSummary]) -> dict[str, Any]:
    """Give counts per outcome, and how long decisions took, over many and by algorithm."""
    names = sorted({summary.algorithm for summary in summaries})
    by_algorithm = {name: _of_some([one for one in summaries if one.algorithm == name]) for name in names}
    return {**_of_some(summaries), "algorithms": by_algorithm}


def _of_some(summaries: Sequence[DecisionSummary]) -> dict[str, Any]:
    ended = [one for one in summaries if one.outcome is not None]
    took = [seconds for one in ended if (seconds := _since(one.opened_at, one.decided_at)) is not None]
    reached = sum(one.outcome == "reached" for one in ended)
    return {
        "decisions": len(summaries),
        "open": len(summaries) - len(ended),
        "outcomes": dict(sorted(Counter(one.outcome.value for one in ended if one.outcome is not None).items())),
        "reached_rate": round(reached / len(ended), 4) if ended else None,
        "median_seconds": round(median(took), 3) if took else None,
        "slowest_seconds": max(took, default=None),
        "simulated": sum(one.simulated for one in summaries),
    }


def figure_lines_of_many(data: Mapping[str, Any]) -> Iterator[str]:
    """Write the figures of many decisions for people."""
    newest = counted(data["decisions"], "decision")
    yield f"the newest {newest}: {data['open']} open, {data['simulated']} with simulated ballots"
    outcomes = ", ".join(f"{spoken(name)} {number}" for name, number in data["outcomes"].items())
    yield f"outcomes       {outcomes or '-'}"
    yield f"decided        median after {duration(data['median_seconds'])}, slowest {duration(data['slowest_seconds'])}"
    for name, some in data["algorithms"].items():
        rate = "-" if some["reached_rate"] is None else f"{100 * some['reached_rate']:.0f} % reached"
        usual = duration(some["median_seconds"])
        yield f"  {one_line(name)}: {counted(some['decisions'], 'decision')}, {rate}, median {usual}"
