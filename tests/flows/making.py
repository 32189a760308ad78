"""Requests for the tests of flows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maos_flows.model import Agent, Parameters
from maos_flows.policies.registry import built_in_policies
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest

AGENTS = str(Path(__file__).with_name("agents.py"))


def agents(*roles: str, function: str = "by_role", **settings: Any) -> tuple[Agent, ...]:
    """Agents `agent_0`, `agent_1`, ... that vote for the choice their role names."""
    return tuple(
        Agent(f"agent_{number}", role, voter="python", settings={"function": function, "path": AGENTS, **settings})
        for number, role in enumerate(roles)
    )


def request(*asked: Agent, choices: Sequence[str] = ("a", "b", "c"), **fields: Any) -> DecisionRequest:
    """A request to those agents."""
    algorithm = fields.pop("algorithm", "simple_majority")
    policy = built_in_policies()[algorithm]
    parameters = Parameters(policy.threshold(fields.pop("share", None)), **fields.pop("parameters", {}))
    return DecisionRequest(
        "Which one?", tuple(choices), asked, algorithm=algorithm, parameters=parameters, **{"retries": 0, **fields}
    )


def plain(*asked: Agent, **fields: Any) -> dict[str, Any]:
    """The same as plain data, as flows take it."""
    data: dict[str, Any] = to_plain(request(*asked, **fields))
    return data
