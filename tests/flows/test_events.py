"""Events: Prefect's feed tells of every step of a decision, and nothing an agent wrote."""

import json
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from prefect import get_client

from maos_flows.flows.decide import decide
from maos_flows.flows.edges import state_of
from maos_flows.flows.events import tell_decided
from maos_flows.model import Decision, Fault, Outcome, Reason, Tally
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import open_decision
from maos_flows.voters.base import utc_now
from tests.flows.making import agents, plain, request
from tests.flows.pools import until

pytestmark = pytest.mark.usefixtures("prefect_address", "home")


async def told_of(decision_id: str, *, last: str) -> list[dict[str, Any]]:
    """What the server has heard of a decision, once it has heard the last of it."""
    wanted = {"filter": {"any_resource": {"id": [f"maos.decision.{decision_id}"]}}, "limit": 50}
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        async with get_client() as client:
            response = await client.request("POST", "/events/filter", json=wanted)
        found[:] = response.json()["events"]
        return any(event["event"] == f"maos.decision.{last}" for event in found)

    await until(is_there)
    return sorted(found, key=lambda event: str(event["occurred"]))


async def test_every_step_of_a_decision_is_told_without_what_agents_wrote() -> None:
    state = await state_of(decide(plain(*agents("a", "a", "b")), "d-told", return_state=True))

    events = await told_of("d-told", last="decided")
    assert Counter(event["event"].rpartition(".")[2] for event in events) == {"opened": 1, "ballot": 3, "decided": 1}
    opened, *ballots, decided = events
    assert (opened["payload"]["agents"], decided["payload"]["choice"]) == (3, "a")
    assert {event["payload"]["agent"] for event in ballots} == {"agent_0", "agent_1", "agent_2"}
    run = f"prefect.flow-run.{state.state_details.flow_run_id}"
    assert all(run in {resource["prefect.resource.id"] for resource in event["related"]} for event in events)
    text = json.dumps([event["payload"] for event in events])
    assert "is for it" not in text
    assert all("choice" not in event["payload"] for event in ballots), "nobody learns here how others voted"


async def test_a_slow_decision_that_fails_is_told_to_be_both() -> None:
    await state_of(decide(plain(*agents("a", "a", function="hang"), timeout_seconds=0.5), "d-slow", return_state=True))

    events = await told_of("d-slow", last="failed")
    names = Counter(event["event"].rpartition(".")[2] for event in events)
    assert names == {"opened": 1, "slow": 1, "ballot": 2, "decided": 1, "failed": 1}
    assert {event["payload"]["answer"] for event in events if event["event"].endswith("ballot")} == {"timed_out"}


async def test_an_agent_at_fault_is_told_by_name() -> None:
    asked = request(*agents("a", "a", "b"))
    policy = built_in_policies()[asked.algorithm]

    opening = open_decision(asked, policy, decision_id="d-liar", now=utc_now())
    nothing = Tally({"a": 0}, {"a": 0}, 0, 0, 3, 0, Fraction(1))
    fault = Fault("agent_2", "equivocation", True, ("a secret",))
    tell_decided(
        Decision(
            opening, Outcome.NOT_REACHED, Reason.TOO_MANY_FAULTS, None, Fraction(0), "", nothing, (), faults=(fault,)
        )
    )

    events = await told_of("d-liar", last="byzantine")
    liar = next(event for event in events if event["event"].endswith("byzantine"))
    assert (liar["payload"]["agent"], liar["payload"]["fault"], liar["payload"]["proof"]) == (
        "agent_2",
        "equivocation",
        True,
    )
    assert "a secret" not in json.dumps(events)
