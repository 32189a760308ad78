"""Voter `model` with each provider's own client and protocol, against a local server that speaks it."""

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest

from maos_flows.model import Absence, Agent, Ballot
from maos_flows.voters import ask
from tests.voters.openai_server import OpenAIServer, fails, hangs
from tests.voters.protocols import PROTOCOLS

KEY = "a-key-of-a-provider-0123456789"
EACH = pytest.mark.parametrize("name", PROTOCOLS)


@pytest.fixture
def asked(monkeypatch, proposal, soon):
    """Ask a model by a protocol behind a server with these replies; give its answer and the server."""

    async def ask_it(name, *replies, by_variable=False, retries=1, **settings):
        protocol = PROTOCOLS[name]
        for variable, value in {protocol.key: KEY, **protocol.also}.items():
            monkeypatch.setenv(variable, value)
        with OpenAIServer(*replies) as server:
            address = f"{server.root}{protocol.base}"
            if by_variable:
                monkeypatch.setenv(protocol.address, address)
            else:
                settings["base_url"] = address
            agent = Agent("ada", voter="model", settings={"model": protocol.model, **settings})
            own = replace(proposal, decision_id=f"d-{uuid4().hex}")
            return await ask(agent, own, backoff=soon, retries=retries), server

    return ask_it


@EACH
async def test_a_ballot_is_cast_in_the_providers_own_protocol(asked, name, proposal):
    protocol = PROTOCOLS[name]

    heat = {"temperature": 0.5} if protocol.takes_temperature else {}
    found, server = await asked(name, protocol.ballot("MongoDB"), max_tokens=777, max_cost=1, **heat)

    assert isinstance(found, Ballot)
    assert (found.choice, float(found.confidence), found.reasoning) == ("MongoDB", 0.9, "Joins.")
    assert server.paths == [protocol.path]
    assert protocol.form(server.requests[0])["properties"]["choice"]["enum"] == [*proposal.choices, "abstain"]
    sent = json.dumps(server.requests[0])
    assert ("777" in sent, "0.5" in sent) == (True, protocol.takes_temperature)


@EACH
async def test_what_was_used_and_what_it_cost_is_told_by_every_protocol(asked, name):
    """The model's own most is asked for here, for which Anthropic's client streams."""
    protocol = PROTOCOLS[name]

    found, _ = await asked(name, protocol.ballot())

    usage = {"model": protocol.model, "requests": 1, "input_tokens": 100, "output_tokens": 20}
    assert found.attributes["usage"] == usage
    assert found.attributes["cost"] == pytest.approx(protocol.price)


@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if protocol.address])
async def test_a_providers_own_variable_moves_it(asked, name):
    protocol = PROTOCOLS[name]

    found, server = await asked(name, protocol.ballot("MongoDB"), by_variable=True)

    assert found.choice == "MongoDB"
    assert server.paths[0].startswith(protocol.base)


@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "bedrock"])
async def test_the_key_is_the_providers_own_or_that_of_the_variable_named(asked, name, monkeypatch):
    """Amazon's own key signs a request, and is not in it."""
    monkeypatch.setenv("OUR_KEY", "our-own-key-0123456789")

    _, its_own = await asked(name, PROTOCOLS[name].ballot())
    _, ours = await asked(name, PROTOCOLS[name].ballot(), api_key_env="OUR_KEY")

    assert its_own.keys[0].removeprefix("Bearer ") == KEY
    assert ours.keys[0].removeprefix("Bearer ") == "our-own-key-0123456789"


async def test_a_busy_provider_is_given_the_time_it_asks_for_and_asked_once_more(asked):
    """All at once, so that they wait together."""
    replies = {name: (protocol.is_busy(1), protocol.ballot()) for name, protocol in PROTOCOLS.items()}

    answers = await asyncio.gather(*(asked(name, *each) for name, each in replies.items()))

    assert [(found.choice, len(server.requests)) for found, server in answers] == [("PostgreSQL", 2)] * len(PROTOCOLS)
    assert min(found.seconds for found, _ in answers) >= 1


@pytest.mark.parametrize(("settings", "seconds"), [({"timeout": 7.0}, 7), ({}, 60)])
def test_amazons_client_gives_up_by_itself(monkeypatch, settings, seconds):
    """It waits in a thread, and no process ends before its threads: one that hung would keep a command from ending."""
    from maos_flows.voters.model_provider import model_of

    for variable, value in {"AWS_SECRET_ACCESS_KEY": KEY, **PROTOCOLS["bedrock"].also}.items():
        monkeypatch.setenv(variable, value)
    model = model_of({"model": PROTOCOLS["bedrock"].model, **settings})

    assert model.client.meta.config.read_timeout == seconds


@EACH
async def test_a_provider_that_fails_is_asked_again_by_us_alone(asked, name):
    found, server = await asked(name, fails(500), retries=1)

    assert isinstance(found, Absence)
    assert found.explanation.startswith("asked 2 times: the provider failed")
    assert len(server.requests) == 2


@EACH
async def test_a_provider_that_refuses_is_not_asked_again_and_repeats_no_key(asked, name):
    found, server = await asked(name, fails(401, f"Incorrect key {KEY}"), pass_env=[PROTOCOLS[name].key])

    assert isinstance(found, Absence)
    assert "the provider refused" in found.explanation
    assert KEY not in repr(found)
    assert len(server.requests) == 1


@EACH
async def test_what_is_no_ballot_is_sent_back_to_be_mended(asked, name):
    """B57, B59."""
    protocol = PROTOCOLS[name]

    found, server = await asked(name, protocol.ballot("Option 1"), protocol.ballot("MongoDB"), retries=0)

    assert (found.choice, len(server.requests)) == ("MongoDB", 2)
    assert found.attributes["usage"]["requests"] == 2


async def test_a_provider_that_hangs_is_timed_out(asked):
    await asyncio.gather(*(asked(name, protocol.ballot()) for name, protocol in PROTOCOLS.items()))  # imports take long

    answers = await asyncio.gather(*(asked(name, hangs, timeout=1, retries=0) for name in PROTOCOLS))

    assert [found.explanation for found, _ in answers] == ["no answer within 1 s"] * len(PROTOCOLS)
