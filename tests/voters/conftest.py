"""What the voters' tests share: proposals, and agents whose program or function is a few lines in a temporary file."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from maos_flows.model import Agent, Proposal
from maos_flows.voters import Backoff

AgentMaker = Callable[..., Agent]


@pytest.fixture
def soon() -> Backoff:
    return Backoff(initial_seconds=0.001, maximum_seconds=0.002, jitter_seconds=0.001)


@pytest.fixture
def proposal() -> Proposal:
    return within(30)


def within(seconds: float) -> Proposal:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    return Proposal("d-1", "Which database?", ("PostgreSQL", "MongoDB"), domains=("data",), deadline=deadline)


@pytest.fixture
def proposal_within() -> Callable[[float], Proposal]:
    return within


@pytest.fixture
def program(tmp_path: Path) -> AgentMaker:
    """Make an agent whose program is Python source, run in isolated mode."""

    def make(source: str, agent_id: str = "ada", **settings: Any) -> Agent:
        file = tmp_path / f"{agent_id}.py"
        file.write_text(dedent(source))
        return Agent(agent_id, voter="command", settings={"command": ["python3", "-IS", str(file)], **settings})

    return make


@pytest.fixture
def shell() -> AgentMaker:
    """Make an agent whose program is a line for the shell."""

    def make(line: str, agent_id: str = "ada", **settings: Any) -> Agent:
        return Agent(agent_id, voter="command", settings={"command": ["/bin/sh", "-c", line], **settings})

    return make


@pytest.fixture
def function(tmp_path: Path) -> AgentMaker:
    """Make an agent whose function `vote` is Python source."""

    def make(source: str, agent_id: str = "ada", **settings: Any) -> Agent:
        file = tmp_path / f"{agent_id}.py"
        file.write_text(dedent(source))
        own: Mapping[str, Any] = {"function": "vote", "path": str(file), **settings}
        return Agent(agent_id, voter="python", settings=own)

    return make
