"""Cases in which published systems went wrong between asking and recording, each run here on Prefect as it must go."""

import threading
from collections import Counter
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings

from maos_flows.audit.store import AuditStore
from maos_flows.errors import StoreError
from maos_flows.flows import tasks
from maos_flows.flows.compiler import compile_workflow
from maos_flows.flows.decide import decide
from maos_flows.flows.staging import stage_decision_id
from maos_flows.flows.stores import audit_store
from maos_flows.flows.tasks import collect_ballot, collect_ballots, propose
from maos_flows.model import Agent, Ballot, EventKind
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.workflow import load_workflow_file, stage_request
from tests.flows.making import AGENTS, agents, plain, request

pytestmark = pytest.mark.usefixtures("prefect_address", "home")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where agents note that they were asked."""
    path = tmp_path / "asked.log"
    monkeypatch.setenv("ASKED_LOG", str(path))
    return path


def asked(log: Path) -> Counter[tuple[str, ...]]:
    """How often each agent was asked, by round and name."""
    lines = log.read_text().splitlines() if log.exists() else []
    return Counter(tuple(line.split()[1:]) for line in lines)


def new_id() -> str:
    return f"d-{uuid4().hex[:12]}"


def begin(wanted: DecisionRequest, name: str, *, answered: dict[str, str], round_number: int = 1) -> None:
    """Leave a decision as a process that died would: opened, some answers recorded."""
    store, now = audit_store(), tasks.utc_now()
    opening = open_decision(
        wanted, tasks.POLICIES[wanted.algorithm], decision_id=name, now=now, round_number=round_number
    )
    if round_number == 1:
        store.open_decision(opening, wanted)
    else:
        store.open_round(opening)
    for agent_id, choice in answered.items():
        store.record_answer(Ballot(name, agent_id, choice, round=round_number, voter="python", received_at=now))


def write_roster(folder: Path, **roles: str) -> None:
    voter = f"{{kind: python, function: '{AGENTS}:by_role'}}"
    lines = [f"  - {{id: {name}, role: {role}, voter: {voter}}}" for name, role in roles.items()]
    (folder / "roster.yaml").write_text("\n".join(["agents:", *lines, ""]))


def begin_workflow(folder: Path, **roles: str) -> tuple[str, str, str]:
    """Leave a run of two stages that died when ann had answered the first; give its id and its decisions' ids."""
    write_roster(folder, **roles)
    (folder / "w.yaml").write_text(
        "workflow_name: w\nroster: roster.yaml\nstages:\n"
        "  - {stage: one, question: Shall we?}\n  - {stage: two, question: And then?, depends_on: [one]}\n"
    )
    workflow = load_workflow_file(folder / "w.yaml", policies=tasks.POLICIES)
    run_id = uuid4().hex[:8]
    one, two = (stage_decision_id(run_id, stage) for stage in workflow.stages)
    begin(stage_request(workflow, workflow.stages[0], earlier={}, run_id=run_id), one, answered={"ann": "approve"})
    return run_id, one, two


async def take_up(folder: Path, run_id: str) -> State:
    workflow = load_workflow_file(folder / "w.yaml", policies=tasks.POLICIES)
    return await compile_workflow(workflow)(run_id, return_state=True)


async def test_b48_b50_who_is_removed_in_the_middle_is_still_asked_and_in_the_denominator(tmp_path, log):
    run_id, one, two = begin_workflow(tmp_path, ann="approve", bob="approve", cid="reject", dan="reject")
    write_roster(tmp_path, ann="approve", bob="approve", eve="approve")

    state = await take_up(tmp_path, run_id)

    assert state.name == "Stopped at one: not reached"
    assert (
        audit_store().decision(one).explanation == "approve and reject have 2 of 4 eligible each; more than half needed"
    )
    assert asked(log) == {("1", name): 1 for name in ("bob", "cid", "dan")}
    assert audit_store().opening(two) is None


async def test_b49_b50_who_is_added_in_the_middle_votes_in_what_is_opened_after(tmp_path, log):
    run_id, one, two = begin_workflow(tmp_path, ann="approve", bob="approve")
    write_roster(tmp_path, ann="approve", bob="approve", eve="approve")

    await take_up(tmp_path, run_id)

    assert {ballot.agent_id for ballot in audit_store().decision(one).ballots} == {"ann", "bob"}
    assert {ballot.agent_id for ballot in audit_store().decision(two).ballots} == {"ann", "bob", "eve"}


