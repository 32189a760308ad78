"""The kinds of voters there are, and what each is called with."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from maos_flows.model import Agent, Proposal
from maos_flows.voters import command, http, human, model, python, recorded, simulated

Voter = Callable[[Agent, Proposal], Awaitable[object]]

VOTERS: Mapping[str, Voter] = MappingProxyType(
    {
        "command": command.answer,
        "http": http.answer,
        "human": human.answer,
        "model": model.answer,
        "python": python.answer,
        "recorded": recorded.answer,
        "simulated": simulated.answer,
    }
)
"""The kinds of voters there are. Each is asked for a ballot or, in a proposal's round 0, for a suggestion."""

SETTLED = frozenset({"human", "recorded", "simulated"})
"""Kinds that give the same answer however often they are asked: they are asked once."""
