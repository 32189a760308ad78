"""Decisions, runs and workflows as text for people."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from maos_flows.cli.watching.costs import cost_of
from maos_flows.cli.watching.lines import lines_of
from maos_flows.cli.watching.sections import Look
from maos_flows.cli.watching.words import clean
from maos_flows.explaining import independence
from maos_flows.model import Ballot, Decision, Outcome, exact
from maos_flows.policies.threshold import describe
from maos_flows.proposing import suggested_in

if TYPE_CHECKING:
    from maos_flows.audit.store import DecisionSummary, Submission
    from maos_flows.cli.lookup import Found
    from maos_flows.workflow import Workflow

__all__ = ["clean", "print_found", "print_summaries", "print_workflow", "print_workflow_list"]

_PIPED_WIDTH = 120
_SHORT_REASON = 200
_STYLES = {
    Outcome.REACHED: "bold green",
    Outcome.OVERRIDDEN: "bold green",
    Outcome.ERROR: "bold red",
}


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False, highlight=False, emoji=False)


def print_found(found: "Found", *, timeline: bool, votes: bool, reasoning: bool) -> None:
    """Print a decision, or a run with its decisions."""
    console = _console()
    if found.run is not None:
        for part in found.parts:
            _print_decision(console, part, timeline=timeline, votes=votes, reasoning=reasoning)
            console.rule(style="dim")
        _print_run(console, found)
    else:
        _print_decision(console, found, timeline=timeline, votes=votes, reasoning=reasoning)


def _print_run(console: Console, found: "Found") -> None:
    run = found.run
    assert run is not None
    table = _table("stage", "outcome", "")
    for stage in found.stages:
        table.add_row(stage.stage, stage.outcome.replace("_", " "), clean(stage.explanation))
    console.print(Text(f"{run.workflow}: {run.outcome or 'running'}", style="bold"))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print(f"run       {found.name}")


def _print_decision(console: Console, found: "Found", *, timeline: bool, votes: bool, reasoning: bool) -> None:
    decision = found.decision
    opening = found.opening
    if opening is not None:
        console.print(Text(clean(opening.proposal.question), style="bold"))
    if found.submission is not None:
        _print_submission(console, found.submission)
    elif decision is None:
        console.print(f"still open; {len(found.ballots)} ballots so far")
    else:
        _print_outcome(console, decision)
        _print_tally(console, decision)
        _print_suggested(console, decision)
        if votes or reasoning:
            _print_ballots(console, decision, reasoning=reasoning)
        _print_dissent(console, decision)
        _print_not_counted(console, decision)
        _print_margin(console, decision)
        _print_cost(console, found.ballots)
    if timeline:
        _print_timeline(console, found)
    console.print(f"decision  {found.name}")


def _print_outcome(console: Console, decision: Decision) -> None:
    label = decision.outcome.replace("_", " ")
    what = f": {decision.choice}" if decision.choice is not None else f": {decision.reason.replace('_', ' ')}"
    console.print(Text(clean(f"{label}{what}"), style=_STYLES.get(decision.outcome, "bold yellow")))
    console.print(f"{clean(decision.explanation)} ({decision.opening.algorithm})")
    simulated = sum(1 for ballot in decision.ballots if ballot.voter == "simulated")
    if simulated:
        console.print(
            Text(f"simulated: {simulated} of {len(decision.ballots)} ballots come from a generator", "yellow")
        )


def _print_tally(console: Console, decision: Decision) -> None:
    tally = decision.tally
    whole = tally.whole(decision.opening.parameters.basis)
    table = _table("choice", "weight", "ballots", "share")
    for choice, units in sorted(tally.units.items(), key=lambda item: (-item[1], item[0])):
        share = f"{100 * units / whole:.1f} %" if whole else "-"
        table.add_row(clean(choice), tally.amount(units), str(tally.heads[choice]), share)
    if tally.abstained:
        table.add_row("abstain", tally.amount(tally.abstained), "", "")
    console.print(Padding(table, (1, 0, 1, 2), expand=False))


def _print_suggested(console: Console, decision: Decision) -> None:
    merged = suggested_in(decision)
    if merged.choices:
        console.print("Suggested")
    for one in merged.choices:
        spellings = f", as {', '.join(one.spellings)}" if one.spellings else ""
        console.print(f"  {clean(one.choice)}: {', '.join(one.agents)}{clean(spellings)}")
    for one in merged.left_out:
        console.print(f"  {clean(one.choice)}: {', '.join(one.agents)}; left out, for want of room")


def _print_ballots(console: Console, decision: Decision, *, reasoning: bool) -> None:
    table = _table("agent", "choice", "weight", "sure", "reason")
    for ballot in sorted(decision.ballots, key=lambda ballot: (ballot.choice != decision.choice, ballot.agent_id)):
        elector = decision.opening.electorate.by_id[ballot.agent_id]
        sure = "" if ballot.confidence is None else exact(ballot.confidence)
        table.add_row(
            ballot.agent_id, clean(ballot.choice), exact(elector.weight), sure, _reason(ballot, full=reasoning)
        )
    console.print("Ballots")
    console.print(Padding(table, (0, 0, 1, 2), expand=False))


def _reason(ballot: Ballot, *, full: bool) -> str:
    said = clean(" ".join(ballot.reasoning.split()))
    if not full:
        return said if len(said) <= _SHORT_REASON else f"{said[:_SHORT_REASON]}..."
    return "\n".join((said, *(f"- {clean(' '.join(item.split()))}" for item in ballot.evidence)))


def _print_dissent(console: Console, decision: Decision) -> None:
    if not decision.dissenting:
        return
    console.print("Dissent")
    for dissent in decision.dissenting:
        console.print(f"  {clean(dissent.choice)} ({exact(dissent.weight)}): {', '.join(dissent.agents)}")


def _print_not_counted(console: Console, decision: Decision) -> None:
    if decision.not_counted:
        console.print("Not counted")
    for agent_id, why, explanation in decision.not_counted:
        console.print(f"  {clean(agent_id)}: {why.replace('_', ' ')}; {clean(explanation)}")


def _print_margin(console: Console, decision: Decision) -> None:
    if decision.margin is not None:
        ballots = "1 ballot" if decision.margin == 1 else f"{decision.margin} ballots"
        alone = f"; decisive: {', '.join(decision.decisive)}" if decision.decisive else ""
        console.print(f"margin    {ballots} would have had to change{alone}")
    words = independence(decision)
    if words is not None:
        console.print(f"lineage   {words}")


def _print_cost(console: Console, ballots: Sequence[Ballot]) -> None:
    cost = cost_of(ballots)
    if cost is not None:
        console.print(f"cost      {cost}, as stated on the ballots")


def _print_submission(console: Console, submission: "Submission") -> None:
    console.print(Text(clean(submission.title), style="bold"))
    cancelled = f"; cancelled at {submission.cancelled_at:%H:%M:%S}" if submission.cancelled_at is not None else ""
    console.print(f"submitted at {submission.submitted_at:%Y-%m-%d %H:%M:%S}, not opened yet{cancelled}")


def _print_timeline(console: Console, found: "Found") -> None:
    console.print("Timeline")
    if found.reader is not None:
        for event in found.timeline:
            for line in lines_of(event, found.reader, Look()):
                console.print(Text(f"  {line}"), soft_wrap=True)


def print_summaries(summaries: "Sequence[DecisionSummary]") -> None:
    """Print a list of decisions, a line each."""
    if not summaries:
        print("no decisions yet; `maos decide` makes one")
        return
    table = _table("decision", "opened", "outcome", "choice", "algorithm", "question")
    for summary in summaries:
        outcome = summary.outcome.replace("_", " ") if summary.outcome else "open"
        mark = " (simulated)" if summary.simulated else ""
        opened = f"{summary.opened_at:%Y-%m-%d %H:%M}"
        question = clean(summary.title or summary.question)[:60]
        table.add_row(
            summary.decision_id, opened, outcome + mark, clean(summary.choice or ""), summary.algorithm, question
        )
    _console().print(table)


def print_workflow(workflow: "Workflow") -> None:
    """Print a workflow's stages, wave by wave."""
    from maos_flows.workflow import waves

    console = _console()
    console.print(Text(workflow.name, style="bold"))
    if workflow.description:
        console.print(clean(workflow.description))
    table = _table("wave", "stage", "algorithm", "needs", "agents", "after")
    for number, wave in enumerate(waves(workflow), 1):
        for stage in wave:
            needs = f"{describe(stage.parameters.threshold)} of {stage.parameters.basis}"
            after = ", ".join(stage.depends_on)
            table.add_row(str(number), stage.name, stage.algorithm, needs, str(len(stage.agents)), after)
    console.print(table)


def print_workflow_list(found: Sequence[dict[str, Any]]) -> None:
    """Print the workflows of a folder, a line each."""
    table = _table("file", "workflow", "stages", "")
    for item in found:
        note = f"broken: {clean(item['problem'])}" if "problem" in item else clean(item["description"])
        table.add_row(item["file"], item["workflow_name"], str(item["stages"]), note)
    _console().print(table)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading)
    return table
