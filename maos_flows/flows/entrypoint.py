"""What deployments start: a workflow, and a question filled in on a form."""

import asyncio
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from maos_flows.audit.store import AuditStore
from maos_flows.config import resolve, settings_from
from maos_flows.flows.compiler import run_stages
from maos_flows.flows.decide import decide
from maos_flows.flows.edges import state_of
from maos_flows.flows.ids import decision_id_of, run_id_of
from maos_flows.flows.known import policies_here
from maos_flows.flows.naming import run_name
from maos_flows.flows.stores import opened_store
from maos_flows.flows.submitting import submitted_workflow
from maos_flows.flows.tasks import POLICIES
from maos_flows.records import to_plain
from maos_flows.roster import LoadedRoster, load_roster
from maos_flows.workflow import Workflow, load_workflow, load_workflow_file, question_request

_AS_CONFIGURED = "as configured"

Algorithm = StrEnum("Algorithm", {name: name for name in (_AS_CONFIGURED, *POLICIES)})  # type: ignore[misc]
"""The algorithms there are, for the form: it lists what is one of several; for what may be none it has but a switch."""

_BY_DEFAULT = Algorithm(_AS_CONFIGURED)


def _run_name() -> str:
    path = Path(str(flow_run.parameters.get("workflow", "workflow")))
    return f"{path.stem} {flow_run.parameters.get('run_id') or run_id_of(flow_run.id)}"


@flow(name="maos-workflow", flow_run_name=_run_name, persist_result=False)
async def run_workflow(workflow: str, roster: str | None = None, run_id: str | None = None) -> State[Any]:
    """Run a workflow.

    A run that was submitted runs the document that was handed in, whatever the file says by now.

    Args:
        workflow: Path of the YAML or JSON file, relative to where the flow runs.
        roster: Path of the roster file that is used where it names no agents; without one, the configured one.
        run_id: A run that was begun, to take it up; without one the id is this flow run's.

    Raises:
        ConfigurationError: The file is not a workflow; names every problem.
    """
    name = run_id or run_id_of(flow_run.id)
    loaded = await asyncio.to_thread(_load, await opened_store(), workflow, roster, name)
    return await run_stages(loaded, name)


def _load(store: AuditStore, workflow: str, roster: str | None, run_id: str) -> Workflow:
    submission = store.submission(run_id)
    if submission is None:
        return load_workflow_file(
            Path(workflow), policies=policies_here(), roster=_roster(roster), configuration=resolve(os.environ)
        )
    handed_in = submitted_workflow(submission)
    return load_workflow(
        handed_in.text,
        source=handed_in.source,
        base=Path(handed_in.base),
        policies=policies_here(),
        roster=_roster(roster or handed_in.roster),
        configuration=resolve(os.environ),
    )


def _roster(given: str | None) -> LoadedRoster | None:
    path = given or settings_from(os.environ).roster
    return load_roster(path) if path else None


def _question_name() -> str:
    return run_name(str(flow_run.parameters.get("question", ""))) or "a question"


@flow(name="maos-ask", flow_run_name=_question_name, persist_result=False)
async def ask(  # noqa: PLR0913, PLR0917 - a form has as many fields as may be filled in
    question: Annotated[str, Field(min_length=1)],
    choices: tuple[str, ...] = (),
    algorithm: Algorithm = _BY_DEFAULT,
    decision_type: str = "",
    threshold: str = "",
    max_agents: Annotated[int, Field(ge=0)] = 0,
    domains: tuple[str, ...] = (),
    timeout: str = "",  # noqa: ASYNC109 - how long the decision is open, by the form's word
    roster: str = "",
    open_choices: bool = False,  # noqa: FBT001, FBT002 - a field of the form, and passed by its name
) -> State[Any]:
    """Ask agents a question and decide by their ballots.

    Prefect's form shows what is said of the arguments here.

    Args:
        question: What is asked. May list its choices: "Which one: a, b, or c?"
        choices: The answers allowed; if none, those the question lists, else approve or reject.
        algorithm: How ballots become a decision.
        decision_type: The type of decision, such as routine or critical.
        threshold: The share a choice needs, such as 0.67 or 2/3.
        max_agents: Ask at most so many agents, the best fitting; 0 for all.
        domains: What it is about; experts in it weigh more.
        timeout: How long to wait for ballots: 30s, 5m, 1h.
        roster: Path of a roster file, where the worker is; if none, the configured agents.
        open_choices: Whether there are no choices yet: agents suggest some, and then vote on them.

    Raises:
        ConfigurationError: It is not a question that can be asked; names every problem.
    """
    stage = {
        "question": question,
        "choices": list(choices),
        "consensus_algorithm": "" if algorithm is _BY_DEFAULT else str(algorithm),
        "decision_type": decision_type.strip(),
        "threshold": threshold.strip(),
        "max_agents": str(max_agents or ""),
        "expert_domains": list(domains),
        "timeout": timeout.strip(),
        "open_choices": "true" if open_choices else "",
    }
    given = {key: value for key, value in stage.items() if value}
    loaded = await asyncio.to_thread(_roster, roster.strip() or None)
    configuration, policies = await asyncio.to_thread(resolve, os.environ), policies_here()
    request = question_request(given, base=Path.cwd(), policies=policies, roster=loaded, configuration=configuration)
    decision_id = decision_id_of(flow_run.id)
    state = await state_of(decide(to_plain(request), decision_id, return_state=True))
    final = Completed if state.is_completed() else Failed  # a state handed on as it is would lose its name
    return final(name=state.name, message=state.message, data=await state.aresult(raise_on_failure=False))
