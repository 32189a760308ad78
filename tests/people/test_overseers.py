"""Overseers: what is escalated is a person's to decide, what must be confirmed a person's to confirm."""

from dataclasses import replace
from datetime import timedelta

import pytest

from maos_flows.errors import ConflictError, NotFoundError
from maos_flows.model import EventKind, Outcome, Reason
from maos_flows.model.people import Overseers, QuestionKind
from maos_flows.people.answering import group_answer
from maos_flows.people.asking import ask_overseers
from maos_flows.people.inbox import find_question, inbox
from maos_flows.people.ruling import question_after, ruled
from tests.audit.samples import NOON, SOON, decision_of
from tests.people.asked import person, put, said


def test_b54_a_person_decides_what_the_ballots_did_not_and_the_tally_is_shown(store):
    """B54: own status `overridden`, and the tally it overrode."""
    decision, asked = put(store, "olga", "otto")
    said(store, asked[1], "MongoDB", reasoning="we have it")

    given = group_answer(store.people.of("d-1"))
    by_people = [one for one in store.people.of("d-1") if one.question.kind is QuestionKind.DECIDE]
    over = ruled(decision, QuestionKind.DECIDE, group_answer(tuple(by_people)))
    closed = store.close_decision(over, at=SOON)
    assert given is not None
    assert (closed.outcome, closed.reason, closed.choice) == (Outcome.OVERRIDDEN, Reason.HUMAN_DECIDED, "MongoDB")
    assert closed.tally.units == {"PostgreSQL": 1, "MongoDB": 1}
    assert closed.details["overrode"]["by"] == "otto"
    assert closed.details["overrode"]["reason"] == "tie"
    assert "otto decided MongoDB: we have it; the ballots:" in closed.explanation
    assert [entry.choice for entry in closed.dissent] == ["PostgreSQL"]


def test_b54_only_those_who_are_asked_may_override(store):
    """B54: only an authorised role."""
    put(store, "olga")

    with pytest.raises(NotFoundError, match="'eve' is not asked in d-1; ada, bob, olga may answer"):
        find_question(store, "d-1", by="eve")
    with pytest.raises(ConflictError, match="ada answered"):
        said(store, find_question(store, "d-1", by="ada"), "MongoDB")


def test_the_first_overseer_to_answer_decides_and_the_others_are_told(here):
    _, asked = put(here, "olga", "otto")
    said(here, asked[0], "PostgreSQL", by="olga")

    with pytest.raises(ConflictError, match="olga answered 'PostgreSQL' in a shell before"):
        said(here, asked[1], "MongoDB")

    assert inbox(here, now=SOON) == ()


def test_overseers_are_asked_once_with_one_deadline(here):
    decision, asked = put(here, "olga")

    again = ask_overseers(here, decision, Overseers((person("olga"),), 60.0), QuestionKind.DECIDE, now=SOON)

    assert again == asked
    (told,) = (event for event in here.timeline("d-1") if event.kind is EventKind.ESCALATED)
    assert told.text == "to decide: olga, until 2026-03-01 12:01:00 UTC"
    assert told.data["until"] == (NOON + timedelta(seconds=60)).isoformat()


def test_b55_without_an_answer_what_is_escalated_expires(store):
    """B55: never auto-approved."""
    decision, _ = put(store, "olga")
    escalated = ruled(decision, QuestionKind.DECIDE, None)

    closed = store.close_decision(replace_outcome(escalated), at=SOON)

    assert (closed.outcome, closed.reason, closed.choice) == (Outcome.ESCALATED, Reason.EXPIRED, None)
    assert closed.details["escalated_for"] == "tie"


def replace_outcome(decision):
    return replace(decision, outcome=Outcome.ESCALATED)


def test_b55_without_a_confirmation_nothing_is_reached(store):
    """B55: nobody answering is no approval."""
    decision, _ = put(store, "olga", kind=QuestionKind.CONFIRM)

    unconfirmed = ruled(decision, QuestionKind.CONFIRM, None)

    assert decision.outcome is Outcome.REACHED
    assert (unconfirmed.outcome, unconfirmed.reason) == (Outcome.NOT_REACHED, Reason.UNCONFIRMED)
    assert unconfirmed.choice is None
    assert store.close_decision(unconfirmed, at=SOON).outcome is Outcome.NOT_REACHED


def test_a_confirmed_decision_stands_as_it_was_reached(here):
    decision, asked = put(here, "olga", kind=QuestionKind.CONFIRM)
    given = said(here, asked[0], "approve", reasoning="fine").answer

    confirmed = ruled(decision, QuestionKind.CONFIRM, given)

    assert (confirmed.outcome, confirmed.choice, confirmed.reason) == (Outcome.REACHED, "PostgreSQL", decision.reason)
    assert confirmed.details["oversight"]["by"] == "olga"
    assert confirmed.explanation.endswith("; confirmed by olga")


def test_a_declined_decision_is_not_reached(here):
    decision, asked = put(here, "olga", kind=QuestionKind.CONFIRM)
    given = said(here, asked[0], "reject", reasoning="too dear").answer

    declined = ruled(decision, QuestionKind.CONFIRM, given)

    assert (declined.outcome, declined.reason) == (Outcome.NOT_REACHED, Reason.DECLINED)
    assert "PostgreSQL was not confirmed: olga declined it: too dear" in declined.explanation
    assert declined.details["oversight"]["choice"] == "PostgreSQL"


def test_overseers_are_asked_only_what_is_theirs(here):
    decision, _ = put(here, "olga")
    escalated, reached = replace_outcome(decision), decision
    people = (person("olga"),)

    assert question_after(escalated, Overseers(people)) is QuestionKind.DECIDE
    assert question_after(escalated, Overseers()) is None
    assert question_after(reached, Overseers(people, must_confirm=True)) is None
    assert question_after(decision_of(here), Overseers(people)) is None


def test_what_was_reached_is_put_to_them_only_where_they_must_confirm(here):
    decision, _ = put(here, "olga", kind=QuestionKind.CONFIRM)
    people = (person("olga"),)

    assert question_after(decision, Overseers(people, must_confirm=True)) is QuestionKind.CONFIRM
    assert question_after(decision, Overseers(people)) is None
