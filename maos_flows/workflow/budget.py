"""What a decision may cost: shared equally, when it opens, by the ballots of language models it may ask for."""

from dataclasses import replace
from fractions import Fraction

from maos_flows.model import Agent
from maos_flows.request import DecisionRequest

_MODEL = "model"


def within_budget(request: DecisionRequest, budget: Fraction | None) -> DecisionRequest:
    """Give a request whose models may not cost more than a budget, in US dollars, in all rounds together.

    Each ballot of each round has the same share, and each suggestion too, or what the agent's own settings allow if
    that is less. So the bound holds wherever agents are asked, in however many processes.
    """
    models = sum(agent.voter == _MODEL for agent in request.agents)
    if budget is None or not models:
        return request
    share = budget / (models * (request.rounds + request.open_choices))
    return replace(request, agents=tuple(_bounded(agent, share) for agent in request.agents))


def _bounded(agent: Agent, share: Fraction) -> Agent:
    if agent.voter != _MODEL:
        return agent
    own = agent.settings.get("max_cost")
    least = share if own is None else min(share, Fraction(str(own)))
    return replace(agent, settings={**agent.settings, "max_cost": float(least)})
