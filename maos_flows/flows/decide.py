"""The flow of one decision: open, ask everybody at once, decide, record, show. A run that died goes on where it was."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from prefect import flow, get_client, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from maos_flows.audit.store import AuditStore
from maos_flows.flows.artifacts import Progress, Showing, headline, publish_ballots, publish_decision
from maos_flows.flows.edges import Sealed, state_of, unsealed, untracked
from maos_flows.flows.stores import kept, opened_store
from maos_flows.flows.tasks import POLICIES, collect_and_keep, deciding_task
from maos_flows.model import (
    Absence,
    AbsenceKind,
    Ballot,
    BallotBox,
    Decision,
    Event,
    EventKind,
    Opening,
    Outcome,
    Proposal,
    Reason,
    TieBreak,
)
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.deciding import is_settled
from maos_flows.records import from_plain
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.scrutiny import scrutinise
from maos_flows.voters.base import utc_now

_LONGEST_NAME = 60
PROGRESS_AFTER_SECONDS = 1.0
"""A decision that is over sooner has no progress artifact: nobody would see it, and each costs two requests."""


@flow(name="maos-decide", persist_result=False, validate_parameters=False)
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
    name = decision_id or f"d-{str(flow_run.id).replace('-', '')[:12]}"
    showing = Showing()
    showing.begin(_name_run(asked))
    try:
        with tags("maos", asked.algorithm):
            decision, timeline = await _decide(asked, name, showing)
            await showing.end()  # one after the other: two writes at once are what Prefect on SQLite is slowest at
            showing.begin(publish_decision(decision, timeline))
    finally:
        await showing.end()
    return _final_state(decision)


async def _name_run(request: DecisionRequest) -> None:
    """Name the flow run after what is asked.

    Prefect's own way, a name given with the flow, makes one more client with one more certificate store: a tenth of
    what a decision costs.
    """
    line = " ".join((request.title or request.question).split())
    name = line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
    async with get_client() as client:
        await client.set_flow_run_name(UUID(str(flow_run.id)), name)


async def _decide(request: DecisionRequest, decision_id: str, showing: Showing) -> tuple[Decision, Sequence[Event]]:
    policy = POLICIES.find(request.algorithm)
    store = await opened_store()
    begun = await kept(store, partial(_open, store, request, policy, decision_id))
    decision, timeline = begun.decision, begun.timeline
    while decision is None:
        state = await _hold_round(begun, request, policy, store, showing)
        ruled: Decision = await unsealed(state)
        if _wants_another_round(ruled, request):
            begun = await kept(store, partial(_open_round, store, request, policy, begun.opening))
            continue
        decision, timeline = await unsealed(
            await state_of(record(untracked(_escalated(ruled, request)), [state], return_state=True))
        )
    return decision, timeline


@dataclass(frozen=True, slots=True)
class _Begun:
    """A round as it is on record when it is taken up: with its answers or, if the decision is closed, with that."""

    opening: Opening
    answered: Mapping[str, Ballot | Absence] = field(default_factory=dict)
    decision: Decision | None = None
    timeline: Sequence[Event] = ()


def _open(store: AuditStore, request: DecisionRequest, policy: ConsensusPolicy, decision_id: str) -> _Begun:
    """Open a decision, or find what was opened and perhaps decided under its id."""
    opening = store.open_decision(open_decision(request, policy, decision_id=decision_id, now=utc_now()), request)
    decision = store.decision(decision_id)
    if decision is not None:
        return _Begun(opening, decision=decision, timeline=store.timeline(decision_id))
    return _Begun(opening, _begin_asking(store, opening.proposal, request))


def _open_round(store: AuditStore, request: DecisionRequest, policy: ConsensusPolicy, before: Opening) -> _Begun:
    """Open the round after another, or find what was opened."""
    proposal = before.proposal
    again = open_decision(
        request, policy, decision_id=proposal.decision_id, now=utc_now(), round_number=proposal.round + 1
    )
    opening = store.open_round(replace(again, opened_at=before.opened_at))
    return _Begun(opening, _begin_asking(store, opening.proposal, request))


@task(name="record", task_run_name="record", cache_policy=NO_CACHE, persist_result=False)
async def record(decision: Decision, states: Sequence[object]) -> Sealed[tuple[Decision, Sequence[Event]]]:
    """Close a decision in the audit store; if it was closed before, give what was recorded then. With its timeline."""
    del states  # what it depends on, for the graph
    store, at = await opened_store(), utc_now()
    return Sealed(await kept(store, partial(_close, store, decision, at)))


def _close(store: AuditStore, decision: Decision, at: datetime) -> tuple[Decision, Sequence[Event]]:
    return store.close_decision(decision, at=at), store.timeline(decision.decision_id)


async def _hold_round(
    begun: _Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore, showing: Showing
) -> State[Any]:
    """Ask whoever has not answered in this round, then let the policy's task decide what is on record."""
    answers, states = await _collect(begun, request, policy, store)
    box = _box(begun.opening.proposal, request, answers)
    showing.begin(publish_ballots(begun.opening, box.ballots))
    return await state_of(deciding_task(policy)(untracked(begun.opening), states, untracked(box), return_state=True))


