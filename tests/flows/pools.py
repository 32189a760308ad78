"""Work pools, deployments and flow runs for the tests of the worker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun

from maos_flows.flows.decide import decide
from maos_flows.flows.worker import MaosWorker
from maos_flows.model import Agent
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest
from tests.flows import doomed

PROGRAM = doomed.__file__
PATIENCE_SECONDS = 180


def function(name: str) -> Agent:
    """An agent that is one of the functions of `doomed`."""
    settings = {"function": name, "path": PROGRAM}
    return Agent(f"{name}_{uuid4().hex[:6]}", voter="python", settings=settings)


def request_to(*agents: Agent, timeout_seconds: float = 600.0) -> dict[str, Any]:
    """A request to agents, as plain data."""
    request = DecisionRequest("Shall we?", ("approve", "reject"), agents, timeout_seconds=timeout_seconds, retries=0)
    plain: dict[str, Any] = to_plain(request)
    return plain


async def make_pool() -> str:
    """Make a work pool with the deployments of a decision and of somebody else's flow, and give its name."""
    pool = f"pool-{uuid4().hex[:8]}"
    template = MaosWorker.get_default_base_job_template()
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=pool, type="maos", base_job_template=template))
        flow = await client.create_flow(decide)
        for name, entrypoint in ((pool, "maos_flows.flows.decide.decide"), (f"{pool}-other", "flows/etl.py:load")):
            await client.create_deployment(flow, name, work_pool_name=pool, entrypoint=entrypoint)
    return pool


async def submit(
    client: PrefectClient, deployment: str, parameters: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> FlowRun:
    """Create a flow run of a deployment."""
    found = await client.read_deployment_by_name(f"maos-decide/{deployment}")
    return await client.create_flow_run_from_deployment(
        found.id, parameters=dict(parameters), job_variables={"env": dict(environment or {})}
    )


def environment_in(folder: Path) -> dict[str, str]:
    """What the agents of `doomed` need to be told."""
    return {"ASKED_LOG": str(folder / "asked.log")}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.1)


async def ended(client: PrefectClient, *ids: UUID) -> list[FlowRun]:
    """Wait until flow runs have ended, and give them."""
    over = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(TERMINAL_STATES)))
    ended_ones = FlowRunFilter(id=FlowRunFilterId(any_=list(ids)), state=over)

    async def are_over() -> bool:
        # One request, however many they are: the server that is asked has them to run.
        return await client.count_flow_runs(flow_run_filter=ended_ones) == len(ids)

    await until(are_over)
    return [await client.read_flow_run(one) for one in ids]


def decision_id_of(run: FlowRun) -> str:
    """The id of the decision a flow run makes."""
    return f"d-{run.id.hex[-12:]}"


class Relay:
    """Stands before a server, and is away as long as it is told to be."""

    def __init__(self, address: str) -> None:
        self.is_away = False
        self.refused = 0
        self.address = ""
        self._parts = urlsplit(address)
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}{self._parts.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_away:
            self.refused += 1
            writer.close()
            return
        there, to_server = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._open |= {writer, to_server}
        await asyncio.gather(self._copy(reader, to_server), self._copy(there, writer))

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if self.is_away:
                    break
                target.write(data)
                await target.drain()
        target.close()
