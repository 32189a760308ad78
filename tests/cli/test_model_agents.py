"""Models as a person meets them: a key in the environment, a question, and a decision with reasons and its cost."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from maos_flows.cli.app import app
from maos_flows.roster import default_roster, model_roster
from tests.voters.openai_server import OpenAIServer, by_role

KEY = "sk-local-0123456789abcdefghijkl"
QUESTION = "Choose the best database for our shop: PostgreSQL, MongoDB, or DynamoDB"


@pytest.fixture
def provider(home, monkeypatch):
    """A provider whose key is all that is set, and whose address is here; four answers of five are the same."""
    monkeypatch.delenv("MAOS_ROSTER", raising=False)
    choices = ["PostgreSQL", "MongoDB", "PostgreSQL"]
    with OpenAIServer(by_role(choices)) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def maos(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def roles_asked(server: OpenAIServer) -> set[str]:
    return {request["messages"][0]["content"].splitlines()[1] for request in server.requests}


@pytest.mark.usefixtures("prefect_address")
def test_one_key_and_nothing_else_has_five_models_of_different_roles_decide(provider, home):
    """B73: choice, reasons and cost are printed, and the key is found nowhere in what is kept."""
    result = maos("decide", QUESTION, "--max-agents", "5")

    assert result.exit_code == 0, result.output
    assert "note: language models answer (openai:gpt-6-luna)" in result.stderr
    for part in ("reached: PostgreSQL", "4 of 5 eligible", "Joins.", "Dissent", "cost      "):
        assert part in result.stdout
    assert (len(provider.requests), len(roles_asked(provider))) == (5, 5)
    listed = json.loads(maos("list", "--format", "json").stdout)
    assert len(listed) == 1
    kept = [file for file in Path(home).rglob("*") if file.is_file()]
    assert any(file.name == "audit.db" for file in kept)
    assert not [file for file in kept if KEY.encode() in file.read_bytes()]


def test_the_models_roster_is_the_default_one_with_one_agent_of_each_role_first():
    agents, default = model_roster("openai:gpt-4o").roster.agents, default_roster().roster

    roles = [agent.role for agent in agents]
    assert sorted(agent.id for agent in agents) == sorted(agent.id for agent in default.agents)
    assert len(set(roles[: len(set(roles))])) == len(set(roles))
    assert {agent.voter for agent in agents} == {"model"}
