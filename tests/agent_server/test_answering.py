"""The agent server: what it signs is what it was shown and what is read, once for each round, whoever asks."""

import asyncio
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import httpx
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maos_flows.agent_server.__main__ import main
from maos_flows.agent_server.answering import Answering, signed
from maos_flows.agent_server.app import Bounds, create_app
from maos_flows.agent_server.given import GivenBallots
from maos_flows.agent_server.openapi import SHIPPED, openapi, openapi_text
from maos_flows.agent_server.questions import NotOursError, read_question
from maos_flows.model import Agent, AuthClass, Ballot, Context, Proposal, Risk, Suggestion
from maos_flows.signing import SigningKey
from maos_flows.voters.answer import read_answer
from maos_flows.voters.cleaning import scrubber
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.http_protocol import as_sent
from maos_flows.voters.proving import proven, proven_suggestion
from maos_flows.voters.strict_json import read_json
from maos_flows.voters.suggesting import read_suggestion

KEY = SigningKey.generate()
ADA = Agent("ada", role="architect", domains=("data",), voter="http", public_key=KEY.public)
PROPOSAL = Proposal(
    "d-1",
    "Which database?",
    ("PostgreSQL", "MongoDB"),
    domains=("data",),
    context=(Context("note", "It\u2019s 3 \U0001f418s."),),
    proposer="bob",
    deadline=datetime.now(UTC) + timedelta(hours=1),
    deployment="here",
    nonce="0" * 32,
)
QUESTION = replace(PROPOSAL, choices=(), round=0)
COUNTING = """
import itertools
calls = itertools.count(1)
def vote(asked):
    return {"choice": "MongoDB", "reasoning": f"call {next(calls)}, a " + asked["agent"]["role"]}
def suggests(asked):
    return {"suggestion": "Cachet", "reasoning": f"call {next(calls)}"}
def slow(asked):
    import time
    time.sleep(0.3)
    return vote(asked)
def fails(asked):
    raise ValueError("no idea")
"""
VALIDATORS = {
    name: jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **openapi()})
    for name in ("Question", "Ballot", "Suggestion", "Health", "Error")
}


class Served:
    """An application and what it logged, asked without a network."""

    def __init__(self, folder: Path, function: str = "vote", *, bounds: Bounds | None = None, at_once: int = 2) -> None:
        file = folder / "votes.py"
        file.write_text(f"# {folder}\n{COUNTING}")
        agent = Agent("ada", voter="python", settings={"function": function, "path": str(file)})
        self.given = GivenBallots(folder / "ada.given")
        self.answering = Answering(agent, KEY, self.given, timeout_seconds=5, at_once=at_once)
        self.lines: list[str] = []
        self.app = create_app(self.answering, bounds or Bounds(), self.lines.append)

    async def send(self, method: str, path: str, **named) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **named)

    async def ask(self, proposal: Proposal = PROPOSAL, agent: Agent = ADA, **named) -> httpx.Response:
        return await self.send("POST", "/ballot", json=as_sent(agent, proposal), **named)


@pytest.fixture
def served(tmp_path):
    made = Served(tmp_path)
    yield made
    made.given.close()


def as_ballot(said: bytes) -> Ballot:
    answer = read_answer(read_json(said), scrub=scrubber({}))
    return Ballot(
        "d-1",
        "ada",
        answer.choice,
        confidence=answer.confidence,
        reasoning=answer.reasoning,
        evidence=answer.evidence,
        risk=answer.risk,
        veto=answer.veto,
        attributes=answer.attributes,
        signature=answer.signature,
    )


async def test_a_question_gets_a_ballot_that_is_proven_to_be_the_agents(served):
    response = await served.ask()

    ballot = proven(ADA, PROPOSAL, as_ballot(response.content))
    assert response.status_code == 200
    assert response.headers["Maos-Agent-Protocol"] == "1"
    assert (ballot.choice, ballot.reasoning) == ("MongoDB", "call 1, a architect")
    assert ballot.auth_class is AuthClass.REMOTE


async def test_asked_again_it_gives_the_same_ballot_also_after_a_restart(served, tmp_path):
    first = await served.ask()
    second = await served.ask()
    served.given.close()
    again = Served(tmp_path)
    third = await again.ask()
    served.given = again.given

    assert first.content == second.content == third.content


