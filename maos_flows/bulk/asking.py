"""From a question of a batch to a request for its decision: what is its own, and what all have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from maos_flows.bulk.questions import Question
from maos_flows.bulk.votes import Votes
from maos_flows.errors import ConfigurationError
from maos_flows.model import Agent, Opening, Roster
from maos_flows.policies.base import ConsensusPolicy
from maos_flows.policies.majority import SimpleMajority, Supermajority
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.questions import choices_in
from maos_flows.request import DecisionRequest, open_decision
from maos_flows.scrutiny import tidy
from maos_flows.selection import select_agents

BY_COLUMNS = frozenset({SimpleMajority, Supermajority, WeightedVoting})
"""Policies that look at who is for what and with which weight, at nothing else: the same ballots are decided alike."""

_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """How the questions of a batch are decided.

    Attributes:
        base: A request with all that they have in common; its agents are those who may be asked.
        policy: The policy that decides.
        choices: The choices of a question that gives none; without them, those its text lists.
        max_agents: How many of the agents are asked at most, those that fit the question best.
        votes: The ballots, if they are recorded.
        voters_alone: Whether the electorate of a question is those who voted on it, whoever the agents are.
    """

    base: DecisionRequest
    policy: ConsensusPolicy
    choices: tuple[str, ...] = ()
    max_agents: int | None = None
    votes: Votes | None = None
    voters_alone: bool = False


@dataclass(slots=True)
class Asker:
    """Makes the requests and openings of a batch; what many have in common is made once and is one object."""

    rule: Rule
    batch_id: str
    _agents: dict[object, tuple[Agent, ...]] = field(default_factory=dict)
    _openings: dict[object, Opening] = field(default_factory=dict)
    _choices: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    _by_name: Mapping[str, Agent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name = {agent.id: agent for agent in self.rule.base.agents}

    def decision_id(self, question: Question) -> str:
        """Give the id of a question's decision: the same each time the batch is taken up."""
        return f"{self.batch_id}-{question.id}"

    def request(self, question: Question) -> DecisionRequest:
        """Give what it takes to open a question's decision."""
        choices = question.choices or self.rule.choices or choices_in(question.text)
        return replace(
            self.rule.base,
            question=question.text,
            choices=self._choices.setdefault(choices, choices),
            agents=self._electors(question),
            domains=question.domains,
            context=question.context,
            run_id=self.batch_id,
        )

    def open(self, question: Question, *, at: datetime) -> tuple[DecisionRequest, Opening]:
        """Freeze a question's decision.

        Raises:
            ConfigurationError: The rule is impossible for it; names every problem.
        """
        request = self.request(question)
        if type(self.rule.policy) not in BY_COLUMNS:  # it may weigh agents by anything a proposal says
            return request, open_decision(request, self.rule.policy, decision_id=self.decision_id(question), now=at)
        key = (id(request.agents), request.choices, request.domains, at)
        alike = self._openings.get(key)
        if alike is None:
            alike = open_decision(request, self.rule.policy, decision_id=self.decision_id(question), now=at)
            self._openings[key] = alike
        proposal = replace(
            alike.proposal,
            decision_id=self.decision_id(question),
            question=request.question,
            context=request.context,
        )
        return request, replace(alike, proposal=proposal)

    def problems(self, questions: tuple[Question, ...]) -> Iterator[tuple[Question, str]]:
        """Find the questions that could never be decided, each with what is wrong."""
        for question in questions:
            try:
                self.open(question, at=_SOME_TIME)
            except ConfigurationError as error:
                yield question, "; ".join(map(str, error.problems))

    def _electors(self, question: Question) -> tuple[Agent, ...]:
        rule = self.rule
        if rule.votes is not None and rule.voters_alone:
            workers, _ = rule.votes.of(question.id)
            key: object = workers.tobytes()
            if key not in self._agents:
                names = dict.fromkeys(rule.votes.workers[code] for code in workers)
                self._agents[key] = self._shared(tuple(self._by_name[name] for name in sorted(names)))
            return self._agents[key]
        if rule.max_agents is None:
            return rule.base.agents
        chosen = select_agents(
            Roster(rule.base.agents), domains=question.domains, question=question.text, most=rule.max_agents
        )
        return self._shared(chosen)

    def _shared(self, agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
        return self._agents.setdefault(tuple(agent.id for agent in agents), agents)


def voters_of(votes: Votes) -> tuple[Agent, ...]:
    """Give an agent for each worker of a votes file, by name."""
    return tuple(Agent(name, voter="recorded") for name in sorted(votes.workers))


def as_recorded(agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """Give agents whose ballots are recorded, whoever else would answer for them."""
    return tuple(replace(agent, voter="recorded", settings={}) for agent in agents)


def rule_as_plain(rule: Rule) -> dict[str, Any]:
    """Give what a rule says beside its agents and its input, as plain data for people."""
    base, parameters = rule.base, rule.base.parameters
    return {
        "algorithm": base.algorithm,
        "threshold": str(parameters.threshold),
        "basis": parameters.basis.value,
        "min_participants": parameters.min_participants,
        "choices": [tidy(choice) for choice in rule.choices],
        "max_agents": rule.max_agents,
    }


def kinds_of(agent: Agent) -> tuple[str, ...]:
    """Give the kinds by which an agent's asking is limited: its voter's and, of a model, its provider's."""
    provider, separator, _ = str(agent.settings.get("model", "")).partition(":")
    return (agent.voter, provider) if separator and provider != agent.voter else (agent.voter,)
