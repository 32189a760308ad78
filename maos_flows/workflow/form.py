"""The format of a workflow document: every key, what it takes, and what it means."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from maos_flows.asking_order import AskingOrder
from maos_flows.deliberation import Deliberation
from maos_flows.forms import Form
from maos_flows.model import Basis, FailureKind, TieBreak
from maos_flows.proposing import MOST_CHOICES
from maos_flows.request import Dynamics
from maos_flows.roster import Agents, RosterForm, Texts
from maos_flows.scrutiny import tidy
from maos_flows.text_types import (
    AgentId,
    Count,
    Distinct,
    Filled,
    Flag,
    Name,
    Pause,
    Positive,
    Scalar,
    Seconds,
    Share,
    Text,
    Weight,
)
from maos_flows.workflow.model import OnNoConsensus

MOST_SUGGESTED = 50
"""How many suggestions may become choices."""

MOST_STAGES = 200
"""How many stages one workflow may have."""


class ContextText(Form):
    """A text that agents are given."""

    name: Text | None = Field(None, description="What agents see it called.")
    text: Text = Field(description="The text; data, never instruction.")


class ContextFile(Form):
    """A file whose text agents are given, read when the workflow is loaded."""

    name: Text | None = Field(None, description="What agents see it called; by default the path.")
    file: Text = Field(description="A UTF-8 text file of at most 256 KiB, relative to the document.")


class DrillForm(Form):
    """Something that is made to fail on purpose."""

    failure: FailureKind = Field(description="What fails.")
    agents: Annotated[tuple[AgentId, ...], Distinct, Filled] | None = Field(None, description="Whom it makes fail.")
    share: Share | None = Field(None, description="How many fail, drawn by the seed, where no agents are named.")
    after: Pause = Field(0.0, description="When it begins, counted from when the decision opens (default 0s).")
    duration: Seconds = Field(description="For how long.")
    seed: Count = Field(0, description="What draws the agents (default 0).")


def _entry(value: object) -> ContextText | ContextFile:
    match value:
        case str():
            return ContextText(text=value)
        case {"file": _}:
            return ContextFile.model_validate(value)
        case dict():
            return ContextText.model_validate(value)
        case _:
            raise ValueError("must be text, or a mapping with text or file")


def _entries(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _stages(value: object) -> tuple[Any, ...]:
    """Take the stages as they are; each is read on its own, so that one that is wrong does not hide the others."""
    if not isinstance(value, list):
        raise ValueError("must be a list of stages")  # noqa: TRY004 - pydantic's way
    if not 1 <= len(value) <= MOST_STAGES:
        raise ValueError(f"{len(value)} stages are not in 1..{MOST_STAGES}")
    return tuple(value)


def _several(number: int) -> int:
    if not 2 <= number <= MOST_SUGGESTED:  # noqa: PLR2004 - two is what makes it a choice
        raise ValueError(f"{number} is not in 2..{MOST_SUGGESTED}")
    return number


Several = Annotated[
    Positive,
    AfterValidator(_several),
    WithJsonSchema({"type": "integer", "minimum": 2, "maximum": MOST_SUGGESTED}),
]
Choice = Annotated[Scalar, BeforeValidator(lambda value: tidy(value) if isinstance(value, str) else value)]
Entry = Annotated[
    ContextText | ContextFile, PlainValidator(_entry, json_schema_input_type=Text | ContextText | ContextFile)
]
Entries = Annotated[
    tuple[Entry, ...],
    Filled,
    BeforeValidator(_entries, json_schema_input_type=Text | Annotated[tuple[Entry, ...], Filled]),
]
DynamicWeights = Annotated[
    Dynamics,
    BeforeValidator(
        lambda value: {"true": "feedback", "false": "none"}.get(value, value) if isinstance(value, str) else value,
        json_schema_input_type=Literal["true", "false", "feedback", "peers", "none"] | bool,
    ),
]
Domains = Annotated[Texts, Filled]
ProceedOn = Annotated[tuple[Choice, ...], Distinct, Filled]


class StageDefaults(Form):
    """What holds for every stage that does not say otherwise."""

    consensus_algorithm: Text | None = Field(None, description="The policy that decides (default simple_majority).")
    threshold: Share | None = Field(
        None, description="The share a choice needs, above 0 and at most 1, like 0.6 or 2/3; by default the policy's."
    )
    basis: Basis | None = Field(
        None,
        description="What that is a share of: the weight of all (eligible, default), cast, or cast less abstentions.",
    )
    min_participants: Positive | None = Field(None, description="How many must cast a valid ballot (default 1).")
    max_agents: Positive | None = Field(None, description="How many are asked at most, the best fitting first.")
    max_cost: Weight | None = Field(None, description="How many US dollars its language models may cost together.")
    roles: Domains | None = Field(None, description="Roles that may take part (default all).")
    expert_domains: Domains | None = Field(None, description="What the matter is about; experts in it weigh more.")
    choices: tuple[Choice, ...] | None = Field(
        None,
        description="The answers allowed beside abstain; by default those the question lists, else approve, reject.",
    )
    open_choices: Flag | None = Field(
        None, description="Whether there are no choices yet: agents suggest some, and then vote (default false)."
    )
    max_choices: Several | None = Field(
        None, description=f"How many suggestions become choices at most, with open_choices (default {MOST_CHOICES})."
    )
    proceed_on: ProceedOn | None = Field(None, description="The choices that lead on (default any but reject).")
    on_no_consensus: OnNoConsensus | None = Field(None, description="What follows without a decision (default stop).")
    escalate_to: Domains | None = Field(
        None, description="People, by id or role, to whom a decision is put (default those of the role overseer)."
    )
    escalation_timeout: Seconds | None = Field(
        None, description="How long they have to answer (default as long as a round)."
    )
    decision_type: Name | None = Field(
        None, description="The type of decision, for which the configuration says algorithm, threshold and more."
    )
    timeout: Seconds | None = Field(None, description="How long each round waits for ballots (default 60s).")
    retries: Count | None = Field(None, description="How often a voter that failed is asked again (default 2).")
    rounds: Positive | None = Field(None, description="How many rounds at most (default 1, with a revote 2).")
    dynamic_weights: DynamicWeights | None = Field(
        None,
        description="Whether agents weigh what they have earned: true (by feedback), peers (by agreement), or false.",
    )
    one_lineage_one_vote: Flag | None = Field(
        None, description="Whether agents of one lineage share one vote (default as the roster says)."
    )
    early_stop: Flag | None = Field(
        None, description="Whether to stop waiting once nothing can change (default false)."
    )
    sealed_ballots: Flag | None = Field(
        None, description="Whether nobody is shown any ballot's choice before the decision is closed (default false)."
    )
    early_stop_order: AskingOrder | None = Field(
        None, description="Who is asked first with early_stop: roster (default), cheapest, or decisive."
    )
    deliberation: Deliberation | None = Field(
        None, description="What agents are given of each other in later rounds: blind (default), reasons, or full."
    )
    context: Entries | None = Field(None, description="What agents are given beside the question.")
    tie_break: TieBreak | None = Field(None, description="What a tie leads to (default none).")
    chair: AgentId | None = Field(None, description="The agent with the casting vote, for tie_break: chair.")
    veto: Domains | None = Field(None, description="Agents or roles that may veto.")
    proposer: AgentId | None = Field(None, description="The agent whose proposal it is.")
    self_approval: Flag | None = Field(None, description="Whether the proposer's own ballot counts (default true).")
    justification: Literal["required", "optional"] | None = Field(
        None, description="Whether a ballot without reasoning is invalid (default optional)."
    )
    parameters: dict[Text, Any] | None = Field(
        None, description="What is set of the policy's own parameters; `maos consensus show-policy` lists them."
    )


class StageForm(StageDefaults):
    """One decision."""

    stage: Name = Field(description="What it is called in depends_on.")
    description: Text | None = Field(None, description="What it is for; it is asked if there is no question.")
    question: Text | None = Field(None, description="What is asked (default the description).")
    watch: Pause | None = Field(
        None, description="How long replicas take, on the clock, so that people can watch (default as fast as they go)."
    )
    drill: Annotated[tuple[DrillForm, ...], Filled] | None = Field(
        None, description="What is made to fail on purpose, for tests; never in production mode."
    )
    depends_on: Annotated[tuple[Name, ...], Distinct] = Field((), description="The stages it waits for.")


class WorkflowForm(Form):
    """Decisions in stages."""

    workflow_name: Name = Field(description="What it is called.")
    description: Text | None = Field(None, description="What it is for.")
    defaults: StageDefaults = Field(default_factory=StageDefaults, description="What holds for every stage.")
    roster: Annotated[
        Any,
        PlainValidator(lambda value: value, json_schema_input_type=Text | Agents | RosterForm | None),
    ] = Field(
        None, description="The agents: a file, a list of agents, or a whole roster; by default the configured one."
    )
    stages: Annotated[tuple[Any, ...], PlainValidator(_stages, json_schema_input_type=tuple[StageForm, ...])] = Field(
        description="The decisions.", json_schema_extra={"minItems": 1, "maxItems": MOST_STAGES}
    )
