"""`maos consensus health`: what is wrong is said in lines and by the exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maos_flows.cli.app import app

MIXED = """agents:
  - {id: ada, voter: simulated}
  - {id: bob, voter: {kind: command, command: [no-such-program]}}
  - {id: cyd, enabled: false, voter: {kind: command, command: [no-such-program]}}
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAOS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    monkeypatch.delenv("MAOS_DATABASE_URL", raising=False)


def health(*words: str) -> Result:
    return CliRunner().invoke(app, ["consensus", "health", *words])


def test_the_default_agents_can_all_be_reached():
    result = health("--connectivity-test")

    assert result.exit_code == 0, result.output
    assert "store   sound" in result.stdout
    assert "unreachable" not in result.stdout
    assert "reachable" in result.stdout


def test_an_agent_that_cannot_be_reached_is_named_and_makes_the_exit_code_1(tmp_path):
    roster = tmp_path / "roster.yaml"
    roster.write_text(MIXED)

    result = health("--connectivity-test", "--roster", str(roster))
    said = json.loads(health("--connectivity-test", "--roster", str(roster), "--format", "json").stdout)

    assert result.exit_code == 1
    assert "bob  command    unreachable  there is no program no-such-program" in result.stdout
    assert "cyd" not in result.stdout
    assert said["healthy"] is False
    assert [agent["is_reachable"] for agent in said["agents"]] == [True, False]


def test_without_the_flag_nobody_is_looked_for(tmp_path):
    roster = tmp_path / "roster.yaml"
    roster.write_text(MIXED)

    result = health("--roster", str(roster))

    assert result.exit_code == 0
    assert "2 agents, of the roster file" in result.stdout
    assert "bob" not in result.stdout


def test_a_store_that_cannot_be_opened_is_unhealthy(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAOS_DATABASE_URL", f"sqlite:///{tmp_path / 'file' / 'audit.db'}")

    result = health()

    assert result.exit_code == 1
    assert "store   sound" not in result.stdout
