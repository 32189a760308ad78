"""People who suggest answers: each once, in one short line, on record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError
from maos_flows.model import AuthClass, EventKind, Opening
from maos_flows.model.people import Answered, Asked, QuestionKind
from maos_flows.people.answering import answer
from maos_flows.people.asking import ask_for_ballot, ask_for_suggestion
from maos_flows.people.inbox import find_question, inbox
from maos_flows.people.proving import signed
from maos_flows.signing import SigningKey
from tests.audit.samples import NOON, opening_of
from tests.people.asked import LATER, person, request_to_people, said
from tests.people.test_answers import NO_KEYS


def asked_to_suggest(store: AuditStore, *people, **fields) -> tuple[Opening, dict[str, Asked]]:
    """Open a question without choices, and ask people for suggestions. They have a third of a minute and a half."""
    request = replace(request_to_people(*people, **fields), choices=(), open_choices=True, timeout_seconds=90.0)
    opening = store.open_decision(opening_of(request, "d-1"), request)
    return opening, {one.id: ask_for_suggestion(store, one, opening, now=NOON) for one in people}


def vote_on(store: AuditStore, opening: Opening, *choices: str) -> Opening:
    proposal = replace(opening.proposal, round=1, choices=choices, deadline=NOON + timedelta(seconds=90))
    return store.open_round(replace(opening, proposal=proposal))


def test_what_a_person_answers_is_its_suggestion_in_one_line(store):
    _, asked = asked_to_suggest(store, person("ada"), person("bob"))

    said(store, asked["ada"], "  Hot\n\u202ebox ", reasoning="it warms")

    (suggestion,) = store.suggestions.of("d-1")
    assert (suggestion.agent_id, suggestion.text, suggestion.reasoning) == ("ada", "Hot box", "it warms")
    assert (suggestion.voter, suggestion.auth_class, suggestion.received_at) == ("human", AuthClass.IN_PROCESS, LATER)
    assert [item.by for item in inbox(store, now=LATER)] == ["bob"]


def test_b70_each_answers_for_itself_and_the_same_again_is_the_same(here):
    """B70."""
    _, asked = asked_to_suggest(here, person("ada"), person("bob"))

    said(here, asked["ada"], "Cachet")
    said(here, asked["ada"], "Cachet")
    said(here, asked["bob"], "Memo")

    with pytest.raises(ConflictError, match="ada answered 'Cachet' in a shell before; the first answer counts"):
        said(here, asked["ada"], "Memo")
    assert [one.text for one in here.suggestions.of("d-1")] == ["Cachet", "Memo"]


@pytest.mark.parametrize(
    ("text", "fields", "words"),
    [
        ("x" * 201, {}, "--choice: a suggestion of 201 characters; at most 200"),
        ("\u200b", {}, "--choice: a suggestion is empty"),
        ("Cachet", {"confidence": 1}, "--confidence: a suggestion has none"),
        ("Cachet", {"veto": True}, "--veto: ada has no right to veto here"),
    ],
)
def test_what_is_no_suggestion_is_refused_and_may_be_mended(here, text, fields, words):
    _, asked = asked_to_suggest(here, person("ada"))

    with pytest.raises(ConfigurationError, match=words):
        said(here, asked["ada"], text, **fields)
    said(here, asked["ada"], "Cachet")

    assert [one.text for one in here.suggestions.of("d-1")] == ["Cachet"]


def test_a_suggestion_after_its_time_or_once_the_vote_is_open_is_refused(here):
    opening, asked = asked_to_suggest(here, person("ada"), person("bob"))

    with pytest.raises(ConflictError, match="the time to answer was over at 2026-03-01 12:00:30 UTC"):
        said(here, asked["ada"], "Cachet", at=NOON + timedelta(seconds=31))
    vote_on(here, opening, "a", "b")
    with pytest.raises(ConflictError, match="goes on without bob: this question is closed"):
        said(here, asked["bob"], "Cachet")
    assert inbox(here, now=LATER) == ()


def test_a_persons_ballot_is_another_question_than_its_suggestion(here):
    opening, asked = asked_to_suggest(here, person("ada"))
    said(here, asked["ada"], "Cachet")
    voting = vote_on(here, opening, "Cachet", "reject")
    request = here.request("d-1")

    ask_for_ballot(here, person("ada"), voting, request, now=LATER)

    found = find_question(here, "d-1", by="ada").question
    assert (found.kind, found.choices) == (QuestionKind.BALLOT, ("Cachet", "reject", "abstain"))
    said(here, find_question(here, "d-1", by="ada"), "reject")
    assert [given.choice for given in here.answers("d-1", 1)] == ["reject"]


def test_a_persons_key_proves_its_suggestion(here):
    key = SigningKey.generate()
    opening, asked = asked_to_suggest(here, person("ada", public_key=key.public))
    question = asked["ada"].question

    with pytest.raises(ConfigurationError, match="counts only signed by its key"):
        said(here, asked["ada"], "Cachet")
    given = signed(question, Answered("Cachet", "ada"), opening, key)
    with pytest.raises(ConfigurationError, match="counts only signed by its key"):
        answer(here, question, replace(given, choice="Memo"), at=LATER, keys=NO_KEYS)
    answer(here, question, given, at=LATER, keys=NO_KEYS)

    assert [one.auth_class for one in here.suggestions.of("d-1")] == [AuthClass.HUMAN]


def test_the_timeline_says_who_is_asked_for_a_suggestion(here):
    asked_to_suggest(here, person("ada"))

    (told,) = [event for event in here.timeline("d-1") if event.kind is EventKind.PERSON]
    assert told.text == "ada is asked for a suggestion, until 2026-03-01 12:00:30 UTC"
