"""The form of `config.yml`: every key there is, what it takes, and what it does."""

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from maos_flows.forms import Form
from maos_flows.roster import Agents, ExpertiseForm
from maos_flows.text_types import (
    Block,
    Distinct,
    Flag,
    Name,
    Positive,
    Probability,
    Seconds,
    Share,
    Text,
    Weight,
    read_pause,
)

__all__ = ["ConfigurationForm"]


def read_milliseconds(value: object) -> int:
    """Read a duration of at least a millisecond; a number alone counts milliseconds."""
    text = str(value).strip()
    seconds = read_pause(f"{text}ms" if text[-1:].isdigit() else value)
    if seconds * 1000 < 1:
        raise ValueError("it must be at least 1 millisecond")
    return round(seconds * 1000)


Milliseconds = Annotated[
    int, PlainValidator(read_milliseconds), WithJsonSchema({"type": ["number", "string"], "exclusiveMinimum": 0})
]
Blocks = Annotated[tuple[Block, ...], Distinct]


class AlgorithmForm(Form):
    """What holds for one algorithm, where a decision does not say otherwise."""

    threshold: Share | None = Field(None, description="The share a choice needs; without it, the algorithm's own.")
    min_participants: Positive | None = Field(None, description="How many must cast a valid ballot; without it, 1.")


class OwnAlgorithmForm(AlgorithmForm):
    """What holds for a policy of one's own."""

    parameters: dict[Text, Any] = Field({}, description="A parameter of the policy's own; the policy checks it.")


class ByzantineForm(AlgorithmForm):
    """What holds for `byzantine_tolerant`."""

    byzantine_detection: Flag = Field(
        False, description="Whether its decisions list, as suspicions, agents whose ballots could not be counted."
    )


class WeightedForm(AlgorithmForm):
    """What holds for `weighted_voting`."""

    expert_weight: Weight = Field(
        Fraction(2), description="The factor of an expert in the matter for whom `agent_expertise` gives none."
    )
    regular_weight: Weight = Field(Fraction(1), description="The factor of everybody else.")
    dynamic_weights: Flag = Field(False, description="Whether weights are learned from scored decisions.")


class AlgorithmsForm(Form):
    """What holds for each algorithm; a policy of one's own stands here under its name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OwnAlgorithmForm]

    simple_majority: AlgorithmForm = Field(default_factory=AlgorithmForm)
    supermajority: AlgorithmForm = Field(default_factory=AlgorithmForm)
    byzantine_tolerant: ByzantineForm = Field(default_factory=ByzantineForm)
    weighted_voting: WeightedForm = Field(default_factory=WeightedForm)
    raft: AlgorithmForm = Field(default_factory=AlgorithmForm)
    adaptive: AlgorithmForm = Field(default_factory=AlgorithmForm)


class RaftForm(Form):
    """The replicas of `raft`."""

    enabled: Flag = Field(True, description="Whether `raft` may be used; with `false` it is refused.")
    leader_timeout: Milliseconds | None = Field(
        None, description="So long, in milliseconds, a leader that hears no majority still leads."
    )
    election_timeout_min: Milliseconds | None = Field(
        None, description="A replica that hears no leader for so long, in milliseconds, stands for election,"
    )
    election_timeout_max: Milliseconds | None = Field(
        None, description="and at the latest after so long; one that is not set follows from the other."
    )


class DecisionPolicyForm(Form):
    """What holds for decisions of one type."""

    algorithm: Text | None = Field(None, description="How ballots become a decision.")
    threshold: Share | None = Field(None, description="The share a choice needs.")
    min_participants: Positive | None = Field(None, description="How many must cast a valid ballot.")
    timeout: Seconds | None = Field(None, description="How long each round waits for ballots.")
    expert_review: Flag = Field(
        False, description="Whether an expert in the matter must have cast a ballot; else it is not reached."
    )
    audit_trail: Flag = Field(
        False, description="Whether the rule, the weights and the configuration's digest are written to the timeline."
    )
    human_oversight: Flag = Field(False, description="Whether a person must agree before it is closed.")
    leader_override: Flag = Field(
        False, description="Whether, without consensus, the elected leader's own ballot decides; for `raft`."
    )
    emergency_contacts: Flag = Field(
        False, description="Whether the contacts are told when it is opened and when it is closed."
    )


class AuditForm(Form):
    """What is recorded and required beyond every decision's record, which is always kept."""

    enabled: Flag = Field(
        True, description="Whether the other keys of this section hold; `false` is refused in production mode."
    )
    detailed_logging: Flag = Field(
        False, description="Whether every decision writes its rule and weights to its timeline, like `audit_trail`."
    )
    decision_justification: Literal["required", "optional"] = Field(
        "optional", description="Whether a ballot without reasons is invalid."
    )
    compliance_check: Flag = Field(
        False, description="Whether a report, rule by rule, is made of every decision; one that fails is not reached."
    )


