"""Submitted decisions a minute, through a Prefect server and our worker; or, with --kill, whether any is lost.

    python benchmarks/submitted.py [--database sqlite|postgres] [--decisions N] [--workers N] [--kill] [--json]

Five simulated agents answer without thinking; every ballot is a task run. Submitting counts: the time is that from the
first call that creates a flow run until the last flow run has ended. The same server and the same worker then run as
many empty flows, and Prefect's own process worker a few decisions, so that each figure has its ratio.

--kill kills one of two workers with signal 9 when a quarter is done, and then looks whether every decision was made,
none of them twice, over one answer of each agent.

PostgreSQL is that of the machine (`apt-get install postgresql`), started in a temporary folder while this runs.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from servers import postgres, prefect_server, running

AGENTS = 5
ALGORITHMS = {"simple_majority": 75, "supermajority": 50, "weighted_voting": 40}
"""What is to be reached: so many a minute, twice that on PostgreSQL."""
GOALS = {"sqlite": 1, "postgres": 2}
PROCESSES = 4
PATIENCE_SECONDS = 900


def main() -> int:
    """Measure, print, and give the exit code: 1 if a goal is missed or a decision is not as it must be."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--database", choices=sorted(GOALS), default="sqlite")
    parser.add_argument("--decisions", type=int, default=60, help="how many are submitted at once, of each algorithm")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--processes", type=int, default=PROCESSES, help="how many runs at once in each worker")
    parser.add_argument("--stock", type=int, default=6, help="how many Prefect's own worker is given; 0 for none")
    parser.add_argument("--kill", action="store_true", help="kill one of the workers, and count what became of it all")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maos-", ignore_cleanup_errors=True)))
        database = stack.enter_context(postgres(home)) if arguments.database == "postgres" else ""
        stack.enter_context(prefect_server(home, database=database))
        from prefect.settings import get_current_settings  # noqa: PLC0415 - it reads what was just set

        assert get_current_settings().api.url == os.environ["PREFECT_API_URL"]
        measure = _survive if arguments.kill else _measure
        result = asyncio.run(measure(home, arguments))
    print(json.dumps(result) if arguments.json else "\n".join(_lines(result)))
    return 0 if result["passed"] else 1


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for name, value in result.items():
        yield f"{name:32} {value:.2f}" if isinstance(value, float) else f"{name:32} {value}"


