"""Submitting to a Prefect server: one flow run for each submission, and none that is lost stays so."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from maos_flows.audit.store import AuditStore, Submission
from maos_flows.errors import ConfigurationError
from maos_flows.flows.api import Address, PrefectApi
from maos_flows.flows.cancelling import cancel
from maos_flows.flows.deployments import ASK, WORKFLOW, Timing, Wanted, deploy, deploy_own, deployment_id
from maos_flows.flows.submitting import SubmittedWorkflow, hand_in, keep_decision, keep_workflow, resubmit_lost
from maos_flows.policies.registry import built_in_policies
from tests.flows.making import agents, request

ASKED = request(*agents("a", "b", "a"))


@pytest.fixture
def address(prefect_address: str) -> Address:
    return Address(prefect_address)


@pytest.fixture
def api(address: Address) -> PrefectApi:
    return PrefectApi(address)


@pytest.fixture
def store(home: Path) -> Iterator[AuditStore]:
    with AuditStore.open(f"sqlite:///{home / 'audit.db'}") as opened:
        yield opened


def kept(store: AuditStore) -> Submission:
    return keep_decision(store, ASKED, requires_consensus=True)


def run_of(api: PrefectApi, submission: Submission) -> dict:
    return api.get(f"/flow_runs/{submission.flow_run_id}")


def test_a_submission_becomes_a_flow_run_that_waits_for_a_worker(store, address, api):
    handed = hand_in(store, kept(store), address)
    run = run_of(api, handed.submission)

    assert run["state_type"] == "SCHEDULED"
    assert run["parameters"]["decision_id"] == handed.submission.id
    assert run["work_pool_name"] == "maos"
    assert {"maos", "submitted", "consensus-required"} <= set(run["tags"])
    assert handed.url.endswith(f"/runs/flow-run/{run['id']}")


def test_handing_in_twice_is_one_flow_run(store, address):
    submission = kept(store)
    first = hand_in(store, submission, address)
    second = hand_in(store, submission, address)

    assert first == second


def test_what_was_kept_without_a_flow_run_is_taken_up_by_the_next(store, address):
    lost = kept(store)
    hand_in(store, kept(store), address)

    assert store.submission(lost.id).flow_run_id is not None


def test_what_the_server_does_not_know_gets_a_flow_run(store, address, api):
    lost = store.note_flow_run(kept(store).id, str(uuid4()))
    taken_up = resubmit_lost({"MAOS_DATABASE_URL": f"sqlite:///{store.name}"}, address)

    assert taken_up == (lost.id,)
    assert run_of(api, store.submission(lost.id))["state_type"] == "SCHEDULED"
    assert resubmit_lost({"MAOS_DATABASE_URL": f"sqlite:///{store.name}"}, address) == ()


def test_a_run_that_crashed_gets_another_after_it(store, address, api):
    handed = hand_in(store, kept(store), address).submission
    api.post(f"/flow_runs/{handed.flow_run_id}/set_state", {"state": {"type": "CRASHED"}, "force": True})
    taken_up = resubmit_lost({"MAOS_DATABASE_URL": f"sqlite:///{store.name}"}, address)

    assert taken_up == (handed.id,)
    assert store.submission(handed.id).flow_run_id != handed.flow_run_id


def test_what_was_called_back_is_not_taken_up(store, address):
    submission = kept(store)
    store.cancel_submission(submission.id, at=submission.submitted_at)

    assert resubmit_lost({"MAOS_DATABASE_URL": f"sqlite:///{store.name}"}, address) == ()


def test_a_run_nobody_has_begun_is_called_back(store, address, api):
    handed = hand_in(store, kept(store), address).submission
    told: list[str] = []
    ended = cancel(store, handed, api, policies=built_in_policies(), patience_seconds=10, say=told.append)

    assert ended.outcome == "cancelled"
    assert run_of(api, handed)["state_type"] == "CANCELLED"
    assert told == []


def test_a_workflow_becomes_a_run_of_its_own_id(store, address, api):
    text = "workflow_name: w\nstages:\n  - {stage: only, question: 'ok?'}\n"
    submission = keep_workflow(store, SubmittedWorkflow(text, "w.yaml", "/"), name="w")
    run = run_of(api, hand_in(store, submission, address).submission)

    assert run["parameters"] == {"workflow": "w", "run_id": submission.id}


def test_the_form_of_a_question_has_every_field_described(api):
    deploy_own(api)
    schema = api.get(f"/deployments/{deployment_id(api, ASK)}")["parameter_openapi_schema"]

    assert schema["required"] == ["question"]
    assert all(field["description"] for field in schema["properties"].values())
    assert "weighted_voting" in schema["definitions"]["Algorithm"]["enum"]


def test_a_deployment_of_another_release_is_brought_up_to_date(api):
    name = deployment_id(api, ASK)
    found = api.get(f"/deployments/{name}")
    api.post("/deployments/", {"name": "maos", "flow_id": found["flow_id"], "version": "0.0.0"})

    assert deployment_id(api, ASK) == name
    assert api.get(f"/deployments/{name}")["version"] == found["version"]


TIMINGS = (
    Timing(cron="0 6 * * *", timezone="Europe/Berlin"),
    Timing(interval=timedelta(hours=1)),
    Timing(rrule="FREQ=DAILY"),
)


def test_schedules_are_exactly_those_given(api):
    wanted = Wanted(WORKFLOW, f"w-{uuid4().hex[:6]}", parameters={"workflow": "/w.yaml"}, timings=TIMINGS)
    first = deploy(api, wanted)
    again = deploy(api, replace(wanted, timings=TIMINGS[:1]))

    assert len(first["schedules"]) == 3
    assert [schedule["schedule"]["cron"] for schedule in again["schedules"]] == ["0 6 * * *"]
    assert first["id"] == again["id"]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"timings": [Timing(cron="x y z")]}, '--cron x y z: Invalid cron string: "x y z"'),
        ({"timings": [Timing(rrule="nonsense")]}, "--rrule nonsense: Invalid RRule string"),
        ({"timings": [Timing(cron="0 6 * * *", timezone="Mars/Base")]}, '--timezone: Invalid timezone: "Mars/Base"'),
        ({"timings": [Timing(interval=timedelta(0))]}, "--interval"),
        ({"parameters": {"colour": "red"}}, "colour: the flow maos-workflow has no such parameter"),
    ],
)
def test_what_cannot_be_deployed_is_refused(api, wanted, told):
    with pytest.raises(ConfigurationError) as raised:
        deploy(api, Wanted(WORKFLOW, "refused", **wanted))

    assert told in str(raised.value)
    assert api.find("/deployments/name/maos-workflow/refused") is None
