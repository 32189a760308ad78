"""A decision of five agents on Prefect, against a bare Prefect flow with the same number of task runs.

Both run in this process, in turns, against one Prefect server started for the purpose (or the one `--api` names).
Medians of wall time and of this process's CPU time are printed with their ratios, three times: both flows as they are
when called one by one; both within a `prefect_session`, which spares each its own clients; and as they are used, the
decision within a session (as the commands and the worker run it) against the flow without one. CPU time is what to
trust where other programs run beside. Run: `python benchmarks/prefect_decision.py`.
"""

import argparse
import asyncio
import contextvars
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import prefect_server

AGENTS = 5
GOAL = 1.25
WARM_UP = 3

Run = Callable[[], Awaitable[object]]

WAYS = {
    "without": "both without a session",
    "within": "both within a session",
    "as_used": "as used: the decision within a session, the bare flow without",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    wall_seconds: float
    cpu_seconds: float


def main() -> int:
    """Measure and print; exit code 1 if the goal is missed as the flows are used."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=30, help="counted runs of each way")
    parser.add_argument(
        "--api", default="", help="API address of a running Prefect server, to measure against that one"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(prefect_server(home, api=arguments.api))
        result = asyncio.run(_measure(arguments.runs))
    print(json.dumps(result, indent=2) if arguments.json else _words(result))
    return 0 if result["as_used"]["wall_ratio"] <= GOAL else 1


def _words(result: dict[str, Any]) -> str:
    what = f"a decision of {AGENTS} agents against a bare flow of {AGENTS + 2} task runs"
    lines = [f"{what}; medians of {result['rounds']}, in turns; goal {GOAL} x"]
    for way, words in WAYS.items():
        found = result[way]
        lines.append(
            f"{words}: {found['wall_ratio']:.2f} x in time ({found['decision_wall_ms']:.0f} to "
            f"{found['bare_wall_ms']:.0f} ms), {found['cpu_ratio']:.2f} x in CPU ({found['decision_cpu_ms']:.0f} to "
            f"{found['bare_cpu_ms']:.0f} ms)"
        )
    return "\n".join(lines)


async def _measure(rounds: int) -> dict[str, Any]:
    """Run all four ways in turns, in an order that alternates, so that what disturbs one disturbs all."""
    from maos_flows.flows.session import prefect_session  # noqa: PLC0415 - Prefect's settings are made above

    decision, bare = _flows()
    outside, inside = contextvars.copy_context(), contextvars.copy_context()
    session = prefect_session()
    await asyncio.create_task(session.__aenter__(), context=inside)
    ways = {
        "decision": (decision, outside),
        "bare": (bare, outside),
        "decision in session": (decision, inside),
        "bare in session": (bare, inside),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(rounds + WARM_UP):
        for name in ways if number % 2 else reversed(ways):
            run, context = ways[name]
            before, cpu_before = time.perf_counter(), _cpu()
            await asyncio.create_task(_awaited(run), context=context)
            if number >= WARM_UP:
                costs[name].append(Cost(time.perf_counter() - before, _cpu() - cpu_before))
    await asyncio.create_task(session.__aexit__(None, None, None), context=inside)
    return {
        "rounds": rounds,
        "without": _compared(costs["decision"], costs["bare"]),
        "within": _compared(costs["decision in session"], costs["bare in session"]),
        "as_used": _compared(costs["decision in session"], costs["bare"]),
    }


async def _awaited(run: Run) -> object:
    return await run()


def _flows() -> tuple[Run, Run]:
    from prefect import flow, task  # noqa: PLC0415 - its settings are made above
    from prefect.cache_policies import NO_CACHE  # noqa: PLC0415

    from maos_flows.flows.decide import decide  # noqa: PLC0415
    from maos_flows.model import Agent  # noqa: PLC0415
    from maos_flows.records import to_plain  # noqa: PLC0415
    from maos_flows.request import DecisionRequest  # noqa: PLC0415

    @task(cache_policy=NO_CACHE)
    async def bare_task(number: int) -> int:
        return number

    @flow
    async def bare() -> int:
        numbers = await asyncio.gather(*(bare_task(number) for number in range(AGENTS)))
        return await bare_task(await bare_task(sum(numbers)))

    agents = tuple(Agent(f"agent_{number}", settings={"seed": 1, "lean": 0.9}) for number in range(AGENTS))
    request = to_plain(DecisionRequest("Which one: a, b, or c?", ("a", "b", "c"), agents))
    return lambda: decide(request, return_state=True), bare


def _compared(decision: list[Cost], bare: list[Cost]) -> dict[str, float]:
    """Give medians in milliseconds, and their ratios."""

    def middle(costs: list[Cost], what: str) -> float:
        return 1000 * float(statistics.median(getattr(cost, f"{what}_seconds") for cost in costs))

    medians = {
        f"{name}_{what}_ms": middle(costs, what)
        for name, costs in (("decision", decision), ("bare", bare))
        for what in ("wall", "cpu")
    }
    return {
        **medians,
        "wall_ratio": medians["decision_wall_ms"] / medians["bare_wall_ms"],
        "cpu_ratio": medians["decision_cpu_ms"] / medians["bare_cpu_ms"],
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
