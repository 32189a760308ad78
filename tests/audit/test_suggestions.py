"""Suggestions in the audit store: one of each agent, told on the timeline, and what they became."""

from dataclasses import replace
from datetime import timedelta

import pytest

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, NotFoundError
from maos_flows.model import Absence, AbsenceKind, Agent, EventKind, Opening, Suggestion
from maos_flows.proposing import as_details, merge
from maos_flows.request import DecisionRequest
from tests.audit.samples import NAMES, NOON, SOON, ballot, decision_of, opening_of

LATE = NOON + timedelta(seconds=21)


def open_request(**fields) -> DecisionRequest:
    agents = tuple(Agent(name, voter="python") for name in NAMES)
    given = {"choices": (), "open_choices": True, **fields}
    return DecisionRequest("What to call the cache?", agents=agents, **given)


def proposing(store: AuditStore, **fields) -> Opening:
    """Open a decision whose choices are to be suggested."""
    request = open_request(**fields)
    return store.open_decision(opening_of(request), request)


def suggestion(agent_id: str = "ada", text: str = "Cachet", **fields) -> Suggestion:
    return Suggestion("d-1", agent_id, text, **{"reasoning": "It is short.", "received_at": SOON, **fields})


def vote_on(store: AuditStore, opening: Opening, *choices: str) -> Opening:
    """Open the vote on what was suggested."""
    proposal = replace(opening.proposal, round=1, choices=choices, deadline=NOON + timedelta(seconds=60))
    return store.open_round(replace(opening, proposal=proposal))


def kinds(store: AuditStore) -> list[EventKind]:
    return [event.kind for event in store.timeline("d-1")]


def test_a_decision_without_choices_opens_with_the_round_of_suggestions_and_its_third_of_the_time(store):
    opening = proposing(store)

    assert (opening.proposal.round, opening.proposal.choices) == (0, ())
    assert opening.proposal.deadline == NOON + timedelta(seconds=20)
    assert store.opening("d-1") == opening
    assert store.check() == ()


def test_a_decision_whose_choices_are_given_has_no_such_round(store):
    request = open_request(open_choices=False)
    opening = opening_of(open_request())

    with pytest.raises(ConfigurationError, match="round: a decision opens with round 1, not 0"):
        store.open_decision(opening, request)


def test_the_first_suggestion_of_an_agent_stands_and_is_told_once(store):
    proposing(store)

    first = store.suggestions.record(suggestion(), now=SOON)
    again = store.suggestions.record(suggestion(text="Memo"), now=SOON)

    assert (first, again) == (suggestion(), suggestion())
    assert store.suggestions.of("d-1") == (suggestion(),)
    (told,) = [event for event in store.timeline("d-1") if event.kind is EventKind.SUGGESTION]
    assert (told.agent_id, told.text, told.data["text"]) == ("ada", "ada suggests: Cachet", "Cachet")
    assert store.check() == ()


def test_why_an_agent_suggested_nothing_is_kept_unless_it_did(store):
    proposing(store)
    absent = Absence("d-1", "bob", AbsenceKind.FAILED, "it is down", round=0, received_at=SOON)
    store.suggestions.record(suggestion(), now=SOON)

    kept = store.suggestions.record(absent, now=SOON)
    of_ada = store.suggestions.record(replace(absent, agent_id="ada"), now=SOON)
    late = store.suggestions.record(suggestion("bob"), now=SOON)

    assert (kept, of_ada, late) == (absent, suggestion(), absent)
    assert store.suggestions.answered("d-1") == {"ada", "bob"}


def test_a_suggestion_after_the_deadline_is_none(store):
    proposing(store)

    kept = store.suggestions.record(suggestion(received_at=LATE), now=LATE)

    assert isinstance(kept, Absence)
    assert store.suggestions.of("d-1") == ()
    assert store.answers("d-1", 0) == (kept,)


def test_a_suggestion_once_the_vote_is_open_is_not_kept(store):
    opening = proposing(store)
    vote_on(store, opening, "Cachet", "Memo")

    kept = store.suggestions.record(suggestion("bob"), now=SOON)

    assert isinstance(kept, Absence)
    assert (store.suggestions.of("d-1"), store.answers("d-1", 0)) == ((), ())


def test_a_stranger_suggests_nothing(store):
    proposing(store)

    with pytest.raises(NotFoundError, match="'zoe' is not in the electorate"):
        store.suggestions.record(suggestion("zoe"), now=SOON)


def test_a_decision_whose_choices_were_given_takes_no_suggestions(store):
    request = open_request(open_choices=False, choices=("a", "b"))
    store.open_decision(opening_of(request), request)

    with pytest.raises(NotFoundError, match="no round 0"):
        store.suggestions.record(suggestion(), now=SOON)


def test_what_suggestions_became_is_told_once_with_who_suggested_it(store):
    proposing(store)
    merged = merge([suggestion(), suggestion("bob", "cachet!"), suggestion("eve", "Memo")], order=NAMES)

    store.suggestions.merged("d-1", merged, at=SOON)
    store.suggestions.merged("d-1", merged, at=LATE)

    (told,) = [event for event in store.timeline("d-1") if event.kind is EventKind.CHOICES]
    assert told.text == "suggested choices: Cachet (ada, bob), Memo (eve)"
    assert told.data == as_details(merged)


def test_while_ballots_are_sealed_nobody_is_told_who_suggested_what(store):
    proposing(store, sealed=True)
    store.suggestions.record(suggestion(), now=SOON)

    store.suggestions.merged("d-1", merge([suggestion()], order=NAMES), at=SOON)

    assert not [event for event in store.timeline("d-1") if event.agent_id == "ada" and "Cachet" in str(event)]
    (told,) = [event for event in store.timeline("d-1") if event.kind is EventKind.CHOICES]
    assert told.data["choices"] == [{"choice": "Cachet", "by": []}]


def test_the_vote_follows_the_suggestions_and_closes_like_any_other(store):
    opening = proposing(store, signed_record=True)
    store.suggestions.record(suggestion(), now=SOON)
    voting = vote_on(store, opening, "Cachet", "Memo")
    for name in NAMES:
        store.record_answer(ballot(name, "Cachet"))

    decision = store.close_decision(decision_of(store), at=SOON)

    assert (decision.choice, decision.opening) == ("Cachet", voting)
    assert kinds(store)[:3] == [EventKind.OPENED, EventKind.SUGGESTION, EventKind.ROUND_OPENED]
    assert store.check() == ()
    assert store.signatures.check("d-1").is_sound


def test_a_ballot_before_there_are_choices_is_rejected(store):
    proposing(store)

    store.record_answer(ballot())

    assert [entry.reason.value for entry in store.rejected("d-1", 0)] == ["wrong_round"]
    assert store.answers("d-1", 0) == ()
