"""Replay real votes and measure what learned weights gain over simple majority, beside crowd-kit's methods.

Each set's decisions come in a seeded order; a method decides each with what it knew before, and is then told the right
answer, or that of one decision in ten, or nothing. The share it gets right is compared with the majority's on the same
decisions. A tie between k choices counts as drawing lots: 1/k right if the right one is among them. crowd-kit's
methods see all votes of a set at once and no answer, and break ties by themselves.

Sets are folders with `votes.csv` (task, worker, label) and `gold.csv` (task, label, and options where they differ).

    pip install crowd-kit 'scikit-learn<1.7'
    python benchmarks/learned_weights.py FOLDER... [--orders 4] [--panels 10] [--json]
"""

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from random import Random
from statistics import mean

from maos_flows.weights import START, PeerRecords, Standing, learn, learned_weights

OPTIONS = "ABCDEFGHIJ"
PANEL_SIZE = 5
ATTACKED_SIZE = 7
ATTACKERS = 3


@dataclass(frozen=True, slots=True)
class Task:
    """One decision of the past: who answered what, between which choices, in which domain, and what was right."""

    answers: Mapping[str, str]
    choices: tuple[str, ...]
    domain: str
    right: str


def main() -> None:
    """Measure every set, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="folders with votes.csv and gold.csv")
    parser.add_argument("--orders", type=int, default=4, help="how many orders of each set")
    parser.add_argument("--panels", type=int, default=10, help="how many panels of five of sets with domains")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    began = time.process_time()
    gains = {name: measured(tasks, arguments.orders) for name, tasks in sets(arguments.folders, arguments.panels)}
    under_attack = attacks(arguments.folders)
    report = {
        "gains": gains,
        "summary": summary(gains),
        "attacks": under_attack,
        "cpu_seconds": round(time.process_time() - began, 1),
    }
    print(json.dumps(report, indent=2) if arguments.json else in_words(report))


def sets(folders: Sequence[Path], panels: int) -> Iterator[tuple[str, list[Task]]]:
    """Read every set; of language models also panels of five drawn by seed."""
    for folder in folders:
        tasks = read(folder)
        yield folder.name, tasks
        if any(task.domain for task in tasks):
            workers = sorted({worker for task in tasks for worker in task.answers})
            for seed in range(panels):
                panel = set(Random(seed).sample(workers, PANEL_SIZE))
                yield f"{folder.name}, panel {seed}", [restricted(task, panel) for task in tasks]


def read(folder: Path) -> list[Task]:
    """Read one set; a label that is no choice of its task is an abstention."""
    answers: dict[str, dict[str, str]] = defaultdict(dict)
    with (folder / "votes.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            answers[row["task"]][row["worker"]] = row["label"]
    with (folder / "gold.csv").open(encoding="utf-8", newline="") as file:
        gold = list(csv.DictReader(file))
    labels = tuple(
        sorted({label for task in answers.values() for label in task.values()} | {row["label"] for row in gold})
    )
    tasks = []
    for row in gold:
        choices = tuple(OPTIONS[: int(row["options"])]) if row.get("options") else labels
        cast = {worker: label for worker, label in sorted(answers[row["task"]].items()) if label in choices}
        tasks.append(Task(cast, choices, row.get("domain") or "", row["label"]))
    return tasks


def restricted(task: Task, panel: set[str]) -> Task:
    """Give a task with the answers of a panel only."""
    cast = {worker: label for worker, label in task.answers.items() if worker in panel}
    return Task(cast, task.choices, task.domain, task.right)


def measured(tasks: Sequence[Task], orders: int) -> dict[str, float]:
    """Give each method's gain over simple majority on one set, in percentage points."""
    found: dict[str, list[float]] = defaultdict(list)
    for seed in range(orders):
        ordered = Random(seed).sample(tasks, len(tasks))
        majority = mean(map(by_majority, ordered))
        found["majority"].append(majority)
        found["feedback on all"].append(mean(with_feedback(ordered, 1.0, seed)) - majority)
        found["feedback on 1 in 10"].append(mean(with_feedback(ordered, 0.1, seed)) - majority)
        found["no feedback, guarded"].append(mean(without_feedback(ordered)) - majority)
    found |= crowd_kit(tasks, mean(found["majority"]))
    return {method: round(100 * mean(values), 2) for method, values in found.items()}


def by_majority(task: Task) -> float:
    """Give how right the most votes were."""
    return rightness(task, dict.fromkeys(task.answers, Fraction(1)))


def rightness(task: Task, weights: Mapping[str, Fraction]) -> float:
    """Give how right the choice with the most weight was: 1, 0, or the chance of drawing it among equals."""
    scores = dict.fromkeys(task.choices, Fraction(0))
    for worker, choice in task.answers.items():
        scores[choice] += weights[worker]
    most = max(scores.values())
    first = [choice for choice in task.choices if scores[choice] == most]
    return (task.right in first) / len(first)


