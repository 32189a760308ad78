"""A workflow as it was checked: its stages, what each asks, and what it waits for."""

from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from pathlib import Path

from maos_flows.model import Agent, Parameters
from maos_flows.request import DecisionRequest
from maos_flows.roster import LoadedRoster
from maos_flows.scrutiny import fold

REJECT = "reject"
"""The choice that leads no further, unless `proceed_on` says otherwise."""


class OnNoConsensus(StrEnum):
    """What follows when a stage's decision is not reached."""

    STOP = "stop"
    CONTINUE = "continue"
    ESCALATE = "escalate"
    REVOTE = "revote"


@dataclass(frozen=True, slots=True)
class Stage:
    """One decision of a workflow.

    Attributes:
        name: What it is called in `depends_on`.
        description: What it is for, in words.
        request: What it takes to open its decision, but for what earlier stages decided.
        depends_on: The stages it waits for.
        proceed_on: The choices that lead on; None means any but `reject`.
        on_no_consensus: What follows when its decision is not reached.
    """

    name: str
    description: str
    request: DecisionRequest
    depends_on: tuple[str, ...] = ()
    proceed_on: tuple[str, ...] | None = None
    on_no_consensus: OnNoConsensus = OnNoConsensus.STOP

    @property
    def question(self) -> str:
        """What is asked."""
        return self.request.question

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers allowed beside `abstain`."""
        return self.request.choices

    @property
    def algorithm(self) -> str:
        """The name of the policy that decides."""
        return self.request.algorithm

    @property
    def parameters(self) -> Parameters:
        """What the policy is applied with."""
        return self.request.parameters

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Who is asked."""
        return self.request.agents

    def proceeds(self, choice: str | None) -> bool:
        """Say whether a choice that was decided leads on to the stages that wait for this one; none never does."""
        if choice is None:
            return False
        return fold(choice) != REJECT if self.proceed_on is None else choice in self.proceed_on


@dataclass(frozen=True, slots=True)
class Workflow:
    """Decisions in stages, all checked.

    Attributes:
        name: What it is called.
        description: What it is for, in words.
        loaded_roster: The agents its stages choose from, and where their weights come from.
        stages: In the order they were written.
        source_text: The document it was read from.
        base: The folder that paths in the document are relative to.
    """

    name: str
    description: str
    loaded_roster: LoadedRoster
    stages: tuple[Stage, ...]
    source_text: str
    base: Path


def waves(workflow: Workflow) -> tuple[tuple[Stage, ...], ...]:
    """Group the stages into waves: each waits only for stages of earlier waves; within one, the document's order."""
    sorter = TopologicalSorter({stage.name: stage.depends_on for stage in workflow.stages})
    sorter.prepare()
    found = []
    while sorter.is_active():
        ready = set(sorter.get_ready())
        found.append(tuple(stage for stage in workflow.stages if stage.name in ready))
        sorter.done(*ready)
    return tuple(found)