class TestSuggestions:
    async def test_it_signs_what_it_suggests_and_gives_the_same_again(self, tmp_path):
        served = Served(tmp_path, "suggests")
        try:
            first = await served.ask(QUESTION, headers={"Maos-Agent-Protocol": "2"})
            second = await served.ask(QUESTION)
        finally:
            served.given.close()

        said = read_suggestion(read_json(first.content), scrub=scrubber({}))
        own = Suggestion("d-1", "ada", said.suggestion, said.reasoning, signature=said.signature)
        assert first.content == second.content
        assert first.headers["Maos-Agent-Protocol"] == "2"
        assert proven_suggestion(ADA, QUESTION, own).auth_class is AuthClass.REMOTE
        assert (own.text, own.reasoning) == ("Cachet", "call 1")
        VALIDATORS["Question"].validate(as_sent(ADA, QUESTION))
        VALIDATORS["Suggestion"].validate(first.json())

    @pytest.mark.parametrize(
        "said",
        [{"wanted": "ballot"}, {"round": 1}, {"choices": ["a", "b"]}, {"wanted": "anything"}],
    )
    async def test_a_question_that_wants_neither_clearly_is_refused(self, served, said):
        response = await served.send("POST", "/ballot", json=as_sent(ADA, QUESTION) | said)

        assert response.status_code == 400


async def test_asked_twice_at_once_its_voter_is_asked_once(tmp_path):
    served = Served(tmp_path, "slow")
    try:
        first, second = await asyncio.gather(served.ask(), served.ask())
    finally:
        served.given.close()

    assert first.status_code == 200
    assert first.content == second.content


async def test_another_question_under_the_same_decision_and_round_is_refused(served):
    await served.ask()
    other = await served.ask(replace(PROPOSAL, question="Which one, then?"))
    later = await served.ask(replace(PROPOSAL, round=2))

    assert (other.status_code, later.status_code) == (409, 200)


async def test_two_questions_under_one_name_at_once_get_one_ballot(tmp_path):
    served = Served(tmp_path, "slow")
    try:
        answers = await asyncio.gather(served.ask(), served.ask(replace(PROPOSAL, nonce="1" * 32)))
    finally:
        served.given.close()

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_more_questions_than_may_be_at_once_are_told_to_come_again(tmp_path):
    served = Served(tmp_path, "slow", at_once=1)
    try:
        answers = await asyncio.gather(served.ask(), served.ask(replace(PROPOSAL, decision_id="d-2")))
    finally:
        served.given.close()

    busy = max(answers, key=lambda answer: answer.status_code)
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")


async def test_a_voter_that_fails_is_no_ballot_and_nothing_is_kept(tmp_path):
    """B47."""
    served = Served(tmp_path, "fails")
    try:
        response = await served.ask()
    finally:
        served.given.close()

    assert response.status_code == 500
    assert "no idea" in response.json()["error"]
    assert (tmp_path / "ada.given").read_text() == ""


async def test_a_question_whose_deadline_has_passed_is_late(served):
    response = await served.ask(replace(PROPOSAL, deadline=datetime.now(UTC) - timedelta(seconds=1)))

    assert response.status_code == 504


def test_every_part_of_a_proposal_arrives():
    read = read_question(json.dumps(as_sent(ADA, PROPOSAL)).encode(), ADA)

    assert read.proposal == PROPOSAL
    assert (read.role, read.domains) == (ADA.role, ADA.domains)
    assert all(getattr(PROPOSAL, field.name) for field in fields(Proposal))


@pytest.mark.parametrize(
    "change",
    [
        {"question": "Delete everything?"},
        {"choices": ["PostgreSQL", "MongoDB", "DynamoDB"]},
        {"context": []},
        {"domains": []},
        {"deadline": None},
        {"proposer": None},
        {"decision_id": "d-2"},
        {"round": 2},
        {"agent": {"id": "bob"}},
    ],
    ids=str,
)
def test_nothing_is_signed_but_what_was_shown(change):
    body = json.dumps(as_sent(ADA, PROPOSAL) | change).encode()

    with pytest.raises(NotOursError):
        read_question(body, ADA)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"decision_id": "d-1"}',
        json.dumps(as_sent(ADA, PROPOSAL) | {"round": "1"}).encode(),
        json.dumps(as_sent(ADA, PROPOSAL) | {"round": 0}).encode(),
        json.dumps(as_sent(ADA, PROPOSAL) | {"deadline": "soon"}).encode(),
        json.dumps(as_sent(ADA, PROPOSAL) | {"deadline": "2026-01-01T00:00:00"}).encode(),
        json.dumps(as_sent(ADA, PROPOSAL) | {"claims": None}).encode(),
        b'{"round": 1, ' + json.dumps(as_sent(ADA, PROPOSAL)).encode()[1:],
    ],
    ids=["empty", "list", "little", "text", "zero", "soon", "naive", "unbound", "twice"],
)
def test_what_is_no_question_is_refused(body):
    with pytest.raises(MalformedError):
        read_question(body, ADA)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.sampled_from([0.1, 1e-9, 2.0, 1e22])
