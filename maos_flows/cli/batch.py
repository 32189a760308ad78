"""`maos batch`: thousands of questions at once."""

from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli import question_flags as asked
from maos_flows.cli.output import Format, FormatOption, print_json

app = typer.Typer(help="Thousands of questions, decided in one flow run.", no_args_is_help=True)


@app.command()
def run(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Questions, one a line of JSON: id, question, choices, domains, ...")
    ],
    output: Annotated[Path, typer.Option(help="Where the decisions go, one a line of JSON.")],
    workflow: Annotated[Path | None, typer.Option(help="Run this workflow for each question.")] = None,
    algorithm: asked.Algorithm = "",
    threshold: asked.Threshold = "",
    basis: asked.Basis = "",
    choices: Annotated[str, typer.Option(help="The choices of questions that give none, separated by commas.")] = "",
    min_participants: asked.MinParticipants = None,
    tie_break: asked.TieBreak = "",
    chair: asked.Chair = "",
    roster: Annotated[Path | None, typer.Option(help="A roster file: who is asked, and with which weight.")] = None,
    roles: asked.Roles = "",
    max_agents: asked.MaxAgents = None,
    timeout: asked.Timeout = "",
    retries: asked.Retries = None,
    rounds: asked.Rounds = None,
    early_stop: asked.EarlyStop = False,
    votes: Annotated[
        Path | None, typer.Option(help="Recorded ballots (.csv, .jsonl, .parquet) with columns task, worker, label.")
    ] = None,
    votes_columns: Annotated[str, typer.Option(help="Other names of those columns: task=item,worker=annotator.")] = "",
    concurrency: Annotated[int | None, typer.Option(min=1, help="How many questions are asked at once (8).")] = None,
    provider_limit: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=N", help="Ask at most N agents of a kind of voter, or of a provider, at once."),
    ] = None,
    chunk_size: Annotated[int, typer.Option(min=1, max=100_000, help="How many questions are one task run.")] = 500,
    strict: Annotated[bool, typer.Option("--strict", help="Start nothing if any line of the input is bad.")] = False,
    resume: Annotated[str, typer.Option(metavar="ID", help="Take up a batch that was begun.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Decide every question of a file, by asking agents or by recorded ballots.

    Exit code 0 if all were decided, 1 if some were not or their lines were bad, 2 if the batch could not be run.
    """
    stage = asked.stage_of(locals())
    from maos_flows.cli.batch_input import Flags, load_batch
    from maos_flows.cli.batch_running import again, run_batch

    flags = Flags(
        file=file,
        output=output,
        workflow=workflow,
        roster=roster,
        votes=votes,
        votes_columns=votes_columns,
        concurrency=concurrency,
        provider_limit=tuple(provider_limit or ()),
        chunk_size=chunk_size,
        strict=strict,
        resume=resume,
        stage=stage,
    )
    run_batch(load_batch(flags), command=again(context), output=format)


@app.command()
def show(
    batch_id: Annotated[str, typer.Argument(metavar="ID", help="A batch's id.")],
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show how far a batch is and what came of its questions."""
    from maos_flows.cli.batch_printing import print_batch
    from maos_flows.cli.lookup import configured_store
    from maos_flows.errors import NotFoundError

    batches = configured_store().batches
    found = batches.find(batch_id)
    if found is None:
        raise NotFoundError(f"there is no batch {batch_id[:80]!r}; `maos batch list` shows what there is")
    print_batch(found, batches.chunks(batch_id), output=format)


@app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 20,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """List batches, newest first."""
    from maos_flows.bulk.standing import batch_as_plain
    from maos_flows.cli.batch_printing import print_batches
    from maos_flows.cli.lookup import configured_store

    batches = configured_store().batches
    found = [batch_as_plain(batch, batches.chunks(batch.batch_id)) for batch in batches.newest(limit=limit)]
    if format is Format.JSON:
        print_json(found)
    else:
        print_batches(found)
