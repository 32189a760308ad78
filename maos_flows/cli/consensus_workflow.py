"""`maos consensus workflow submit`: hand in a workflow to be run in the background."""

import os
from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.output import Format, FormatOption

app = typer.Typer(help="Workflows run in the background.", no_args_is_help=True)


@app.callback()
def workflows() -> None:
    """Workflows run in the background."""


@app.command()
def submit(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="A workflow in YAML or JSON; without one, standard input.")
    ] = Path("-"),
    roster: Annotated[Path | None, typer.Option(help="A roster file, used where the workflow names none.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay to the end, with progress; print the decisions.")] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Hand in a workflow; it runs in the background, on the local stack, which is started if need be.

    With --wait, exit code 0 if every stage led on, 1 if one did not.
    """
    from maos_flows.cli import handing
    from maos_flows.cli.loading import load
    from maos_flows.config import settings_from
    from maos_flows.flows.submitting import SubmittedWorkflow

    workflow = load(file, roster=roster)
    chosen = roster or settings_from(os.environ).roster
    submitted = SubmittedWorkflow(
        text=workflow.source_text,
        source="standard input" if str(file) == "-" else str(file),
        base=str(workflow.base.absolute()),
        roster=str(chosen.absolute()) if chosen else None,
    )
    handing.submit_workflow(submitted, name=workflow.name, wait=wait, output=format)
