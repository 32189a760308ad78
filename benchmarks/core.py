"""Measure the pure core against `collections.Counter`, both in one run.

Two figures: the tally of a million ballots, with equal and with unequal weights, and one decision of five agents, from
its ballots to its full record. Each is a median of repeats that take turns, in processor time, and a ratio to counting
the same ballots' choices with a Counter and nothing else. A tally looks at who cast each ballot as well; with unequal
weights it looks up their weights, which is most of its time unless the ballots of all come in the order of their names,
as a decision has them.

    python benchmarks/core.py [--ballots 1000000] [--repeats 7] [--json]
"""

import argparse
import gc
import json
import platform
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from random import Random
from statistics import median
from time import process_time

from maos_flows.model import ABSTAIN, Agent, Ballot, Elector, Electorate, Parameters, Proposal
from maos_flows.policies.deciding import decide, freeze
from maos_flows.policies.registry import built_in_policies
from maos_flows.tally import count

CHOICES = ("approve", "reject", "defer")
WEIGHTS = (Fraction(1), Fraction(3, 2), Fraction(2), Fraction(1, 10))
DECISIONS_AT_ONCE = 1000
TALLY_GOAL = 2.0
DECISION_GOAL_MICROSECONDS = 100.0

Measured = dict[str, float]


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ballots", type=int, default=1_000_000, help="how many ballots are tallied")
    parser.add_argument("--repeats", type=int, default=7, help="how often each is measured")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    report = {
        "python": platform.python_version(),
        "ballots": arguments.ballots,
        "repeats": arguments.repeats,
        "tally": measure_tally(arguments.ballots, arguments.repeats),
        "decision": measure_decision(arguments.repeats),
    }
    print(json.dumps(report, indent=2) if arguments.json else in_words(report))


def measure_tally(size: int, repeats: int) -> dict[str, Measured]:
    """Measure the tally in milliseconds, and as a ratio to a Counter over the choices of the same ballots."""
    chance = Random(1)
    names = [f"agent-{place:07d}" for place in range(size)]
    ballots = [Ballot("d-1", name, chance.choice((*CHOICES, ABSTAIN))) for name in names]
    in_any_order = chance.sample(ballots, size)
    proposal = Proposal("d-1", "Which?", CHOICES)
    equal = Electorate(tuple(map(Elector, names)))
    unequal = Electorate(tuple(Elector(name, chance.choice(WEIGHTS)) for name in names))
    for electorate in (equal, unequal):
        count(ballots[:1], proposal, electorate)  # what an opening holds ready: units, and their order
        assert electorate.places_by_name
        assert electorate.places
    times = take_turns(
        {
            "counter": lambda: Counter(ballot.choice for ballot in ballots),
            "counter_any_order": lambda: Counter(ballot.choice for ballot in in_any_order),
            "equal": lambda: count(ballots, proposal, equal),
            "unequal": lambda: count(ballots, proposal, unequal),
            "unequal_any_order": lambda: count(in_any_order, proposal, unequal),
        },
        repeats,
    )
    return {
        "equal weights": as_ratio(times["equal"], times["counter"]),
        "unequal weights": as_ratio(times["unequal"], times["counter"]),
        "unequal weights, ballots in any order": as_ratio(times["unequal_any_order"], times["counter_any_order"]),
    }


def measure_decision(repeats: int) -> dict[str, Measured]:
    """Measure a decision of five agents in microseconds, and as a ratio to a Counter over five choices."""
    agents = [Agent(f"agent-{place}") for place in range(5)]
    ballots = [
        Ballot("d-1", agent.id, CHOICES[place % 2], confidence=Fraction(9, 10), reasoning="as measured")
        for place, agent in enumerate(agents)
    ]
    choices = [ballot.choice for ballot in ballots]
    proposal, now = Proposal("d-1", "Which?", CHOICES), datetime(2026, 1, 1, tzinfo=UTC)
    openings = [
        (policy, freeze(policy, proposal, agents, Parameters(policy.threshold(None)), opened_at=now))
        for policy in built_in_policies().values()
    ]

    def many(once: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(DECISIONS_AT_ONCE):
                once()

        return run

    measured: dict[str, Callable[[], object]] = {
        policy.name: many(partial(decide, policy, opening, ballots)) for policy, opening in openings
    }
    times = take_turns({"counter": many(lambda: Counter(choices)), **measured}, repeats)
    scale = 1e6 / DECISIONS_AT_ONCE
    return {
        name: {"microseconds": times[name] * scale, "ratio_to_counter": times[name] / times["counter"]}
        for name in measured
    }


def take_turns(measured: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Give the median seconds of processor time of each; they take turns, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(repeats):
        for name, run in measured.items():
            gc.collect()
            start = process_time()
            run()
            seconds[name].append(process_time() - start)
    return {name: median(taken) for name, taken in seconds.items()}


def as_ratio(taken: float, counter: float) -> Measured:
    """Put a time beside the Counter's."""
    return {"milliseconds": taken * 1e3, "counter_milliseconds": counter * 1e3, "ratio_to_counter": taken / counter}


def in_words(report: Mapping[str, object]) -> str:
    """Write a report as lines of text, with what is aimed at."""
    lines = [f"Python {report['python']}, medians of {report['repeats']} repeats", ""]
    lines.append(f"Tally of {report['ballots']:,} ballots (goal: at most {TALLY_GOAL} x a Counter)")
    tally, decision = report["tally"], report["decision"]
    assert isinstance(tally, dict)
    assert isinstance(decision, dict)
    for name, figures in tally.items():
        lines.append(
            f"  {name:<40}{figures['milliseconds']:8.1f} ms   Counter {figures['counter_milliseconds']:7.1f} ms"
            f"   {figures['ratio_to_counter']:5.2f} x"
        )
    lines += ["", f"A decision of five agents (goal: under {DECISION_GOAL_MICROSECONDS:.0f} us)"]
    for name, figures in decision.items():
        lines.append(f"  {name:<40}{figures['microseconds']:8.1f} us   {figures['ratio_to_counter']:5.1f} x a Counter")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
