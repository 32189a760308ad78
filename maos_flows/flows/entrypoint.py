"""What deployments start: a workflow file, run as one flow."""

from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from maos_flows.flows.compiler import run_stages
from maos_flows.flows.tasks import POLICIES
from maos_flows.workflow import load_workflow_file


def _run_name() -> str:
    path = Path(str(flow_run.parameters.get("workflow", "workflow")))
    return f"{path.stem} {run_id_of(flow_run.id)}"


def run_id_of(flow_run_id: UUID | str | None) -> str:
    """Give the id of the workflow run a flow run is: the same when Prefect retries the flow run."""
    return str(flow_run_id).replace("-", "")[:8]


@flow(name="maos-workflow", flow_run_name=_run_name, persist_result=False)
async def run_workflow(workflow: str, run_id: str | None = None) -> State[Any]:
    """Run a workflow file.

    Args:
        workflow: Path of the YAML or JSON file, relative to where the flow runs.
        run_id: A run that was begun, to take it up; without one the id is this flow run's.

    Raises:
        ConfigurationError: The file is not a workflow; names every problem.
    """
    loaded = load_workflow_file(Path(workflow), policies=POLICIES)
    return await run_stages(loaded, run_id or run_id_of(flow_run.id))
