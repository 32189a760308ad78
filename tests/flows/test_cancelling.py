"""Calling back: what was handed in is over at once, what was answered or decided stays on record."""

from dataclasses import replace
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore, Submission
from maos_flows.errors import NotFoundError
from maos_flows.flows.api import Address, PrefectApi
from maos_flows.flows.cancelling import cancel, close_as_cancelled
from maos_flows.flows.submitting import SubmittedWorkflow, keep_decision, keep_workflow
from maos_flows.model import AbsenceKind, Ballot, Outcome
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import open_decision
from maos_flows.voters.base import utc_now
from tests.flows.making import agents, request

POLICIES = built_in_policies()
ASKED = request(*agents("a", "b", "a"))


def opened(store: AuditStore, name: str) -> None:
    opening = open_decision(ASKED, POLICIES["simple_majority"], decision_id=name, now=utc_now())
    store.open_decision(opening, ASKED)


def called_back(store: AuditStore, submission: Submission, told: list[str] | None = None) -> Submission:
    say = (told if told is not None else []).append
    return cancel(store, submission, None, policies=POLICIES, patience_seconds=1, say=say)


def test_what_nobody_has_begun_is_on_record_as_cancelled(store):
    submission = keep_decision(store, ASKED, requires_consensus=False)
    ended = called_back(store, submission)

    assert ended.is_over
    assert ended.outcome == "cancelled"
    assert store.decision(submission.id).outcome is Outcome.CANCELLED


def test_ballots_that_were_cast_stay_on_record_and_the_others_are_not_needed(store):
    opened(store, "d-1")
    store.record_answer(Ballot("d-1", "agent_0", "a"))
    decision = close_as_cancelled(store, "d-1")

    assert [ballot.agent_id for ballot in decision.ballots] == ["agent_0"]
    assert {absence.kind for absence in decision.absences} == {AbsenceKind.NOT_NEEDED}
    assert decision.choice is None
    assert decision.tally.units["a"] == 1
    assert store.check() == ()


def test_a_decision_that_was_made_stays_as_it_was(store):
    opened(store, "d-1")
    ballots = [store.record_answer(Ballot("d-1", f"agent_{number}", "a")) for number in range(3)]
    made = store.close_decision(decide(POLICIES["simple_majority"], store.opening("d-1"), ballots), at=utc_now())

    assert close_as_cancelled(store, "d-1") == made
    assert made.outcome is Outcome.REACHED


def test_what_is_over_is_not_called_back(store):
    submission = keep_decision(store, ASKED, requires_consensus=False)
    once = called_back(store, submission)
    twice = called_back(store, once)

    assert twice == once


def test_a_decision_nobody_opened_cannot_be_closed(store):
    with pytest.raises(NotFoundError, match="d-9"):
        close_as_cancelled(store, "d-9")


@pytest.mark.parametrize("is_begun", [True, False])
def test_a_workflow_is_called_back_with_its_open_decisions(store, is_begun):
    workflow = SubmittedWorkflow("{}", "w.yaml", str(Path.cwd()))
    submission = keep_workflow(store, workflow, name="w")
    if is_begun:
        opening = open_decision(ASKED, POLICIES["simple_majority"], decision_id=f"{submission.id}-only", now=utc_now())
        store.open_decision(opening, replace(ASKED, run_id=submission.id))
    ended = called_back(store, submission)

    assert ended.outcome == "cancelled"
    assert [found.outcome for found in store.decisions(run_id=submission.id)] == ["cancelled"] * is_begun


def test_a_server_that_is_away_does_not_keep_a_decision_open(store):
    submission = store.note_flow_run(keep_decision(store, ASKED, requires_consensus=False).id, "f-1")
    told: list[str] = []
    away = PrefectApi(Address("http://127.0.0.1:1/api"))
    ended = cancel(store, submission, away, policies=POLICIES, patience_seconds=1, say=told.append)

    assert ended.outcome == "cancelled"
    assert "cannot be reached" in told[0]
