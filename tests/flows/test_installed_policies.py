"""Decisions by installed policies, on a real Prefect server and a real store."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from maos_flows.flows.decide import decide
from maos_flows.flows.known import policy_named
from maos_flows.flows.stores import audit_store
from maos_flows.flows.tasks import deciding_task
from maos_flows.model import EventKind, Outcome, Reason
from maos_flows.plugins.pins import file_of
from maos_flows.records import from_plain, to_plain
from maos_flows.request import DecisionRequest, open_decision
from tests.flows.making import agents
from tests.plugins.samples import AGREES, BOARD, body, installed

pytestmark = pytest.mark.usefixtures("prefect_address")
MINE = body(AGREES.replace("1.0}", "1.0, 'checked': len(votes)}"))


def asked(algorithm: str, *roles: str):
    request = DecisionRequest("Which?", ("x", "y"), agents(*roles), algorithm=algorithm, retries=0)
    return to_plain(request), f"d-{uuid4().hex[:12]}"


async def test_an_installed_policy_decides_under_its_name_and_digest(home: Path):
    pin = installed(home, MINE)
    request, name = asked("mine", "x", "x", "y")

    state = await decide(request, name, return_state=True)

    decision = audit_store().decision(name)
    assert decision is not None
    assert (decision.outcome, decision.choice, decision.reason) == (Outcome.REACHED, "x", Reason.POLICY_AGREED)
    assert decision.opening.policy_digest == pin.digest
    assert state.name == "Reached: x 2 of 3"
    (noted,) = [event for event in audit_store().timeline(name) if event.kind is EventKind.POLICY]
    assert noted.text == f"mine ({pin.digest[:19]}): checked: 3"
    assert noted.data == {"round": 1, "policy": "mine", "digest": pin.digest, "details": {"checked": 3}}
    assert deciding_task(await policy_named("mine")).name == "mine"


async def test_b76_a_policy_that_crashes_is_an_error_and_the_run_fails(home: Path):
    installed(home, body("if len(proposal['decision_id']) > 8: os._exit(3)", AGREES))  # not while it is looked at
    request, name = asked("mine", "x", "x")

    state = await decide(request, name, return_state=True)

    assert state.is_failed()
    assert state.name == "Error: policy error"
    assert audit_store().decision(name).outcome is Outcome.ERROR


async def test_b50_a_decision_is_never_decided_by_another_version_than_it_was_opened_with(home: Path):
    installed(home, BOARD, "board.yaml")
    opened_under = await policy_named("board")
    request, name = asked("board", "x", "x")
    wanted = from_plain(DecisionRequest, request)
    audit_store().open_decision(open_decision(wanted, opened_under, decision_id=name, now=datetime.now(UTC)), wanted)
    installed(home, BOARD.replace("2/3", "1/3").replace("quorum: {security: 1}\n", ""), "board.yaml")

    state = await decide(request, name, return_state=True)

    assert state.is_failed()
    assert audit_store().decision(name) is None
    with pytest.raises(Exception, match=f"{name} was opened under the board of digest {opened_under.digest}"):
        await state.aresult()


async def test_a_file_that_was_changed_decides_nothing(home: Path):
    pin = installed(home, BOARD, "board.yaml")
    file_of(home, pin).write_text(BOARD + "# \n")
    request, name = asked("board", "x", "x")

    state = await decide(request, name, return_state=True)

    assert state.is_failed()
    assert audit_store().opening(name) is None
    with pytest.raises(Exception, match="the policy board was changed since it was installed"):
        await state.aresult()
