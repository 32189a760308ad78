"""Suggestions: every kind of voter can be asked for one, and what it gives is a short text, cleaned, or nothing."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.agreement.binding import SUGGESTION, suggestion_claims
from maos_flows.model import ABSTAIN, AbsenceKind, Agent, AuthClass, Proposal, Suggestion
from maos_flows.proposing import LONGEST_SUGGESTION
from maos_flows.signing import SigningKey
from maos_flows.voters import ask, suggest
from maos_flows.voters.cleaning import scrubber
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.recorded import without_suggestion
from maos_flows.voters.suggesting import read_suggestion
from tests.voters.http_agents import response, serving

CSV = (
    "agent_id,suggestion,choice,reasoning\nada,Cachet,,it is short\nada,,Memo,it is known\nbob,Memo,Memo,\ncyd,,Memo,\n"
)


@pytest.fixture
def question(proposal: Proposal) -> Proposal:
    return replace(proposal, question="What to call the cache?", choices=(), round=0)


def read(reply: object) -> str:
    return read_suggestion(reply, scrub=scrubber({})).suggestion


async def test_a_program_is_told_that_a_suggestion_is_wanted_and_gives_one(program, question):
    agent = program(
        """
        import json, sys
        asked = json.load(sys.stdin)
        said = [asked["wanted"], asked["choices"], asked["round"]]
        print(json.dumps({"suggestion": "Cachet", "reasoning": json.dumps(said), "style": "french"}))
        """
    )

    suggestion = await suggest(agent, question)

    assert isinstance(suggestion, Suggestion)
    assert (suggestion.text, suggestion.attributes, suggestion.voter) == ("Cachet", {"style": "french"}, "command")
    assert json.loads(suggestion.reasoning) == ["suggestion", [], 0]
    assert suggestion.received_at <= question.deadline


async def test_a_function_may_give_the_text_alone(function, question):
    suggestion = await suggest(function("def vote(asked): return '  Hot\\n box '"), question)

    assert (suggestion.text, suggestion.reasoning) == ("Hot box", "")


async def test_whoever_is_asked_for_a_ballot_is_not_told_of_suggestions(function, proposal):
    ballot = await ask(function("def vote(asked): return 'MongoDB' if 'wanted' not in asked else 'x'"), proposal)

    assert ballot.choice == "MongoDB"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{'choice': 'MongoDB'}", "suggestion: Field required"),
        ("{'suggestion': 7}", "suggestion: Input should be a valid string"),
        (f"'x' * {LONGEST_SUGGESTION + 1}", f"a suggestion of {LONGEST_SUGGESTION + 1} characters; at most"),
        ("{'suggestion': chr(0x200b)}", "a suggestion is empty"),
        ("None", "no answer: nothing was returned"),
    ],
)
async def test_what_is_no_suggestion_is_asked_for_again_and_then_there_is_none(function, question, soon, source, words):
    """B47, B58."""
    absence = await suggest(function(f"def vote(asked): return {source}"), question, retries=1, backoff=soon)

    assert absence.kind is AbsenceKind.FAILED
    assert absence.explanation.startswith("asked 2 times: ")
    assert words in absence.explanation
    assert absence.round == 0


async def test_who_does_not_suggest_in_time_is_late(function, proposal_within):
    question = replace(proposal_within(0.05), choices=(), round=0)

    absence = await suggest(function("import time\ndef vote(asked): time.sleep(60)"), question)

    assert absence.kind is AbsenceKind.TIMED_OUT


def test_text_that_is_hidden_or_secret_is_no_part_of_a_suggestion():
    """B60."""
    assert read("Ca\u202echet\x1b[31m") == "Cachet"
    assert read("key sk-abcdefghijklmnopqrstuvwx") == "key [secret removed]"


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists) | st.binary())
def test_whatever_a_voter_gives_is_one_short_line_or_refused(reply):
    text = None
    with suppress(MalformedError):
        text = read(reply)

    assert text is None or (0 < len(text) <= LONGEST_SUGGESTION and text.splitlines() == [text])


async def test_simulated_agents_suggest_what_they_have_opinions_on_and_else_what_says_that_it_is_made_up(question):
    wants = {"opinions": {"Cachet": "2", "Memo": "1", ABSTAIN: "1"}}
    panel = [Agent(f"a{number}", settings=wants) for number in range(30)]

    known = {(await suggest(agent, question)).text for agent in panel}
    unknown = {(await suggest(Agent(agent.id), question)).text for agent in panel}

    assert known == {"Cachet", "Memo", ABSTAIN}
    assert 1 < len(unknown) <= 4
    assert all(text.startswith("simulated answer ") for text in unknown)


async def test_a_simulated_agent_may_have_nothing_to_suggest(question):
    suggestion = await suggest(Agent("ada", settings={"abstain_rate": 1.0}), question)

    assert (suggestion.text, suggestion.voter) == (ABSTAIN, "simulated")


async def test_recorded_suggestions_are_found_and_are_no_ballots(question, proposal, tmp_path):
    (tmp_path / "votes.csv").write_text(CSV)
    of = {
        name: Agent(name, voter="recorded", settings={"path": str(tmp_path / "votes.csv")})
        for name in ("ada", "bob", "cyd")
    }

    suggested = {name: await suggest(agent, question) for name, agent in of.items()}
    cast = {name: await ask(agent, replace(proposal, choices=("Memo", "Cachet"))) for name, agent in of.items()}

    assert (suggested["ada"].text, suggested["ada"].reasoning) == ("Cachet", "it is short")
    assert suggested["bob"].text == "Memo"
    assert suggested["cyd"].explanation == "no suggestion recorded"
    assert [(ballot.choice, ballot.attributes) for ballot in cast.values()] == [("Memo", {})] * 3
    assert without_suggestion([*of.values(), Agent("drill")]) == ("cyd",)


async def test_a_person_is_asked_only_on_record(question):
    absence = await suggest(Agent("ada", voter="human"), question)

    assert absence.explanation == "ada is a person, and people are asked only in decisions on record"


class TestAgentsBehindUrls:
    async def test_they_are_asked_under_the_version_that_has_suggestions(self, question):
        async with serving(response(body={"suggestion": "Cachet", "reasoning": "short"})) as remote:
            suggestion = await suggest(remote.agent(), question)

        (asked,) = remote.asked
        assert (suggestion.text, suggestion.auth_class) == ("Cachet", AuthClass.IN_PROCESS)
        assert asked.headers["maos-agent-protocol"] == "2"
        assert (asked.said["wanted"], asked.said["choices"], asked.said["round"]) == ("suggestion", [], 0)

    async def test_ballots_are_asked_for_under_the_first_version_which_all_speak(self, proposal):
        async with serving(response()) as remote:
            await ask(remote.agent(), proposal)

        assert remote.asked[0].headers["maos-agent-protocol"] == "1"

    async def test_one_that_only_casts_ballots_suggests_nothing_and_says_why(self, question):
        refusal = response(400, {"error": "this is version 1 of the protocol"}, Maos_Agent_Protocol="1")
        async with serving(refusal) as remote:
            absence = await suggest(remote.agent(), question)

        assert "this is version 1 of the protocol" in absence.explanation
        assert len(remote.asked) == 1

    async def test_one_with_a_key_signs_what_it_suggests(self, question):
        key = SigningKey.generate()
        said = Suggestion(question.decision_id, "ada", "Cachet", "It is short.")
        token = key.sign(SUGGESTION, suggestion_claims(said, question))
        body = {"suggestion": said.text, "reasoning": said.reasoning, "signature": token}
        forged = [{**body, "suggestion": "Memo"}, {**body, "reasoning": ""}, {**body, "signature": ""}]
        async with serving(*(response(body=one) for one in (body, *forged))) as remote:
            agent = remote.agent(public_key=key.public)
            proven, *refused = [await suggest(agent, question) for _ in range(4)]

        assert (proven.text, proven.auth_class) == ("Cachet", AuthClass.REMOTE)
        assert [absence.kind for absence in refused] == [AbsenceKind.FAILED] * 3

    async def test_a_suggestion_signed_for_another_decision_is_none(self, question):
        key = SigningKey.generate()
        said = Suggestion(question.decision_id, "ada", "Cachet")
        token = key.sign(SUGGESTION, suggestion_claims(said, replace(question, decision_id="d-2")))
        async with serving(response(body={"suggestion": "Cachet", "signature": token})) as remote:
            absence = await suggest(remote.agent(public_key=key.public), question)

        assert "not signed, as it stands, with the key" in absence.explanation
