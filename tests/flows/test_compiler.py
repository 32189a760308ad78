"""Workflows as flows, on a real Prefect server and a real store."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import get_client

from maos_flows.flows.compiler import compile_workflow
from maos_flows.flows.entrypoint import ask, run_workflow
from maos_flows.flows.ids import decision_id_of
from maos_flows.flows.stores import audit_store
from maos_flows.model import Outcome
from maos_flows.policies.registry import built_in_policies
from maos_flows.workflow import Workflow, load_workflow
from tests.flows.making import AGENTS
from tests.flows.shown import graph

pytestmark = pytest.mark.usefixtures("prefect_address", "home")

POLICIES = built_in_policies()


def agent(number: int, role: str, function: str = "by_role") -> dict:
    voter = {"kind": "python", "function": f"{AGENTS}:{function}"}
    return {"id": f"agent_{number}", "role": role, "voter": voter}


def workflow(stages: list[dict], agents: list[dict] | None = None) -> Workflow:
    everybody = agents or [agent(number, "approve") for number in range(3)]
    document = {"workflow_name": "test", "roster": {"agents": everybody}, "stages": stages}
    return load_workflow(json.dumps(document), source="test", base=Path.cwd(), policies=POLICIES)


def stage(name: str, *after: str, **keys) -> dict:
    return {"stage": name, "question": f"{name}?", "depends_on": list(after), **keys}


async def run(checked: Workflow, run_id: str | None = None):
    name = run_id or uuid4().hex[:8]
    state = await compile_workflow(checked)(name, return_state=True)
    outcomes = {record.stage: record.outcome for record in audit_store().stages(name)}
    return state, name, outcomes


async def test_a_diamond_runs_in_order_with_exact_edges():
    checked = workflow([stage("a"), stage("b", "a"), stage("c", "a"), stage("d", "b", "c")])
    state, _, outcomes = await run(checked)

    assert state.name == "Completed: 4 stages"
    assert outcomes == dict.fromkeys("abcd", "reached")
    async with get_client() as client:
        shown = await graph(client, state.state_details.flow_run_id, expected=4)
    assert shown == {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}


async def test_independent_stages_run_side_by_side():
    together = [agent(0, "approve", "wait_for_the_other_stage")]
    _, _, outcomes = await run(workflow([stage("a", timeout="60s"), stage("b", timeout="60s")], together))

    assert outcomes == {"a": "reached", "b": "reached"}


async def test_b75_a_stage_without_consensus_stops_what_depends_on_it():
    split = [agent(0, "approve"), agent(1, "reject")]
    state, name, outcomes = await run(workflow([stage("a"), stage("b", "a"), stage("c", "b")], split))

    assert outcomes == {"a": "not_reached", "b": "skipped", "c": "skipped"}
    assert state.name == "Stopped at a: not reached"
    explanations = {record.stage: record.explanation for record in audit_store().stages(name)}
    assert explanations["b"].startswith("skipped: a: not reached, tie")
    assert audit_store().run(name).outcome == "stopped"


async def test_a_rejection_is_a_decision_and_leads_no_further():
    against = [agent(number, "reject") for number in range(3)]
    state, _, outcomes = await run(workflow([stage("a"), stage("b", "a")], against))

    assert outcomes == {"a": "reached", "b": "skipped"}
    assert state.name == "Stopped at a: reject"


async def test_proceed_on_names_the_choices_that_lead_on():
    for_b = [agent(number, "b") for number in range(3)]
    stages = [stage("one", choices=["a", "b"], proceed_on=["a"]), stage("two", "one", choices=["a", "b"])]
    _, _, outcomes = await run(workflow(stages, for_b))

    assert outcomes == {"one": "reached", "two": "skipped"}


async def test_on_no_consensus_may_continue():
    split = [agent(0, "approve"), agent(1, "reject")]
    stages = [stage("a", on_no_consensus="continue"), stage("b", "a", on_no_consensus="continue")]
    state, _, outcomes = await run(workflow(stages, split))

    assert outcomes == {"a": "not_reached", "b": "not_reached"}
    assert state.name == "Completed: 2 stages"


async def test_on_no_consensus_may_escalate():
    split = [agent(0, "approve"), agent(1, "reject")]
    state, name, outcomes = await run(workflow([stage("a", on_no_consensus="escalate"), stage("b", "a")], split))

    assert outcomes == {"a": "escalated", "b": "skipped"}
    assert state.name == "Stopped at a: escalated"
    assert audit_store().decision(f"{name}-a").outcome is Outcome.ESCALATED


async def test_on_no_consensus_may_ask_again():
    wavering = [agent(number, "any", "by_round") for number in range(2)]
    _, name, outcomes = await run(workflow([stage("a", on_no_consensus="revote")], wavering))

    assert outcomes == {"a": "reached"}
    assert audit_store().decision(f"{name}-a").opening.proposal.round == 2


async def test_later_stages_are_given_what_earlier_ones_decided():
    telling = [agent(number, "approve", "tell_context") for number in range(2)]
    _, name, _ = await run(workflow([stage("a"), stage("b", "a")], telling))

    reasoning = audit_store().decision(f"{name}-b").ballots[0].reasoning
    assert "decision of a" in reasoning
    assert "choice: approve" in reasoning


async def test_b75_a_stage_that_breaks_fails_the_run_and_stops_what_depends_on_it(monkeypatch):
    checked = workflow([stage("a"), stage("b", "a"), stage("c", "b")])
    with monkeypatch.context() as broken:
        broken.setattr("maos_flows.flows.staging.stage_request", None)
        state, name, outcomes = await run(checked)

    assert state.is_failed()
    assert "a: TypeError" in state.message
    assert outcomes == {}
    assert audit_store().run(name).outcome is None

    state, _, outcomes = await run(checked, name)

    assert state.name == "Completed: 3 stages"
    assert outcomes == dict.fromkeys("abc", "reached")
    assert audit_store().run(name).outcome == "completed"


async def test_a_run_taken_up_again_decides_nothing_twice(tmp_path, monkeypatch):
    log = tmp_path / "asked.log"
    monkeypatch.setenv("ASKED_LOG", str(log))
    checked = workflow([stage("a"), stage("b", "a")])
    _, name, first = await run(checked)
    state, _, second = await run(checked, name)

    assert first == second
    assert state.name == "Completed: 2 stages"
    assert len(log.read_text().splitlines()) == 6


async def test_the_entrypoint_runs_a_file_under_its_own_flow_runs_id(tmp_path):
    file = tmp_path / "w.yaml"
    agents = "\n".join(f"    - {json.dumps(agent(number, 'approve'))}" for number in range(2))
    file.write_text(f"workflow_name: w\nroster:\n  agents:\n{agents}\nstages:\n  - stage: only\n    question: ok?\n")
    state = await run_workflow(str(file), return_state=True)

    name = str(state.state_details.flow_run_id).replace("-", "")[-12:]
    assert state.name == "Completed: 1 stage"
    assert audit_store().decision(f"{name}-only").choice == "approve"


@pytest.mark.parametrize(("opinion", "name"), [("approve", "Reached: approve 2 of 2"), ("abstain", "Not reached: all")])
async def test_a_question_from_the_form_ends_in_a_state_named_after_its_decision(tmp_path, opinion, name):
    roster = tmp_path / "roster.json"
    roster.write_text(json.dumps([agent(number, opinion) for number in range(3)]))
    answered = {"threshold": " 0.6 ", "algorithm": "supermajority", "max_agents": 2, "roster": str(roster)}
    state = await ask("Is it fit?", **answered, return_state=True)

    data = await state.aresult()
    assert state.name.startswith(name)
    assert data["decision_id"] == decision_id_of(state.state_details.flow_run_id)
    assert state.message == audit_store().decision(data["decision_id"]).explanation
    assert audit_store().decision(data["decision_id"]).opening.algorithm == "supermajority"


async def test_a_question_that_cannot_be_asked_says_everything_that_is_wrong_with_it():
    state = await ask("Is it fit?", threshold="150%", timeout="soon", return_state=True)

    assert state.is_failed()
    assert "threshold: '150%'" in state.message
    assert "timeout: 'soon'" in state.message
