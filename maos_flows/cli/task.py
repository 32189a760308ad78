"""`maos task`: hand in a question to be decided in the background, look at what was handed in, call it back."""

import os
from typing import Annotated

import typer

from maos_flows.cli import question_flags as flags
from maos_flows.cli.ids import IdArgument
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json, say

app = typer.Typer(help="Questions decided in the background.", no_args_is_help=True)


@app.command()
def submit(
    question: Annotated[str, flags.QUESTION],
    require_consensus: Annotated[
        bool, typer.Option("--require-consensus", help="A decision that is not reached is a failure: exit code 1.")
    ] = False,
    choices: flags.Choices = "",
    open_choices: flags.OpenChoices = False,
    max_choices: flags.MaxChoices = None,
    algorithm: flags.Algorithm = "",
    decision_type: flags.DecisionType = "",
    threshold: flags.Threshold = "",
    basis: flags.Basis = "",
    roster: flags.Roster = None,
    max_agents: flags.MaxAgents = None,
    max_cost: flags.MaxCost = "",
    min_participants: flags.MinParticipants = None,
    roles: flags.Roles = "",
    domains: flags.Domains = "",
    timeout: flags.Timeout = "",
    retries: flags.Retries = None,
    rounds: flags.Rounds = None,
    tie_break: flags.TieBreak = "",
    chair: flags.Chair = "",
    veto: flags.Veto = "",
    expert_weighting: Annotated[
        str, typer.Option(metavar="BOOL", help="true: experts weigh more; false: roles and agents' own weights alone.")
    ] = "",
    dynamic_weights: flags.DynamicWeights = "",
    deliberation: flags.Deliberation = "",
    early_stop: flags.EarlyStop = False,
    early_stop_order: flags.EarlyStopOrder = "",
    sealed_ballots: flags.SealedBallots = False,
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
    stage = flags.stage_of(locals())
    from maos_flows.cli import handing
    from maos_flows.cli.enduring import enduring, watchable
    from maos_flows.cli.running import request_of

    by_expertise = handing.truth("--expert-weighting", expert_weighting)
    request = request_of(stage, roster=roster)
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
