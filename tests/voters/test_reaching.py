"""Reaching agents: whether each voter could answer, found without asking it."""

import json

import pytest

from maos_flows.model import Agent
from maos_flows.signing import SigningKey
from maos_flows.voters.reaching import reach_all
from tests.voters.http_agents import response, serving

KEY = SigningKey.generate()
WELL = {"status": "ok", "agent": "ada", "public_key": KEY.public}


async def reached(agent: Agent, timeout_seconds: float = 5.0) -> tuple[bool, str]:
    (found,) = await reach_all([agent], timeout_seconds=timeout_seconds)
    assert (found.agent_id, found.voter) == (agent.id, agent.voter)
    return found.is_reachable, found.found


async def test_an_agent_behind_a_url_that_is_well_is_reachable_and_not_asked():
    async with serving(response(body=WELL)) as remote:
        is_reachable, found = await reached(remote.agent(public_key=KEY.public))

    assert is_reachable
    assert "well at http://127.0.0.1" in found
    assert [asked.line for asked in remote.asked] == ["GET /ada/health HTTP/1.1"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (response(body=WELL | {"agent": "bob"}), "another agent: 'bob'"),
        (response(body=WELL | {"public_key": "A" * 43}), "another key"),
        (response(body={"status": "ill"}), "does not say that it is well"),
        (response(body=[]), "does not say that it is well"),
        (response(404), "404"),
        (response(401), "401"),
        (b"", "broke"),
        (None, "nothing within 0.3 s"),
    ],
    ids=["other", "key", "ill", "list", "missing", "token", "broken", "silent"],
)
async def test_one_that_is_not_or_is_somebody_else_is_not_reachable(reply, told):
    async with serving(reply) as remote:
        is_reachable, found = await reached(remote.agent(public_key=KEY.public), 0.3 if reply is None else 5.0)

    assert not is_reachable
    assert told in found


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (Agent("a", voter="command", settings={"command": ["python3", "x.py"]}), "python3"),
        (Agent("a", voter="command", settings={"command": ["/bin/sh", "-c", "true"]}), "/bin/sh"),
        (Agent("a", voter="command", settings={"command": ["sh"]}), "sh"),
        (Agent("a", voter="python", settings={"function": "json:dumps"}), "json:dumps is there"),
        (Agent("a", voter="recorded", settings={"path": __file__}), "test_reaching.py"),
        (Agent("a", voter="model", settings={"model": "openai:x", "api_key_env": "A_KEY"}), "A_KEY is set"),
        (Agent("a", voter="model", settings={"model": "openai:x", "base_url": "http://here/"}), "without a key"),
        (Agent("a", voter="human"), "a person"),
        (Agent("a"), "a generator"),
    ],
    ids=str,
)
async def test_voters_that_are_there_are_reachable(agent, told, monkeypatch):
    monkeypatch.setenv("A_KEY", "something-secret")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    is_reachable, found = await reached(agent)

    assert is_reachable, found
    assert told in found
    assert "something-secret" not in found


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (Agent("a", voter="command", settings={"command": ["no-such-program"]}), "no program no-such-program"),
        (Agent("a", voter="command", settings={"command": ["./no"], "cwd": "/"}), "no program ./no"),
        (Agent("a", voter="python", settings={"function": "no_such_module:vote"}), "cannot be loaded"),
        (Agent("a", voter="python", settings={"function": "json:vote"}), "no function"),
        (Agent("a", voter="recorded", settings={"path": "/no/file.csv"}), "no file"),
        (Agent("a", voter="model", settings={"model": "openai:x"}), "OPENAI_API_KEY"),
        (Agent("a", voter="command", settings={}), "KeyError"),
        (Agent("a", voter="http", settings={}), "KeyError"),
    ],
    ids=str,
)
async def test_voters_that_are_not_there_are_not_and_say_why(agent, told, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    is_reachable, found = await reached(agent)

    assert not is_reachable
    assert told in found


async def test_a_model_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr("maos_flows.voters.reaching.find_spec", lambda name: None)

    assert "maos-flows[models]" in (await reached(Agent("a", voter="model", settings={"model": "openai:x"})))[1]


async def test_all_are_looked_at_at_once():
    slow = [response(body=WELL)]
    async with serving(*slow) as remote:
        found = await reach_all([remote.agent(), Agent("bob"), Agent("cyd", voter="human")], timeout_seconds=5)

    assert [one.agent_id for one in found] == ["ada", "bob", "cyd"]
    assert json.dumps([one.is_reachable for one in found]) == "[true, true, true]"
