"""One question alone: a decision's request from the keys of a stage, by the same rules."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from maos_flows.config import Configuration
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.policies.registry import PolicyRegistry
from maos_flows.request import DecisionRequest
from maos_flows.roster import LoadedRoster
from maos_flows.workflow.loading import load_workflow


def question_request(
    stage: Mapping[str, Any],
    *,
    base: Path,
    policies: PolicyRegistry,
    roster: LoadedRoster | None,
    configuration: Configuration | None = None,
) -> DecisionRequest:
    """Make a request of the keys of a workflow's stage, of which `question` must be one.

    Args:
        stage: What a stage of a workflow may have, less its name.
        base: The folder that paths are relative to.
        policies: The algorithms there are.
        roster: The agents; without, the configured ones, or the default roster.
        configuration: What holds where nothing is said; without, the defaults.

    Raises:
        ConfigurationError: It is not a question that can be asked; names every problem with its key.
    """
    document = {"workflow_name": "question", "stages": [{"stage": "decision", **stage}]}
    try:
        workflow = load_workflow(
            json.dumps(document),
            source="",
            base=base,
            policies=policies,
            roster=roster,
            configuration=configuration,
        )
    except ConfigurationError as error:
        raise ConfigurationError([_of_a_key(problem) for problem in error.problems]) from error
    return replace(workflow.stages[0].request, title="", workflow="", run_id="")


def _of_a_key(problem: Problem) -> Problem:
    """Name a key as whoever asks the question knows it; one of the configuration keeps where it comes from."""
    if not problem.path.startswith("stages[0]"):
        return problem
    return Problem(problem.path.split(" ")[0].removeprefix("stages[0]").removeprefix("."), problem.message)
