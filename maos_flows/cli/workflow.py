"""`maos workflow`: declare stages in YAML, check them, look at them, run them."""

from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.output import EXIT_BAD_INPUT, Format, FormatOption, print_json, say

app = typer.Typer(help="Multi-stage workflows, declared in YAML or JSON.", no_args_is_help=True)
FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A workflow in YAML or JSON; - reads standard input.")
]
RosterOption = Annotated[Path | None, typer.Option(help="A roster file, used where the workflow names none.")]


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Workflows to check; - reads standard input.")],
    roster: RosterOption = None,
) -> None:
    """Check workflows; every problem is named with its place in the file."""
    from maos_flows.cli.loading import load
    from maos_flows.cli.warning import warn_of_rules
    from maos_flows.errors import ConfigurationError

    bad = False
    for file in files:
        try:
            workflow = load(file, roster=roster)
        except ConfigurationError as error:
            say(f"maos: error: {error}")
            bad = True
        else:
            stages = "1 stage" if len(workflow.stages) == 1 else f"{len(workflow.stages)} stages"
            print(f"{file}: {workflow.name}, {stages}, fine")
            warn_of_rules(stage.request for stage in workflow.stages)
    if bad:
        raise typer.Exit(EXIT_BAD_INPUT)


@app.command()
def show(file: FileArgument, roster: RosterOption = None, format: FormatOption = Format.TEXT) -> None:  # noqa: A002
    """Show a workflow's stages in the order they run, with who is asked and by which rule."""
    from maos_flows.cli import render
    from maos_flows.cli.loading import load, workflow_as_plain

    workflow = load(file, roster=roster)
    if format is Format.JSON:
        print_json(workflow_as_plain(workflow))
    else:
        render.print_workflow(workflow)


@app.command()
def run(
    file: FileArgument,
    roster: RosterOption = None,
    resume: Annotated[str, typer.Option(metavar="ID", help="Take up a run that was begun.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Run a workflow here and now, with progress.

    Exit code 0 if every stage led on, 1 if one did not, 2 if the workflow could not be run.
    """
    from maos_flows.cli.loading import load
    from maos_flows.cli.running import run_here

    command = ["workflow", "run", str(file), *(["--roster", str(roster)] if roster else [])]
    run_here(load(file, roster=roster), run_id=resume or None, command=command, output=format)


@app.command("list")
def list_workflows(
    folder: Annotated[Path, typer.Argument(help="Where to look.")] = Path("workflows"),
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """List the workflows in a folder, and say which are broken."""
    from maos_flows.cli import render
    from maos_flows.cli.loading import workflows_in

    found = workflows_in(folder)
    if format is Format.JSON:
        print_json(found)
    else:
        render.print_workflow_list(found)


@app.command()
def deploy(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A workflow in YAML or JSON; workers must find it there.")
    ],
    cron: Annotated[list[str] | None, typer.Option(help="When it starts by itself, such as '0 6 * * *'.")] = None,
    interval: Annotated[list[str] | None, typer.Option(help="How often it starts by itself: 30m, 1h, 2d.")] = None,
    rrule: Annotated[list[str] | None, typer.Option(help="When, by RFC 5545: 'FREQ=WEEKLY;BYDAY=MO'.")] = None,
    timezone: Annotated[str, typer.Option(help="The time zone these are in, such as Europe/Berlin.")] = "UTC",
    name: Annotated[str, typer.Option(help="What the deployment is called; the workflow's name without one.")] = "",
    pool: Annotated[str, typer.Option(help="The work pool its runs wait in.")] = "maos",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", metavar="NAME=VALUE", help="A parameter of the flow, such as roster."),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Deploy a workflow to Prefect: it starts by its schedules, from Prefect's UI, or from anything that calls its API.

    Deployed again, it is brought up to date, and its schedules are exactly those given.
    """
    from maos_flows.cli.deploying import deploy_workflow

    timings = {"--cron": cron or [], "--interval": interval or [], "--rrule": rrule or []}
    made = deploy_workflow(file, timings=timings, timezone=timezone, name=name, pool=pool, parameters=parameter or [])
    if format is Format.JSON:
        print_json(made)
        return
    print(f"deployed as {made['deployment']}")
    print(f"in the Prefect UI: {made['url']}")
    for schedule in made["schedules"]:
        print(f"starts {schedule}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the workflow format; editors complete and check YAML with it."""
    from maos_flows.workflow import workflow_schema

    print_json(workflow_schema())
