"""Large electorates: collected in chunks, every ballot kept for itself."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from prefect import get_client

from maos_flows.audit.store import AuditStore
from maos_flows.config import RunnerKind
from maos_flows.errors import ConfigurationError
from maos_flows.flows import chunks
from maos_flows.flows.chunks import MOST_SINGLE, collect_chunk, is_large
from maos_flows.flows.collecting import begin_asking, note_settled
from maos_flows.flows.decide import decide
from maos_flows.flows.runners import chunk_runner
from maos_flows.flows.stores import audit_store, store_address
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, EventKind, Opening, Outcome
from maos_flows.policies.registry import built_in_policies
from maos_flows.records import to_plain
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.voters.base import utc_now
from tests.flows.making import agents
from tests.flows.shown import task_runs


def crowd(size: int, **settings) -> tuple[Agent, ...]:
    """Simulated agents `agent_001`, ...; all are for `a` unless settings say otherwise."""
    given = {"opinions": {"a": "1"}, **settings}
    return tuple(Agent(f"agent_{number:03}", settings=given) for number in range(1, size + 1))


def asked(*asked_agents: Agent, **fields) -> DecisionRequest:
    return DecisionRequest("Which one?", ("a", "b"), asked_agents, **{"retries": 0, **fields})


def begun(request: DecisionRequest, name: str = "d-1") -> tuple[AuditStore, Opening, int]:
    """Open a decision, as the flow does before it collects."""
    store, policy = audit_store(), built_in_policies()[request.algorithm]
    opening = store.open_decision(open_decision(request, policy, decision_id=name, now=utc_now()), request)
    return store, opening, begin_asking(store, opening, request).since


async def collected(first: int, last: int, *, since: int, name: str = "d-1"):
    return await collect_chunk.fn(name, first, last, store_url=store_address(), since=since)


@pytest.fixture
def in_home(home):
    return home


def test_electorates_up_to_the_number_named_have_a_task_run_each():
    assert not is_large(asked(*crowd(MOST_SINGLE)))
    assert is_large(asked(*crowd(MOST_SINGLE + 1)))


@pytest.mark.usefixtures("in_home")
async def test_a_chunk_asks_its_own_agents_and_keeps_every_answer():
    store, _, since = begun(asked(*crowd(6)))
    state = await collected(3, 5, since=since)

    assert (state.name, state.message) == ("Ballots: 3 of 3", "agent_003 to agent_005; 3 of 3 are simulated")
    assert [answer.agent_id for answer in store.answers("d-1", 1)] == ["agent_003", "agent_004", "agent_005"]
    told = [event.agent_id for event in store.timeline("d-1") if event.kind is EventKind.BALLOT]
    assert sorted(told) == ["agent_003", "agent_004", "agent_005"]


@pytest.mark.usefixtures("in_home")
async def test_b64_a_chunk_does_not_ask_again_who_has_answered(tmp_path, monkeypatch):
    log = tmp_path / "asked.log"
    monkeypatch.setenv("ASKED_LOG", str(log))
    store, _, since = begun(asked(*agents("a", "b", "a", "b")))
    store.record_answer(Ballot("d-1", "agent_1", "a", voter="python"))
    store.record_answer(Absence("d-1", "agent_2", AbsenceKind.FAILED, voter="python"))
    state = await collected(1, 4, since=since)

    assert sorted(log.read_text().split()) == sorted(["d-1", "1", "agent_0", "d-1", "1", "agent_3"])
    assert state.name == "Ballots: 3 of 4"


@pytest.mark.usefixtures("in_home")
async def test_b51_a_chunk_stops_once_it_hears_that_its_ballots_are_not_needed(monkeypatch):
    monkeypatch.setattr(chunks, "LISTEN_SECONDS", 0.01)
    hanging = crowd(3, hang_rate=1)
    store, opening, since = begun(asked(*crowd(4)[3:], *hanging, early_stop=True, timeout_seconds=60.0))
    note_settled(store, opening.proposal)  # who answers at once has done so before the chunk hears of it
    state = await collected(1, 4, since=since)

    assert state.name == "Ballots: 1 of 4"
    kinds = {answer.agent_id: getattr(answer, "kind", None) for answer in store.answers("d-1", 1)}
    assert kinds == {
        "agent_004": None,
        **dict.fromkeys(["agent_001", "agent_002", "agent_003"], AbsenceKind.NOT_NEEDED),
    }


@pytest.mark.usefixtures("in_home")
async def test_no_more_agents_of_a_chunk_are_asked_at_once_than_allowed(monkeypatch):
    monkeypatch.setattr(chunks, "ASKED_AT_ONCE", 2)
    most, now = 0, 0

    async def counted(agent, proposal, **_):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return Ballot(proposal.decision_id, agent.id, "a", voter="simulated")

    monkeypatch.setattr(chunks, "answer_of", counted)
    _, _, since = begun(asked(*crowd(7)))
    state = await collected(1, 7, since=since)

    assert state.name == "Ballots: 7 of 7"
    assert most == 2


@pytest.mark.parametrize("kind", [RunnerKind.DASK, RunnerKind.RAY])
def test_a_runner_that_is_not_installed_is_refused_with_what_installs_it(kind, home, monkeypatch):
    monkeypatch.setenv("MAOS_TASK_RUNNER", kind.value)
    monkeypatch.setitem(__import__("sys").modules, f"prefect_{kind.value}", None)

    with (
        pytest.raises(ConfigurationError, match=rf'pip install "maos-flows\[{kind.value}\]"'),
        chunk_runner(collect_chunk),
    ):
        pass


@pytest.mark.usefixtures("prefect_address", "in_home")
async def test_a_large_electorate_decides_in_chunks_and_is_taken_up_where_it_was(monkeypatch):
    monkeypatch.setattr(chunks, "MOST_SINGLE", 3)
    monkeypatch.setattr(chunks, "CHUNK", 4)
    name = f"d-{uuid4().hex[:12]}"
    dissenting = replace(crowd(10)[9], settings={"opinions": {"b": "1"}})
    request = asked(*crowd(9), dissenting)
    store, _, _ = begun(request, name)
    for agent in request.agents[4:8]:
        store.record_answer(Ballot(name, agent.id, "b", voter="simulated"))
    state = await decide(to_plain(request), name, return_state=True)

    decision = store.decision(name)
    assert (decision.outcome, decision.choice, state.name) == (Outcome.NOT_REACHED, None, "Not reached: tie")
    assert [ballot.choice for ballot in decision.ballots] == [*"aaaa", *"bbbb", "a", "b"]
    async with get_client() as client:
        runs = await task_runs(client, state.state_details.flow_run_id, expected=4)
    assert {run.name: run.state_name for run in runs if run.name.startswith("ballots")} == {
        "ballots: 1 to 4": "Ballots: 4 of 4",
        "ballots: 9 to 10": "Ballots: 2 of 2",
    }
    ids = {run.name: run.id for run in runs}
    inputs = {run.name: {item.id for value in run.task_inputs.values() for item in value} for run in runs}
    assert inputs["simple_majority"] == {ids["ballots: 1 to 4"], ids["ballots: 9 to 10"]}
