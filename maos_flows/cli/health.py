"""`maos consensus health`: whether the installation is sound, and whether every agent can be reached."""

from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json


def health(
    connectivity_test: Annotated[
        bool, typer.Option("--connectivity-test", help="Look whether each agent's voter can be reached.")
    ] = False,
    roster: Annotated[
        Path | None, typer.Option(help="The roster file; without one the configured agents, else the default ones.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each.")] = 5.0,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Say whether decisions can be made: store and roster, and with --connectivity-test every enabled agent.

    Exit code 1 if something is wrong or an agent cannot be reached.
    """
    from dataclasses import asdict

    from maos_flows.cli.reaching import look

    found = look(roster, with_agents=connectivity_test, timeout_seconds=timeout)
    if format is Format.JSON:
        print_json({"healthy": found.is_well, **asdict(found)})
    else:
        for line in found.lines():
            print(line)
    if not found.is_well:
        raise typer.Exit(EXIT_NO_CONSENSUS)
