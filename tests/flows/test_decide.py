"""The flow of one decision, on a real Prefect server and a real store."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import get_client

from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConflictError
from maos_flows.flows import tasks
from maos_flows.flows.decide import decide
from maos_flows.flows.stores import audit_store
from maos_flows.model import Absence, AbsenceKind, Ballot, Decision, EventKind, Outcome, Reason, TieBreak
from maos_flows.policies.base import ConsensusPolicy
from tests.flows.making import agents, plain, request
from tests.flows.shown import graph, task_runs

pytestmark = pytest.mark.usefixtures("prefect_address", "home")


def new_id() -> str:
    return f"d-{uuid4().hex[:12]}"


async def decided(*asked, decision_id: str | None = None, **fields) -> tuple[Decision, object]:
    name = decision_id or new_id()
    state = await decide(plain(*asked, **fields), name, return_state=True)
    decision = audit_store().decision(name)
    assert decision is not None
    return decision, state


def asked_agents(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines()) if log.exists() else Counter()


async def test_a_decision_is_reached_named_and_recorded():
    decision, state = await decided(*agents("a", "a", "b", "a", "c"))

    assert (decision.outcome, decision.choice, decision.reason) == (Outcome.REACHED, "a", Reason.THRESHOLD_MET)
    assert state.name == "Reached: a 3 of 5"
    assert await state.aresult() == {
        "decision_id": decision.decision_id,
        "outcome": "reached",
        "reason": "threshold_met",
        "choice": "a",
        "explanation": "a has 3 of 5 eligible; more than half needed",
        "simulated": False,
    }
    assert [event.kind for event in audit_store().timeline(decision.decision_id)] == [
        *(EventKind.OPENED, EventKind.ASKED),
        *([EventKind.BALLOT] * 5),
        EventKind.DECIDED,
    ]


async def test_the_graph_shows_ballots_then_the_algorithm_then_the_record():
    _, state = await decided(*agents("a", "a", "b"))

    async with get_client() as client:
        parents = await graph(client, state.state_details.flow_run_id, expected=5)
    ballots = {"ballot: agent_0", "ballot: agent_1", "ballot: agent_2"}
    assert parents == {**{name: set() for name in ballots}, "simple_majority": ballots, "record": {"simple_majority"}}


async def test_the_task_runs_states_name_the_ballots_and_what_became_of_them():
    decision, state = await decided(*agents("a", "nonsense", "a"))

    async with get_client() as client:
        runs = await task_runs(client, state.state_details.flow_run_id, expected=5)
    states = {run.name: run.state_name for run in runs}
    assert (states["ballot: agent_0"], states["ballot: agent_1"]) == ("Ballot: a", "No ballot: failed")
    assert states["simple_majority"] == state.name == "Reached: a 2 of 3"
    assert [item[:2] for item in decision.not_counted] == [("agent_1", "invalid_choice")]


async def test_a_ballot_after_its_agents_absence_is_listed_and_not_counted():
    name = new_id()
    wanted = request(*agents("a", "a", "b", "a", "b"))
    _begin(audit_store(), wanted, name, answered={})
    audit_store().record_answer(Absence(name, "agent_2", AbsenceKind.TIMED_OUT, "too slow", voter="python"))
    audit_store().record_answer(Ballot(name, "agent_2", "b", voter="python"))
    decision, _ = await decided(*wanted.agents, decision_id=name)

    assert [ballot.agent_id for ballot in decision.ballots] == ["agent_0", "agent_1", "agent_3", "agent_4"]
    assert [(item.ballot.agent_id, item.reason.value) for item in decision.rejected] == [("agent_2", "late")]


async def test_artifacts_show_decision_and_ballots():
    decision, state = await decided(*agents("a", "a", "b"))

    async with get_client() as client:
        answer = await client._client.post(
            "/artifacts/filter",
            json={"artifacts": {"flow_run_id": {"any_": [str(state.state_details.flow_run_id)]}}},
        )
        runs = await task_runs(client, state.state_details.flow_run_id, expected=5)
    kinds = {artifact["type"]: artifact for artifact in answer.json()}
    assert [run.name for run in runs if str(run.id) == kinds["markdown"]["task_run_id"]] == ["simple_majority"]
    assert kinds["markdown"]["key"] == f"decision-{decision.decision_id}"
    assert "Reached: a 2 of 3" in kinds["markdown"]["data"]
    assert "agent_2 is for it" in kinds["markdown"]["data"]
    assert '"agent": "agent_2"' in kinds["table"]["data"]


async def test_b46_a_blocking_agent_does_not_delay_the_decision():
    started = time.monotonic()
    decision, _ = await decided(*agents("a", "a", "a"), *_renamed(agents("a", function="hang")), timeout_seconds=2.0)

    assert time.monotonic() - started < 20
    assert decision.outcome is Outcome.REACHED
    assert [(absence.agent_id, absence.kind) for absence in decision.absences] == [("last", AbsenceKind.TIMED_OUT)]


def _renamed(asked):
    from dataclasses import replace

    return tuple(replace(agent, id="last") for agent in asked)


async def test_b47_a_crash_is_an_absence_and_no_approval():
    decision, _ = await decided(*agents("a", "b", "c", function="crash"))

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.NO_BALLOTS)
    assert {absence.kind for absence in decision.absences} == {AbsenceKind.FAILED}


async def test_b22_nobody_answering_in_time_is_not_reached():
    decision, state = await decided(*agents("a", "b", function="hang"), timeout_seconds=0.3)

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.DEADLINE_PASSED)
    assert state.name == "Not reached: deadline passed"


async def test_b65_agents_with_the_same_inputs_are_each_asked(tmp_path, monkeypatch):
    log = tmp_path / "asked.log"
    monkeypatch.setenv("ASKED_LOG", str(log))
    name = new_id()
    await decided(*agents("a", "a", "a"), decision_id=name)

    assert asked_agents(log) == {f"{name} 1 agent_{number}": 1 for number in range(3)}


async def test_b67_the_same_decision_again_asks_nobody_and_says_the_same(tmp_path, monkeypatch):
    log = tmp_path / "asked.log"
    monkeypatch.setenv("ASKED_LOG", str(log))
    name = new_id()
    first, _ = await decided(*agents("a", "a", "b"), decision_id=name)
    again, state = await decided(*agents("a", "a", "b"), decision_id=name)

    assert again == first
    assert state.name == "Reached: a 2 of 3"
    assert set(asked_agents(log).values()) == {1}


async def test_b67_an_id_that_was_used_for_another_question_is_refused():
    name = new_id()
    await decided(*agents("a", "a", "b"), decision_id=name)
    state = await decide(plain(*agents("a", "b")), name, return_state=True)

    assert state.is_failed()
    with pytest.raises(ConflictError):
        await state.aresult()


async def test_b67_a_flow_run_without_an_id_decides_under_its_own():
    state = await decide(plain(*agents("a", "a")), return_state=True)

    name = f"d-{str(state.state_details.flow_run_id).replace('-', '')[-12:]}"
    assert audit_store().decision(name).choice == "a"


async def test_b64_answers_recorded_before_are_not_asked_for_again(tmp_path, monkeypatch):
    log = tmp_path / "asked.log"
    monkeypatch.setenv("ASKED_LOG", str(log))
    name = new_id()
    wanted = request(*agents("a", "a", "b", "c", "a"))
    _begin(audit_store(), wanted, name, answered={"agent_0": "a", "agent_2": "b"})
    decision, _ = await decided(*wanted.agents, decision_id=name)

    assert asked_agents(log) == {f"{name} 1 agent_{number}": 1 for number in (1, 3, 4)}
    assert [ballot.choice for ballot in decision.ballots] == ["a", "a", "b", "c", "a"]
    assert EventKind.RESUMED in {event.kind for event in audit_store().timeline(name)}


def _begin(store: AuditStore, wanted, name: str, *, answered: dict[str, str]) -> None:
    from maos_flows.request import open_decision

    policy = tasks.POLICIES[wanted.algorithm]
    now = tasks.utc_now()
    store.open_decision(open_decision(wanted, policy, decision_id=name, now=now), wanted)
    for agent_id, choice in answered.items():
        store.record_answer(Ballot(name, agent_id, choice, voter="python", received_at=now))


async def test_b69_two_decisions_at_once_do_not_mix():
    one, other = await asyncio.gather(
        decided(*agents("a", "a", "b", function="slowly_by_role")),
        decided(*agents("c", "c", "b", function="slowly_by_role")),
    )

    assert (one[0].choice, other[0].choice) == ("a", "c")
    assert {ballot.decision_id for ballot in other[0].ballots} == {other[0].decision_id}


async def test_b68_ballots_belong_to_their_agents_in_any_order_of_arrival():
    decision, _ = await decided(*agents("c", "b", "a", "a", function="slowly_by_role"))

    assert {ballot.agent_id: ballot.choice for ballot in decision.ballots} == {
        "agent_0": "c",
        "agent_1": "b",
        "agent_2": "a",
        "agent_3": "a",
    }


async def test_b51_early_stop_names_those_not_needed():
    hanging = _renamed(agents("b", function="hang"))

    decision, _ = await decided(*hanging, *agents("a", "a", "a", "b"), early_stop=True, timeout_seconds=8.0)

    assert decision.choice == "a"
    not_needed = {absence.agent_id for absence in decision.absences if absence.kind is AbsenceKind.NOT_NEEDED}
    assert not_needed == {"last", "agent_3"}


async def test_another_round_asks_everybody_again():
    decision, _ = await decided(*agents("x", "x", "x", "x", function="by_round"), choices=("a", "b"), rounds=3)

    assert (decision.choice, decision.opening.proposal.round) == ("a", 2)


async def test_a_tie_may_lead_to_a_revote():
    decision, _ = await decided(
        *agents("x", "x", function="by_round"), choices=("a", "b"), parameters={"tie_break": TieBreak.REVOTE}
    )

    assert (decision.choice, decision.opening.proposal.round) == ("a", 2)


async def test_a_tie_alone_asks_nobody_again():
    decision, _ = await decided(*agents("a", "b"))

    assert (decision.reason, decision.opening.proposal.round) == (Reason.TIE, 1)


async def test_b56_a_veto_ends_the_asking_and_the_rounds():
    vetoing = agents("veto", function="veto")
    decision, _ = await decided(
        *vetoing, *_renamed(agents("a", function="hang")), rounds=3, early_stop=True, parameters={"veto": ("veto",)}
    )

    assert (decision.outcome, decision.reason) == (Outcome.NOT_REACHED, Reason.VETOED)
    assert decision.opening.proposal.round == 1
    assert [absence.kind for absence in decision.absences] == [AbsenceKind.NOT_NEEDED]


async def test_a_decision_not_reached_may_be_a_persons_to_make():
    decision, state = await decided(*agents("a", "b", "c"), escalate=True)

    assert (decision.outcome, decision.reason) == (Outcome.ESCALATED, Reason.TIE)
    assert state.name == "Escalated: tie"


async def test_b76_a_policy_that_raises_fails_the_run_and_approves_nothing(monkeypatch):
    class Broken(ConsensusPolicy):
        name = "broken"

        def evaluate(self, opening, tally, ballots):
            raise ZeroDivisionError("no weights")

    from maos_flows.policies.registry import PolicyRegistry

    monkeypatch.setattr("maos_flows.flows.known.POLICIES", PolicyRegistry(Broken()))
    name = new_id()
    wanted = {**plain(*agents("a", "a")), "algorithm": "broken"}
    state = await decide(wanted, name, return_state=True)

    assert state.is_failed()
    assert state.name == "Error: policy error"
    assert audit_store().decision(name).outcome is Outcome.ERROR


async def test_an_impossible_rule_is_refused_before_anyone_is_asked():
    name = new_id()
    wanted = plain(*agents("a", "a"), parameters={"min_participants": 3})
    state = await decide(wanted, name, return_state=True)

    assert state.is_failed()
    assert audit_store().opening(name) is None


async def test_simulated_ballots_are_labelled():
    from maos_flows.model import Agent

    simulated = [Agent(f"s{number}", settings={"opinions": {"a": "1"}}) for number in range(3)]
    decision, state = await decided(*simulated)

    assert decision.is_simulated
    assert state.message.endswith("(simulated ballots)")


async def test_a_long_decision_has_a_progress_artifact():
    _, state = await decided(*agents("a", "a", "b"), *_renamed(agents("a", function="hang")), timeout_seconds=2.5)

    async with get_client() as client:
        answer = await client._client.post(
            "/artifacts/filter",
            json={"artifacts": {"flow_run_id": {"any_": [str(state.state_details.flow_run_id)]}}},
        )
    progress = [artifact for artifact in answer.json() if artifact["type"] == "progress"]
    assert [artifact["data"] for artifact in progress] == [75.0]
