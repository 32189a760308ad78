"""The worker: runs in warm processes, each one's end its own affair."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
import pytest_asyncio
from prefect import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_WORKER_QUERY_SECONDS,
    temporary_settings,
)
from prefect.states import Cancelling
from prefect.workers.base import BaseWorker

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError
from maos_flows.flows.stores import audit_store
from maos_flows.flows.warm_jobs import MaosJobConfiguration
from maos_flows.flows.worker import MaosWorker
from maos_flows.model import Agent, Ballot, Outcome
from tests.flows.pools import (
    PROGRAM,
    Relay,
    decision_id_of,
    ended,
    environment_in,
    function,
    make_pool,
    request_to,
    submit,
    until,
)

pytestmark = [
    pytest.mark.usefixtures("prefect_address"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, prefect_address: str) -> Iterator[AuditStore]:
    """The audit store of a home of this module's own, in which processes serve three runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAOS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("MAOS_DATABASE_URL", raising=False)
        patch.setenv("MAOS_WORKER_RUNS", "3")
        patch.setenv("MAOS_WORKER_DRAIN", "60s")
        yield audit_store()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(store: AuditStore) -> AsyncIterator[str]:
    """A work pool with a worker at work."""
    name = await make_pool()
    running = asyncio.create_task(MaosWorker(name, limit=2).start(printer=lambda _: None))
    yield name
    running.cancel()
    await asyncio.wait({running})


async def test_prefect_finds_the_worker_by_its_type() -> None:
    assert BaseWorker.get_worker_class_from_type("maos") is MaosWorker


async def test_decisions_run_in_processes_that_are_renewed(pool: str, store: AuditStore, tmp_path: Path) -> None:
    parameters = {"request": request_to(function("approve"))}
    async with get_client() as client:
        runs = [await submit(client, pool, parameters, environment_in(tmp_path)) for _ in range(8)]
        over = await ended(client, *(run.id for run in runs))

    assert {run.state_name for run in over} == {"Reached: approve 1 of 1"}
    decisions = [store.decision(decision_id_of(run)) for run in runs]
    assert [decision and decision.outcome for decision in decisions] == [Outcome.REACHED] * 8
    processes = [run.infrastructure_pid for run in over]
    assert len(set(processes)) < len(processes), "a process serves several runs"
    assert max(map(processes.count, processes)) <= 3, "and not for ever"


async def test_a_run_whose_process_is_killed_goes_on_where_it_was(pool: str, store: AuditStore, tmp_path: Path) -> None:
    """B64: and the run beside it does not notice."""
    other = tmp_path / "other"
    other.mkdir()
    doomed = request_to(function("approve"), function("approve"), function("die_once"))
    async with get_client() as client:
        run = await submit(client, pool, {"request": doomed}, environment_in(tmp_path))
        beside = await submit(client, pool, {"request": request_to(function("approve"))}, environment_in(other))
        over, over_beside = await ended(client, run.id, beside.id)

    assert (over.state_name, over.run_count) == ("Reached: approve 3 of 3", 2)
    assert (over_beside.state_type, over_beside.run_count) == (StateType.COMPLETED, 1)
    assert sorted((tmp_path / "asked.log").read_text().split()) == sorted(agent["id"] for agent in doomed["agents"])
    assert len([a for a in store.answers(decision_id_of(run), 1) if isinstance(a, Ballot)]) == 3
    assert store.leases([f"flow-run:{run.id}"]) == {}


async def test_a_run_of_somebody_elses_flow_is_refused(pool: str) -> None:
    async with get_client() as client:
        run = await submit(client, f"{pool}-other", {})
        (over,) = await ended(client, run.id)

    assert over.state_type is StateType.CRASHED
    assert over.state is not None
    assert "'flows/etl.py:load' is not a flow of maos_flows; use a work pool of type process" in str(over.state.message)