def _box(proposal: Proposal, request: DecisionRequest, answers: Mapping[str, Ballot | Absence]) -> BallotBox:
    """Put the answers accepted in a box; ballots that were rejected are on record and listed when it is closed."""
    in_order = [answers[name] for name in sorted(answers)]
    return BallotBox(
        proposal,
        request.agents,
        tuple(answer for answer in in_order if isinstance(answer, Ballot)),
        tuple(answer for answer in in_order if isinstance(answer, Absence)),
    )


def _keep(answer: Ballot | Absence, *, opening: Opening, store: AuditStore) -> Ballot | Absence:
    """Record an answer; an agent whose ballot is rejected has answered all the same, and is recorded as without one."""
    given = store.record_answer(answer)
    rejected = scrutinise((given,), opening).rejected if isinstance(given, Ballot) else ()
    if not rejected:
        return given
    absence = Absence(
        given.decision_id,
        given.agent_id,
        AbsenceKind.FAILED,
        f"its ballot was rejected: {rejected[0].explanation}",
        round=given.round,
        voter=given.voter,
        received_at=given.received_at,
        seconds=given.seconds,
    )
    return store.record_answer(absence)


async def _collect(
    begun: _Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore
) -> tuple[Mapping[str, Ballot | Absence], list[State[Any]]]:
    """Ask whoever has not answered; give all answers of the round as they are on record, and the tasks' states."""
    opening, answered = begun.opening, dict(begun.answered)
    proposal = opening.proposal
    waiting = [agent for agent in request.agents if agent.id not in answered]
    enough = asyncio.Event()

    def is_enough() -> bool:
        outstanding = [agent.id for agent in request.agents if agent.id not in answered]
        ballots = [answer for answer in answered.values() if isinstance(answer, Ballot)]
        return is_settled(policy, opening, ballots, outstanding)

    async def keep(answer: Ballot | Absence) -> Ballot | Absence:
        return await kept(store, partial(_keep, answer, opening=opening, store=store))

    async def collect(agent_place: int) -> State[Any]:
        agent = waiting[agent_place]
        asking = collect_and_keep(
            untracked(agent),
            untracked(proposal),
            retries=request.retries,
            keep=untracked(keep),
            enough=untracked(enough if request.early_stop else None),
            return_state=True,
        )
        state = await state_of(asking)
        answered[agent.id] = await unsealed(state)
        if request.early_stop and not enough.is_set() and is_enough():
            enough.set()
        return state

    if request.early_stop and answered and is_enough():
        enough.set()
    progress = asyncio.create_task(_show_progress(proposal.decision_id, answered, len(request.agents)))
    try:
        states = await asyncio.gather(*(collect(place) for place in range(len(waiting))))
    finally:
        progress.cancel()
        with suppress(asyncio.CancelledError):
            await progress
    return answered, list(states)


async def _show_progress(decision_id: str, answered: dict[str, Any], expected: int) -> None:
    progress = Progress(decision_id, expected)
    while True:
        await asyncio.sleep(PROGRESS_AFTER_SECONDS)
        await progress.show(len(answered))


def _begin_asking(store: AuditStore, proposal: Proposal, request: DecisionRequest) -> dict[str, Ballot | Absence]:
    """Read who has answered in a round, and note that the others are asked."""
    answered = {answer.agent_id: answer for answer in store.answers(proposal.decision_id, proposal.round)}
    waiting = [agent.id for agent in request.agents if agent.id not in answered]
    kind, text = EventKind.ASKED, f"round {proposal.round}: {len(waiting)} agents asked"
    if answered:
        kind, text = EventKind.RESUMED, f"resumed; {len(waiting)} agents still to answer"
    if answered or waiting:
        store.note(proposal.decision_id, Event(utc_now(), kind, text, data={"agents": waiting}))
    return answered


def _wants_another_round(decision: Decision, request: DecisionRequest) -> bool:
    """Say whether the agents are asked again: not after a veto, and not beyond the rounds allowed."""
    if decision.outcome is not Outcome.NOT_REACHED or decision.reason is Reason.VETOED:
        return False
    tied = decision.reason is Reason.TIE and request.parameters.tie_break is TieBreak.REVOTE
    allowed = max(request.rounds, 2) if tied else request.rounds
    return decision.opening.proposal.round < allowed


def _escalated(decision: Decision, request: DecisionRequest) -> Decision:
    if decision.outcome is not Outcome.NOT_REACHED or not request.escalate:
        return decision
    return replace(decision, outcome=Outcome.ESCALATED)


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
