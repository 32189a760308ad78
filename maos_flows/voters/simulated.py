"""Voter `simulated`: a seeded generator for drills, tests and benchmarks. It says of itself that it is simulated."""

import asyncio
import hashlib
import random
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Any

from maos_flows.model import ABSTAIN, Agent, Proposal
from maos_flows.records import canonical
from maos_flows.voters.failures import LastingError

LEAN = 0.8
"""How likely an agent without opinions is to follow the choice that the seed singles out."""

_VIEWS = (
    "{choice} fits the question best from the point of view of the {role}",
    "weighing the choices as the {role}, {choice} has the fewest drawbacks",
    "for the {role} the case for {choice} is the strongest",
    "{choice} is what the {role} would defend here",
)
_MADE_UP = tuple(f"simulated answer {number}" for number in range(1, 5))
"""What agents without opinions suggest."""


async def answer(agent: Agent, proposal: Proposal) -> object:
    """Draw the agent's answer: fully determined by its settings, its id, the question, the choices and the round.

    Raises:
        LastingError: The draw says it fails.
    """
    settings = agent.settings
    chance = _chance(settings, proposal, agent.id, proposal.round)
    hangs, fails, abstains = (
        chance.random() < float(settings.get(name, 0)) for name in ("hang_rate", "error_rate", "abstain_rate")
    )
    least, most = settings.get("thinking_time", (0, 0))
    thinking_seconds = chance.uniform(float(least), float(most))
    drawn = (_suggested if proposal.wants_suggestions else draw)(agent, proposal, chance, abstains=abstains)
    if hangs:
        await asyncio.Event().wait()
    if thinking_seconds > 0:
        await asyncio.sleep(thinking_seconds)
    if fails:
        raise LastingError("simulated failure")
    return drawn


def draw(agent: Agent, proposal: Proposal, chance: random.Random, *, abstains: bool) -> dict[str, Any]:
    """Draw an answer with its confidence, risk and a reasoning that says what it is."""
    choice = _choice(agent.settings, proposal, chance)
    confidence = Fraction(chance.randrange(50, 96), 100)
    risk = chance.choice(("low", "low", "medium", "medium", "high"))
    view = chance.choice(_VIEWS)
    seed = agent.settings.get("seed", 0)
    if abstains or choice == ABSTAIN:
        words = f"Simulated (seed {seed}): no preference as a {agent.role}."
        return {"choice": ABSTAIN, "reasoning": words}
    words = f"Simulated (seed {seed}): {view.format(choice=choice, role=agent.role)}."
    stated = {"attributes": agent.settings["attributes"]} if agent.settings.get("attributes") else {}
    return {"choice": choice, "confidence": confidence, "reasoning": words, "risk": risk, **stated}


def _suggested(agent: Agent, proposal: Proposal, chance: random.Random, *, abstains: bool) -> dict[str, Any]:
    """Draw a suggestion as an answer is drawn: among what the agent has opinions on, else among a few made-up ones."""
    known = tuple(choice for choice in agent.settings.get("opinions") or {} if choice != ABSTAIN)
    drawn = draw(agent, replace(proposal, choices=known or _MADE_UP), chance, abstains=abstains)
    return {"suggestion": drawn["choice"], "reasoning": drawn["reasoning"]}


def _chance(settings: Mapping[str, Any], proposal: Proposal, *more: object) -> random.Random:
    """Make a generator from what determines it, the same in every process and for every order of asking."""
    named = [str(settings.get("seed", 0)), proposal.question, list(proposal.choices), *more]
    return random.Random(hashlib.sha256(canonical(named)).digest())  # noqa: S311 - a drill's chance is a seed


def _choice(settings: Mapping[str, Any], proposal: Proposal, chance: random.Random) -> str:
    """Draw a choice: with probability `lean` the one singled out, else by opinions, else any alike."""
    opinions = _opinions(settings, proposal)
    lean = float(settings.get("lean", 0 if opinions else LEAN))
    follows = chance.random() < lean
    place = chance.randrange(sum(opinions.values())) if opinions else chance.randrange(len(proposal.choices))
    if follows:
        return _chance(settings, proposal).choice(proposal.choices)
    if not opinions:
        return proposal.choices[place]
    for choice, share in opinions.items():
        if place < share:
            return choice
        place -= share
    raise AssertionError("a place below the sum of all shares falls into one of them")


def _opinions(settings: Mapping[str, Any], proposal: Proposal) -> dict[str, int]:
    """Give the weights of opinions as integers in proportion; opinions about other questions' choices are set aside."""
    given = settings.get("opinions") or {}
    try:
        weights = {choice: Fraction(given[choice]) for choice in (*proposal.choices, ABSTAIN) if choice in given}
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise LastingError(f"opinions are numbers: {error}") from error
    if any(weight < 0 for weight in weights.values()):
        raise LastingError("an opinion is at least 0")
    unit = lcm(*(weight.denominator for weight in weights.values()))
    shares = {choice: int(weight * unit) for choice, weight in weights.items()}
    return shares if sum(shares.values()) else {}
