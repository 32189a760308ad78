"""`maos task`: hand in a question to be decided in the background, look at what was handed in, call it back."""

import os
from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.ids import IdArgument
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json, say

app = typer.Typer(help="Questions decided in the background.", no_args_is_help=True)


@app.command()
def submit(
    question: Annotated[str, typer.Argument(help="What is asked. May list its choices: 'Which one: a, b, or c?'")],
    require_consensus: Annotated[
        bool, typer.Option("--require-consensus", help="A decision that is not reached is a failure: exit code 1.")
    ] = False,
    algorithm: Annotated[
        str, typer.Option("--consensus-algorithm", "--algorithm", help="How ballots become a decision.")
    ] = "",
    max_cost: Annotated[
        str, typer.Option(metavar="USD", help="What language models may cost together, in US dollars.")
    ] = "",
    max_agents: Annotated[int | None, typer.Option(min=1, help="Ask at most so many agents, the best fitting.")] = None,
    choices: Annotated[str, typer.Option(help="The answers allowed, separated by commas.")] = "",
    threshold: Annotated[str, typer.Option(help="The share a choice needs: 0.67 or 2/3.")] = "",
    roster: Annotated[Path | None, typer.Option(help="A roster file; else the configured agents answer.")] = None,
    min_participants: Annotated[int | None, typer.Option(min=1, help="How many must cast a valid ballot.")] = None,
    roles: Annotated[str, typer.Option(help="Only agents of these roles, separated by commas.")] = "",
    domains: Annotated[str, typer.Option(help="What it is about, separated by commas.")] = "",
    timeout: Annotated[str, typer.Option(help="How long to wait for ballots: 30s, 5m, 1h.")] = "",
    rounds: Annotated[int | None, typer.Option(min=1, help="Ask again, up to so many rounds, until reached.")] = None,
    deliberation: Annotated[
        str, typer.Option(help="What agents are given of each other in later rounds: blind, reasons or full.")
    ] = "",
    early_stop_order: Annotated[
        str, typer.Option(help="Who is asked first with --early-stop: roster, cheapest or decisive.")
    ] = "",
    early_stop: Annotated[bool, typer.Option("--early-stop", help="Stop waiting once the outcome is certain.")] = False,
    expert_weighting: Annotated[
        str, typer.Option(metavar="BOOL", help="true: experts weigh more; false: roles and agents' own weights alone.")
    ] = "",
    dynamic_weights: Annotated[str, typer.Option(metavar="BOOL", help="Let weights follow the agents' records.")] = "",
    decision_type: Annotated[str, typer.Option(help="The kind of decision, whose configured policy then holds.")] = "",
    failure_tolerance: Annotated[
        str, typer.Option(help="low, medium (one failing agent is borne) or high (two); replicas needed.")
    ] = "",
    watch: Annotated[
        str, typer.Option(help="Let replicas take about so long, on the clock; by default 90s for simulated agents.")
    ] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Stay to the end, with progress; print the decision.")] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Hand in a question; it is decided in the background, on the local stack, which is started if need be."""
    from maos_flows.cli import handing
    from maos_flows.cli.enduring import enduring, watchable
    from maos_flows.cli.running import request_of

    by_expertise = handing.truth("--expert-weighting", expert_weighting)
    stage = {
        "question": question,
        "choices": listed(choices),
        "consensus_algorithm": algorithm,
        "decision_type": decision_type,
        "threshold": threshold,
        "max_cost": max_cost,
        "max_agents": max_agents and str(max_agents),
        "min_participants": min_participants and str(min_participants),
        "roles": listed(roles),
        "expert_domains": listed(domains),
        "timeout": timeout,
        "rounds": rounds and str(rounds),
        "early_stop": "true" if early_stop else "",
        "dynamic_weights": dynamic_weights,
        "early_stop_order": early_stop_order,
        "deliberation": deliberation,
    }
    request = request_of({key: value for key, value in stage.items() if value}, roster=roster)
    request = enduring(handing.weighed_by_expertise(request, by_expertise), failure_tolerance)
    handing.submit_question(
        watchable(request, watch, wait=wait),
        requires_consensus=require_consensus,
        wait=wait,
        output=format,
    )


@app.command("list")
def list_tasks(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """List what was handed in, newest first."""
    from maos_flows.cli.lookup import configured_store
    from maos_flows.cli.tasks_in_words import plain_task, print_tasks

    found = configured_store().submissions(limit=limit, open_only=open_only)
    if format is Format.JSON:
        print_json([plain_task(submission) for submission in found])
    else:
        print_tasks(found)


@app.command()
def show(id: IdArgument, format: FormatOption = Format.TEXT) -> None:  # noqa: A002 - the flags' names
    """Show a task: how far it is, and where it can be watched. Exit code 1 if it had to be reached and was not."""
    from maos_flows.cli.lookup import configured_store
    from maos_flows.cli.tasks_in_words import find_task, has_failed, plain_task, print_task

    submission = find_task(configured_store(), id)
    if format is Format.JSON:
        print_json(plain_task(submission))
    else:
        print_task(submission)
    if has_failed(submission):
        raise typer.Exit(EXIT_NO_CONSENSUS)


@app.command()
def cancel(
    id: IdArgument,  # noqa: A002 - the argument's name
    timeout: Annotated[float, typer.Option(min=0, help="Seconds the worker has to stop the agents' calls.")] = 30.0,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Call a task back: its agents are no longer asked, and its decision is recorded as cancelled."""
    from maos_flows.cli.loading import known_policies
    from maos_flows.cli.lookup import configured_store
    from maos_flows.cli.tasks_in_words import find_task, plain_task, print_task
    from maos_flows.flows.cancelling import cancel as cancel_submission
    from maos_flows.flows.submitting import known_server

    store = configured_store()
    submission = find_task(store, id)
    ended = cancel_submission(
        store,
        submission,
        known_server(os.environ),
        policies=known_policies(),
        patience_seconds=timeout,
        say=say,
    )
    if format is Format.JSON:
        print_json(plain_task(ended))
    else:
        print_task(ended)


def listed(text: str) -> list[str]:
    """Read a list separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
