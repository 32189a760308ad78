"""Requests under a configuration, for the tests of what its keys do."""

from pathlib import Path
from typing import Any

import pytest

from maos_flows.config import Configuration, resolve
from maos_flows.errors import ConfigurationError
from maos_flows.request import DecisionRequest
from maos_flows.roster import LoadedRoster
from maos_flows.workflow import question_request
from tests.config.acting import roster
from tests.config.standing_in import STANDING_IN


@pytest.fixture
def configured(tmp_path):
    def configured(**set_to: str) -> Configuration:
        """Configure keys, each by its environment variable; the file is tested to be the same elsewhere."""
        names = {f"MAOS_{name.upper()}": value for name, value in set_to.items()}
        return resolve({"MAOS_HOME": str(tmp_path), **names})

    return configured


@pytest.fixture
def asked(configured):
    def asked(
        agents: LoadedRoster | None = None, stage: dict[str, Any] | None = None, **set_to: str
    ) -> DecisionRequest:
        """Ask a question under a configuration."""
        return question_request(
            {"question": "Is the security good?", **(stage or {})},
            base=Path(),
            policies=STANDING_IN,
            roster=agents or roster(),
            configuration=configured(**set_to),
        )

    return asked


@pytest.fixture
def refused(asked):
    def refused(*args: Any, **set_to: str) -> str:
        with pytest.raises(ConfigurationError) as caught:
            asked(*args, **set_to)
        return str(caught.value)

    return refused
