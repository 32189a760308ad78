"""Learning from a decision whose right answer became known: whoever answered gains or loses, nobody else moves.

An agent gains when it was right although the panel did not expect it, and loses when it was wrong, most when the panel
was wrong with it. Having agreed with the majority moves nothing by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import exp, sqrt

from maos_flows.weights.records import START, Record, Standing, raw_weight

LEARNING_RATE = 0.25
"""How far one error moves the correction, before it is divided by the root of the squared errors so far."""
FADING = 0.99
"""What remains of a record at each decision: agents change, so about the last hundred decisions count."""


def learn(
    standings: Mapping[str, Standing],
    answers: Mapping[str, str],
    quality: Mapping[str, float],
    *,
    choices: Sequence[str],
    multipliers: Mapping[str, Fraction] | None = None,
    domains: Sequence[str] = (),
) -> dict[str, Standing]:
    """Give the standings after feedback on one decision.

    Args:
        standings: What was known before, by agent; whoever is missing starts like everybody.
        answers: The choice of each agent that voted for one; who abstained or was absent is not in it.
        quality: How good each of these answers proved, in [0, 1]: 1 for the right choice, 0 for a wrong one.
        choices: The proposal's choices.
        multipliers: The declared factors that held; 1 where missing.
        domains: What the proposal was about, folded.

    Returns:
        The standings of all agents named before or now.
    """
    factors = multipliers or {}
    weights = {
        agent: raw_weight(
            standings.get(agent, START), len(choices), multiplier=factors.get(agent, Fraction(1)), domains=domains
        )
        for agent in answers
    }
    expected = expectation(answers, weights, choices)
    after = dict(standings)
    for agent, choice in answers.items():
        after[agent] = _moved(standings.get(agent, START), quality[agent], expected[choice], domains)
    return after


def expectation(answers: Mapping[str, str], weights: Mapping[str, float], choices: Sequence[str]) -> dict[str, float]:
    """Give how probable the panel made each choice: the log-linear pool over all choices, unchosen ones at score 0."""
    scores = dict.fromkeys(choices, 0.0)
    for agent, choice in answers.items():
        scores[choice] += weights[agent]
    highest = max(scores.values())
    parts = {choice: exp(score - highest) for choice, score in scores.items()}
    whole = sum(parts.values())
    return {choice: part / whole for choice, part in parts.items()}


def _moved(standing: Standing, quality: float, expected: float, domains: Sequence[str]) -> Standing:
    error = quality - expected
    gradient = standing.gradient + error * error
    return replace(
        standing,
        overall=_seen(standing.overall, quality),
        domains={
            **standing.domains,
            **{name: _seen(standing.domains.get(name, Record()), quality) for name in domains},
        },
        correction=standing.correction + LEARNING_RATE * error / sqrt(gradient),
        gradient=gradient,
    )


def _seen(record: Record, quality: float) -> Record:
    return Record(record.right * FADING + quality, record.seen * FADING + 1)
