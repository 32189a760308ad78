"""The flow of one decision: open, ask everybody at once, decide, record, show. A run that died goes on where it was."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from prefect import flow, get_client, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.states import Completed, Failed

from maos_flows.agreement.faults import NO_FAULTS
from maos_flows.audit.store import AuditStore
from maos_flows.flows.agreeing import Ruled
from maos_flows.flows.alerting import tell, watched
from maos_flows.flows.artifacts import Showing, headline, publish_ballots, publish_decision
from maos_flows.flows.asking_people import put_to_people, withdraw
from maos_flows.flows.chunks import collecting
from maos_flows.flows.collecting import Answer, Begun, Collect
from maos_flows.flows.drilling import drilled
from maos_flows.flows.edges import Sealed, sealed_result, state_of, unsealed, untracked
from maos_flows.flows.events import tell_decided, tell_opened, told_if_slow
from maos_flows.flows.ids import decision_id_of
from maos_flows.flows.isolating import of_electorate
from maos_flows.flows.known import policy_named
from maos_flows.flows.naming import run_name
from maos_flows.flows.overseeing import overseen
from maos_flows.flows.proposing import propose, with_suggestions
from maos_flows.flows.steps import (
    Closed,
    box_of,
    close,
    escalated,
    note_round,
    open_another_round,
    open_or_find,
    wants_another_round,
)
from maos_flows.flows.stores import kept, opened_store
from maos_flows.flows.summing_up import begin_summary, summaries_awaited
from maos_flows.flows.tasks import deciding_task
from maos_flows.model import Decision, Outcome
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.records import from_plain
from maos_flows.request import DecisionRequest
from maos_flows.voters.base import utc_now

_RESULTS = get_current_settings().results.local_storage_path
"""Where results would be stored, were any. Prefect asks its server for that, run by run, where it is not said."""


@flow(name="maos-decide", persist_result=False, result_storage=_RESULTS, validate_parameters=False)
async def decide(request: dict[str, Any], decision_id: str | None = None) -> State[Any]:
    """Decide one request and record everything about it.

    Args:
        request: A `DecisionRequest` as plain data.
        decision_id: The decision's id. A decision of that id that was begun is taken up: who has answered is not asked
            again. Without one the id is this flow run's, so that a retry is the same decision.

    Returns:
        A state named after the outcome (`Reached: PostgreSQL 3 of 5`) with id, outcome, reason, choice and
        explanation as data; the whole record is in the audit store.
    """
    asked = from_plain(DecisionRequest, request)
    name = decision_id or decision_id_of(flow_run.id)
    showing = Showing()
    showing.begin(_name_run(asked))
    try:
        with tags("maos", asked.algorithm):
            with collecting(asked) as collect:
                decision, timeline = await _decide(asked, name, collect, showing)
            await showing.end()  # one after the other: two writes at once are what Prefect on SQLite is slowest at
            if asked.sealed:
                await publish_ballots(decision.opening, decision.ballots)
            showing.begin(publish_decision(decision, timeline, task_run_id=showing.decided_by))
    finally:
        await showing.end()
    async with summaries_awaited():
        if asked.oversight.summarizer is not None:
            begin_summary(await opened_store(), decision, timeline, asked.oversight.summarizer)
    return _final_state(decision)


async def _name_run(request: DecisionRequest) -> None:
    """Name the flow run after what is asked, unless whoever made it has.

    Prefect's own way, a name given with the flow, makes one more client with one more certificate store: a tenth of
    what a decision costs.
    """
    name = run_name(request.title or request.question)
    if name == flow_run.name:
        return
    async with get_client() as client:
        await client.set_flow_run_name(UUID(str(flow_run.id)), name)


async def _decide(request: DecisionRequest, decision_id: str, collect: Collect, showing: Showing) -> Closed:
    policy = await policy_named(request.algorithm)
    store = await opened_store()
    begun = await kept(store, partial(open_or_find, store, request, policy, decision_id))
    if isinstance(begun, Begun):
        tell_opened(begun.opening, is_resumed=begun.is_resumed)
        request = of_electorate(request, begun.opening)
        async with (
            watched(store, begun.opening, request.oversight),
            drilled(store, begun.opening, policy, request) as drilling,
        ):
            begun = await _until_closed(replace(begun, drilling=drilling), request, policy, store, collect, showing)
    await tell(store, begun[0].opening, request.oversight)
    return begun


async def _until_closed(
    begun: Begun | Closed,
    request: DecisionRequest,
    policy: ConsensusPolicy,
    store: AuditStore,
    collect: Collect,
    showing: Showing,
) -> Closed:
    """Have choices suggested, if there are none; then hold rounds until one decides, or the last is over."""
    if isinstance(begun, Begun) and begun.opening.proposal.wants_suggestions:
        proposed = await propose(begun, request, policy, store)
        if isinstance(proposed, Decision):
            return await _close_with_people(store, Ruled(proposed), request, [])
        voted_on = proposed.opening.proposal
        request = replace(request, choices=voted_on.choices, context=voted_on.context)
        begun = _going_on(begun, proposed)
    while isinstance(begun, Begun):
        # What counts as slow is configured, and then watched over all rounds, or else a share of the round's time.
        async with told_if_slow(begun.opening) if request.oversight.slow_seconds is None else nullcontext():
            answers, edges = await collect(begun, request, policy, store)
        if any(agent.voter == "human" for agent in request.agents):
            await withdraw(store, begun.opening.proposal.decision_id)
        evaluated = await _evaluate(begun, request, policy, answers, edges, showing)
        ruled = evaluated.value
        if wants_another_round(ruled.decision, request):
            again = await kept(store, partial(open_another_round, store, request, policy, ruled))
            begun = _going_on(begun, again)
            continue
        told = await with_suggestions(store, ruled.decision, request)
        return await _close_with_people(store, replace(ruled, decision=told), request, [evaluated])
    return begun


def _going_on(before: Begun, again: Begun) -> Begun:
    """Give a further round with what is made to go wrong with the decision."""
    drilling = before.drilling
    return replace(again, drilling=None if drilling is None else drilling.of_round(again.opening))


async def _close_with_people(
    store: AuditStore, ruled: Ruled, request: DecisionRequest, edges: Sequence[object]
) -> Closed:
    """Check what was ruled, put it to people if it is theirs to make or to confirm, and record it."""
    if request.oversight.is_at_closing or request.overseers.agents:  # who looks at it first sees how it came about
        await kept(store, partial(note_round, store, ruled))
        ruled = Ruled(ruled.decision)
    checked = ruled.decision
    if request.oversight.is_at_closing:
        checked = await kept(store, partial(overseen, store, checked, request.oversight, now=utc_now()))
    final = await put_to_people(store, escalated(checked, request), request)
    closing = record(untracked(replace(ruled, decision=final)), edges, return_state=True)
    closed: Closed = await unsealed(await state_of(closing))
    tell_decided(closed[0])
    return closed


@task(name="record", task_run_name="record", cache_policy=NO_CACHE, persist_result=False)
async def record(ruled: Ruled, states: Sequence[object]) -> Sealed[Closed]:
    """Close a decision in the audit store; if it was closed before, give what was recorded then. With its timeline."""
    del states  # what it depends on, for the graph
    store, at = await opened_store(), utc_now()
    return Sealed(await kept(store, partial(close, store, ruled, at)))


async def _evaluate(
    begun: Begun,
    request: DecisionRequest,
    policy: ConsensusPolicy,
    answers: Mapping[str, Answer],
    edges: Sequence[object],
    showing: Showing,
) -> Sealed[Ruled]:
    """Show the ballots of a round, and let the policy's task decide them."""
    opening = begun.opening
    box = box_of(opening.proposal, request, answers)
    if not request.sealed:
        showing.begin(publish_ballots(opening, box.ballots))
    deciding = deciding_task(policy)(
        untracked(opening),
        edges,
        untracked(box),
        watch_seconds=request.watch_seconds,
        faults=untracked(NO_FAULTS if begun.drilling is None else begun.drilling.for_replicas()),
        sealed=request.sealed,
        return_state=True,
    )
    state = await state_of(deciding)
    showing.decided_by = state.state_details.task_run_id
    return await sealed_result(state)


def _final_state(decision: Decision) -> State[Any]:
    data = {
        "decision_id": decision.decision_id,
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "choice": decision.choice,
        "explanation": decision.explanation,
        "simulated": decision.is_simulated,
    }
    name = headline(decision)
    if decision.outcome is Outcome.ERROR:
        return Failed(name=name, message=decision.explanation, data=data)
    simulated = " (simulated ballots)" if decision.is_simulated else ""
    return Completed(name=name, message=f"{decision.explanation}{simulated}", data=data)
