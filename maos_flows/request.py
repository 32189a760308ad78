"""A request for a decision: everything resolved, nothing to look up."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from maos_flows.asking_order import AskingOrder
from maos_flows.deliberation import Deliberation
from maos_flows.model import Agent, Context, Opening, Oversight, Parameters, PlannedFailure, Proposal
from maos_flows.model.people import Overseers
from maos_flows.policies.base import ConsensusPolicy, Weighing
from maos_flows.policies.deciding import freeze
from maos_flows.proposing import MOST_CHOICES, SHARE_OF_TIME
from maos_flows.questions import DEFAULT_CHOICES


class Dynamics(StrEnum):
    """Where weights that change between decisions come from.

    FEEDBACK is what proved right, told with `maos consensus feedback`; PEERS is how far the other agents agreed, for
    where nobody ever learns what was right: guarded, and worse than feedback.
    """

    NONE = "none"
    FEEDBACK = "feedback"
    PEERS = "peers"


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """What it takes to open a decision.

    Attributes:
        question: What is asked.
        choices: The answers allowed beside `abstain`.
        agents: Who is asked.
        algorithm: The policy's name.
        parameters: What it is applied with.
        weighing: Where weights come from.
        domains: What the matter is about.
        context: What agents are given beside the question.
        proposer: The agent whose proposal it is, if one's.
        timeout_seconds: How long the decision waits for ballots, in each round.
        retries: How often a voter is asked again after a failure that may pass.
        rounds: How many rounds at most.
        early_stop: Whether to stop waiting once no outstanding ballot can change the outcome.
        sealed: Whether nobody is shown what an agent is for until the decision is closed.
        encrypted: Whether ballots are unreadable in the audit store until then; they are sealed too.
        signed_record: Whether the record is signed when the decision is closed.
        asking_order: Who is asked first, where asking can stop early.
        deliberation: What agents are given of each other in rounds after the first.
        escalate: Whether a decision that is not reached is a person's to make.
        watch_seconds: Over about so long the replicas of a protocol agree, on the clock, so that people can watch and
            drills can act; 0 is as fast as they go.
        drill: What is made to fail on purpose, counted from when it opens.
        dynamics: Whether weights are those the agents have earned when it opens, and from what.
        oversight: What is watched, checked and told of it beside the count.
        overseers: The people to whom it is put if it is escalated, or before it is closed.
        deputies: Who may answer in place of people, beside the agents themselves.
        open_choices: Whether the agents suggest the choices first; `choices` are then none until they have.
        max_choices: How many of their suggestions become choices at most.
        title: What people see it called.
        workflow: The workflow it is a stage of, if it is one.
        run_id: The run of that workflow.
    """

    question: str
    choices: tuple[str, ...]
    agents: tuple[Agent, ...]
    algorithm: str = "simple_majority"
    parameters: Parameters = field(default_factory=Parameters)
    weighing: Weighing = field(default_factory=Weighing)
    domains: tuple[str, ...] = ()
    context: tuple[Context, ...] = ()
    proposer: str | None = None
    timeout_seconds: float = 60.0
    retries: int = 2
    rounds: int = 1
    early_stop: bool = False
    sealed: bool = False
    encrypted: bool = False
    signed_record: bool = False
    asking_order: AskingOrder = AskingOrder.ROSTER
    deliberation: Deliberation = Deliberation.BLIND
    escalate: bool = False
    watch_seconds: float = 0.0
    drill: tuple[PlannedFailure, ...] = ()
    dynamics: Dynamics = Dynamics.NONE
    oversight: Oversight = field(default_factory=Oversight)
    overseers: Overseers = field(default_factory=Overseers)
    deputies: tuple[Agent, ...] = ()
    open_choices: bool = False
    max_choices: int = MOST_CHOICES
    title: str = ""
    workflow: str = ""
    run_id: str = ""

    @property
    def wants_suggestions(self) -> bool:
        """Whether there are no choices yet, for the agents are to suggest them."""
        return self.open_choices and not self.choices


def open_decision(
    request: DecisionRequest, policy: ConsensusPolicy, *, decision_id: str, now: datetime, round_number: int = 1
) -> Opening:
    """Freeze a request into an opening whose deadline is its timeout from `now` on, in UTC.

    Where agents suggest the choices first it is that round, 0, with its share of the time.

    Raises:
        ConfigurationError: The rule is impossible; names every problem.
    """
    seconds = request.timeout_seconds
    if request.wants_suggestions:
        round_number, seconds = 0, seconds * float(SHARE_OF_TIME)
    proposal = Proposal(
        decision_id,
        request.question,
        request.choices,
        domains=request.domains,
        context=request.context,
        round=round_number,
        proposer=request.proposer,
        deadline=now.astimezone(UTC) + timedelta(seconds=seconds),
    )
    return freeze(policy, proposal, request.agents, request.parameters, opened_at=now, weighing=request.weighing)


def warnings_of(request: DecisionRequest, policy: ConsensusPolicy) -> tuple[str, ...]:
    """Say, each in a line, what whoever opens a request should know of its rule.

    Raises:
        ConfigurationError: The rule is impossible; names every problem.
    """
    voted_on = replace(request, choices=request.choices or DEFAULT_CHOICES)  # no rule's warning is about the choices
    return policy.warnings(open_decision(voted_on, policy, decision_id="d-0", now=datetime(2000, 1, 1, tzinfo=UTC)))
