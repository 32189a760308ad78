"""The worker's settings, from the environment."""

import pytest

from maos_flows.config.settings import settings_from
from maos_flows.config.worker import WorkerSettings, worker_settings_from
from maos_flows.errors import ConfigurationError


def test_what_is_not_set_has_its_default() -> None:
    assert worker_settings_from({"MAOS_LEASE": "", "PATH": "/bin"}) == WorkerSettings()


def test_every_variable_is_read() -> None:
    given = {"MAOS_WORKER_RUNS": "7", "MAOS_WORKER_MEMORY": "300", "MAOS_WORKER_DRAIN": "2m", "MAOS_LEASE": "10s"}

    assert worker_settings_from(given) == WorkerSettings(7, 300, 120.0, 10.0)
    settings_from(given)


def test_every_unusable_value_is_named() -> None:
    given = {"MAOS_WORKER_RUNS": "0", "MAOS_WORKER_MEMORY": "lots", "MAOS_WORKER_DRAIN": "-1", "MAOS_LEASE": "1s"}

    with pytest.raises(ConfigurationError) as refused:
        worker_settings_from(given)
    assert [problem.path for problem in refused.value.problems] == list(given)
