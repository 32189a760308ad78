"""Decisions per minute of every algorithm on Prefect, beside a bare Prefect flow with as many task runs.

All run in this process, one after the other, within a `prefect_session`, against one Prefect server started for the
purpose (or the one `--api` names), at several sizes of the electorate. What a protocol adds is measured in rounds: a
decision by it against the same ones by simple majority in its round, of which one stands right before or after it.
Printed is the interquartile mean of the rounds' ratios, and the middle half of them in brackets: in CPU time, which is
what to trust where other programs run beside, and in wall time. Means are geometric, so that simple majority against
itself would add nothing; the plain mean of such ratios is too large by half their variance. The goals are 10 %
(byzantine_tolerant) and 3 % (raft) of CPU at seven agents; if the brackets are wider than a goal, ask for more rounds.

The last figure is a part of that, and varies less: the CPU time of the steps that a protocol touches (all that is
written to the audit store, with its commits: the opening, ballots and their signatures, the closing with its timeline;
reading conflicting ballots; deciding; writing the page), timed within the same runs, each on its own thread; their
medians' difference, as a share of the whole decision by simple majority. It has always been the smaller one, so the
goals are not held against it.

Run: `python benchmarks/algorithms.py`, or with `--quick` for a first impression at seven agents.
"""

import argparse
import asyncio
import gc
import json
import pkgutil
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

PLAIN = "simple_majority"
ALGORITHMS = (PLAIN, "supermajority", "weighted_voting", "byzantine_tolerant", "raft")
BARE = "bare flow"
FEWEST = {"byzantine_tolerant": 4}
GOALS = {"byzantine_tolerant": 0.10, "raft": 0.03}
JUDGED_SIZE = 7
SIZES, ROUNDS = [3, 5, 7, 9], 30
QUICK_SIZES, QUICK_ROUNDS = [JUDGED_SIZE], 8
WARM_UP = 2
AFTERWARDS_SECONDS = 0.15
"""So long what a run left to be done in the background is waited for: it counts for that run and not for the next."""

STEPS = (
    ("maos_flows.audit.writer:Writer", "_commit"),
    ("maos_flows.flows.agreeing", "_conflicting"),
    ("maos_flows.flows.agreeing", "decide"),
    ("maos_flows.agreement.deciding", "agree_now"),
    ("maos_flows.flows.artifacts", "decision_markdown"),
)
"""The steps of a decision that a protocol touches, where they are called from: a module or a class of one, a name."""

Run = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took, in milliseconds; `steps` is the CPU time of the steps that a protocol touches."""

    wall: float
    cpu: float
    steps: float


class Stopwatch:
    """The CPU time of `STEPS`, by thread: a step waits for nothing but the disk."""

    def __init__(self) -> None:
        self.milliseconds = 0.0
        for place, name in STEPS:
            of = pkgutil.resolve_name(place)
            setattr(of, name, self._timed(getattr(of, name)))

    def _timed(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*values: Any, **named: Any) -> Any:
            before = time.thread_time()
            try:
                return step(*values, **named)
            finally:
                self.milliseconds += 1000 * (time.thread_time() - before)

        return timed


def main() -> int:
    """Measure and print; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, help=f"counted runs of each algorithm at each size; usually {ROUNDS}")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"numbers of agents; usually {SIZES}")
    others = [name for name in ALGORITHMS if name != PLAIN]
    parser.add_argument("--algorithms", nargs="+", choices=others, default=others, help=f"beside {PLAIN}; usually all")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds at {JUDGED_SIZE} agents")
    parser.add_argument("--api", default="", help="API address of a running Prefect server")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    sizes = arguments.sizes or (QUICK_SIZES if arguments.quick else SIZES)
    rounds = arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(prefect_server(home, api=arguments.api))
        result = asyncio.run(_measure(sizes, rounds, arguments.algorithms))
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        _print(result)
    added = result["added"].get(str(JUDGED_SIZE), {})
    return 0 if all(added[name]["cpu"]["middle"] <= goal for name, goal in GOALS.items() if name in added) else 1


