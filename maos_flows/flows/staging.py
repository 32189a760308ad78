"""A stage in a run of its workflow, with a flow of its own or without: what it asks, how it ends, what follows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maos_flows.audit.store import AuditStore, WorkflowRun
from maos_flows.flows.artifacts import words
from maos_flows.model import Decision, Outcome
from maos_flows.request import DecisionRequest
from maos_flows.voters.base import utc_now
from maos_flows.workflow import OnNoConsensus, Stage, Workflow, stage_request

SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StageResult:
    """How a stage ended: its outcome, its decision if it had one, and whether what depends on it may go on.

    A stage that broke off has not ended: nothing is recorded of it, and whoever takes the run up comes to it again. The
    same holds for a stage that is skipped for no other reason than that.
    """

    stage: str
    outcome: str
    explanation: str
    may_proceed: bool
    decision: Decision | None = None
    broke_off: bool = False


def begun_run(workflow: Workflow, run_id: str, *, flow_run_id: str | None = None) -> WorkflowRun:
    """Make the record of a run that begins now."""
    return WorkflowRun(
        run_id=run_id,
        workflow=workflow.name,
        source=workflow.source_text,
        base=str(workflow.base),
        parameters={},
        started_at=utc_now(),
        flow_run_id=flow_run_id,
    )


def outcome_of(results: Sequence[StageResult]) -> str:
    """Say in a word how a run of these stages ended."""
    if any(result.outcome == Outcome.ERROR for result in results):
        return "error"
    return "completed" if all(result.may_proceed for result in results) else "stopped"


def stage_decision_id(run_id: str, stage: Stage) -> str:
    """Give the id of a stage's decision in a run: the same each time the run is taken up."""
    return f"{run_id}-{stage.name}"


async def asked_by(
    stage: Stage,
    workflow: Workflow,
    earlier: Mapping[str, StageResult],
    *,
    decision_id: str,
    run_id: str,
    store: AuditStore,
) -> DecisionRequest:
    """Give what a stage asks; if its decision was begun, what it asked then, not what files say now."""
    begun = await asyncio.to_thread(store.request, decision_id)
    decisions = {name: result.decision for name, result in earlier.items() if result.decision is not None}
    return begun or stage_request(workflow, stage, earlier=decisions, run_id=run_id)


def skipped_stage(stage: Stage, earlier: Mapping[str, StageResult]) -> StageResult | None:
    """Say why a stage is skipped: those it depends on that do not lead on. None if all do."""
    blocking = [result for result in earlier.values() if not result.may_proceed]
    if not blocking:
        return None
    explanation = f"skipped: {'; '.join(f'{result.stage}: {result.explanation}' for result in blocking)}"
    broke_off = all(result.broke_off for result in blocking)
    return StageResult(stage.name, SKIPPED, explanation, may_proceed=False, broke_off=broke_off)


async def note_stage(store: AuditStore, run_id: str, result: StageResult) -> None:
    """Keep how a stage ended, unless it broke off."""
    if not result.broke_off:
        outcome, explanation = result.outcome, result.explanation
        await asyncio.to_thread(
            store.note_stage, run_id, result.stage, outcome=outcome, explanation=explanation, at=utc_now()
        )


def stage_result(stage: Stage, decision: Decision) -> StageResult:
    """Say how a stage ended by its decision, and whether it leads on."""
    if decision.outcome in (Outcome.REACHED, Outcome.OVERRIDDEN) and decision.choice is not None:
        leads_on = stage.proceeds(decision.choice)
        explanation = f"{decision.choice} ({decision.explanation})"
    else:
        leads_on = stage.on_no_consensus is OnNoConsensus.CONTINUE and decision.outcome is not Outcome.ERROR
        explanation = f"{words(decision.outcome).lower()}, {words(decision.reason).lower()} ({decision.explanation})"
    return StageResult(stage.name, decision.outcome, explanation, may_proceed=leads_on, decision=decision)
