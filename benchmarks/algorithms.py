"""Decisions per minute of every algorithm on Prefect, beside a bare Prefect flow with as many task runs.

All run in this process, in turns, within a `prefect_session`, against one Prefect server started for the purpose (or
the one `--api` names), at several sizes of the electorate. Also printed is what the protocols add to the same decision
by simple majority: in CPU time, which is what to trust where other programs run beside, and in wall time. The goals
are 10 % (byzantine_tolerant) and 3 % (raft) of CPU at seven agents. Run: `python benchmarks/algorithms.py`.
"""

import argparse
import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from servers import prefect_server

ALGORITHMS = ("simple_majority", "supermajority", "weighted_voting", "byzantine_tolerant", "raft")
BARE = "bare flow"
FEWEST = {"byzantine_tolerant": 4}
GOALS = {"byzantine_tolerant": 0.10, "raft": 0.03}
JUDGED_SIZE = 7
WARM_UP = 2

Run = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took, in milliseconds."""

    wall: float
    cpu: float


def main() -> int:
    """Measure and print; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="counted runs of each algorithm at each size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[3, 5, 7, 9], help="numbers of agents")
    parser.add_argument("--api", default="", help="API address of a running Prefect server")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(prefect_server(home, api=arguments.api))
        result = asyncio.run(_measure(arguments.sizes, arguments.rounds))
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        _print(result)
    added = result["added"].get(str(JUDGED_SIZE), {})
    return 0 if all(added[name]["cpu"] <= goal for name, goal in GOALS.items() if name in added) else 1


async def _measure(sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    from maos_flows.flows.session import prefect_session  # noqa: PLC0415 - Prefect's settings are made above

    figures: dict[str, Any] = {}
    added: dict[str, Any] = {}
    async with prefect_session():
        for size in sizes:
            costs = await _in_turns(_runs(size), rounds)
            figures[str(size)] = {name: _figures(of) for name, of in costs.items()}
            added[str(size)] = {name: _added(costs, name) for name in GOALS if name in costs}
    return {"rounds": rounds, "figures": figures, "added": added}


async def _in_turns(runs: dict[str, Run], rounds: int) -> dict[str, list[Cost]]:
    """Run all in an order drawn anew each time: what one leaves to be done in the background falls to any other."""
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    chance = Random(rounds)
    for number in range(rounds + WARM_UP):
        for name in chance.sample(list(runs), len(runs)):
            before, cpu_before = time.perf_counter(), _cpu()
            await runs[name]()
            if number >= WARM_UP:
                costs[name].append(Cost(1000 * (time.perf_counter() - before), 1000 * (_cpu() - cpu_before)))
    return costs


def _runs(size: int) -> dict[str, Run]:
    from prefect import flow, task  # noqa: PLC0415 - its settings are made above
    from prefect.cache_policies import NO_CACHE  # noqa: PLC0415

    from maos_flows.flows.decide import decide  # noqa: PLC0415
    from maos_flows.flows.tasks import POLICIES  # noqa: PLC0415
    from maos_flows.model import Agent, Parameters  # noqa: PLC0415
    from maos_flows.records import to_plain  # noqa: PLC0415
    from maos_flows.request import DecisionRequest  # noqa: PLC0415

    @task(cache_policy=NO_CACHE, persist_result=False)
    async def bare_task(number: int) -> int:
        return number

    @flow(persist_result=False)
    async def bare() -> int:
        numbers = await asyncio.gather(*(bare_task(number) for number in range(size)))
        return await bare_task(await bare_task(sum(numbers)))

    def deciding(name: str) -> Run:
        agents = tuple(Agent(f"agent_{number}", settings={"seed": 1, "lean": 0.9}) for number in range(size))
        parameters = Parameters(POLICIES[name].threshold(None))
        request = to_plain(DecisionRequest("Which one: a, b, or c?", ("a", "b", "c"), agents, name, parameters))
        return lambda: decide(request, return_state=True)

    runs: dict[str, Run] = {BARE: bare}
    runs |= {name: deciding(name) for name in ALGORITHMS if size >= FEWEST.get(name, 1)}
    return runs


def _figures(costs: Sequence[Cost]) -> dict[str, float]:
    wall = statistics.median(cost.wall for cost in costs)
    return {
        "wall_ms": wall,
        "cpu_ms": statistics.median(cost.cpu for cost in costs),
        "decisions_per_minute": 60_000 / wall,
    }


def _added(costs: dict[str, list[Cost]], name: str) -> dict[str, float]:
    """Give what a protocol adds to a decision by simple majority, as a share: of each round, then the median."""
    pairs = list(zip(costs[name], costs["simple_majority"], strict=True))
    return {
        "cpu": statistics.median(one.cpu / plain.cpu for one, plain in pairs) - 1,
        "wall": statistics.median(one.wall / plain.wall for one, plain in pairs) - 1,
    }


def _print(result: dict[str, Any]) -> None:
    for size, figures in result["figures"].items():
        print(f"{size} agents")
        for name, of in figures.items():
            added = result["added"][size].get(name)
            more = "" if added is None else f"; adds {100 * added['cpu']:.1f} % CPU, {100 * added['wall']:.1f} % time"
            rate = f"{of['decisions_per_minute']:6.0f} a minute"
            print(f"  {name:<20}{of['wall_ms']:7.0f} ms {of['cpu_ms']:7.0f} ms CPU {rate}{more}")
    print(f"medians of {result['rounds']} rounds, in turns; added to the same decision by simple_majority")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
