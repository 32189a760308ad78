"""Settings of models: what can be said about one, and that no secret can."""

from fractions import Fraction
from pathlib import Path

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model_settings import ModelVoter, key_variables
from maos_flows.roster import roster_from


def settings(**given):
    agents = [{"id": "ada", "voter": {"kind": "model", "model": "openai:gpt-4o", **given}}]
    return roster_from(agents, base=Path()).roster.agents[0].settings


def test_a_model_alone_has_its_bounds_and_knows_which_secrets_to_remove():
    assert settings() == {
        "model": "openai:gpt-4o",
        "repairs": 2,
        "max_requests": 10,
        "pass_env": ["OPENAI_API_KEY"],
    }


def test_everything_said_is_kept():
    given = {
        "base_url": "http://127.0.0.1:11434/v1",
        "api_key_env": "LOCAL_KEY",
        "instructions": "Look at joins.",
        "persona": "A doubter.",
        "temperature": 0.5,
        "tools": ["a.b:c"],
        "mcp_servers": ["https://tools.example.org/mcp", "python3 server.py"],
        "max_tokens": 500,
        "max_total_tokens": 5000,
        "max_cost": 0.05,
        "repairs": 0,
        "max_requests": 3,
        "timeout": "30s",
    }

    found = settings(**given, pass_env=["TOOL_TOKEN"])

    also = {"model": "openai:gpt-4o", "pass_env": ["LOCAL_KEY", "TOOL_TOKEN"], "mcp_env": ["TOOL_TOKEN"]}
    assert found == {**given, **also, "timeout": 30.0}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"model": "gpt-4o"}, "'gpt-4o' is not like provider:name"),
        ({"model": "openai:"}, "is not like provider:name"),
        ({"model": "Open AI:x"}, "is not like provider:name"),
        ({"base_url": "ftp://127.0.0.1"}, "it is not an http address"),
        ({"base_url": "http://user:secret@127.0.0.1"}, "a key belongs in the environment"),
        ({"base_url": "http://127.0.0.1/v1?key=secret"}, "a key belongs in the environment"),
        ({"api_key": "sk-1"}, "unknown key"),
        ({"api_key_env": "sk-1 2"}, "is not the name of an environment variable"),
        ({"temperature": 2.1}, "from 0 to 2"),
        ({"tools": ["a/b.py:f"]}, "tools[0]"),
        ({"tools": ["f"]}, "is not like package.module:function"),
        ({"max_cost": -1}, "is negative"),
        ({"max_tokens": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_used_is_refused_and_says_where(given, told):
    with pytest.raises(ConfigurationError) as refused:
        settings(**given)

    assert told in str(refused.value)
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("openai-responses", "OPENAI_API_KEY"),
        ("google-cloud", "GEMINI_API_KEY"),
        ("bedrock", "AWS_SECRET_ACCESS_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("groq", "GROQ_API_KEY"),
        ("gateway/openai", "OPENAI_API_KEY"),
    ],
)
def test_the_variables_of_a_provider_are_known(provider, variable):
    assert variable in key_variables(provider)


def test_a_budget_is_exact_where_it_is_read():
    assert ModelVoter(kind="model", model="a:b", max_cost="0.1").max_cost == Fraction(1, 10)
