"""`maos doctor`: what is installed, reachable, configured, and unsafe."""

from typing import Annotated

import typer

from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json


def doctor(
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the Prefect server.")] = 5.0,
) -> None:
    """Check the installation and say how to mend what is wrong. Exit code 1 if something is."""
    from dataclasses import asdict

    from maos_flows.cli.checks import run_checks

    checks = run_checks(timeout_seconds=timeout)
    if format is Format.JSON:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            print(f"{check.status:<5} {check.name}: {check.found}")
            if check.mend:
                print(f"      {check.mend}")
    if any(check.status == "wrong" for check in checks):
        raise typer.Exit(EXIT_NO_CONSENSUS)
