"""The `maos` command and its nouns. Nothing heavy is imported here, so that help and completion answer at once."""

import gc
import sys
from typing import Annotated

import typer

from maos_flows.cli import (
    agent,
    batch,
    config,
    consensus,
    debug,
    decide,
    doctor,
    people,
    records,
    stack,
    task,
    workflow,
)
from maos_flows.cli.output import fail
from maos_flows.errors import MaosError

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Imports make hundreds of thousands of objects and free nearly none: looking for garbage as often as Python does by
itself would cost a tenth of what a command takes."""

app = typer.Typer(
    name="maos",
    help="Consensus among agents: ask them, count their ballots by a policy, keep everything for audit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(workflow.app, name="workflow")
app.add_typer(batch.app, name="batch")
app.add_typer(consensus.app, name="consensus")
app.add_typer(debug.app, name="debug")
app.add_typer(config.app, name="config")
app.command("decide")(decide.decide)
app.command("show")(records.show)
app.command("list")(records.list_decisions)
app.command("doctor")(doctor.doctor)
app.command("inbox")(people.inbox)
app.command("vote")(people.vote)
app.command("key")(people.key)
app.add_typer(task.app, name="task")
app.add_typer(agent.app, name="agent")
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("logs")(stack.logs)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"maos {version('maos-flows')}")
        raise typer.Exit


@app.callback()
def maos(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Consensus among agents: ask them, count their ballots by a policy, keep everything for audit."""
    del version


def main() -> None:
    """Run the command line; our errors become one clear line on stderr and exit code 2."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        app()
    except MaosError as error:
        fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
