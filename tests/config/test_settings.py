"""Configuration: what the environment says, and what it may not say."""

from pathlib import Path

import pytest

from maos_flows.config import RunnerKind, Settings, settings_from
from maos_flows.errors import ConfigurationError


def refused(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings_from(environ)
    return str(caught.value)


def test_an_empty_environment_has_everything_under_the_home_folder():
    settings = settings_from({"HOME": "/home/ana"})

    assert settings == Settings(Path("/home/ana/.maos"), "sqlite:////home/ana/.maos/audit.db", None)


def test_without_a_home_in_the_environment_it_is_the_process_owners():
    assert settings_from({}).home == Path.home() / ".maos"


def test_every_variable_is_taken():
    settings = settings_from(
        {
            "HOME": "/home/ana",
            "MAOS_HOME": "/srv/maos",
            "MAOS_DATABASE_URL": "postgresql://host/db",
            "MAOS_ROSTER": "~/roster.yaml",
            "MAOS_TASK_RUNNER": "dask",
            "MAOS_MODEL": "ollama:qwen3",
        }
    )

    roster = Path("/home/ana/roster.yaml")
    assert settings == Settings(Path("/srv/maos"), "postgresql://host/db", roster, RunnerKind.DASK, "ollama:qwen3")


def test_an_unknown_task_runner_is_refused_with_those_there_are():
    assert "MAOS_TASK_RUNNER: 'spark' is unknown; allowed: threads, dask, ray" in refused(MAOS_TASK_RUNNER="spark")


def test_a_relative_path_is_made_absolute_once():
    assert settings_from({"MAOS_HOME": "here"}).home == Path.cwd() / "here"


def test_an_empty_variable_is_as_good_as_not_set():
    settings = settings_from({"HOME": "/h", "MAOS_HOME": "", "MAOS_DATABASE_URL": "", "MAOS_ROSTER": ""})

    assert settings == settings_from({"HOME": "/h"})


def test_other_variables_are_not_looked_at():
    assert settings_from({"HOME": "/h", "PREFECT_API_URL": "x", "maos_home": "y"}) == settings_from({"HOME": "/h"})


def test_a7_an_unknown_variable_is_refused_with_the_nearest_known():
    assert "MAOS_DATABSE_URL: unknown variable" in refused(MAOS_DATABSE_URL="sqlite:///x")
    assert "did you mean 'MAOS_DATABASE_URL'?" in refused(MAOS_DATABSE_URL="sqlite:///x")


def test_all_problems_are_named_at_once():
    told = refused(MAOS_XYZZY="1", MAOS_HMOE="2", MAOS_DATABASE_URL="mysql://host")

    assert told.startswith("environment: 3 problems")


@pytest.mark.parametrize("url", ["mysql://u:hunter2@host/db", "audit-hunter2.db", "oracle://u:hunter2@host/db"])
def test_an_address_of_no_known_database_is_refused_without_showing_it(url):
    told = refused(MAOS_DATABASE_URL=url)

    assert "it must start with one of sqlite://" in told
    assert "hunter2" not in told
