"""What `maos task submit` adds to a request: how long replicas take, so that they can be watched, and what it bears."""

from dataclasses import replace

from maos_flows.cli.loading import known_policies
from maos_flows.drills.plans import tolerated
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Agent, Protocol
from maos_flows.request import DecisionRequest
from maos_flows.text_types import read_pause

SHOWN_SECONDS = 90.0
"""How long replicas of simulated agents go on in the background where nothing is said, so that people can watch."""

_LEVELS = {"low": (0, 2), "medium": (1, 3), "high": (2, 5)}
"""How many failing agents each level must bear, and how often a voter that failed is asked again at least."""

_MOST_OF_TIMEOUT = 0.5
_THINKING = {Protocol.BYZANTINE: 1 / 3, Protocol.RAFT: 1 / 20}
"""The part of the time for which simulated agents think: where agents may lie, their answers are worth watching."""


def watchable(request: DecisionRequest, text: str, *, wait: bool) -> DecisionRequest:
    """Let the replicas of a request take their time, so that people can watch and drills can act.

    Without a time given that is so for simulated agents whose decision nobody waits for: nothing is lost by it.

    Args:
        request: The request.
        text: The time given; empty if none.
        wait: Whether somebody waits for the decision.

    Raises:
        ConfigurationError: It is no duration, or the algorithm has no replicas.
    """
    protocol = known_policies().find(request.algorithm).protocol
    if protocol is None:
        if text:
            message = f"{request.algorithm} has no replicas to be watched; raft and byzantine_tolerant have"
            raise ConfigurationError([Problem("--watch", message)])
        return request
    simulated = all(agent.voter == "simulated" for agent in request.agents)
    seconds = SHOWN_SECONDS if simulated and not wait else 0.0
    if text:
        try:
            seconds = read_pause(text)
        except ValueError as error:
            raise ConfigurationError([Problem("--watch", str(error))]) from error
    if not seconds:
        return request
    thinking = min(seconds * _THINKING[protocol], request.timeout_seconds * _MOST_OF_TIMEOUT)
    agents = tuple(_thoughtful(agent, thinking) for agent in request.agents)
    spent = thinking if simulated else 0.0
    return replace(request, agents=agents, watch_seconds=seconds - spent)


def _thoughtful(agent: Agent, seconds: float) -> Agent:
    """Let a simulated agent think for up to so long, unless it says itself how long it thinks."""
    if agent.voter != "simulated" or "thinking_time" in agent.settings:
        return agent
    return replace(agent, settings={**agent.settings, "thinking_time": (0.0, seconds)})


def enduring(request: DecisionRequest, level: str) -> DecisionRequest:
    """Make a request bear failing agents: enough of them, and each asked again often enough.

    Raises:
        ConfigurationError: There is no such level, or these agents under this algorithm cannot bear it.
    """
    if not level:
        return request
    if level not in _LEVELS:
        raise ConfigurationError([Problem("--failure-tolerance", f"{level[:40]!r} is not low, medium or high")])
    failing, retries = _LEVELS[level]
    weighty = sum(1 for agent in request.agents if agent.weight)
    borne = tolerated(known_policies().find(request.algorithm).protocol, weighty)
    if borne is None:
        message = f"{request.algorithm} has no replicas to bear failures with; byzantine_tolerant and raft have"
        raise ConfigurationError([Problem("--failure-tolerance", message)])
    if borne < failing:
        have = f"{request.algorithm} among {weighty} agents bears {borne}"
        message = f"{level} means that {failing} failing agents are borne; {have}: ask more (--max-agents)"
        raise ConfigurationError([Problem("--failure-tolerance", message)])
    return replace(request, retries=max(request.retries, retries))
