"""Take-over: what lost its process is run again, once, and nothing that was answered is asked again."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelling, Failed, Running

from maos_flows.audit.store import AuditStore
from maos_flows.flows.stores import audit_store
from maos_flows.flows.takeover import MOST_TAKEOVERS, close_abandoned, has_broken_off, sweep, take_up
from maos_flows.flows.tasks import POLICIES
from maos_flows.flows.undecided import CANCELLED, close_undecided
from maos_flows.flows.worker import MaosWorker
from maos_flows.model import Ballot, EventKind, Outcome, Reason
from maos_flows.records import from_plain
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.voters.base import utc_now
from tests.flows.pools import decision_id_of, ended, environment_in, function, make_pool, request_to, submit, until

pytestmark = pytest.mark.usefixtures("prefect_address", "home")

NO_TIME = timedelta(0)
LONG = timedelta(hours=1)
DECISIONS = 12


@pytest_asyncio.fixture
async def client() -> AsyncIterator[PrefectClient]:
    """A client of the server."""
    async with get_client() as made:
        yield made


async def running(client: PrefectClient, pool: str) -> FlowRun:
    """A run that says it is in progress, with its decision opened and one of two ballots cast."""
    request = request_to(function("approve"), function("approve"))
    run = await submit(client, pool, {"request": request})
    await client.set_flow_run_state(run.id, Running(), force=True)
    asked, store = from_plain(DecisionRequest, request), audit_store()
    name = decision_id_of(run)
    policy = POLICIES.find(asked.algorithm)
    store.open_decision(open_decision(asked, policy, decision_id=name, now=utc_now()), asked)
    store.record_answer(Ballot(name, asked.agents[0].id, "approve", voter="python", received_at=utc_now()))
    return run


async def test_a_run_nobody_works_on_is_run_again_once(client: PrefectClient) -> None:
    """B53: two workers that sweep at once."""
    pool = await make_pool()
    run = await running(client, pool)
    store = audit_store()

    lease = timedelta(seconds=1)
    begun = (await client.read_flow_run(run.id)).state

    async def is_old_enough() -> bool:
        return begun is not None and utc_now() > begun.timestamp + lease

    await until(is_old_enough)
    done = await asyncio.gather(*(sweep(client, store, pool=pool, owner=f"worker-{n}", lease=lease) for n in range(2)))
    assert [line.endswith("taken up again") for lines in done for line in lines] == [True]
    assert (await client.read_flow_run(run.id)).state_name == "AwaitingRetry"
    assert store.decision(decision_id_of(run)) is None


async def test_a_run_somebody_works_on_is_left_alone(client: PrefectClient) -> None:
    pool = await make_pool()
    run = await running(client, pool)
    store = audit_store()
    subject = f"flow-run:{run.id}"
    store.renew_leases("somebody", [subject], now=utc_now(), until=utc_now() + LONG)

    assert await sweep(client, store, pool=pool, owner="me", lease=NO_TIME) == []
    assert (await client.read_flow_run(run.id)).state_type is StateType.RUNNING


@pytest.mark.parametrize("why", ["it is one's own", "it has just begun", "it is in another pool"])
async def test_a_run_that_may_be_alive_is_left_alone(client: PrefectClient, why: str) -> None:
    pool = await make_pool()
    run = await running(client, pool)
    lease = LONG if why == "it has just begun" else NO_TIME
    looked_at = await make_pool() if why == "it is in another pool" else pool
    busy = [run.id] if why == "it is one's own" else []

    assert await sweep(client, audit_store(), pool=looked_at, owner="me", lease=lease, busy=busy) == []
    assert (await client.read_flow_run(run.id)).state_type is StateType.RUNNING


async def test_a_run_whose_worker_died_while_it_was_cancelled_ends_as_cancelled(client: PrefectClient) -> None:
    pool = await make_pool()
    run = await running(client, pool)
    await client.set_flow_run_state(run.id, Cancelling(), force=True)

    await sweep(client, audit_store(), pool=pool, owner="me", lease=NO_TIME)
    decision = audit_store().decision(decision_id_of(run))
    assert (await client.read_flow_run(run.id)).state_type is StateType.CANCELLED
    assert decision is not None
    assert (decision.outcome, len(decision.ballots), len(decision.absences)) == (Outcome.CANCELLED, 1, 1)


async def test_a_run_that_dies_again_and_again_is_given_up(client: PrefectClient) -> None:
    run = await running(client, await make_pool())

    what = await take_up(client, audit_store(), run, why="its process was killed", times=MOST_TAKEOVERS + 1)
    decision = audit_store().decision(decision_id_of(run))
    assert what == "given up after 5 new beginnings: its process was killed"
    assert (await client.read_flow_run(run.id)).state_type is StateType.CRASHED
    assert decision is not None
    assert (decision.outcome, decision.reason) == (Outcome.ERROR, Reason.ABANDONED)
    assert audit_store().check() == ()


async def test_a_run_that_is_over_or_gone_is_not_taken_up(client: PrefectClient) -> None:
    run = await submit(client, await make_pool(), {})
    scheduled = await take_up(client, audit_store(), run, why="", times=1)
    await client.delete_flow_run(run.id)

    assert (scheduled, await take_up(client, audit_store(), run, why="", times=1)) == ("", "")


async def test_a_run_that_failed_with_its_decision_open_goes_on(client: PrefectClient) -> None:
    """The audit store was away for a moment: nothing is lost by it."""
    run = await running(client, await make_pool())
    await client.set_flow_run_state(run.id, Failed(), force=True)

    assert has_broken_off(run, audit_store())
    assert await take_up(client, audit_store(), run, why="it broke off", times=1) == "taken up again"
    close_undecided(audit_store(), decision_id_of(run), CANCELLED)
    assert not has_broken_off(run, audit_store())


async def test_a_run_that_has_begun_again_since_is_not_taken_up_twice(client: PrefectClient) -> None:
    run = await running(client, await make_pool())
    for _ in range(2):
        await client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
        await client.set_flow_run_state(run.id, Running(), force=True)

    assert await take_up(client, audit_store(), run, why="its process was killed", times=1) == ""
    assert (await client.read_flow_run(run.id)).state_type is StateType.RUNNING


def opened_long_ago(name: str) -> None:
    request = from_plain(DecisionRequest, request_to(function("approve"), timeout_seconds=60))
    long_ago = utc_now() - LONG
    policy = POLICIES.find(request.algorithm)
    audit_store().open_decision(open_decision(request, policy, decision_id=name, now=long_ago), request)


async def test_a_decision_nobody_comes_back_to_is_closed_as_abandoned(client: PrefectClient) -> None:
    pool = await make_pool()
    opened_long_ago("d-left")
    opened_long_ago("d-awaited")
    await submit(client, pool, {"decision_id": "d-awaited"})

    done = await close_abandoned(client, audit_store())
    left, awaited = audit_store().decision("d-left"), audit_store().decision("d-awaited")
    assert len(done) == 1
    assert left is not None
    assert (left.outcome, left.reason, awaited) == (Outcome.ERROR, Reason.ABANDONED, None)
    assert await close_abandoned(client, audit_store()) == []


def start_worker(pool: str, log: Path) -> "subprocess.Popen[bytes]":
    """Start a worker as people do."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "maos", "--limit", "2"]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)