class MonitoringForm(Form):
    """What is watched while decisions run."""

    consensus_metrics: Flag = Field(
        False, description="Whether a decision's figures (seconds, participation) are written to its timeline."
    )
    performance_alerts: Flag = Field(
        True, description="Whether a threshold that is passed alerts the contacts; its event is written all the same."
    )
    slow_consensus_threshold: Seconds | None = Field(
        None, description="A decision that is open for longer is noted as slow."
    )
    failure_rate_threshold: Probability | None = Field(
        None, description="Failures are noted if more than this share of the last 100 decisions reached nothing."
    )


class SecurityForm(Form):
    """What ballots and records must withstand."""

    agent_authentication: Literal["required", "optional"] = Field(
        "optional", description="Whether only ballots count that are signed with the key frozen for their agent."
    )
    vote_encryption: Flag = Field(
        False, description="Whether ballots are sealed, and encrypted in the audit store, until the decision is closed."
    )
    byzantine_detection: Flag = Field(
        False, description="As `malicious_detection`, and agents that were late or failed are listed too."
    )
    audit_signatures: Flag = Field(False, description="Whether the record of a decision is signed when it is closed.")


class ExplainForm(Form):
    """The language model that sums decisions up, beside the record."""

    model: Text | None = Field(
        None,
        description="The language model, like openai:gpt-6-luna, that sums up what `maos show ID --explain` tells.",
    )
    base_url: Text | None = Field(None, description="Where a server is that speaks as the model's provider does.")
    api_key_env: Text | None = Field(
        None, description="The environment variable that holds the key; by default the provider's own."
    )
    max_tokens: Positive = Field(4000, description="How many tokens a summary may have, a model's thinking among them.")
    max_cost: Weight | None = Field(None, description="How many US dollars one summary may cost.")
    timeout: Seconds = Field(60.0, description="How long a summary is waited for.")
    every_decision: Flag = Field(
        False, description="Whether every decision is summed up when it is closed, for its page in Prefect."
    )


class DrillsForm(Form):
    """Failures made on purpose."""

    enabled: Flag = Field(True, description="Whether drills may be started; in production mode they never may.")


class ConsensusForm(Form):
    """How decisions are made."""

    default_algorithm: Text = Field("simple_majority", description="The algorithm where none is named.")
    voting_timeout: Seconds = Field(60.0, description="How long each round waits for ballots where nothing is said.")
    byzantine_tolerance: Flag = Field(
        False, description="Whether the default must bear a lying agent: `byzantine_tolerant`, four agents or more."
    )
    malicious_detection: Flag = Field(
        False, description="Whether agents whose ballots contradict each other or do not belong are listed as suspects."
    )
    one_lineage_one_vote: Flag = Field(False, description="Whether agents of one lineage share one vote.")
    production_mode: Flag = Field(
        False, description="Whether simulated agents and drills are refused; `maos doctor` lists what is not met."
    )
    contacts: Blocks = Field((), description="Prefect notification blocks that are told of alerts and emergencies.")
    algorithms: AlgorithmsForm = Field(default_factory=AlgorithmsForm)
    raft: RaftForm = Field(default_factory=RaftForm)
    decision_policies: dict[Name, DecisionPolicyForm] = Field({})
    audit: AuditForm = Field(default_factory=AuditForm)
    monitoring: MonitoringForm = Field(default_factory=MonitoringForm)
    security: SecurityForm = Field(default_factory=SecurityForm)
    drills: DrillsForm = Field(default_factory=DrillsForm)
    explain: ExplainForm = Field(default_factory=ExplainForm)


class ConfigurationForm(Form):
    """The whole file."""

    consensus: ConsensusForm = Field(default_factory=ConsensusForm)
    agent_weights: dict[Text, Weight] = Field({}, description="A factor per role, for `weighted_voting`.")
    agent_expertise: dict[Text, ExpertiseForm] = Field({})
    agents: Agents | None = Field(
        None, description="The agents, as in a roster file, where neither a flag, a workflow nor `MAOS_ROSTER` says."
    )
