"""`maos consensus stats` and `analyze`: the figures of decisions, where their time went, how their agents behave."""

from typing import Annotated

import typer

from maos_flows.cli.ids import IdArgument, complete_id
from maos_flows.cli.output import Format, FormatOption, print_json

_HISTORY = 200


def stats(
    decision_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A decision's or a workflow run's id; without one, the newest decisions together.",
            autocompletion=complete_id,
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="Without an ID: of how many decisions.")] = 50,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Show the figures of a decision: participation, times, strength, margin, confidences, weights."""
    from maos_flows.cli.lookup import configured_store, find_decision_or_run
    from maos_flows.cli.watching import figures
    from maos_flows.cli.watching.aspects import Aspect, print_aspects

    if decision_id:
        aspect = Aspect(None, figures.figures, figures.figure_lines)
        print_aspects(find_decision_or_run(decision_id), [aspect], as_json=format is Format.JSON)
        return
    together = figures.figures_of_many(configured_store().decisions(limit=limit))
    if format is Format.JSON:
        print_json(together)
    else:
        for line in figures.figure_lines_of_many(together):
            print(line)


def analyze(
    decision_id: IdArgument,
    agent_behavior: Annotated[
        bool, typer.Option("--agent-behavior", help="How its agents behave, here and in the newest decisions.")
    ] = False,
    performance: Annotated[bool, typer.Option("--performance", help="Where its time went.")] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Analyse a decision; without a flag, in every way there is."""
    from functools import partial

    from maos_flows.cli.lookup import configured_store, find
    from maos_flows.cli.watching import analysing
    from maos_flows.cli.watching.aspects import Aspect, print_aspects
    from maos_flows.cli.watching.behaviour import behaviour_lines
    from maos_flows.cli.watching.performance import performance_lines

    store = configured_store()
    behave = Aspect("agent_behavior", partial(analysing.read_behaviour, store, limit=_HISTORY), behaviour_lines)
    perform = Aspect("performance", partial(analysing.read_performance, store, limit=_HISTORY), performance_lines)
    asked = {behave: agent_behavior, perform: performance}
    chosen = [aspect for aspect, is_asked in asked.items() if is_asked] or list(asked)
    print_aspects(find(store, decision_id), chosen, as_json=format is Format.JSON)
