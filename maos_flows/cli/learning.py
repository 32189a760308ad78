"""`maos consensus feedback` and `weights`: say what proved right, and see what agents have earned by it."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.ids import complete_id
from maos_flows.cli.output import EXIT_NO_CONSENSUS, Format, FormatOption, print_json, say


def feedback(
    decision_id: Annotated[
        str, typer.Argument(metavar="ID", help="The decision's id.", autocompletion=complete_id)
    ] = "",
    correct: Annotated[str, typer.Option(metavar="CHOICE", help="The choice that proved right.")] = "",
    score: Annotated[
        list[str] | None,
        typer.Option(metavar="AGENT=NUMBER", help="How good an agent's answer proved, 0 to 1; may be repeated."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Many at once: CSV (decision_id, correct) or JSON lines (decision_id, correct, scores)."),
    ] = None,
    by: Annotated[str, typer.Option(help="Who says so; else the user of this computer.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Tell what proved right, so that the agents' records, and the weights of later decisions, follow from it.

    Told once per decision. Exit code 1 if some lines of a file could not be taken; the others are.
    """
    from maos_flows.cli.lookup import configured_store
    from maos_flows.cli.watching import evolution
    from maos_flows.errors import ConfigurationError, Problem
    from maos_flows.feedback_files import read_told, told_of
    from maos_flows.judging import tell_all

    if (file is None) == (not decision_id):
        raise ConfigurationError([Problem("feedback", "give one decision's ID, or --file FILE")])
    told = read_told(file) if file is not None else [told_of(decision_id, correct, score or [])]
    results = tell_all(configured_store(), told, by=by or getpass.getuser())
    if file is None and results[0].error is not None:
        raise results[0].error
    if format is Format.JSON:
        print_json([evolution.plain_result(result) for result in results])
    else:
        for line in evolution.result_lines(results):
            print(line)
    failed = [result for result in results if result.error is not None]
    for result in failed:
        say(f"{file}, {result.told.where}: {result.error}")
    if failed:
        raise typer.Exit(EXIT_NO_CONSENSUS)


def weights(
    decision_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="A decision: what its agents had earned then.", autocompletion=complete_id),
    ] = "",
    agent: Annotated[list[str] | None, typer.Option(help="Only this agent; may be repeated.")] = None,
    choices: Annotated[int, typer.Option(min=2, help="Between how many choices; an ID's own count first.")] = 2,
    domain: Annotated[list[str] | None, typer.Option(help="For decisions about this; may be repeated.")] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show how agents' weights changed with every feedback, as a table and a chart."""
    from maos_flows.cli.lookup import configured_store
    from maos_flows.cli.watching import evolution

    asked = evolution.Asked(decision_id, tuple(agent or ()), choices, tuple(domain or ()))
    histories = evolution.histories(configured_store(), asked)
    if format is Format.JSON:
        print_json([evolution.plain_history(history) for history in histories])
    else:
        for line in evolution.history_lines(histories):
            print(line)
