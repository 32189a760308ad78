"""The flags of a question, the same wherever one is asked, and the stage of a workflow that they say the same as.

A flag that is not given is left to the configuration, so none has a default of its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Algorithm = Annotated[str, typer.Option("--algorithm", "--consensus-algorithm", help="How ballots become a decision.")]
Basis = Annotated[str, typer.Option(help="What it is a share of: eligible, cast or decisive.")]
Chair = Annotated[str, typer.Option(help="The agent with the casting vote.")]
Choices = Annotated[str, typer.Option(help="The answers allowed, separated by commas.")]
DecisionType = Annotated[
    str, typer.Option(help="The type of decision: routine, important, critical, emergency, or one of your own.")
]
Deliberation = Annotated[
    str, typer.Option(help="What agents are given of each other in later rounds: blind, reasons or full.")
]
Domains = Annotated[str, typer.Option(help="What it is about, separated by commas; experts in it weigh more.")]
DynamicWeights = Annotated[
    str, typer.Option(metavar="BOOL", help="Let weights follow the agents' records: true, false or peers.")
]
EarlyStop = Annotated[bool, typer.Option("--early-stop", help="Stop waiting once the outcome is certain.")]
EarlyStopOrder = Annotated[
    str, typer.Option(help="Who is asked first with --early-stop: roster, cheapest or decisive.")
]
MaxAgents = Annotated[int | None, typer.Option(min=1, help="Ask at most so many agents, those that fit best.")]
MaxCost = Annotated[str, typer.Option(metavar="USD", help="What language models may cost together, in US dollars.")]
MaxChoices = Annotated[
    int | None, typer.Option(min=2, help="With --open-choices: how many suggestions become choices (8).")
]
MinParticipants = Annotated[int | None, typer.Option(min=1, help="How many must cast a valid ballot.")]
OpenChoices = Annotated[
    bool, typer.Option("--open-choices", help="Give no choices: agents suggest some, and then vote on them.")
]
QUESTION = typer.Argument(help="What is asked. May list its choices: 'Which one: a, b, or c?'")
Retries = Annotated[int | None, typer.Option(min=0, help="How often to ask again after a failure that may pass (2).")]
Roles = Annotated[str, typer.Option(help="Only agents of these roles, separated by commas.")]
Roster = Annotated[
    Path | None, typer.Option(help="A roster file; without one, models whose key is set, or simulated agents.")
]
Rounds = Annotated[
    int | None, typer.Option(min=1, help="Ask again, up to so many rounds, while no decision is reached (1).")
]
SealedBallots = Annotated[
    bool, typer.Option("--sealed-ballots", help="Show nobody any ballot's choice before the decision is closed.")
]
Threshold = Annotated[str, typer.Option(help="The share a choice needs: 0.67 or 2/3.")]
TieBreak = Annotated[str, typer.Option(help="What a tie leads to: none, revote, chair or human.")]
Timeout = Annotated[str, typer.Option(help="How long to wait for ballots: 30s, 5m, 1h.")]
Veto = Annotated[str, typer.Option(help="Agents or roles that may veto, separated by commas.")]

_OTHER_NAMES = {"algorithm": "consensus_algorithm", "domains": "expert_domains"}
_LISTS = frozenset({"choices", "roles", "domains", "veto"})
_FLAGS = (
    *("question", "choices", "algorithm", "decision_type", "threshold", "basis", "max_agents", "max_cost"),
    *("min_participants", "roles", "domains", "timeout", "retries", "rounds", "tie_break", "chair", "veto"),
    *("dynamic_weights", "early_stop", "early_stop_order", "deliberation", "sealed_ballots"),
    *("open_choices", "max_choices"),
)


def stage_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the keys of a stage that a command's flags stand for, as a document would have them.

    Args:
        given: What was typed, by the names of the command's parameters; those that are no flag of a question are
            passed over.
    """
    stage = {_OTHER_NAMES.get(flag, flag): _written(flag, given[flag]) for flag in _FLAGS if flag in given}
    return {key: value for key, value in stage.items() if value}


def flag_of(key: str) -> str:
    """Give the flag that stands for a stage's key."""
    names = {other: flag for flag, other in _OTHER_NAMES.items()}
    return f"--{names.get(key, key).replace('_', '-')}"


def _written(flag: str, value: Any) -> Any:
    match value:
        case None | False:
            return ""
        case True:
            return "true"
        case str() if flag in _LISTS:
            return [part.strip() for part in value.split(",") if part.strip()]
        case _:
            return str(value)
