"""`maos show` and `maos list`: what the audit store holds."""

from typing import Annotated

import typer

from maos_flows.cli.ids import IdArgument
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json


def show(
    decision_id: IdArgument,
    timeline: Annotated[bool, typer.Option("--timeline", help="Show what happened when.")] = False,
    votes: Annotated[bool, typer.Option("--votes", help="Show every ballot.")] = False,
    reasoning: Annotated[bool, typer.Option("--reasoning", help="Show the agents' reasons in full.")] = False,
    participation: Annotated[
        bool, typer.Option("--participation", help="Show who answered, how fast, and why others did not.")
    ] = False,
    vote_conflicts: Annotated[
        bool, typer.Option("--vote-conflicts", help="Show who stands for what, and what would have changed it.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Tell it in one paragraph, dissent and what would have changed it included."),
    ] = False,
    summary: Annotated[
        bool | None,
        typer.Option(
            "--summary/--no-summary",
            help="With --explain: have the model named by consensus.explain.model sum it up anew, or show no summary.",
        ),
    ] = None,
    compliance: Annotated[
        bool, typer.Option("--compliance", help="Show what it was checked against when it was closed, rule by rule.")
    ] = False,
    raft_leader: Annotated[bool, typer.Option("--raft-leader", help="Show who leads, and who did.")] = False,
    byzantine_detection: Annotated[
        bool, typer.Option("--byzantine-detection", help="Show whose misbehaviour was proven or suspected.")
    ] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show a decision: what was asked and decided, by how much, who dissented and why."""
    from maos_flows.cli import render
    from maos_flows.cli.lookup import find_decision_or_run
    from maos_flows.cli.summing_up import SummedUp, with_summaries
    from maos_flows.cli.watching import aspects as known

    found = find_decision_or_run(decision_id)
    asked = {
        known.EXPLANATION: explain or summary,
        known.PARTICIPATION: participation,
        known.CONFLICTS: vote_conflicts,
        known.COMPLIANCE: compliance,
        known.LEADERSHIP: raft_leader,
        known.MISBEHAVIOUR: byzantine_detection,
    }
    aspects = [aspect for aspect, is_asked in asked.items() if is_asked]
    if not aspects:
        if format is Format.JSON:
            print_json(found.as_plain())
        else:
            render.print_found(found, timeline=timeline, votes=votes, reasoning=reasoning)
        return
    if format is Format.TEXT and (timeline or votes or reasoning):
        render.print_found(found, timeline=timeline, votes=votes, reasoning=reasoning)
    summed = with_summaries(found, anew=summary) if known.EXPLANATION in aspects else SummedUp(found)
    known.print_aspects(summed.found, aspects, as_json=format is Format.JSON)
    if not summed.is_complete:
        raise typer.Exit(EXIT_NO_CONSENSUS)


def list_decisions(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    run: Annotated[str, typer.Option(metavar="ID", help="Only the decisions of this workflow run.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """List decisions, newest first."""
    from maos_flows.cli import render
    from maos_flows.cli.lookup import configured_store
    from maos_flows.records import to_plain

    summaries = configured_store().decisions(limit=limit, run_id=run or None)
    if format is Format.JSON:
        print_json([to_plain(summary) for summary in summaries])
    else:
        render.print_summaries(summaries)
