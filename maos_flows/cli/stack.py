"""`maos up`, `maos down`, `maos status` and `maos logs`: the local stack."""

import os
from typing import Annotated

import typer

from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json, say


def up(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="The server's port, or the next free one; 4200 at first.")
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Start what does not run: a Prefect server, unless PREFECT_API_URL names one, and a worker."""
    from maos_flows.flows.stack import local
    from maos_flows.flows.submitting import resubmit_lost

    address = local.up(os.environ, port=port, say=say)
    local.await_worker(os.environ, address, say=say)
    taken_up = resubmit_lost(os.environ, address)
    if format is Format.JSON:
        print_json({"api_url": address.url, "ui_url": address.page(""), "taken_up": list(taken_up)})
        return
    print(f"Prefect is at {address.page('')}")
    if taken_up:
        print(f"taken up: {', '.join(taken_up)}")


def down(
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds that running decisions have to end; 45, or MAOS_WORKER_DRAIN + 15."),
    ] = None,
) -> None:
    """Stop the stack. What has not ended goes on when it is up again."""
    from maos_flows.flows.stack import local

    print("stopped" if local.down(os.environ, patience_seconds=timeout, say=say) else "nothing was running")


def status(
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show what of the stack runs. Exit code 0 if all of it does, 1 if not."""
    from dataclasses import asdict

    from maos_flows.flows.stack.status import parts_of

    parts = parts_of(os.environ)
    whole = all(part.runs for part in parts)
    if format is Format.JSON:
        print_json({"running": whole, "parts": [asdict(part) for part in parts]})
    else:
        for part in parts:
            print(f"{part.name:<9} {'running' if part.runs else 'down':<8} {part.found}")
    if not whole:
        raise typer.Exit(EXIT_NO_CONSENSUS)


def logs(
    part: Annotated[str, typer.Argument(metavar="[server|worker|database]", help="Of which; all without.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what is added.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines of each.")] = 50,
) -> None:
    """Show what the stack's processes print."""
    from maos_flows.flows.stack.logs import followed, last_lines

    for line in last_lines(os.environ, part, lines=lines):
        print(line)
    if follow:
        for line in followed(os.environ, part):
            print(line, flush=True)
