"""Limits: no more agents are asked at once than Prefect's global concurrency limits allow, to the deadline."""

from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate

from maos_flows.flows.decide import decide
from maos_flows.flows.limits import limits_of
from maos_flows.flows.stores import audit_store
from maos_flows.model import AbsenceKind, Agent
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest
from tests.flows.pools import function


def test_an_agent_has_a_limit_of_its_own_its_voters_and_its_providers() -> None:
    asked = Agent("ana", voter="model", settings={"model": "openai:gpt-6-luna"})

    assert list(limits_of(asked)) == ["maos-agent-ana", "maos-voter-model", "maos-provider-openai"]
    assert list(limits_of(Agent("bo", voter="command"))) == ["maos-agent-bo", "maos-voter-command"]


@pytest.mark.usefixtures("prefect_address", "home")
async def test_no_more_are_asked_at_once_than_allowed_and_no_longer_than_the_decision_lasts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAOS_CONCURRENCY_LIMITS", "true")
    monkeypatch.setenv("ASKED_LOG", str(tmp_path / "asked.log"))
    limited = tuple(function("wait_for_leave") for _ in range(3))
    free = Agent("free", settings={"opinions": {"a": "1"}})
    async with get_client() as client:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name="maos-voter-python", limit=1))
        try:
            request = DecisionRequest("Which?", ("a", "b"), (*limited, free), timeout_seconds=3, retries=0)
            await decide(to_plain(request), "d-limited", return_state=True)
        finally:
            (tmp_path / "asked.leave").touch()
            await client.delete_global_concurrency_limit_by_name("maos-voter-python")
    decision = audit_store().decision("d-limited")

    assert decision is not None
    assert [ballot.agent_id for ballot in decision.ballots] == ["free"]
    assert {absence.kind for absence in decision.absences} == {AbsenceKind.TIMED_OUT}
    waited = [
        absence for absence in decision.absences if "no place under its concurrency limits" in absence.explanation
    ]
    assert len(waited) == 2