BALLOTS = st.builds(
    Ballot,
    st.just("d-1"),
    st.just("ada"),
    st.sampled_from(["PostgreSQL", " MongoDB ", "abstain"]),
    confidence=st.none() | st.fractions(0, 1),
    reasoning=TEXTS,
    evidence=st.lists(TEXTS, max_size=70).map(tuple),
    risk=st.none() | st.sampled_from(Risk),
    veto=st.booleans(),
    attributes=st.dictionaries(
        st.text("xyz", min_size=1),
        st.none() | st.booleans() | NUMBERS,
    ),
)


@settings(max_examples=50)
@given(BALLOTS)
def test_whatever_a_voter_says_is_read_as_it_was_signed(ballot):
    said = read_answer(
        {"choice": ballot.choice, "confidence": ballot.confidence, "reasoning": ballot.reasoning}
        | {"evidence": ballot.evidence, "attributes": dict(ballot.attributes), "veto": ballot.veto},
        scrub=scrubber({}),
    )
    own = replace(ballot, reasoning=said.reasoning, evidence=said.evidence, attributes=said.attributes)

    sent = signed(own, PROPOSAL, KEY)

    read = proven(ADA, PROPOSAL, as_ballot(json.dumps(sent).encode()))
    assert read.choice == ballot.choice.strip()
    assert ballot.confidence is None or abs(read.confidence - ballot.confidence) < Fraction(1, 10**11)


class TestRequests:
    async def test_a_token_is_needed_where_there_is_one(self, tmp_path):
        served = Served(tmp_path, bounds=Bounds(token="secret-enough"))
        try:
            wrong = [await served.ask(headers=headers) for headers in ({}, {"Authorization": "Bearer secret"})]
            hidden = await served.send("GET", "/health")
            right = await served.ask(headers={"Authorization": "Bearer secret-enough"})
        finally:
            served.given.close()

        assert [response.status_code for response in (*wrong, hidden, right)] == [401, 401, 401, 200]
        assert wrong[0].headers["WWW-Authenticate"] == "Bearer"

    async def test_a_web_page_cannot_lead_here_under_another_name(self, tmp_path):
        served = Served(tmp_path, bounds=Bounds(hosts=("localhost",)))
        try:
            led = await served.ask(headers={"Host": "evil.example"})
            simple = await served.send("POST", "/ballot", content=b"{}", headers={"Content-Type": "text/plain"})
        finally:
            served.given.close()

        assert (led.status_code, simple.status_code) == (421, 415)

    async def test_a_question_that_is_too_large_is_refused_before_it_is_read(self, tmp_path):
        served = Served(tmp_path, bounds=Bounds(max_body=100))
        try:
            response = await served.ask()
        finally:
            served.given.close()

        assert response.status_code == 413

    async def test_another_version_is_refused(self, served):
        response = await served.ask(headers={"Maos-Agent-Protocol": "3"})

        assert response.status_code == 400

    async def test_a_line_is_logged_for_each_request_without_what_was_said(self, served):
        await served.ask()
        await served.send("GET", "/secret-path")

        first, second = served.lines
        assert first.startswith("127.0.0.1 POST /ballot 200 ")
        assert second.startswith("127.0.0.1 GET (another path) 404 ")
        assert "MongoDB" not in first
        assert "database" not in first

    async def test_health_says_who_is_well(self, served):
        response = await served.send("GET", "/health")

        assert response.json() == {
            "status": "ok",
            "protocol": 2,
            "agent": "ada",
            "voter": "python",
            "public_key": KEY.public,
            "under_way": 0,
        }


class TestDescription:
    def test_the_shipped_description_is_the_one_the_code_makes(self):
        assert SHIPPED.read_text() == openapi_text(), "python -m maos_flows.agent_server --write mends it"

    def test_it_is_printed(self, capsys):
        main([])

        assert capsys.readouterr().out == openapi_text()

    async def test_what_is_said_is_as_described(self, served):
        described = openapi()["paths"]["/ballot"]["post"]["responses"]
        ballot, refused = await served.ask(), await served.send("POST", "/ballot")
        well = await served.send("GET", "/health")

        VALIDATORS["Question"].validate(as_sent(ADA, PROPOSAL))
        VALIDATORS["Ballot"].validate(ballot.json())
        VALIDATORS["Error"].validate(refused.json())
        VALIDATORS["Health"].validate(well.json())
        assert {str(ballot.status_code), str(refused.status_code)} <= described.keys()

    async def test_it_is_served(self, served):
        response = await served.send("GET", "/openapi.json")

        assert response.json() == openapi()