def with_feedback(tasks: Sequence[Task], told: float, seed: int) -> Iterator[float]:
    """Decide one after the other by learned weights; after a share of the decisions the right answer is told."""
    chance = Random(seed)
    standings: dict[str, Standing] = {}
    for task in tasks:
        domains = (task.domain,) if task.domain else ()
        known = {worker: standings.get(worker, START) for worker in task.answers}
        ones = dict.fromkeys(task.answers, Fraction(1))
        weights = learned_weights(known, ones, choices=len(task.choices), domains=domains)
        yield rightness(task, {worker: weight for worker, (weight, _) in weights.items()})
        if chance.random() < told:
            quality = {worker: float(choice == task.right) for worker, choice in task.answers.items()}
            standings |= learn(known, task.answers, quality, choices=task.choices, domains=domains)


def without_feedback(tasks: Sequence[Task]) -> Iterator[float]:
    """Decide one after the other by how far agents agreed before, with the guard against copies."""
    records = PeerRecords()
    for task in tasks:
        weights = records.weights(tuple(task.answers), choices=len(task.choices))
        yield rightness(task, {worker: weights[worker][0] for worker in task.answers})
        records = records.observed(task.answers)


def attacks(folders: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Give how often seven models of a set with domains are right when three collude or are one and the same."""
    found = {}
    for folder in folders:
        tasks = read(folder)
        if not any(task.domain for task in tasks):
            continue
        panel = Random(7).sample(sorted({worker for task in tasks for worker in task.answers}), ATTACKED_SIZE)
        honest, attacking = panel[ATTACKERS:], panel[:ATTACKERS]
        clean = [restricted(task, set(panel)) for task in tasks]
        changed = {
            "nobody attacks": clean,
            "three collude": [replace(task, answers=colluding(task, honest, attacking)) for task in clean],
            "three are one": [replace(task, answers=copied(task, honest, attacking)) for task in clean],
        }
        for name, attacked in changed.items():
            ordered = Random(0).sample(attacked, len(attacked))
            methods = {
                "majority": map(by_majority, ordered),
                "feedback on all": with_feedback(ordered, 1.0, 0),
                "no feedback, guarded": without_feedback(ordered),
            }
            found[f"{folder.name}, {name}"] = {how: round(100 * mean(right), 1) for how, right in methods.items()}
    return found


def colluding(task: Task, honest: Sequence[str], attacking: Sequence[str]) -> dict[str, str]:
    """Let some agents all vote for the same wrong choice."""
    wrong = next(choice for choice in task.choices if choice != task.right)
    kept = {worker: task.answers[worker] for worker in honest if worker in task.answers}
    return kept | dict.fromkeys(attacking, wrong)


def copied(task: Task, honest: Sequence[str], attacking: Sequence[str]) -> dict[str, str]:
    """Let some agents all answer as the first of them does."""
    kept = {worker: task.answers[worker] for worker in honest if worker in task.answers}
    first = task.answers.get(attacking[0])
    return kept | (dict.fromkeys(attacking, first) if first is not None else {})


def crowd_kit(tasks: Sequence[Task], majority: float) -> dict[str, list[float]]:
    """Give the gains of crowd-kit's methods on the same votes."""
    import pandas as pd  # noqa: PLC0415 - the comparison is all that needs it
    from crowdkit.aggregation import (  # noqa: PLC0415 - as above
        DawidSkene,
        MajorityVote,
        Wawa,
        ZeroBasedSkill,
    )

    rows = [(number, worker, label) for number, task in enumerate(tasks) for worker, label in task.answers.items()]
    votes = pd.DataFrame(rows, columns=["task", "worker", "label"])
    methods: dict[str, Callable[[], object]] = {
        "crowd-kit MajorityVote": MajorityVote,
        "crowd-kit Wawa": Wawa,
        "crowd-kit DawidSkene": lambda: DawidSkene(n_iter=100),
        "crowd-kit ZeroBasedSkill": ZeroBasedSkill,
    }
    gains = {}
    for name, make in methods.items():
        decided = make().fit_predict(votes)  # type: ignore[attr-defined]
        right = mean(decided.get(number) == task.right for number, task in enumerate(tasks))
        gains[name] = [right - majority]
    return gains


def summary(gains: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Give each method's mean and worst gain over the sets, and over the panels."""
    methods = [method for method in next(iter(gains.values())) if method != "majority"]
    whole = [found for name, found in gains.items() if "panel" not in name]
    panels = [found for name, found in gains.items() if "panel" in name]
    kinds = {"sets": whole, "panels": panels, "all": whole + panels}
    return {
        method: {
            f"{kind} {what.__name__}": round(what(found[method] for found in among), 2)
            for kind, among in kinds.items()
            if among
            for what in (mean, min)
        }
        for method in methods
    }


def in_words(report: Mapping[str, dict[str, dict[str, float]]]) -> str:
    """Lay a report out as tables."""
    lines = ["Gain over simple majority, percentage points", ""]
    for name, found in report["gains"].items():
        lines.append(f"{name}: majority {found['majority']:.1f} % right")
        lines += [f"  {method:26} {gain:+6.2f}" for method, gain in found.items() if method != "majority"]
    lines += ["", "Over all"]
    for method, found in report["summary"].items():
        lines.append(f"  {method:26} " + "  ".join(f"{what} {gain:+.2f}" for what, gain in found.items()))
    lines += ["", "Seven of which three attack, % right"] if report["attacks"] else []
    for name, found in report["attacks"].items():
        lines.append(f"  {name:28} " + "  ".join(f"{how} {right:.1f}" for how, right in found.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
