"""What a Prefect server shows of a flow run, once all of it has reached the server."""

from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun

from tests.flows.pools import until


async def task_runs(client: PrefectClient, flow_run_id: UUID, *, expected: int) -> list[TaskRun]:
    """Wait until so many task runs are completed, and give them."""
    found: list[TaskRun] = []

    async def are_there() -> bool:
        found[:] = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])))
        return len(found) >= expected and all(run.state is not None and run.state.is_completed() for run in found)

    await until(are_there)
    return found


async def graph(client: PrefectClient, flow_run_id: UUID, *, expected: int) -> dict[str, set[str]]:
    """Wait until the graph has so many completed nodes, and give each one's label with those it depends on."""
    nodes: list[dict[str, Any]] = []

    async def is_there() -> bool:
        answer = await client._client.get(f"/flow_runs/{flow_run_id}/graph-v2")
        nodes[:] = [node for _, node in answer.json()["nodes"] if not node["encapsulating"]]
        return len(nodes) >= expected and all(node["state_type"] == "COMPLETED" for node in nodes)

    await until(is_there)
    labels = {node["id"]: node["label"] for node in nodes}
    return {node["label"]: {labels[parent["id"]] for parent in node["parents"]} for node in nodes}
