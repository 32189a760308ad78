"""Sealed ballots on a real Prefect server: who can see it learns nothing that could sway a ballot."""

import json
from uuid import uuid4

import pytest
from prefect import get_client

from maos_flows.flows.decide import decide
from maos_flows.flows.stores import audit_store
from tests.flows.making import agents, plain
from tests.flows.shown import task_runs

pytestmark = pytest.mark.usefixtures("prefect_address", "home")

SECRET = "mauve"


async def test_b61_prefect_shows_no_sealed_ballot_before_the_decision_is_closed():
    name = f"d-{uuid4().hex[:12]}"
    asked = agents(SECRET, SECRET, "nonsense", SECRET)
    state = await decide(plain(*asked, choices=(SECRET, "b"), sealed=True), name, return_state=True)

    closed_at = audit_store().timeline(name)[-1].at
    run_id = state.state_details.flow_run_id
    async with get_client() as client:
        runs = await task_runs(client, run_id, expected=6)
        answer = await client._client.post(
            "/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [str(run_id)]}}}
        )
    ballots = [run.state for run in runs if run.name.startswith("ballot: ")]
    assert sorted(item.name for item in ballots) == ["Ballot cast"] * 3 + ["No ballot: failed"]
    before = [item for item in answer.json() if item["created"] < closed_at.isoformat()]
    shown = json.dumps([[run.model_dump(mode="json") for run in runs], before])
    assert SECRET not in shown
    assert "nonsense" not in shown
    assert {item["type"] for item in answer.json()} == {"markdown", "table"}
