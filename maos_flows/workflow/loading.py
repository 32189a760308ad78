"""From a document to a workflow, or to one error that names everything that is wrong with it."""

from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from maos_flows.config import Configuration
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import MOST_PROBLEMS, attempt, place, read, refusal
from maos_flows.policies.registry import PolicyRegistry
from maos_flows.roster import LoadedRoster, default_roster, load_roster, roster_from
from maos_flows.strict_yaml import load, read_text
from maos_flows.workflow.configured import Configured, weighed
from maos_flows.workflow.form import MOST_STAGES, StageForm, WorkflowForm
from maos_flows.workflow.graph import graph_problems
from maos_flows.workflow.model import Stage, Workflow
from maos_flows.workflow.stages import Written, build_stage


def load_workflow_file(
    path: Path | str,
    *,
    policies: PolicyRegistry,
    roster: LoadedRoster | None = None,
    configuration: Configuration | None = None,
) -> Workflow:
    """Load a workflow file; paths in it are relative to its folder. See `load_workflow`.

    Raises:
        ConfigurationError: The file cannot be read or is not a workflow; names every problem.
    """
    file = Path(path)
    return load_workflow(
        read_text(file),
        source=str(file),
        base=file.parent,
        policies=policies,
        roster=roster,
        configuration=configuration,
    )


def load_workflow(
    text: str,
    *,
    source: str,
    base: Path,
    policies: PolicyRegistry,
    roster: LoadedRoster | None = None,
    configuration: Configuration | None = None,
) -> Workflow:
    """Load a workflow from YAML or JSON.

    Args:
        text: The document.
        source: What errors call it.
        base: The folder that paths in it are relative to.
        policies: The algorithms there are.
        roster: The agents where the document names none; without, the configured ones, or the default roster.
        configuration: What holds where the document says nothing; without, the defaults.

    Raises:
        ConfigurationError: It is not a workflow, or one of its decisions could never be made; names every problem.
    """
    document = load(text, source=source)
    problems: list[Problem] = []
    form = attempt(problems, partial(read, WorkflowForm, document))
    stages = _read_stages(document, problems)
    problems += _graph(document, stages)
    built: list[Stage] = []
    configuration = configuration or Configuration()
    fallback = roster or configuration.roster
    loaded = attempt(problems, partial(_roster, document, form, base, fallback)) if form else None
    if form and loaded:
        weighted = weighed(loaded, configuration)
        configured = Configured(configuration)
        for index, stage in enumerate(stages):
            if stage is not None:
                written = Written(document, form, index, stage, base, configured)
                made = attempt(problems, partial(build_stage, written, weighted, policies))
                built += [made] if made else []
    refused = refusal(problems, source=source)
    if refused is not None or form is None or loaded is None:
        raise refused or AssertionError("what is not read is a problem")
    return Workflow(form.workflow_name, form.description or "", loaded, tuple(built), text, base)


def _raw_stages(document: Any) -> list[Any]:
    raw = document.get("stages") if isinstance(document, dict) else None
    return raw[:MOST_STAGES] if isinstance(raw, list) else []


def _read_stages(document: Any, problems: list[Problem]) -> list[StageForm | None]:
    """Read each stage on its own, so that one that is wrong does not hide what is wrong with the others."""
    places = range(len(_raw_stages(document)))
    return [attempt(problems, partial(read, StageForm, document, at=("stages", index))) for index in places]


def _graph(document: Any, stages: list[StageForm | None]) -> list[Problem]:
    """Check the graph; a stage that could not be read still has its name, so that nobody waits for it in vain."""
    raw = [item.get("stage") if isinstance(item, dict) else None for item in _raw_stages(document)]
    names = [name if isinstance(name, str) else None for name in raw]
    found = graph_problems(names, [stage.depends_on if stage else () for stage in stages])
    return [Problem(place(document, where), message) for where, message in islice(found, MOST_PROBLEMS + 1)]


def _roster(document: Any, form: WorkflowForm, base: Path, fallback: LoadedRoster | None) -> LoadedRoster:
    match form.roster:
        case None:
            return fallback or default_roster()
        case str() as path:
            try:
                return load_roster(base / path)
            except ConfigurationError as error:
                where = place(document, ("roster",))
                raise ConfigurationError(
                    [Problem(where, f"{path}: {problem}") for problem in error.problems]
                ) from error
        case inline:
            return roster_from(inline, base=base, prefix="roster")
