"""A stage's request for a decision: what was written, and what the stages before it decided."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from maos_flows.model import Context, Decision
from maos_flows.request import DecisionRequest
from maos_flows.workflow.model import Stage, Workflow

_LONGEST_REASON = 500
_MOST_REASONS = 5


def stage_request(workflow: Workflow, stage: Stage, *, earlier: Mapping[str, Decision], run_id: str) -> DecisionRequest:
    """Give what it takes to open a stage's decision in a run of its workflow.

    Args:
        workflow: The workflow.
        stage: One of its stages.
        earlier: The decisions of the stages it depends on, by name; agents are given them as context.
        run_id: The run.

    Raises:
        KeyError: A decision of a stage it depends on is missing.
    """
    decided = tuple(Context(f"decision of {name}", _in_words(earlier[name])) for name in stage.depends_on)
    context = (*stage.request.context, *decided)
    return replace(stage.request, context=context, workflow=workflow.name, run_id=run_id)


def _in_words(decision: Decision) -> str:
    lines = [
        f"question: {decision.opening.proposal.question}",
        f"outcome: {decision.outcome} ({decision.reason})",
        f"choice: {decision.choice or 'none'}",
        f"explanation: {decision.explanation}",
    ]
    return "\n".join((*lines, *_dissent(decision)))


def _dissent(decision: Decision) -> Iterator[str]:
    """Tell who was for what else and why, a few reasons of each, shortened."""
    reasons = {ballot.agent_id: " ".join(ballot.reasoning.split()) for ballot in decision.ballots}
    for dissent in decision.dissent:
        yield f"dissent: {len(dissent.agents)} for {dissent.choice}"
        said = [reasons[agent] for agent in dissent.agents if reasons.get(agent)]
        yield from (f"- {reason[:_LONGEST_REASON]}" for reason in said[:_MOST_REASONS])
