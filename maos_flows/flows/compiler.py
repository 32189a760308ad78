"""Workflow to flow: one task a stage around the flow of its decision, edges where a stage depends on another."""

import asyncio
from collections.abc import Mapping
from typing import Any

from prefect import Flow, allow_failure, flow, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from maos_flows.flows.artifacts import words
from maos_flows.flows.decide import decide
from maos_flows.flows.edges import Sealed, state_of, untracked
from maos_flows.flows.staging import (
    SKIPPED,
    StageResult,
    asked_by,
    begun_run,
    note_stage,
    outcome_of,
    skipped_stage,
    stage_decision_id,
    stage_result,
)
from maos_flows.flows.stores import audit_store
from maos_flows.flows.summing_up import summaries_awaited
from maos_flows.model import Decision, Outcome
from maos_flows.records import to_plain
from maos_flows.voters.base import utc_now
from maos_flows.workflow import Stage, Workflow


def compile_workflow(workflow: Workflow) -> Flow[..., Any]:
    """Make the Prefect flow of a workflow, under the workflow's name. Its one parameter is the run's id."""
    run_name = f"{workflow.name.replace('{', '{{').replace('}', '}}')} {{run_id}}"

    @flow(name=workflow.name, description=workflow.description, flow_run_name=run_name, persist_result=False)
    async def run(run_id: str) -> State[Any]:
        return await run_stages(workflow, run_id)

    return run


async def run_stages(workflow: Workflow, run_id: str) -> State[Any]:
    """Run the stages inside the flow run that is running; a run of that id that died goes on where it was.

    Returns:
        A state named after how it went, with `{stage: outcome}` as data.
    """
    store = await asyncio.to_thread(audit_store)
    begun = begun_run(workflow, run_id, flow_run_id=str(flow_run.id or ""))
    await asyncio.to_thread(store.open_run, begun)
    async with summaries_awaited():
        with tags("maos", workflow.name):
            results = await _run_in_order(workflow, run_id)
        if not any(result.broke_off for result in results):
            await asyncio.to_thread(store.close_run, run_id, outcome=outcome_of(results), at=utc_now())
    return _final_state(results)


async def _run_in_order(workflow: Workflow, run_id: str) -> list[StageResult]:
    """Run every stage as soon as the stages it depends on have ended, side by side where they can."""
    running: dict[str, asyncio.Task[State[Any]]] = {}
    found: dict[str, StageResult] = {}

    async def run(stage: Stage) -> State[Any]:
        upstream = {name: await asyncio.shield(running[name]) for name in stage.depends_on}
        earlier = {name: found[name] for name in stage.depends_on}
        staging = run_stage(
            stage.name,
            {name: allow_failure(before) for name, before in upstream.items()},
            workflow=untracked(workflow),
            earlier=untracked(earlier),
            run_id=untracked(run_id),
            return_state=True,
        )
        state = await state_of(staging)
        found[stage.name] = await _result_of(stage, state)
        return state

    for stage in workflow.stages:
        running[stage.name] = asyncio.create_task(run(stage))
    await asyncio.gather(*running.values())
    return [found[stage.name] for stage in workflow.stages]


async def _result_of(stage: Stage, state: State[Any]) -> StageResult:
    result = await state.aresult(raise_on_failure=False)
    if isinstance(result, Sealed):
        sealed: StageResult = result.value
        return sealed
    return _broken(stage, result)


def _broken(stage: Stage, error: object) -> StageResult:
    explanation = f"{type(error).__name__}: {error}"
    return StageResult(stage.name, Outcome.ERROR, explanation, may_proceed=False, broke_off=True)


@task(name="stage", task_run_name="{stage_name}", cache_policy=NO_CACHE, persist_result=False)
async def run_stage(
    stage_name: str,
    depends_on: Mapping[str, object],
    *,
    workflow: Workflow,
    earlier: Mapping[str, StageResult],
    run_id: str,
) -> State[Any]:
    """Run one stage, or skip it because a stage it depends on did not lead on."""
    del depends_on  # the states of those stages, for the graph
    stage = next(stage for stage in workflow.stages if stage.name == stage_name)
    store = await asyncio.to_thread(audit_store)
    skipped = skipped_stage(stage, earlier)
    if skipped is not None:
        await note_stage(store, run_id, skipped)
        return Completed(name="Skipped", message=skipped.explanation, data=Sealed(skipped))
    decision_id = stage_decision_id(run_id, stage)
    request = await asked_by(stage, workflow, earlier, decision_id=decision_id, run_id=run_id, store=store)
    state = await state_of(decide(untracked(to_plain(request)), decision_id, return_state=True))
    decision = await asyncio.to_thread(store.decision, decision_id) if state.is_final() else None
    result = await _ended(stage, state, decision)
    await note_stage(store, run_id, result)
    final = Failed if result.outcome == Outcome.ERROR else Completed
    return final(name=state.name, message=state.message, data=Sealed(result))


async def _ended(stage: Stage, state: State[Any], decision: Decision | None) -> StageResult:
    if decision is None:
        return _broken(stage, await state.aresult(raise_on_failure=False))
    return stage_result(stage, decision)


def _final_state(results: list[StageResult]) -> State[Any]:
    data = {result.stage: str(result.outcome) for result in results}
    failed = [result for result in results if result.outcome == Outcome.ERROR]
    if failed:
        return Failed(name="Error", message=f"{failed[0].stage}: {failed[0].explanation}", data=data)
    stopped = [result for result in results if not result.may_proceed and result.outcome != SKIPPED]
    if stopped:
        first = stopped[0]
        chosen = first.decision.choice if first.decision else None
        how = chosen if chosen is not None else words(first.outcome).lower()
        return Completed(name=f"Stopped at {first.stage}: {how}", message=first.explanation, data=data)
    stages = "1 stage" if len(results) == 1 else f"{len(results)} stages"
    return Completed(name=f"Completed: {stages}", message=results[-1].explanation, data=data)
