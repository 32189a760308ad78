"""One decision, or one workflow, without runs of its own in Prefect: what a batch has thousands of.

What is asked, kept, decided and recorded, and in which order, is as in the flow of one decision.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

from maos_flows.audit.store import AuditStore, WorkflowRun
from maos_flows.bulk.asking import kinds_of
from maos_flows.flows.agreeing import decide_recorded
from maos_flows.flows.collecting import Answer, Begun, answer_of, keep_answer, note_settled
from maos_flows.flows.isolating import of_electorate
from maos_flows.flows.known import policy_named
from maos_flows.flows.staging import (
    StageResult,
    asked_by,
    begun_run,
    note_stage,
    outcome_of,
    skipped_stage,
    stage_decision_id,
    stage_result,
)
from maos_flows.flows.steps import box_of, close, escalated, open_another_round, open_or_find, wants_another_round
from maos_flows.flows.stores import kept
from maos_flows.flows.turns import Turns
from maos_flows.model import Agent, Decision
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.request import DecisionRequest
from maos_flows.voters.base import utc_now
from maos_flows.workflow import Stage, Workflow


class Places:
    """How many may be at work at once: questions, and agents of each kind of voter or provider of models.

    Args:
        questions: How many questions are asked at once.
        kinds: How many agents of a kind are asked at once, for the kinds that have a limit.
    """

    def __init__(self, questions: int, kinds: Mapping[str, int]) -> None:
        self.questions = asyncio.Semaphore(questions)
        self._kinds = {kind: asyncio.Semaphore(most) for kind, most in kinds.items()}

    @asynccontextmanager
    async def of(self, agent: Agent) -> AsyncIterator[None]:
        """Hold a place for an agent in each limit that it falls under."""
        async with AsyncExitStack() as stack:
            for kind in kinds_of(agent):
                if kind in self._kinds:
                    await stack.enter_async_context(self._kinds[kind])
            yield


async def decide_quietly(request: DecisionRequest, decision_id: str, store: AuditStore, places: Places) -> Decision:
    """Decide one request; a decision of that id that was begun is taken up, and nobody asked twice."""
    policy = await policy_named(request.algorithm)
    begun = await kept(store, partial(open_or_find, store, request, policy, decision_id))
    while isinstance(begun, Begun):
        request = of_electorate(request, begun.opening)
        answers = await _collect(begun, request, policy, store, places)
        box = box_of(begun.opening.proposal, request, answers)
        ruled = await decide_recorded(policy, begun.opening, box)
        if wants_another_round(ruled.decision, request):
            begun = await kept(store, partial(open_another_round, store, request, policy, ruled))
        else:
            final = replace(ruled, decision=escalated(ruled.decision, request))
            begun = await kept(store, partial(close, store, final, utc_now()))
    return begun[0]


async def _collect(
    begun: Begun, request: DecisionRequest, policy: ConsensusPolicy, store: AuditStore, places: Places
) -> Mapping[str, Answer]:
    """Ask each agent that has not answered, all at once but for the places there are; keep answers as they come."""
    opening, answers = begun.opening, dict(begun.answered)

    async def collect(agent: Agent) -> None:
        await turns.of(agent.id)
        async with places.of(agent):
            answer = await answer_of(agent, opening.proposal, retries=request.retries, enough=turns.enough)
        answers[agent.id] = await kept(
            store, partial(keep_answer, answer, opening=opening, store=store, sealed=request.sealed)
        )
        await turns.go_on()

    on_settled = partial(kept, store, partial(note_settled, store, opening.proposal))
    turns = Turns(request, policy, opening, answers, on_settled=on_settled)
    waiting = [agent for agent in request.agents if agent.id not in answers]
    await turns.begin()
    await asyncio.gather(*(collect(agent) for agent in waiting))
    return answers


async def run_quietly(workflow: Workflow, run_id: str, store: AuditStore, places: Places) -> WorkflowRun:
    """Run a workflow's stages, side by side where they can; a run of that id that was begun is taken up."""
    known = await kept(store, partial(store.open_run, begun_run(workflow, run_id)))
    if known.outcome is not None:
        return known
    running: dict[str, asyncio.Task[StageResult]] = {}

    async def run(stage: Stage) -> StageResult:
        earlier = {name: await asyncio.shield(running[name]) for name in stage.depends_on}
        return await _run_stage(stage, workflow, earlier, run_id, store=store, places=places)

    for stage in workflow.stages:
        running[stage.name] = asyncio.create_task(run(stage))
    results = await asyncio.gather(*running.values())
    return await kept(store, partial(store.close_run, run_id, outcome=outcome_of(results), at=utc_now()))


async def _run_stage(
    stage: Stage,
    workflow: Workflow,
    earlier: Mapping[str, StageResult],
    run_id: str,
    *,
    store: AuditStore,
    places: Places,
) -> StageResult:
    result = skipped_stage(stage, earlier)
    if result is None:
        decision_id = stage_decision_id(run_id, stage)
        request = await asked_by(stage, workflow, earlier, decision_id=decision_id, run_id=run_id, store=store)
        result = stage_result(stage, await decide_quietly(request, decision_id, store, places))
    await note_stage(store, run_id, result)
    return result
