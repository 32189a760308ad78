"""Learned weights on real votes, where they are at hand beside the repository: colluders, copies, wrong experts."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random
from statistics import mean

from benchmarks.learned_weights import by_majority, colluding, copied, read, restricted, rightness, with_feedback
from benchmarks.learned_weights import without_feedback as guarded
from maos_flows.weights import START, learn, learned_weights

VOTES = Path(__file__).parents[3] / "shared" / "data" / "mmlu_pro"

if VOTES.is_dir():  # what is not at hand is no promise of the suite's, and no skipped test either

    def panel(size):
        """Models drawn by seed, and 800 questions as they answered them, in one order."""
        tasks = Random(0).sample(read(VOTES), 800)
        models = Random(7).sample(sorted({model for task in tasks for model in task.answers}), size)
        return models, [restricted(task, set(models)) for task in tasks]

    def test_three_of_seven_real_models_that_collude_or_are_one_do_not_gain_control():
        models, tasks = panel(7)
        for attack in (colluding, copied):
            attacked = [replace(task, answers=attack(task, models[3:], models[:3])) for task in tasks]

            majority = mean(map(by_majority, attacked))

            assert mean(with_feedback(attacked, 1.0, 0)) > majority + 0.05
            assert mean(guarded(attacked)) > majority + 0.02

    def test_a_wrongly_declared_expert_among_real_models_is_overridden_within_fifty_decisions():
        models, tasks = panel(5)
        worst = min(models, key=lambda model: sum(task.answers.get(model) == task.right for task in tasks))
        declared = dict.fromkeys(models, Fraction(1)) | {worst: Fraction(3)}
        standings, declared_right, equal_right = {}, [], []
        for task in tasks:
            factors = {model: declared[model] for model in task.answers}
            known = {model: standings.get(model, START) for model in task.answers}
            weights = learned_weights(known, factors, choices=len(task.choices))
            declared_right.append(rightness(task, {model: weight for model, (weight, _) in weights.items()}))
            equal_right.append(by_majority(task))
            quality = {model: float(choice == task.right) for model, choice in task.answers.items()}
            standings |= learn(known, task.answers, quality, choices=task.choices, multipliers=factors)

        assert mean(declared_right[50:]) >= mean(equal_right[50:])
