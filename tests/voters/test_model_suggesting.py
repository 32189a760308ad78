"""Voter `model` in the round before a vote without choices: what it suggests, by the provider's real client."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from maos_flows.model import AbsenceKind, Agent
from maos_flows.proposing import Merged, given_to_voters
from maos_flows.voters import ask, suggest
from tests.voters.openai_server import FORM, OpenAIServer, ballot, call, says


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-local-0123456789abcdefghijkl")


def look_up(name: str) -> str:
    """Look a name up."""
    return name


SUGGESTED = {"suggestion": "Cachet", "reasoning": "It is short."}


def suggestion(**fields) -> object:
    return call("make_suggestion", json.dumps({**SUGGESTED, **fields}))


@pytest.fixture
def suggested(proposal, soon):
    """Ask a model behind a server with these replies for a suggestion; give it and the server."""

    async def ask_it(*replies, **settings):
        with OpenAIServer(*replies) as server:
            whole = {"model": "openai:gpt-4o", "base_url": server.url, **settings}
            agent = Agent("ada", "architect", voter="model", settings=whole)
            own = replace(proposal, decision_id=f"d-{uuid4().hex}", choices=(), round=0)
            return await suggest(agent, own, backoff=soon, retries=0), server

    return ask_it


async def test_a_model_suggests_in_a_form_of_its_own_and_what_that_cost_is_told(suggested):
    found, server = await suggested(suggestion())

    (tool,) = server.requests[0]["tools"]
    assert (found.text, found.reasoning, found.voter) == ("Cachet", "It is short.", "model")
    assert found.attributes["usage"]["requests"] == 1
    assert set(tool["function"]["parameters"]["properties"]) == {"suggestion", "reasoning"}
    assert "suggest one answer" in str(server.requests[0]["messages"])
    assert "Choose exactly one of the choices" not in str(server.requests[0]["messages"])


async def test_a_suggestion_that_is_too_long_is_sent_back_to_be_mended(suggested):
    found, server = await suggested(suggestion(suggestion="x" * 201), suggestion())

    assert found.text == "Cachet"
    assert len(server.requests) == 2


async def test_a_model_that_makes_no_suggestion_has_failed_and_says_so(suggested):
    """B57."""
    absence, _ = await suggested(says("Cachet!"), repairs=0)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation.startswith("no suggestion in what the model gave")


async def test_a_model_has_tools_when_it_suggests_and_none_when_it_votes_on_what_others_did(suggested, proposal, soon):
    """B60."""
    tools = {"tools": [f"{__name__}:look_up"]}
    others = given_to_voters(Merged(), (), with_reasons=False, with_names=False)

    _, suggesting = await suggested(suggestion(), **tools)
    with OpenAIServer(ballot()) as voting:
        ada = Agent("ada", voter="model", settings={"model": "openai:gpt-4o", "base_url": voting.url, **tools})
        await ask(ada, replace(proposal, context=(others,)), backoff=soon, retries=0)

    names = [[tool["function"]["name"] for tool in server.requests[0]["tools"]] for server in (suggesting, voting)]
    assert names == [["look_up", "make_suggestion"], [FORM]]
