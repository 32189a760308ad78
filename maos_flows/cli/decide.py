"""`maos decide`: ask one question."""

from pathlib import Path
from typing import Annotated

import typer

from maos_flows.cli.output import Format, FormatOption


def decide(
    question: Annotated[str, typer.Argument(help="What is asked. May list its choices: 'Which one: a, b, or c?'")] = "",
    choices: Annotated[str, typer.Option(help="The answers allowed, separated by commas.")] = "",
    algorithm: Annotated[
        str, typer.Option("--algorithm", "--consensus-algorithm", help="How ballots become a decision.")
    ] = "",
    decision_type: Annotated[
        str, typer.Option(help="The type of decision: routine, important, critical, emergency, or one of your own.")
    ] = "",
    threshold: Annotated[str, typer.Option(help="The share a choice needs: 0.67 or 2/3.")] = "",
    basis: Annotated[str, typer.Option(help="What it is a share of: eligible, cast or decisive.")] = "eligible",
    roster: Annotated[
        Path | None, typer.Option(help="A roster file; without one, models whose key is set, or simulated agents.")
    ] = None,
    max_agents: Annotated[
        int | None, typer.Option(min=1, help="Ask at most so many agents, those that fit best.")
    ] = None,
    max_cost: Annotated[
        str, typer.Option(metavar="USD", help="What language models may cost together, in US dollars.")
    ] = "",
    min_participants: Annotated[int | None, typer.Option(min=1, help="How many must cast a valid ballot.")] = None,
    roles: Annotated[str, typer.Option(help="Only agents of these roles, separated by commas.")] = "",
    domains: Annotated[str, typer.Option(help="What it is about, separated by commas; experts in it weigh more.")] = "",
    timeout: Annotated[str, typer.Option(help="How long to wait for ballots: 30s, 5m, 1h.")] = "",
    retries: Annotated[int, typer.Option(min=0, help="How often to ask again after a failure that may pass.")] = 2,
    rounds: Annotated[
        int, typer.Option(min=1, help="Ask again, up to so many rounds, while no decision is reached.")
    ] = 1,
    tie_break: Annotated[str, typer.Option(help="What a tie leads to: none, revote, chair or human.")] = "none",
    chair: Annotated[str, typer.Option(help="The agent with the casting vote.")] = "",
    veto: Annotated[str, typer.Option(help="Agents or roles that may veto, separated by commas.")] = "",
    dynamic_weights: Annotated[
        str, typer.Option(metavar="BOOL", help="Let weights follow the agents' records: true, false or peers.")
    ] = "",
    deliberation: Annotated[
        str, typer.Option(help="What agents are given of each other in later rounds: blind, reasons or full.")
    ] = "",
    early_stop_order: Annotated[
        str, typer.Option(help="Who is asked first with --early-stop: roster, cheapest or decisive.")
    ] = "",
    early_stop: Annotated[bool, typer.Option("--early-stop", help="Stop waiting once the outcome is certain.")] = False,
    sealed_ballots: Annotated[
        bool, typer.Option("--sealed-ballots", help="Show nobody any ballot's choice before the decision is closed.")
    ] = False,
    resume: Annotated[str, typer.Option(metavar="ID", help="Take up a decision that was begun.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Ask agents a question and decide by their ballots.

    Exit code 0 if a decision was reached, 1 if not, 2 if the question could not be asked.
    """
    from maos_flows.cli.running import decide_one, request_of, resumed_request

    if resume:
        decide_one(resumed_request(resume), decision_id=resume, output=format)
    stage = {
        "question": question,
        "choices": _listed(choices),
        "consensus_algorithm": algorithm,
        "decision_type": decision_type,
        "threshold": threshold or None,
        "basis": basis,
        "max_agents": None if max_agents is None else str(max_agents),
        "max_cost": max_cost,
        "min_participants": None if min_participants is None else str(min_participants),
        "roles": _listed(roles),
        "expert_domains": _listed(domains),
        "timeout": timeout,
        "retries": str(retries),
        "rounds": str(rounds),
        "tie_break": tie_break,
        "chair": chair or None,
        "veto": _listed(veto),
        "dynamic_weights": dynamic_weights,
        "early_stop": "true" if early_stop else None,
        "early_stop_order": early_stop_order,
        "deliberation": deliberation,
        "sealed_ballots": "true" if sealed_ballots else None,
    }
    given = {key: value for key, value in stage.items() if value}
    decide_one(request_of(given, roster=roster), decision_id=None, output=format)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
