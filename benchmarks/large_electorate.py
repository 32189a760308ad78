"""One decision among 1,000 simulated agents, against a bare Prefect flow with 1,000 task runs.

Both run in this process, one after the other, against one Prefect server started for the purpose, within a session.
The decision is asked in chunks; every ballot is in the audit store when it ends, which is checked. Printed are time,
CPU time and memory of this process, and the ratio of the times. Run: `python benchmarks/large_electorate.py`.
"""

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from servers import prefect_server

GOAL_SECONDS = 60
GOAL_MEBIBYTES = 1024


def main() -> int:
    """Measure and print; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agents", type=int, default=1_000, help="how many agents are asked")
    parser.add_argument("--runner", choices=["threads", "dask", "ray"], default="threads", help="what asks the chunks")
    parser.add_argument("--no-bare", action="store_true", help="leave out the bare flow")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(prefect_server(home))
        os.environ["MAOS_TASK_RUNNER"] = arguments.runner
        result = asyncio.run(_measure(arguments.agents, with_bare=not arguments.no_bare))
    print(json.dumps(result, indent=2) if arguments.json else _words(result, arguments.runner))
    met = result["decision_seconds"] <= GOAL_SECONDS and result["decision_mebibytes"] <= GOAL_MEBIBYTES
    return 0 if met else 1


def _words(result: dict[str, float], runner: str) -> str:
    said = (
        f"a decision among {result['agents']:.0f} agents through {runner}: {result['decision_seconds']:.1f} s "
        f"({result['decision_cpu_seconds']:.1f} s of CPU in this process), {result['decision_mebibytes']:.0f} MiB; "
        f"goal {GOAL_SECONDS} s and {GOAL_MEBIBYTES} MiB"
    )
    if "bare_seconds" not in result:
        return said
    return (
        f"{said}\na bare flow of as many task runs: {result['bare_seconds']:.1f} s "
        f"({result['bare_cpu_seconds']:.1f} s of CPU); the decision takes {result['ratio']:.2f} x the time and "
        f"{result['cpu_ratio']:.2f} x the CPU"
    )


async def _measure(size: int, *, with_bare: bool) -> dict[str, float]:
    from prefect import flow, task  # noqa: PLC0415 - its settings are made above
    from prefect.cache_policies import NO_CACHE  # noqa: PLC0415

    from maos_flows.flows.session import prefect_session  # noqa: PLC0415

    @task(cache_policy=NO_CACHE)
    async def bare_task(number: int) -> int:
        return number

    @flow
    async def bare() -> int:
        return sum(await asyncio.gather(*(bare_task(number) for number in range(size))))

    async with prefect_session():
        await _decide(5)  # warms up
        seconds, cpu = await _decide(size)
        result = {
            "agents": float(size),
            "decision_seconds": seconds,
            "decision_cpu_seconds": cpu,
            "decision_mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if with_bare:
            before, cpu_before = time.perf_counter(), time.process_time()
            await bare()
            result["bare_seconds"] = time.perf_counter() - before
            result["bare_cpu_seconds"] = time.process_time() - cpu_before
            result["ratio"] = seconds / result["bare_seconds"]
            result["cpu_ratio"] = cpu / result["bare_cpu_seconds"]
    return result


async def _decide(size: int) -> tuple[float, float]:
    """Decide among so many agents, and make sure that each one's ballot is kept; give time and CPU time in seconds."""
    from maos_flows.flows.decide import decide  # noqa: PLC0415 - Prefect's settings are made above
    from maos_flows.flows.stores import audit_store  # noqa: PLC0415
    from maos_flows.model import Agent  # noqa: PLC0415
    from maos_flows.records import to_plain  # noqa: PLC0415
    from maos_flows.request import DecisionRequest  # noqa: PLC0415

    agents = tuple(Agent(f"agent_{number}", settings={"seed": 1, "lean": 0.9}) for number in range(size))
    request = to_plain(DecisionRequest("Which one: a, b, or c?", ("a", "b", "c"), agents))
    name = f"d-{size}"
    before, cpu_before = time.perf_counter(), time.process_time()
    await decide(request, name, return_state=True)
    taken = time.perf_counter() - before, time.process_time() - cpu_before
    kept = audit_store().answered(name, 1, kind="ballot")
    if len(kept) != size:
        raise SystemExit(f"{len(kept)} of {size} ballots are in the audit store")
    return taken


if __name__ == "__main__":
    sys.exit(main())