async def test_a_run_that_sets_prefect_otherwise_is_refused(pool: str) -> None:
    async with get_client() as client:
        run = await submit(client, pool, {}, {"PREFECT_API_URL": "http://127.0.0.1:9"})
        (over,) = await ended(client, run.id)

    assert over.state is not None
    assert "Prefect's settings are those of the worker" in str(over.state.message)


async def test_a_run_whose_deployment_was_deleted_meanwhile_is_refused(pool: str) -> None:
    late = FlowRun(flow_id=uuid4(), deployment_id=uuid4())
    async with get_client() as client:
        work_pool = await client.read_work_pool(pool)
        with pytest.raises(ConfigurationError, match="deployment: there is none; a warm process runs deployments"):
            await MaosJobConfiguration.resolve_for_flow_run(
                late, client=client, work_pool=work_pool, worker_name="a worker"
            )


async def test_a_cancelled_run_is_stopped_with_its_agents_programs(
    pool: str, store: AuditStore, tmp_path: Path
) -> None:
    log = tmp_path / "asked.log"
    settings = {"command": ["python3", PROGRAM], "pass_env": ["ASKED_LOG"]}
    asked = request_to(Agent("program", voter="command", settings=settings))
    async with get_client() as client:
        run = await submit(client, pool, {"request": asked}, environment_in(tmp_path))

        async def hangs() -> bool:
            return log.exists() and bool(log.read_text())

        await until(hangs)
        program = psutil.Process(int(log.read_text()))
        await client.set_flow_run_state(run.id, Cancelling())
        (over,) = await ended(client, run.id)

    assert over.state_type is StateType.CANCELLED
    assert not program.is_running() or program.status() == psutil.STATUS_ZOMBIE
    decision = store.decision(decision_id_of(run))
    assert decision is not None
    assert (decision.outcome, [absence.agent_id for absence in decision.absences]) == (Outcome.CANCELLED, ["program"])


async def test_a_worker_that_is_told_to_stop_ends_what_it_began_and_begins_no_more(
    store: AuditStore, tmp_path: Path
) -> None:
    pool = await make_pool()
    asked = request_to(function("approve"), function("wait_for_leave"))
    running = asyncio.create_task(MaosWorker(pool, limit=1).start(printer=lambda _: None))
    async with get_client() as client:
        run = await submit(client, pool, {"request": asked}, environment_in(tmp_path))

        async def has_begun() -> bool:
            return bool(store.answers(decision_id_of(run), 1))

        await until(has_begun)
        running.cancel()
        later = await submit(client, pool, {"request": request_to(function("approve"))}, environment_in(tmp_path))
        (tmp_path / "asked.leave").touch()
        await asyncio.wait({running})
        over, waiting = await client.read_flow_run(run.id), await client.read_flow_run(later.id)

    assert over.state_name == "Reached: approve 2 of 2"
    assert waiting.state_type is StateType.SCHEDULED


async def test_a_worker_outlasts_a_server_that_is_long_away(
    store: AuditStore, tmp_path: Path, prefect_address: str
) -> None:
    """Prefect's own loops end a worker after some failures in a row."""
    pool = await make_pool()
    async with Relay(prefect_address) as relay, get_client() as client:
        settings = {PREFECT_API_URL: relay.address, PREFECT_WORKER_QUERY_SECONDS: 0.05, PREFECT_CLIENT_MAX_RETRIES: 0}
        with temporary_settings(settings):
            running = asyncio.create_task(MaosWorker(pool, limit=1).start(printer=lambda _: None))

        async def is_known() -> bool:
            return bool(await client.read_workers_for_work_pool(pool))

        async def was_refused_often() -> bool:
            return relay.refused >= 100 or running.done()

        await until(is_known)
        relay.is_away = True
        await until(was_refused_often)
        relay.is_away = False
        run = await submit(client, pool, {"request": request_to(function("approve"))}, environment_in(tmp_path))
        (over,) = await ended(client, run.id)
        running.cancel()
        await asyncio.wait({running})

    assert over.state_name == "Reached: approve 1 of 1"
