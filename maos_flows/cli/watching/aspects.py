"""Aspects of a decision that can be asked for by themselves: each as data for programs, and as lines for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maos_flows.cli.lookup import Found
from maos_flows.cli.output import print_json
from maos_flows.cli.watching.compliance import compliance, compliance_lines
from maos_flows.cli.watching.conflicts import conflict_lines, conflicts
from maos_flows.cli.watching.lines import outcome_in_words
from maos_flows.cli.watching.participation import participation, participation_lines
from maos_flows.cli.watching.roles import leadership, leadership_lines, misbehaviour, misbehaviour_lines
from maos_flows.cli.watching.summaries import summary_as_plain, summary_lines
from maos_flows.cli.watching.words import LONG, clean, one_line
from maos_flows.explaining import explain
from maos_flows.model import Opening


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing to look at.

    Attributes:
        name: What it is called in JSON; None where its keys stand beside the decision's id.
        data: Reads it off a decision.
        lines: Writes it for people.
    """

    name: str | None
    data: Callable[[Found, Opening], dict[str, Any]]
    lines: Callable[[Mapping[str, Any]], Iterator[str]]


def _explanation(found: Found, opening: Opening) -> dict[str, Any]:
    del opening
    explanation = None if found.decision is None else explain(found.decision)
    return {"explanation": explanation, "summary": summary_as_plain(found.summary)}


def _explanation_lines(data: Mapping[str, Any]) -> Iterator[str]:
    if data["explanation"] is not None:
        yield clean(data["explanation"])
    if data["summary"] is not None:
        yield from summary_lines(data["summary"])


EXPLANATION = Aspect(None, _explanation, _explanation_lines)
PARTICIPATION = Aspect("participation", participation, participation_lines)
CONFLICTS = Aspect("vote_conflicts", conflicts, conflict_lines)
COMPLIANCE = Aspect("compliance", compliance, compliance_lines)
LEADERSHIP = Aspect(None, leadership, leadership_lines)
MISBEHAVIOUR = Aspect("byzantine_detection", misbehaviour, misbehaviour_lines)


def aspects_as_plain(found: Found, aspects: Sequence[Aspect]) -> dict[str, Any]:
    """Give aspects of a decision, or of each decision of a run, as plain data."""
    if found.run is not None:
        return {"run_id": found.name, "decisions": [aspects_as_plain(part, aspects) for part in found.parts]}
    outcome = None if found.decision is None else found.decision.outcome.value
    plain: dict[str, Any] = {"decision_id": found.name, "task_id": found.name, "outcome": outcome}
    for aspect in aspects:
        data = None if found.opening is None else aspect.data(found, found.opening)
        if aspect.name is not None:
            plain[aspect.name] = data
        else:
            plain.update(data if data is not None else {})
    return plain


def aspect_lines(found: Found, aspects: Sequence[Aspect]) -> Iterator[str]:
    """Write aspects of a decision, or of each decision of a run, for people."""
    for part in found.decisions():
        opening = part.opening
        if opening is not None:
            yield one_line(opening.proposal.question, LONG)
            yield outcome_in_words(part.decision) if part.decision is not None else "still open"
            for aspect in aspects:
                yield from aspect.lines(aspect.data(part, opening))
            yield f"decision  {part.name}"
    if found.submission is not None:
        yield f"{found.name} is submitted and not opened yet"


def print_aspects(found: Found, aspects: Sequence[Aspect], *, as_json: bool) -> None:
    """Print aspects of a decision, or of each decision of a run."""
    if as_json:
        print_json(aspects_as_plain(found, aspects))
    else:
        for line in aspect_lines(found, aspects):
            print(line)