def check_decided_once(store: AuditStore, name: str) -> None:
    decision = store.decision(name)
    assert decision is not None
    assert (decision.choice, len(decision.ballots)) == ("approve", 2)
    kinds = [event.kind for event in store.timeline(name)]
    assert (kinds.count(EventKind.OPENED), kinds.count(EventKind.DECIDED), kinds.count(EventKind.BALLOT)) == (1, 1, 2)


async def test_no_decision_is_lost_or_made_twice_when_a_worker_is_killed(
    client: PrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAOS_LEASE", "6s")
    pool = await make_pool()
    store = audit_store()
    request = {"request": request_to(function("approve"), function("wait_for_leave"))}
    environment = environment_in(tmp_path)
    runs = [await submit(client, pool, request, environment) for _ in range(DECISIONS)]
    killed = start_worker(pool, tmp_path / "worker.log")
    try:

        async def two_are_in_progress() -> bool:
            assert killed.poll() is None, (tmp_path / "worker.log").read_text()
            return sum(len(store.answers(decision_id_of(run), 1)) for run in runs) == 2

        await until(two_are_in_progress)
    finally:
        warm = psutil.Process(killed.pid).children(recursive=True)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert psutil.wait_procs(warm, timeout=60)[1] == [], "its processes end with it"
    (tmp_path / "asked.leave").touch()
    other = asyncio.create_task(MaosWorker(pool, limit=2).start(printer=lambda _: None))
    over = await ended(client, *(run.id for run in runs))
    other.cancel()
    await asyncio.wait({other})

    assert {run.state_name for run in over} == {"Reached: approve 2 of 2"}
    assert sorted(run.run_count for run in over) == [1] * (DECISIONS - 2) + [2] * 2
    for run in runs:
        check_decided_once(store, decision_id_of(run))
    assert store.check() == ()
    asked = (tmp_path / "asked.log").read_text().split()
    assert len(asked) == 2 * DECISIONS, "nobody is asked again who has answered"
