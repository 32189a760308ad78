"""Take-over: flow runs whose worker is gone are run again, and decisions nobody can end any more are closed as such.

Whoever runs a flow run holds a lease on it in the audit store and renews it. A run that is in progress for longer than
a lease lasts, and on which nobody holds one, has lost its worker. Several may find that at once: the lease can be taken
over once. If somebody is at work all the same (a machine that slept), there is still one decision: the store keeps what
came first.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Crashed

from maos_flows.audit.store import AuditStore
from maos_flows.flows.ids import decision_id_of, run_id_of
from maos_flows.flows.undecided import CANCELLED, Ending, abandoned, close_undecided
from maos_flows.voters.base import utc_now

MOST_TAKEOVERS = 5
"""A run that was taken over so often and died again is given up: it may be what kills its workers."""

ABANDONED_AFTER = timedelta(minutes=5)
"""How long after its deadline a decision stays open that nobody works on, for whoever wants to take it up."""

_LONGEST_PAUSE_SECONDS = 60.0
_PAGE = 200
_IN_PROGRESS = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_TO_TAKE_UP = (*_IN_PROGRESS, StateType.FAILED)
_TO_COME = (StateType.SCHEDULED, StateType.PENDING, StateType.PAUSED)
_FLOWS = ("maos-decide", "maos-ask", "maos-workflow")


def subject_of(flow_run_id: UUID) -> str:
    """Name a flow run as leases do."""
    return f"flow-run:{flow_run_id}"


def ids_of(flow_run: FlowRun) -> tuple[str, str]:
    """Give the ids of the decision a flow run makes, if it makes one of its own, and of the workflow run it may be."""
    given = flow_run.parameters
    return (
        str(given.get("decision_id") or decision_id_of(flow_run.id)),
        str(given.get("run_id") or run_id_of(flow_run.id)),
    )


def decisions_of(flow_run: FlowRun, store: AuditStore) -> tuple[str, ...]:
    """Name the open decisions a flow run is to make: its own, or those of the workflow run it is."""
    own, run_id = ids_of(flow_run)
    of_run = (summary.decision_id for summary in store.decisions(limit=1_000, run_id=run_id))
    names = sorted({own, *of_run})
    return tuple(name for name in names if store.opening(name) is not None and store.decision(name) is None)


def has_broken_off(flow_run: FlowRun, store: AuditStore) -> bool:
    """Say whether a flow run that failed has left something open: the audit store was away, or something like it."""
    run = store.run(ids_of(flow_run)[1])
    return bool(decisions_of(flow_run, store)) or (run is not None and run.outcome is None)


async def take_up(client: PrefectClient, store: AuditStore, flow_run: FlowRun, *, why: str, times: int) -> str:
    """Have a flow run that lost its process, or broke off, run again; or end it, if it was cancelled or is given up.

    Args:
        client: Prefect's.
        store: The audit store.
        flow_run: The run, as it was before it was begun or since.
        why: What became of its process.
        times: How often it was taken up by now.

    Returns:
        What was done, in words; empty if there was nothing to do.
    """
    try:
        current = await client.read_flow_run(flow_run.id)
    except ObjectNotFound:
        return ""
    state = current.state
    has_run_since = current.run_count > flow_run.run_count + 1
    if state is None or state.type not in _TO_TAKE_UP or has_run_since:
        return ""
    if state.type is StateType.CANCELLING:
        await cancelled(client, store, current)
        return "cancelled"
    if times > MOST_TAKEOVERS:
        message = f"given up after {times - 1} new beginnings: {why}"
        await asyncio.to_thread(_close_all, store, current, abandoned(message))
        await client.set_flow_run_state(current.id, Crashed(message=message), force=True)
        return message
    pause = timedelta(seconds=min(2.0 ** (times - 1) - 1, _LONGEST_PAUSE_SECONDS))
    again: State[Any] = AwaitingRetry(message=f"{why}; it goes on where it was", scheduled_time=utc_now() + pause)
    await client.set_flow_run_state(current.id, again, force=True)
    return "taken up again"


async def cancelled(client: PrefectClient, store: AuditStore, flow_run: FlowRun) -> None:
    """Close the decisions of a flow run that was cancelled, and say that it is."""
    await asyncio.to_thread(_close_all, store, flow_run, CANCELLED)
    if flow_run.state_type is not StateType.CANCELLED:
        await client.set_flow_run_state(flow_run.id, Cancelled(message="Cancelled by its worker."), force=True)


def _close_all(store: AuditStore, flow_run: FlowRun, ending: Ending) -> None:
    for name in decisions_of(flow_run, store):
        close_undecided(store, name, ending)
    run = store.run(ids_of(flow_run)[1])
    if run is not None and run.outcome is None:
        store.close_run(run.run_id, outcome=ending.outcome.value, at=utc_now())


async def sweep(
    client: PrefectClient,
    store: AuditStore,
    *,
    pool: str,
    owner: str,
    lease: timedelta,
    busy: Collection[UUID] = (),
) -> list[str]:
    """Take up the flow runs of a work pool that lost their worker.

    Args:
        client: Prefect's.
        store: The audit store.
        pool: The work pool.
        owner: Who sweeps.
        lease: How long a lease lasts.
        busy: The runs he has in progress himself.

    Returns:
        What was done, a line for each run.
    """
    in_progress = await _read(client, _IN_PROGRESS, pool=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])))
    now = utc_now()
    old = {
        subject_of(run.id): run
        for run in in_progress
        if run.id not in busy and run.state is not None and run.state.timestamp <= now - lease
    }
    if not old:
        return []
    leases = await asyncio.to_thread(store.leases, old)
    dead = [subject for subject in old if subject not in leases or leases[subject].expires_at <= now]
    done = []
    for subject in dead:
        times = await asyncio.to_thread(store.take_over_lease, owner, subject, now=utc_now(), until=utc_now() + lease)
        if times is not None:
            what = await take_up(client, store, old[subject], why="its worker is gone", times=times)
            done += [f"flow run {old[subject].id}: its worker is gone; {what}"] if what else []
    return done


async def close_abandoned(client: PrefectClient, store: AuditStore) -> list[str]:
    """Close decisions that are open long past their deadline and that no flow run is to come back to.

    Returns:
        What was done, a line for each decision.
    """
    overdue = await asyncio.to_thread(store.overdue, before=utc_now() - ABANDONED_AFTER)
    if not overdue:
        return []
    to_come = await _read(client, _TO_COME, flows=FlowFilter(name=FlowFilterName(any_=list(_FLOWS))))
    awaited = {name for run in to_come for name in ids_of(run)}
    left = [name for name, run_id in overdue if name not in awaited and run_id not in awaited]
    explanation = "its process was gone, and nobody took it up by its deadline"
    for name in left:
        await asyncio.to_thread(close_undecided, store, name, abandoned(explanation))
    return [f"decision {name}: {explanation}; closed" for name in left]


async def _read(
    client: PrefectClient,
    states: Sequence[StateType],
    *,
    pool: WorkPoolFilter | None = None,
    flows: FlowFilter | None = None,
) -> list[FlowRun]:
    """Read all flow runs in certain states, page by page."""
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))))
    found: list[FlowRun] = []
    while True:
        page = await client.read_flow_runs(
            flow_run_filter=wanted, work_pool_filter=pool, flow_filter=flows, limit=_PAGE, offset=len(found)
        )
        found += page
        if len(page) < _PAGE:
            return found


async def stopped_by_somebody(client: PrefectClient, ids: Collection[UUID]) -> list[FlowRun]:
    """Find those of some runs in progress that were cancelled or suspended meanwhile."""
    if not ids:
        return []
    wanted = {
        "id": {"any_": list(ids)},
        "state": {"type": {"any_": [StateType.CANCELLING, StateType.CANCELLED, StateType.PAUSED]}},
    }
    found = await client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted))
    return [run for run in found if run.state_type is not StateType.PAUSED or _is_suspended(run)]


def _is_suspended(flow_run: FlowRun) -> bool:
    """Say whether a paused run's process has to go: one that is only paused waits in it for an answer."""
    return flow_run.state is not None and bool(flow_run.state.state_details.pause_reschedule)
