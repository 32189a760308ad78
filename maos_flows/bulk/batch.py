"""A batch: questions in chunks, the rule they are decided by, and what must be the same when it is taken up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maos_flows.bulk.asking import Rule, rule_as_plain
from maos_flows.bulk.questions import Question
from maos_flows.model import Context
from maos_flows.records import digest, to_plain
from maos_flows.request import DecisionRequest
from maos_flows.workflow import Workflow


@dataclass(frozen=True, slots=True)
class Chunk:
    """Questions that are decided, recorded and reported together."""

    number: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions to be decided.

    Attributes:
        batch_id: The batch's id.
        source: The file of the questions.
        digest: Of that file.
        questions: Those that can be decided, in order.
        rule: How each is decided: by one rule, or by the stages of a workflow.
        chunk_size: How many questions a chunk has.
    """

    batch_id: str
    source: Path
    digest: str
    questions: tuple[Question, ...]
    rule: Rule | Workflow
    chunk_size: int

    @property
    def algorithm(self) -> str:
        """The name of the policy or the workflow."""
        return self.rule.name if isinstance(self.rule, Workflow) else self.rule.policy.name

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The questions in chunks, the last one perhaps smaller."""
        starts = range(0, len(self.questions), self.chunk_size)
        return tuple(
            Chunk(number, self.questions[start : start + self.chunk_size]) for number, start in enumerate(starts)
        )

    @property
    def agents(self) -> tuple[Any, ...]:
        """Everybody who may be asked."""
        if isinstance(self.rule, Workflow):
            return tuple({agent.id: agent for stage in self.rule.stages for agent in stage.agents}.values())
        return self.rule.base.agents


def parameters_of(batch: Batch) -> Mapping[str, Any]:
    """Give what must be the same when a batch is taken up, under names for people."""
    same: dict[str, Any] = {"questions": batch.digest, "chunk_size": batch.chunk_size}
    if isinstance(batch.rule, Workflow):
        roster = digest(to_plain(batch.rule.loaded_roster))
        return {**same, "workflow": digest(batch.rule.source_text), "roster": roster}
    base, votes = batch.rule.base, batch.rule.votes
    return {
        **same,
        **rule_as_plain(batch.rule),
        "roster": digest({"agents": to_plain(base.agents), "weighing": to_plain(base.weighing)}),
        "rule": digest(to_plain(replace(base, agents=()))),
        "votes": None if votes is None else votes.digest,
        "voters_alone": batch.rule.voters_alone,
    }


def stage_requests(workflow: Workflow, question: Question) -> Workflow:
    """Give a workflow whose stages ask about one question: it goes before each stage's context.

    The question is context named `question`, its id context named `id`; its domains join those of the stages.
    """
    given = (Context("question", question.text), Context("id", question.id), *question.context)
    return replace(
        workflow,
        stages=tuple(replace(stage, request=_about(stage.request, question, given)) for stage in workflow.stages),
    )


def _about(request: DecisionRequest, question: Question, given: tuple[Context, ...]) -> DecisionRequest:
    domains = tuple(dict.fromkeys((*request.domains, *question.domains)))
    return replace(request, context=(*given, *request.context), domains=domains)


def problems_with_stages(questions: Sequence[Question], workflow: Workflow) -> Iterator[tuple[Question, str]]:
    """Find the questions that a workflow cannot be run for, each with what is wrong."""
    taken: dict[str, str] = {}
    for question in questions:
        if question.choices:
            yield question, "choices: the stages of the workflow say what may be chosen; leave them out"
            continue
        names = [f"{question.id}-{stage.name}" for stage in workflow.stages]
        twice = next((name for name in names if name in taken), None)
        if twice is not None:
            yield question, f"id: {question.id!r} and {taken[twice]!r} would have a decision {twice!r} each"
            continue
        taken.update(dict.fromkeys(names, question.id))
