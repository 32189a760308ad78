"""`maos show` and `maos list`: what the audit store holds."""

from typing import Annotated

import typer

from maos_flows.cli.output import Format, FormatOption, print_json


def show(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="A decision's or a workflow run's id.")],
    timeline: Annotated[bool, typer.Option("--timeline", help="Show what happened when.")] = False,
    votes: Annotated[bool, typer.Option("--votes", help="Show every ballot.")] = False,
    reasoning: Annotated[bool, typer.Option("--reasoning", help="Show the agents' reasons in full.")] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show a decision: what was asked and decided, by how much, who dissented and why."""
    from maos_flows.cli import render
    from maos_flows.cli.lookup import find_decision_or_run

    found = find_decision_or_run(decision_id)
    if format is Format.JSON:
        print_json(found.as_plain())
    else:
        render.print_found(found, timeline=timeline, votes=votes, reasoning=reasoning)


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
