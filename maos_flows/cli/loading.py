"""Read workflows for the commands."""

import os
import sys
from pathlib import Path
from typing import Any

from maos_flows.config import Configuration, resolve, settings_from
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.plugins import known as plugins
from maos_flows.policies.registry import PolicyRegistry
from maos_flows.request import DecisionRequest
from maos_flows.roster import LoadedRoster, load_roster
from maos_flows.workflow import Workflow, load_workflow, load_workflow_file, waves


def known_policies() -> PolicyRegistry:
    """Give the policies commands know: those built in, those installed, and those of packages."""
    return plugins.known_policies(settings_from(os.environ).home)


def configuration() -> Configuration:
    """Resolve what is configured, for a request that is made now."""
    return resolve(os.environ)


def fallback_roster(given: Path | None) -> LoadedRoster | None:
    """Read the roster to use where a workflow names none: the one given, else that of `MAOS_ROSTER`, else None."""
    path = given or settings_from(os.environ).roster
    return load_roster(path) if path is not None else None


def load(file: Path, *, roster: Path | None) -> Workflow:
    """Read a workflow from a file, or from standard input if the file is `-`.

    Raises:
        ConfigurationError: It is not a workflow; names every problem.
    """
    workflow = _loaded(file, fallback_roster(roster))
    problems = [
        problem
        for place, stage in enumerate(workflow.stages)
        for problem in unrecorded(stage.request, prefix=f"stages[{place}].")
    ]
    if problems:
        raise ConfigurationError(problems, source=str(file))
    return workflow


def _loaded(file: Path, fallback: LoadedRoster | None) -> Workflow:
    if str(file) == "-":
        return load_workflow(
            sys.stdin.read(),
            source="standard input",
            base=Path.cwd(),
            policies=known_policies(),
            roster=fallback,
            configuration=configuration(),
        )
    return load_workflow_file(file, policies=known_policies(), roster=fallback, configuration=configuration())


def unrecorded(request: DecisionRequest, *, prefix: str = "") -> list[Problem]:
    """Find agents whose answers are recorded and who are to suggest one, with none on record.

    Raises:
        LastingError: What is recorded cannot be read.
    """
    if not request.open_choices:
        return []
    from maos_flows.voters.recorded import without_suggestion

    silent = ", ".join(without_suggestion(request.agents))
    message = f"agents suggest the choices, and no suggestion is recorded of {silent}"
    return [Problem(f"{prefix}open_choices", message)] if silent else []


def workflow_as_plain(workflow: Workflow) -> dict[str, Any]:
    """Give a workflow's outline as plain data."""
    return {
        "workflow_name": workflow.name,
        "description": workflow.description,
        "waves": [[stage.name for stage in wave] for wave in waves(workflow)],
        "stages": [
            {
                "stage": stage.name,
                "question": stage.question,
                "consensus_algorithm": stage.algorithm,
                "choices": list(stage.choices),
                "open_choices": stage.request.open_choices,
                "depends_on": list(stage.depends_on),
                "agents": [agent.id for agent in stage.agents],
            }
            for stage in workflow.stages
        ],
    }


def workflows_in(folder: Path) -> list[dict[str, Any]]:
    """Read every workflow file in a folder, by name; a broken one is listed with its first problem.

    Raises:
        ConfigurationError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError([Problem("folder", f"{folder} is not a folder")])
    found: list[dict[str, Any]] = []
    for path in sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml", ".json"}):
        try:
            workflow = load(path, roster=None)
        except ConfigurationError as error:
            found.append({"file": str(path), "workflow_name": "", "stages": 0, "problem": str(error.problems[0])})
        else:
            found.append(
                {
                    "file": str(path),
                    "workflow_name": workflow.name,
                    "stages": len(workflow.stages),
                    "description": workflow.description,
                }
            )
    return found
