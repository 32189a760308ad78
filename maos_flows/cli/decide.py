"""`maos decide`: ask one question."""

from typing import Annotated

import typer

from maos_flows.cli import question_flags as flags
from maos_flows.cli.output import Format, FormatOption


def decide(
    question: Annotated[str, flags.QUESTION] = "",
    choices: flags.Choices = "",
    open_choices: flags.OpenChoices = False,
    max_choices: flags.MaxChoices = None,
    algorithm: flags.Algorithm = "",
    decision_type: flags.DecisionType = "",
    threshold: flags.Threshold = "",
    basis: flags.Basis = "",
    roster: flags.Roster = None,
    max_agents: flags.MaxAgents = None,
    max_cost: flags.MaxCost = "",
    min_participants: flags.MinParticipants = None,
    roles: flags.Roles = "",
    domains: flags.Domains = "",
    timeout: flags.Timeout = "",
    retries: flags.Retries = None,
    rounds: flags.Rounds = None,
    tie_break: flags.TieBreak = "",
    chair: flags.Chair = "",
    veto: flags.Veto = "",
    dynamic_weights: flags.DynamicWeights = "",
    deliberation: flags.Deliberation = "",
    early_stop: flags.EarlyStop = False,
    early_stop_order: flags.EarlyStopOrder = "",
    sealed_ballots: flags.SealedBallots = False,
    resume: Annotated[str, typer.Option(metavar="ID", help="Take up a decision that was begun.")] = "",
    format: FormatOption = Format.TEXT,  # noqa: A002 - the flag's name
) -> None:
    """Ask agents a question and decide by their ballots.

    Exit code 0 if a decision was reached, 1 if not, 2 if the question could not be asked.
    """
    stage = flags.stage_of(locals())
    from maos_flows.cli.running import decide_one, request_of, resumed_request

    if resume:
        decide_one(resumed_request(resume), decision_id=resume, output=format)
    decide_one(request_of(stage, roster=roster), decision_id=None, output=format)
