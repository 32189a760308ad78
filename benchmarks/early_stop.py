"""Replay real answers and measure how many calls early stop saves, and that it changes no decision.

Panels are drawn by seed from the language models of a set; one more is of the models that were right most often on the
questions left out, the best first, as one would list agents one knows. Each question is decided twice by the same
rule: by asking all, and by asking in waves until the outcome is certain. Printed are the calls saved; those that the
best order would save, chosen for each question by who knows all answers (panels of five); how often the decision was
right; and how many decisions differed, which must be none.

The set is a folder with `votes.csv` (task, worker, label) and `gold.csv` (task, label, options).

    python benchmarks/early_stop.py FOLDER [--questions 600] [--panels 3] [--json]
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path
from random import Random
from statistics import mean

from learned_weights import Task, read

from maos_flows.asking_order import AskingOrder, in_order, next_wave
from maos_flows.model import Agent, Ballot, Decision, Opening, Parameters, Proposal
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import decide, freeze, is_settled
from maos_flows.policies.registry import built_in_policies

SIZES = (5, 9, 15)
FEW = 5
RULES = ("simple_majority", "supermajority", "weighted_voting")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEIGHTS = (Fraction(1), Fraction(1), Fraction(2), Fraction(3))


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder with votes.csv and gold.csv")
    parser.add_argument("--questions", type=int, default=600, help="how many questions, drawn by seed")
    parser.add_argument("--panels", type=int, default=3, help="how many panels of each size")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    tasks = read(arguments.folder)
    Random(1).shuffle(tasks)
    replayed, before = tasks[: arguments.questions], tasks[arguments.questions :]
    workers = sorted({worker for task in replayed for worker in task.answers})
    report = {}
    for rule, size in product(RULES, SIZES):
        drawn = [Random(seed).sample(workers, size) for seed in range(arguments.panels)]
        report[f"{rule}, {size} agents"] = measured(replayed, rule, drawn)
        if before:
            report[f"{rule}, the {size} best"] = measured(replayed, rule, [best(before, workers, size)])
    print(json.dumps(report, indent=2) if arguments.json else in_words(report))


def best(before: Sequence[Task], workers: Sequence[str], size: int) -> list[str]:
    """Give those who were right most often before, the best first."""
    right = Counter(worker for task in before for worker, answer in task.answers.items() if answer == task.right)
    return sorted(workers, key=lambda worker: -right[worker])[:size]


def measured(tasks: Sequence[Task], rule: str, panels: Sequence[Sequence[str]]) -> dict[str, float | None]:
    """Replay one rule with these panels."""
    calls = asked = fewest = right_all = right_early = different = 0
    for seed, panel in enumerate(panels):
        for task in tasks:
            whole, early, number, least = both(task, rule, panel, seed)
            calls, asked, fewest = calls + len(panel), asked + number, fewest + least
            right_all += whole.choice == task.right
            right_early += early.choice == task.right
            different += (whole.outcome, whole.choice) != (early.outcome, early.choice)
    decisions = len(panels) * len(tasks)
    return {
        "calls saved, %": round(100 * (calls - asked) / calls, 1),
        "with hindsight, %": round(100 * (calls - fewest) / calls, 1) if fewest else None,
        "right asking all, %": round(100 * right_all / decisions, 1),
        "right stopping early, %": round(100 * right_early / decisions, 1),
        "decisions that differ": different,
    }


def both(task: Task, rule: str, panel: Sequence[str], seed: int) -> tuple[Decision, Decision, int, int]:
    """Decide one question by asking all, and in waves; count whom the waves asked, and whom hindsight would ask."""
    policy = built_in_policies()[rule]
    chance = Random(seed)
    agents = [
        Agent(worker, weight=chance.choice(WEIGHTS) if rule == "weighted_voting" else Fraction(1)) for worker in panel
    ]
    proposal = Proposal("d-1", "Which?", task.choices)
    opening = freeze(policy, proposal, agents, Parameters(policy.threshold(None)), opened_at=NOW)
    ballots = {worker: Ballot("d-1", worker, task.answers[worker]) for worker in panel if worker in task.answers}
    early = in_waves(policy, opening, agents, ballots)
    whole = decide(policy, opening, ballots.values())
    stopped = decide(policy, opening, [ballots[name] for name in early if name in ballots])
    return whole, stopped, len(early), fewest_needed(policy, opening, panel, ballots)


def fewest_needed(
    policy: ConsensusPolicy, opening: Opening, panel: Sequence[str], ballots: Mapping[str, Ballot]
) -> int:
    """Count the fewest agents whose answers settle a decision; 0 where there are too many sets of them to try."""
    if len(panel) > FEW:
        return 0

    def settles(asked: Sequence[str]) -> bool:
        outstanding = [name for name in panel if name not in asked]
        return is_settled(policy, opening, [ballots[name] for name in asked if name in ballots], outstanding)

    return next(number for number in range(len(panel) + 1) if any(map(settles, combinations(panel, number))))


def in_waves(
    policy: ConsensusPolicy, opening: Opening, agents: Sequence[Agent], ballots: Mapping[str, Ballot]
) -> list[str]:
    """Ask wave after wave until the outcome is certain, and give who was asked."""
    waiting = [agent.id for agent in in_order(agents, opening, AskingOrder.DECISIVE)]
    asked: list[str] = []
    cast: list[Ballot] = []
    while waiting and not is_settled(policy, opening, cast, waiting):
        wave = next_wave(policy, opening, cast, waiting)
        waiting = waiting[len(wave) :]
        asked += wave
        cast += [ballots[name] for name in wave if name in ballots]
    return asked


def in_words(report: Mapping[str, Mapping[str, float | None]]) -> str:
    """Lay a report out as a table."""
    lines = [f"{'':32} saved   hindsight   right: all  early   differ"]
    for name, found in report.items():
        saved, hindsight, right, early, different = found.values()
        at_best = "" if hindsight is None else f"{hindsight:4.1f} %"
        lines.append(f"{name:32} {saved:4.1f} %   {at_best:>9}      {right:5.1f} %  {early:5.1f} %  {different:5.0f}")
    saved = mean(found["calls saved, %"] for found in report.values())
    return "\n".join([*lines, f"{'mean':32} {saved:4.1f} %"])


if __name__ == "__main__":
    main()