async def test_b65_b66_agents_that_cannot_be_told_apart_are_each_asked_with_persistence_on(tmp_path, log):
    """A lock cannot be serialised, so no key could be made of these inputs."""
    settings = {"function": "by_role", "path": AGENTS, "handle": threading.Lock()}
    same = [Agent(name, "a", voter="python", settings=settings) for name in ("ann", "bob")]
    proposal = propose("Which one?", choices=("a", "b"))

    @flow(persist_result=False)
    async def own():
        box = await collect_ballots(proposal, same)
        return box, await collect_ballot(same[0], proposal), await collect_ballot(same[0], proposal)

    persisting = {PREFECT_RESULTS_PERSIST_BY_DEFAULT: True, PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results"}
    with temporary_settings(persisting):
        box, again, once_more = await own()

    assert [ballot.agent_id for ballot in box.ballots] == ["ann", "bob"]
    assert (again.agent_id, once_more.agent_id) == ("ann", "ann")
    assert asked(log) == {("1", "ann"): 3, ("1", "bob"): 1}


async def test_b65_a_decision_with_persistence_on_asks_agents_of_the_same_inputs(tmp_path, log):
    persisting = {PREFECT_RESULTS_PERSIST_BY_DEFAULT: True, PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results"}
    names = [new_id(), new_id()]
    with temporary_settings(persisting):
        for name in names:
            await decide(plain(*agents("a", "a", "a")), name, return_state=True)

    assert asked(log) == {("1", f"agent_{number}"): 2 for number in range(3)}
    assert [len(audit_store().decision(name).ballots) for name in names] == [3, 3]


async def test_b67_a_flow_run_that_prefect_retries_is_the_same_decision(log, monkeypatch):
    close, failures = AuditStore.close_decision, [StoreError("the disk is full")]

    def close_at_the_second_try(*arguments, **named):
        if failures:
            raise failures.pop()
        return close(*arguments, **named)

    monkeypatch.setattr(AuditStore, "close_decision", close_at_the_second_try)

    state = await decide.with_options(retries=1)(plain(*agents("a", "a", "b")), return_state=True)

    (summary,) = audit_store().decisions()
    assert failures == []
    assert state.name == "Reached: a 2 of 3"
    assert summary.decision_id == f"d-{str(state.state_details.flow_run_id).replace('-', '')[-12:]}"
    assert asked(log) == {("1", f"agent_{number}"): 1 for number in range(3)}
    kinds = [event.kind for event in audit_store().timeline(summary.decision_id)]
    assert (kinds.count(EventKind.BALLOT), kinds.count(EventKind.DECIDED)) == (3, 1)


async def test_b67_a_second_round_that_died_goes_on_without_asking_for_the_first(log):
    wanted = request(*agents("x", "x", "x", "x", function="by_round"), choices=("a", "b"), rounds=2)
    name = new_id()
    begin(wanted, name, answered={"agent_0": "a", "agent_1": "b", "agent_2": "a", "agent_3": "b"})
    begin(wanted, name, answered={"agent_0": "a", "agent_3": "a"}, round_number=2)

    again = plain(*agents("x", "x", "x", "x", function="by_round"), choices=("a", "b"), rounds=2)
    state = await decide(again, name, return_state=True)

    assert state.name == "Reached: a 4 of 4"
    assert asked(log) == {("2", "agent_1"): 1, ("2", "agent_2"): 1}
    assert audit_store().decision(name).opening.proposal.round == 2


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("simple_majority", "Reached: a 3 of 5"),
        ("supermajority", "Not reached: below threshold"),
        ("weighted_voting", "Reached: b 8 of 11"),
    ],
)
async def test_b74_the_algorithm_that_is_named_is_the_one_that_decides(algorithm, name):
    heavy = [Agent(agent.id, agent.role, weight=Fraction(4), voter="python", settings=agent.settings) for agent in
             agents("a", "a", "a", "b", "b")[3:]]  # fmt: skip
    decision_id = new_id()

    state = await decide(plain(*agents("a", "a", "a"), *heavy, algorithm=algorithm), decision_id, return_state=True)

    assert state.name == name
    assert audit_store().decision(decision_id).opening.algorithm == algorithm
