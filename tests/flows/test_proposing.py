"""Questions without choices: a round of suggestions, then a vote on them, on a real Prefect server and a real store."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import get_client

from maos_flows.deliberation import Deliberation
from maos_flows.explaining import explain
from maos_flows.flows.decide import decide
from maos_flows.flows.entrypoint import ask
from maos_flows.flows.steps import open_or_find
from maos_flows.flows.stores import audit_store
from maos_flows.flows.undecided import CANCELLED, close_undecided
from maos_flows.model import (
    Absence,
    AbsenceKind,
    Agent,
    Decision,
    EventKind,
    FailureKind,
    Outcome,
    PlannedFailure,
    Reason,
    Suggestion,
)
from maos_flows.model.people import QuestionKind
from maos_flows.policies.registry import built_in_policies
from maos_flows.proposing import suggested_in
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest, Dynamics
from maos_flows.voters.base import utc_now
from tests.flows.making import agents, request
from tests.flows.shown import task_runs
from tests.flows.test_people import Running, fill_in, state_of
from tests.people.asked import person

pytestmark = pytest.mark.usefixtures("prefect_address", "home")


def panel(*roles: str) -> tuple[Agent, ...]:
    """Agents that suggest what stands before the arrow and vote for what stands after it."""
    return agents(*roles, function="suggest_and_vote")


def question(asked: Sequence[Agent], **fields) -> DecisionRequest:
    return request(*asked, choices=(), open_choices=True, **fields)


def new_id() -> str:
    return f"d-{uuid4().hex[:12]}"


async def decided(asked: DecisionRequest, name: str = "") -> tuple[Decision, object]:
    name = name or new_id()
    state = await decide(to_plain(asked), name, return_state=True)
    decision = audit_store().decision(name)
    assert decision is not None
    return decision, state


def asked_agents(log: Path) -> Counter[tuple[str, ...]]:
    """Who was asked in which round."""
    return Counter(tuple(line.split()[1:]) for line in log.read_text().splitlines()) if log.exists() else Counter()


async def test_agents_suggest_choices_and_then_vote_on_them():
    decision, state = await decided(question(panel("Cachet", "Memo>cachet!", "cachet!", "cachet!", "!>cachet!")))

    proposal = decision.opening.proposal
    merged = suggested_in(decision)
    kinds = [event.kind for event in audit_store().timeline(decision.decision_id)]
    assert (decision.outcome, decision.choice, proposal.round) == (Outcome.REACHED, "cachet!", 1)
    assert proposal.choices == ("cachet!", "Memo")
    assert [one.agents for one in merged.choices] == [("agent_0", "agent_2", "agent_3"), ("agent_1",)]
    assert {ballot.agent_id for ballot in decision.ballots} == {"agent_1", "agent_2", "agent_3", "agent_4"}
    assert kinds[:2] == [EventKind.OPENED, EventKind.PROPOSING]
    assert Counter(kinds[2:7]) == {EventKind.SUGGESTION: 4, EventKind.ABSENCE: 1}
    assert kinds[7:10] == [EventKind.CHOICES, EventKind.ROUND_OPENED, EventKind.ASKED]
    assert "They suggested cachet! (agent_0, agent_2 and agent_3) and Memo (agent_1)." in explain(decision)
    assert audit_store().check() == ()
    async with get_client() as client:
        runs = await task_runs(client, state.state_details.flow_run_id, expected=13)
    states = {run.name: run.state_name for run in runs}
    assert states["suggestion: agent_0"] == "Suggestion: Cachet"
    assert states["suggestion: agent_4"] == "No suggestion"
    assert states["merge suggestions"] == "Choices: 2"


async def test_the_vote_is_by_the_rule_that_was_asked_for_over_the_same_electorate():
    asked = question(panel("Cachet", "Cachet", "Memo>Cachet", "Cachet"), algorithm="byzantine_tolerant")

    decision, _ = await decided(asked)

    before = audit_store().suggestions.of(decision.decision_id)
    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "Cachet")
    assert decision.certificate is not None
    assert len(before) == 4


async def test_without_a_suggestion_nothing_is_reached_and_nobody_votes():
    decision, state = await decided(question(panel("abstain", "!", "Abstain."), escalate=True))

    kinds = {absence.agent_id: absence.kind for absence in decision.absences}
    assert (decision.outcome, decision.reason) == (Outcome.ESCALATED, Reason.NO_SUGGESTIONS)
    assert kinds == {
        "agent_0": AbsenceKind.NOT_NEEDED,
        "agent_1": AbsenceKind.FAILED,
        "agent_2": AbsenceKind.NOT_NEEDED,
    }
    assert decision.opening.proposal.round == 0
    assert state.name == "Escalated: no suggestions"
    assert audit_store().check() == ()


async def test_one_suggestion_alone_is_voted_on_against_reject():
    decision, _ = await decided(question(panel("Cachet>reject", "Cachet>reject", "Cachet")))

    assert decision.opening.proposal.choices == ("Cachet", "reject")
    assert decision.choice == "reject"


async def test_those_there_is_no_room_for_are_on_record():
    decision, _ = await decided(question(panel("a", "b>a", "c>a", "d>a"), max_choices=2))

    assert decision.opening.proposal.choices == ("a", "b")
    assert [one.choice for one in suggested_in(decision).left_out] == ["c", "d"]


async def test_a_further_round_is_on_the_same_choices_which_voters_are_told_of_again():
    asked = question(panel("a", "b", "c"), rounds=2, deliberation=Deliberation.REASONS)

    decision, _ = await decided(asked)

    first = audit_store().answers(decision.decision_id, 1)[0]
    told = [json.loads(line) for line in first.reasoning.splitlines()]
    contexts = [context.name for context in decision.opening.proposal.context]
    assert decision.opening.proposal.round == 2
    assert decision.opening.proposal.choices == ("a", "b", "c")
    assert contexts == ["suggested choices", "answers of round 1"]
    assert told[0] == {"choice": "a", "reasoning": "agent_0 likes it"}


async def test_nobody_who_has_suggested_is_asked_again_when_a_run_is_taken_up(tmp_path, monkeypatch):
    monkeypatch.setenv("ASKED_LOG", str(log := tmp_path / "asked"))
    name, asked = new_id(), question(panel("Cachet", "Memo>Cachet", "Memo>Cachet"))
    store = audit_store()
    open_or_find(store, asked, built_in_policies()["simple_majority"], name)
    store.suggestions.record(Suggestion(name, "agent_0", "Cachet", received_at=utc_now()), now=utc_now())
    failed = Absence(name, "agent_1", AbsenceKind.FAILED, "it was down", round=0)
    store.suggestions.record(failed, now=utc_now())

    decision, _ = await decided(asked, name)

    rounds = asked_agents(log)
    assert decision.choice == "Cachet"
    assert [asked for asked in rounds if asked[0] == "0"] == [("0", "agent_2")]
    assert set(rounds.values()) == {1}
    assert EventKind.RESUMED in [event.kind for event in store.timeline(name)]


async def test_a_run_that_died_in_the_vote_votes_on_the_choices_it_had(tmp_path, monkeypatch):
    name, asked = new_id(), question(panel("Cachet", "Memo>Cachet", "Cachet"))
    first, _ = await decided(asked, name)
    monkeypatch.setenv("ASKED_LOG", str(log := tmp_path / "asked"))

    again, _ = await decided(asked, name)

    assert again == first
    assert asked_agents(log) == Counter()


async def test_the_suggestions_have_a_third_of_the_time_and_the_vote_the_rest():
    decision, _ = await decided(question(panel("a", "a"), timeout_seconds=90))

    store = audit_store()
    events = {event.kind: event for event in store.timeline(decision.decision_id)}
    opened = decision.opening.opened_at
    assert events[EventKind.OPENED].data["deadline"] == (opened + timedelta(seconds=30)).isoformat()
    assert decision.opening.proposal.deadline == opened + timedelta(seconds=90)


async def test_sealed_ballots_tell_nobody_who_suggested_what_until_the_end():
    """B61."""
    decision, state = await decided(question(panel("Cachet", "Memo>Cachet", "Cachet"), sealed=True))

    told = [str(event) for event in audit_store().timeline(decision.decision_id) if event.agent_id]
    async with get_client() as client:
        runs = await task_runs(client, state.state_details.flow_run_id, expected=9)
    states = {run.name: run.state_name for run in runs}
    assert not any("Cachet" in text or "Memo" in text for text in told)
    assert states["suggestion: agent_1"] == "Suggestion made"
    assert [one.agents for one in suggested_in(decision).choices] == [("agent_0", "agent_2"), ("agent_1",)]


async def test_earned_weights_are_those_for_as_many_choices_as_were_suggested():
    asked = question(panel("a", "b>a", "c>a"), algorithm="weighted_voting", dynamics=Dynamics.FEEDBACK)

    decision, _ = await decided(asked)

    given = replace(asked, choices=("a", "b", "c"), open_choices=False)
    other, _ = await decided(given)
    assert decision.opening.electorate == other.opening.electorate
    assert EventKind.WEIGHT in [event.kind for event in audit_store().timeline(decision.decision_id)]


async def test_b70_people_suggest_in_forms_and_in_shells_and_then_vote():
    """B70."""
    running = Running(person("ada"), person("bob"), choices=(), open_choices=True)
    ada, bob = [await running.asked(name, QuestionKind.SUGGESTION) for name in ("ada", "bob")]

    assert await fill_in(ada, choice="Hot box", reasoning="it warms") == "ACCEPT"
    await running.say(bob, "hot-box")
    ballots = [await running.asked(name, form=False) for name in ("ada", "bob")]
    for asked in ballots:
        await running.say(asked, "Hot box")
    decision = await running.ended()

    assert [asked.question.choices for asked in ballots] == [("Hot box", "reject", "abstain")] * 2
    assert (decision.choice, decision.opening.proposal.choices) == ("Hot box", ("Hot box", "reject"))
    assert [one.spellings for one in suggested_in(decision).choices] == [("Hot box", "hot-box")]
    assert [(await state_of(asked)).name for asked in (ada, bob)] == ["Answered", "Answered in a shell"]


async def test_an_agent_made_to_contradict_itself_does_so_about_what_was_suggested():
    lie = PlannedFailure(FailureKind.CONFLICTING_VOTES, ("agent_3",), 60.0)
    asked = question(panel("a", "a", "a", "b>a"), algorithm="byzantine_tolerant", drill=(lie,))

    decision, _ = await decided(asked)

    assert decision.choice == "a"
    assert [(fault.agent_id, fault.is_proof) for fault in decision.faults] == [("agent_3", True)]


async def test_an_agent_that_is_down_while_the_others_suggest_is_asked_for_its_ballot():
    down = PlannedFailure(FailureKind.CRASH, ("agent_2",), 2.5)
    asked = question(panel("a", "a", "b>a"), drill=(down,), timeout_seconds=6)

    decision, _ = await decided(asked)

    suggested = {one.agent_id for one in audit_store().suggestions.of(decision.decision_id)}
    assert suggested == {"agent_0", "agent_1"}
    assert {ballot.agent_id for ballot in decision.ballots} == {"agent_0", "agent_1", "agent_2"}


async def test_prefects_form_asks_without_choices_too(tmp_path):
    wants = {"kind": "simulated", "opinions": {"Cachet": 1}}
    roster = tmp_path / "roster.json"
    roster.write_text(json.dumps([{"id": name, "voter": wants} for name in ("ada", "bob", "cyd")]))

    state = await ask("What to call it?", roster=str(roster), open_choices=True, return_state=True)

    decision = audit_store().decision((await state.aresult())["decision_id"])
    assert (decision.choice, decision.opening.proposal.choices) == ("Cachet", ("Cachet", "reject"))


def test_a_question_can_be_called_off_while_suggestions_are_awaited(home):
    name, store = new_id(), audit_store()
    open_or_find(store, question(panel("a", "b")), built_in_policies()["simple_majority"], name)
    store.suggestions.record(Suggestion(name, "agent_0", "a", received_at=utc_now()), now=utc_now())

    decision = close_undecided(store, name, CANCELLED)

    assert (decision.outcome, decision.opening.proposal.round) == (Outcome.CANCELLED, 0)
    assert store.check() == ()
