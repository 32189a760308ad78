"""What drills do to a decision where it runs: to the answers of its agents and to their replicas."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from maos_flows.agreement.faults import NO_FAULTS, Crash, Delay, Equivocate, Partition, Script
from maos_flows.audit.drills import Drill
from maos_flows.audit.store import AuditStore
from maos_flows.drills.acting import INJECTED
from maos_flows.flows.drilling import Drilling, drilled
from maos_flows.model import Absence, AbsenceKind, Agent, Ballot, EventKind, FailureKind, PlannedFailure, Proposal
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, open_decision
from tests.audit.samples import NAMES

ADA = Agent("ada", voter="python")


def now() -> datetime:
    return datetime.now(UTC)


def begun(
    store: AuditStore,
    *,
    algorithm: str = "simple_majority",
    drill: tuple[PlannedFailure, ...] = (),
    seconds: float = 60,
) -> tuple[Drilling, Proposal]:
    agents = tuple(Agent(name, voter="python") for name in NAMES)
    request = DecisionRequest("Which?", ("x", "y"), agents, algorithm=algorithm, drill=drill, timeout_seconds=seconds)
    policy = built_in_policies()[algorithm]
    opening = store.open_decision(open_decision(request, policy, decision_id="d-1", now=now()), request)
    return Drilling(store, opening, policy, request), opening.proposal


def inject(store: AuditStore, kind: FailureKind, *agents: str, seconds: float = 60, since: float = 0) -> None:
    plan = (PlannedFailure(kind, agents or ("ada",), seconds),)
    store.drills.start("d-1", Drill(f"x-{kind}", "simulate-failure", plan, 3), now=now() - timedelta(seconds=since))


def answering(choice: str = "x", *, asked: list[int] | None = None) -> Callable[[], Awaitable[Ballot]]:
    async def ask() -> Ballot:
        if asked is not None:
            asked.append(1)
        await asyncio.sleep(0)
        return Ballot("d-1", "ada", choice, received_at=now())

    return ask


async def test_without_drills_an_answer_is_what_the_agent_gave(store: AuditStore) -> None:
    drilling, proposal = begun(store)
    await drilling.look()

    answer = await drilling.answer(ADA, proposal, answering(), None)

    assert isinstance(answer, Ballot)
    assert (answer.choice, answer.attributes) == ("x", {})
    assert drilling.for_replicas() is NO_FAULTS


async def test_an_agent_that_is_down_answers_when_it_is_back(store: AuditStore) -> None:
    drilling, proposal = begun(store)
    inject(store, FailureKind.CRASH)
    await drilling.look()
    asked: list[int] = []
    waiting = asyncio.create_task(drilling.answer(ADA, proposal, answering(asked=asked), None))
    await asyncio.sleep(0)
    before = list(asked)
    store.drills.stop("d-1", now=now())
    await drilling.look()

    answer = await waiting

    assert before == []
    assert isinstance(answer, Ballot)


async def test_an_agent_that_goes_down_while_it_thinks_is_asked_again(store: AuditStore) -> None:
    drilling, proposal = begun(store)
    asked: list[int] = []
    thinking, lost = asyncio.Event(), asyncio.Event()

    async def think() -> Ballot:
        asked.append(1)
        thinking.set()
        if len(asked) == 1:
            try:
                await asyncio.Event().wait()
            finally:
                lost.set()
        return Ballot("d-1", "ada", "x")

    waiting = asyncio.create_task(drilling.answer(ADA, proposal, think, None))
    await thinking.wait()
    inject(store, FailureKind.CRASH)
    await drilling.look()
    await lost.wait()
    store.drills.stop("d-1", now=now())
    await drilling.look()

    assert isinstance(await waiting, Ballot)
    assert len(asked) == 2


async def test_an_agent_that_stays_down_is_absent(store: AuditStore) -> None:
    drilling, proposal = begun(store, seconds=0.2)
    inject(store, FailureKind.CRASH)
    await drilling.look()

    deadline = proposal.deadline
    assert deadline is not None

    async def ask() -> Absence:
        return Absence("d-1", "ada", AbsenceKind.TIMED_OUT if now() >= deadline else AbsenceKind.FAILED)

    answer = await drilling.answer(ADA, proposal, ask, None)

    assert isinstance(answer, Absence)
    assert answer.kind is AbsenceKind.TIMED_OUT


async def test_false_information_is_another_choice_and_is_marked(store: AuditStore) -> None:
    drilling, proposal = begun(store)
    inject(store, FailureKind.FALSE_INFORMATION)
    await drilling.look()

    answer = await drilling.answer(ADA, proposal, answering("x"), None)

    assert isinstance(answer, Ballot)
    assert (answer.choice, answer.attributes[INJECTED]) == ("y", "false_information")


async def test_a_delayed_answer_that_misses_the_deadline_is_late(store: AuditStore) -> None:
    drilling, proposal = begun(store, seconds=0.2)
    inject(store, FailureKind.DELAYED_RESPONSES)
    await drilling.look()

    answer = await drilling.answer(ADA, proposal, answering(), None)

    assert isinstance(answer, Ballot)
    assert proposal.deadline is not None
    assert answer.received_at is not None
    assert answer.received_at > proposal.deadline


async def test_b14_conflicting_votes_are_two_ballots_of_one_agent(store: AuditStore) -> None:
    """B14: where nothing is signed the first stands, and the second is kept as conflicting."""
    drilling, _ = begun(store)
    inject(store, FailureKind.CONFLICTING_VOTES)
    await drilling.look()
    accepted = store.record_answer(Ballot("d-1", "ada", "x", received_at=now()))

    await drilling.contradict(accepted)

    (kept,) = store.rejected("d-1", 1)
    assert (kept.ballot.agent_id, kept.ballot.choice, kept.reason.value) == ("ada", "y", "conflicting")


async def test_replicas_suffer_what_acts(store: AuditStore) -> None:
    drilling, _ = begun(store, algorithm="raft")
    inject(store, FailureKind.CRASH, "ada")
    inject(store, FailureKind.PARTITION, "bob")
    inject(store, FailureKind.DELAYED_RESPONSES, "cyd")
    inject(store, FailureKind.CONFLICTING_VOTES, "dan")
    await drilling.look()

    source = drilling.for_replicas()

    acting = set(source.acting(0))
    assert source is drilling
    assert {Crash("ada"), Partition((("bob",),)), Equivocate("dan")} < acting
    assert [one.agent for one in acting if isinstance(one, Delay)] == ["cyd"]
    assert drilling.next_change(100) > 100


async def test_a_stage_s_drill_acts_on_virtual_time(store: AuditStore) -> None:
    drill = (PlannedFailure(FailureKind.CRASH, ("ada",), 2.0, after_seconds=1.0),)
    drilling, _ = begun(store, algorithm="raft", drill=drill)

    script = drilling.for_replicas()

    assert isinstance(script, Script)
    assert [list(script.acting(moment)) for moment in (999, 1000, 2999, 3000)] == [
        [],
        [Crash("ada")],
        [Crash("ada")],
        [],
    ]


@pytest.mark.parametrize(("algorithm", "borne"), [("raft", 2), ("byzantine_tolerant", 1)])
async def test_b17_more_failing_than_can_be_borne_is_told_once(store: AuditStore, algorithm: str, borne: int) -> None:
    """B17."""
    drilling, _ = begun(store, algorithm=algorithm)
    inject(store, FailureKind.CRASH, "ada", "bob", "cyd")

    await drilling.look()
    await drilling.look()

    (event,) = [event for event in store.timeline("d-1") if event.kind is EventKind.STALLED]
    assert event.text == f"3 of 5 agents fail at once, and at most {borne} can be borne: ada, bob, cyd"


async def test_b81_what_is_drilled_is_looked_at_until_the_decision_is_over(store: AuditStore) -> None:
    """B81."""
    drill = (PlannedFailure(FailureKind.CRASH, ("ada",), 60.0),)
    drilling, _ = begun(store, drill=drill)
    store.drills.start("d-1", Drill("stage-d-1", "stage", drill), now=now())
    opening = store.opening("d-1")
    request = store.request("d-1")
    assert opening is not None
    assert request is not None

    async with drilled(store, opening, built_in_policies()["simple_majority"], request) as looking:
        acting = looking.acting(0)

    assert list(acting) == [Crash("ada")]
    assert list(drilling.acting(0)) == []