async def _measure(home: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {"database": arguments.database, "decisions": arguments.decisions}
    await _deploy("maos", "maos")
    with _workers(home, "maos", arguments):
        await _run("decide", "maos", 2 * arguments.processes, "simple_majority")  # warms everything up
        passed = True
        for algorithm, claimed in ALGORITHMS.items():
            per_minute, ids = await _run("decide", "maos", arguments.decisions, algorithm)
            _check(ids)
            result[f"{algorithm} a minute"] = per_minute
            passed &= per_minute >= claimed * GOALS[arguments.database]
        empty, _ = await _run("nothing", "maos", arguments.decisions, "")
    result |= {"empty flows a minute": empty, "empty flows to decisions": empty / result["simple_majority a minute"]}
    if arguments.stock:
        await _deploy("stock", "process")
        with _workers(home, "process", arguments):
            stock, _ = await _run("decide", "stock", arguments.stock, "simple_majority")
        result |= {"process worker a minute": stock, "to process worker": result["simple_majority a minute"] / stock}
    return {**result, "passed": passed}


async def _survive(home: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    os.environ.setdefault("MAOS_LEASE", "10s")
    arguments.workers = max(arguments.workers, 2)
    await _deploy("maos", "maos")
    with _workers(home, "maos", arguments) as processes:
        ids = await _submit("decide", "maos", arguments.decisions, "simple_majority")
        await _wait(ids, arguments.decisions // 4)
        processes[0].kill()
        began = time.monotonic()
        await _wait(ids, len(ids))
    _check(ids)
    return {
        "database": arguments.database,
        "submitted": len(ids),
        "decided once": len(ids),
        "seconds after the kill": time.monotonic() - began,
        "passed": True,
    }


def _check(ids: Sequence[UUID]) -> None:
    """Hold every decision to: made, once, over one answer of each agent."""
    from maos_flows.flows.stores import audit_store  # noqa: PLC0415 - it reads what was set

    store = audit_store()
    assert len({_decision_id(one) for one in ids}) == len(ids)
    for flow_run_id in ids:
        name = _decision_id(flow_run_id)
        decision = store.decision(name)
        assert decision is not None, f"{name} is lost"
        kinds = [event.kind.value for event in store.timeline(name)]
        assert (kinds.count("opened"), kinds.count("decided"), kinds.count("ballot")) == (1, 1, AGENTS), (name, kinds)
        assert len(decision.ballots) == AGENTS, name
    problems = store.check()
    assert not problems, problems


def _decision_id(flow_run_id: UUID) -> str:
    return f"d-{flow_run_id.hex[-12:]}"


async def _run(flow: str, pool: str, count: int, algorithm: str) -> tuple[float, list[UUID]]:
    began = time.monotonic()
    ids = await _submit(flow, pool, count, algorithm)
    await _wait(ids, count)
    return 60 * count / (time.monotonic() - began), ids


async def _submit(flow: str, pool: str, count: int, algorithm: str) -> list[UUID]:
    import httpx  # noqa: PLC0415 - with what needs it
    from prefect import get_client  # noqa: PLC0415 - it reads what was set
    from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415

    from maos_flows.model import Agent  # noqa: PLC0415
    from maos_flows.records import to_plain  # noqa: PLC0415
    from maos_flows.request import DecisionRequest  # noqa: PLC0415

    agents = tuple(Agent(f"agent_{number}", settings={"seed": 1, "lean": 0.9}) for number in range(AGENTS))
    request = DecisionRequest("Which one: a, b, or c?", ("a", "b", "c"), agents, algorithm=algorithm)
    parameters = {"request": to_plain(request)} if flow == "decide" else {}
    async with get_client() as client:
        deployment = await client.read_deployment_by_name(f"maos-{flow}/{pool}")
        at_once = asyncio.Semaphore(4)

        async def create() -> UUID:
            key = uuid4().hex  # on SQLite a server that is busy says 503, and what it was asked may be done
            async with at_once:
                while True:
                    try:
                        made = await client.create_flow_run_from_deployment(
                            deployment.id, name=request.question, parameters=parameters, idempotency_key=key
                        )
                    except (httpx.HTTPError, PrefectHTTPStatusError):
                        await asyncio.sleep(1)
                    else:
                        return made.id

        return list(await asyncio.gather(*(create() for _ in range(count))))


async def _wait(ids: Sequence[UUID], count: int) -> None:
    """Wait until so many flow runs have ended well."""
    from prefect import get_client  # noqa: PLC0415 - it reads what was set
    from prefect.client.schemas.filters import FlowRunFilter  # noqa: PLC0415

    def of(*types: str) -> Any:
        return FlowRunFilter.model_validate({"id": {"any_": list(ids)}, "state": {"type": {"any_": types}}})

    until = time.monotonic() + PATIENCE_SECONDS
    async with get_client() as client:
        while await _count(client, of("COMPLETED")) < count:
            assert time.monotonic() < until, "it takes too long"
            await asyncio.sleep(0.5)


async def _count(client: Any, wanted: Any) -> int:
    from httpx import HTTPError  # noqa: PLC0415 - with what needs it
    from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415

    try:
        return int(await client.count_flow_runs(flow_run_filter=wanted))
    except (HTTPError, PrefectHTTPStatusError):
        return 0  # the server is busy; the next look tells


async def _deploy(pool: str, kind: str) -> None:
    from prefect import get_client  # noqa: PLC0415 - it reads what was set
    from prefect.client.schemas.actions import WorkPoolCreate  # noqa: PLC0415
    from prefect.workers.base import BaseWorker  # noqa: PLC0415

    from maos_flows.flows.decide import decide  # noqa: PLC0415
    from maos_flows.flows.nothing import nothing  # noqa: PLC0415

    worker = BaseWorker.get_worker_class_from_type(kind)
    assert worker is not None
    async with get_client() as client:
        template = worker.get_default_base_job_template()
        await client.create_work_pool(WorkPoolCreate(name=pool, type=kind, base_job_template=template))
        for flow in (decide, nothing):
            await client.create_deployment(
                await client.create_flow(flow),
                pool,
                work_pool_name=pool,
                entrypoint=f"{flow.fn.__module__}.{flow.fn.__name__}",
                parameter_openapi_schema={"type": "object", "properties": {}},
            )


@contextmanager
def _workers(home: Path, kind: str, arguments: argparse.Namespace) -> Iterator[list["subprocess.Popen[bytes]"]]:
    pool = "maos" if kind == "maos" else "stock"
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", kind]
    command += ["--limit", str(arguments.processes)]
    environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "2" if kind == "process" else "10"}
    with ExitStack() as stack:
        yield [
            stack.enter_context(running([*command, "--name", f"{kind}-{n}"], home / f"{kind}-{n}.log", environment))
            for n in range(arguments.workers)
        ]


if __name__ == "__main__":
    sys.exit(main())