async def _measure(sizes: Sequence[int], rounds: int, algorithms: Sequence[str]) -> dict[str, Any]:
    from maos_flows.flows.session import prefect_session  # noqa: PLC0415 - Prefect's settings are made above

    figures: dict[str, Any] = {}
    added: dict[str, Any] = {}
    watch = Stopwatch()
    async with prefect_session():
        for size in sizes:
            runs = _runs(size, [PLAIN, *algorithms])
            held = await _in_turns(runs, rounds, watch)
            found = figures[str(size)] = {name: _figures([cost for one in held for cost in one[name]]) for name in runs}
            added[str(size)] = {
                name: _added(held, name) | {"steps": _more_work(found, name)} for name in GOALS if name in runs
            }
    return {"rounds": rounds, "figures": figures, "added": added}


async def _in_turns(runs: dict[str, Run], rounds: int, watch: Stopwatch) -> list[dict[str, list[Cost]]]:
    """Run all in an order drawn anew each round, a protocol beside simple majority; give the costs, round by round."""
    turns = [(name, PLAIN) if name in GOALS else (name,) for name in runs if name != PLAIN]
    if not any(name in GOALS for name in runs):
        turns.append((PLAIN,))
    chance = Random(rounds)
    held = []
    for _ in range(rounds + WARM_UP):
        costs: dict[str, list[Cost]] = {name: [] for name in runs}
        for turn in chance.sample(turns, len(turns)):
            for name in chance.sample(turn, len(turn)):
                costs[name].append(await _cost(runs[name], watch))
        held.append(costs)
    return held[WARM_UP:]


async def _cost(run: Run, watch: Stopwatch) -> Cost:
    gc.collect()  # else the garbage of one run is another's to clear away
    watch.milliseconds = 0.0
    before, cpu_before = time.perf_counter(), _cpu()
    await run()
    wall = time.perf_counter() - before
    await asyncio.sleep(AFTERWARDS_SECONDS)
    return Cost(1000 * wall, 1000 * (_cpu() - cpu_before), watch.milliseconds)


def _runs(size: int, algorithms: Sequence[str]) -> dict[str, Run]:
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
    runs |= {name: deciding(name) for name in algorithms if size >= FEWEST.get(name, 1)}
    return runs


def _figures(costs: Sequence[Cost]) -> dict[str, float]:
    wall = statistics.median(cost.wall for cost in costs)
    return {
        "wall_ms": wall,
        "cpu_ms": statistics.median(cost.cpu for cost in costs),
        "steps_ms": statistics.median(cost.steps for cost in costs),
        "decisions_per_minute": 60_000 / wall,
    }


def _added(held: Sequence[dict[str, list[Cost]]], name: str) -> dict[str, dict[str, float]]:
    """Give what a protocol adds to the same decision by simple majority in its round, as a share: over all rounds."""
    rounds = [(costs[name][0], costs[PLAIN]) for costs in held]
    mean = statistics.geometric_mean
    return {
        "cpu": _spread([one.cpu / mean(plain.cpu for plain in plains) for one, plains in rounds]),
        "wall": _spread([one.wall / mean(plain.wall for plain in plains) for one, plains in rounds]),
    }


def _more_work(figures: dict[str, dict[str, float]], name: str) -> float:
    """Give how much more the steps take that a protocol touches, as a share of a whole decision by simple majority."""
    return (figures[name]["steps_ms"] - figures[PLAIN]["steps_ms"]) / figures[PLAIN]["cpu_ms"]


def _spread(ratios: Sequence[float]) -> dict[str, float]:
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    middle = statistics.geometric_mean(ratio for ratio in ratios if low <= ratio <= high)
    return {"lower_quartile": low - 1, "middle": middle - 1, "upper_quartile": high - 1}


def _print(result: dict[str, Any]) -> None:
    for size, figures in result["figures"].items():
        print(f"{size} agents")
        for name, of in figures.items():
            added = result["added"][size].get(name)
            rate = f"{of['decisions_per_minute']:6.0f} a minute"
            print(f"  {name:<20}{of['wall_ms']:7.0f} ms {of['cpu_ms']:7.0f} ms CPU {rate}{_more(added)}")
    print(
        f"medians of {result['rounds']} rounds; what is added, to the same decisions by {PLAIN} in its round:"
        " the mean of the middle half, and that half"
    )


def _more(added: dict[str, Any] | None) -> str:
    if added is None:
        return ""
    shares = (
        f"{100 * of['middle']:.1f} % ({100 * of['lower_quartile']:.1f} to {100 * of['upper_quartile']:.1f}) {what}"
        for what, of in (("CPU", added["cpu"]), ("time", added["wall"]))
    )
    return f"; adds {', '.join(shares)}; {100 * added['steps']:.1f} % by its steps"


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
