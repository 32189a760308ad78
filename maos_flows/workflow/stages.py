"""From a stage as written to a stage that is known to be possible: defaults, agents, rule, context."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from maos_flows.asking_order import AskingOrder
from maos_flows.config import Configuration
from maos_flows.config.contradictions import RAFT
from maos_flows.config.drilling import drills_refused
from maos_flows.deliberation import Deliberation
from maos_flows.drills.plans import drawn_share
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import attempt, nearest, place
from maos_flows.model import Agent, Basis, Context, Parameters, PlannedFailure, TieBreak
from maos_flows.policies.base import ConsensusPolicy, Weighing
from maos_flows.policies.registry import PolicyRegistry
from maos_flows.proposing import MOST_CHOICES
from maos_flows.records import path_of
from maos_flows.request import DecisionRequest, Dynamics, open_decision
from maos_flows.roster import LoadedRoster
from maos_flows.scrutiny import fold
from maos_flows.selection import mentioned, select_agents
from maos_flows.strict_yaml import line_of, read_text
from maos_flows.workflow.budget import within_budget
from maos_flows.workflow.configured import (
    Configured,
    algorithm_of,
    configured_for,
    refused,
    reviewers_of,
    settings_for,
    values_for,
)
from maos_flows.workflow.form import ContextFile, StageForm, WorkflowForm
from maos_flows.workflow.model import OnNoConsensus, Stage
from maos_flows.workflow.open_choices import choices_of, contradictions
from maos_flows.workflow.overseen import oversight_of
from maos_flows.workflow.people import deputies_of, electable, overseers_of

MOST_CONTEXT_BYTES = 256 * 1024
"""The largest file that is given to agents."""

_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
Where = tuple[int | str, ...]
_Found = Iterator[tuple[Where, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """A stage as it stands in its document, with the defaults it inherits."""

    document: Any
    workflow: WorkflowForm
    index: int
    stage: StageForm
    base: Path
    configured: Configured = field(default_factory=lambda: Configured(Configuration()))
    fallback: Mapping[str, tuple[Any, tuple[str, ...]]] = field(default_factory=dict)

    def value(self, key: str, otherwise: Any) -> Any:
        """Give what the stage says, else the defaults, else what is configured, else what always holds.

        An explicit null in the stage passes over the defaults.
        """
        found = self._said(key)
        if found is not None:
            return found
        return self.fallback[key][0] if key in self.fallback else otherwise

    def _said(self, key: str) -> Any:
        form = self.stage if key in self.stage.model_fields_set else self.workflow.defaults
        return getattr(form, key)

    def problem(self, where: Where, message: str) -> Problem:
        """Make a problem of a part of the stage; what it inherits is told with the line in the defaults."""
        location = ("stages", self.index, *where)
        if where and where[0] in self.fallback and self._said(str(where[0])) is None:
            return Problem(self.configured.key(*self.fallback[str(where[0])][1]), message)
        inherited = where and where[0] not in self.stage.model_fields_set
        line = line_of(self.document, ("defaults", *where)) if inherited else None
        if inherited and line and where[0] in self.workflow.defaults.model_fields_set:
            return Problem(f"{path_of(location)} (from defaults, line {line})", message)
        return Problem(place(self.document, location), message)


def build_stage(written: Written, loaded: LoadedRoster, policies: PolicyRegistry) -> Stage:
    """Make a stage, and prove that its decision could be opened and met.

    Raises:
        ConfigurationError: It could not; names every problem.
    """
    problems: list[Problem] = []
    written = _configured(written, problems)
    policy = _policy(written, policies, problems)
    agents = _agents(written, loaded)
    domains = _domains_of(written, loaded)
    algorithm = policy.name if policy else ""
    security = written.configured.consensus.security
    are_open = written.value("open_choices", False)
    request = DecisionRequest(
        question=_question(written),
        choices=choices_of(_question(written), written.value("choices", None), are_open=are_open),
        open_choices=are_open,
        max_choices=written.value("max_choices", MOST_CHOICES),
        agents=agents,
        algorithm=algorithm,
        parameters=_parameters(written, policy, problems),
        weighing=_weighing(written, loaded),
        domains=domains,
        context=_context(written, problems),
        proposer=written.value("proposer", None),
        timeout_seconds=written.value("timeout", 60.0),
        retries=written.value("retries", 2),
        rounds=written.value("rounds", 2 if _revotes(written) else 1),
        early_stop=written.value("early_stop", False),
        asking_order=written.value("early_stop_order", AskingOrder.ROSTER),
        deliberation=written.value("deliberation", Deliberation.BLIND),
        sealed=security.vote_encryption or written.value("sealed_ballots", False),
        encrypted=security.vote_encryption,
        signed_record=security.audit_signatures,
        escalate=written.value("on_no_consensus", None) is OnNoConsensus.ESCALATE,
        oversight=oversight_of(written.configured, algorithm),
        dynamics=written.value("dynamic_weights", Dynamics.NONE),
        watch_seconds=written.stage.watch or 0.0,
        drill=_drill(written, agents, problems),
        title=written.stage.stage,
        workflow=written.workflow.workflow_name,
    )
    request = attempt(problems, partial(_reviewed, written, request)) or request
    request = _with_people(written, loaded, request, problems)
    request = within_budget(request, written.value("max_cost", None))
    problems += refused(written.configured, algorithm, agents)
    found = [*_unusable(written, request), *_nobody(written, loaded)]
    problems += [written.problem(where, message) for where, message in found]
    if policy is not None and agents:
        problems += _impossible(written, request, policy)
    if problems:
        raise ConfigurationError(problems)
    return Stage(
        written.stage.stage,
        written.stage.description or "",
        request,
        written.stage.depends_on,
        written.value("proceed_on", None),
        written.value("on_no_consensus", OnNoConsensus.STOP),
    )


def _configured(written: Written, problems: list[Problem]) -> Written:
    """Give a stage with what is configured for its type and its algorithm, where it says nothing itself."""
    named = written.value("decision_type", None)
    try:
        configured = configured_for(written.configured.configuration, named)
    except ConfigurationError as error:
        problems += [written.problem(("decision_type",), problem.message) for problem in error.problems]
        configured = written.configured
    by_default = {"consensus_algorithm": algorithm_of(configured)}
    algorithm = replace(written, fallback=by_default).value("consensus_algorithm", "")
    return replace(written, configured=configured, fallback={**values_for(configured, algorithm), **by_default})


def _weighing(written: Written, loaded: LoadedRoster) -> Weighing:
    shares = written.value("one_lineage_one_vote", loaded.weighing.one_lineage_one_vote)
    return replace(loaded.weighing, one_lineage_one_vote=shares)


def _reviewed(written: Written, request: DecisionRequest) -> DecisionRequest:
    reviewers = reviewers_of(written.configured, request.agents, request.weighing, request.domains)
    return replace(request, parameters=replace(request.parameters, reviewers=reviewers))


def _with_people(
    written: Written, loaded: LoadedRoster, request: DecisionRequest, problems: list[Problem]
) -> DecisionRequest:
    """Give a request with those who oversee it and who stand in for people."""
    seconds = written.value("escalation_timeout", request.timeout_seconds)
    named = written.value("escalate_to", ())
    try:
        overseers = overseers_of(written.configured, loaded.roster, named, timeout_seconds=seconds)
    except ConfigurationError as error:
        problems += [_of_person(written, problem) for problem in error.problems]
        return request
    return replace(request, overseers=overseers, deputies=deputies_of(loaded.roster, request.agents))


def _of_person(written: Written, problem: Problem) -> Problem:
    """Tell what is wrong with those named by where they are; a key of the configuration keeps its own."""
    key, _, index = problem.path.partition("[")
    if key != "escalate_to":
        return problem
    return written.problem((key, int(index.rstrip("]"))) if index else (key,), problem.message)


def _domains_of(written: Written, loaded: LoadedRoster) -> tuple[str, ...]:
    """Give what the matter is about: the domains given, else those of agents and experts that the question names."""
    given: tuple[str, ...] = written.value("expert_domains", ())
    if given:
        return given
    known = [domain for agent in loaded.roster.agents if agent.enabled for domain in agent.domains]
    known += [domain for kind in loaded.weighing.expertise.values() for domain in kind.domains]
    return mentioned(known, _question(written))


def _question(written: Written) -> str:
    return written.stage.question or written.stage.description or ""


def _agents(written: Written, loaded: LoadedRoster) -> tuple[Agent, ...]:
    roles = written.value("roles", ())
    return select_agents(
        electable(loaded.roster, roles),
        roles=roles,
        domains=written.value("expert_domains", ()),
        question=_question(written),
        most=written.value("max_agents", None),
    )


def _policy(written: Written, policies: PolicyRegistry, problems: list[Problem]) -> ConsensusPolicy | None:
    try:
        return policies.find(written.value("consensus_algorithm", "simple_majority"))
    except ConfigurationError as error:
        problems += [written.problem(("consensus_algorithm",), problem.message) for problem in error.problems]
        return None


def _parameters(written: Written, policy: ConsensusPolicy | None, problems: list[Problem]) -> Parameters:
    threshold = Parameters().threshold
    try:
        threshold = policy.threshold(written.value("threshold", None)) if policy else threshold
    except ConfigurationError as error:
        problems += [written.problem(("threshold",), problem.message) for problem in error.problems]
    settings: Mapping[str, Any] = {}
    try:
        settings = policy.settings(_settings(written, policy.name)) if policy else settings
    except ConfigurationError as error:
        problems += [_of_setting(written, policy, problem) for problem in error.problems]
    return Parameters(
        threshold=threshold,
        basis=written.value("basis", Basis.ELIGIBLE),
        min_participants=written.value("min_participants", 1),
        tie_break=written.value("tie_break", TieBreak.NONE),
        chair=written.value("chair", None),
        veto=written.value("veto", ()),
        self_approval=written.value("self_approval", True),
        justification_required=written.value("justification", "optional") == "required",
        settings=settings,
        signed_ballots=written.configured.consensus.security.agent_authentication == "required",
    )


def _settings(written: Written, algorithm: str) -> Mapping[str, Any]:
    """Give what is set of a policy's own parameters: by the stage, else in the configuration."""
    return {**settings_for(written.configured, algorithm), **written.value("parameters", {})}


def _of_setting(written: Written, policy: ConsensusPolicy | None, problem: Problem) -> Problem:
    """Tell what is wrong with a policy's own parameter by the key that sets it, in the stage or the configuration."""
    key = problem.path.removeprefix("parameters.")
    if key in written.value("parameters", {}):
        return written.problem(("parameters", key), problem.message)
    name = policy.name if policy else ""
    within = ("raft",) if name == RAFT else ("algorithms", name, "parameters")
    return Problem(written.configured.key("consensus", *within, problem.path.split(".")[-1]), problem.message)


def _drill(written: Written, agents: Sequence[Agent], problems: list[Problem]) -> tuple[PlannedFailure, ...]:
    """Give what a stage makes fail, with the agents it names or draws."""
    entries = written.stage.drill or ()
    refused_for = drills_refused(written.configured.configuration) if entries else ""
    if refused_for:
        problems += [written.problem(("drill",), refused_for)]
    names = [agent.id for agent in agents]
    plan = []
    for index, entry in enumerate(entries):
        where = ("drill", index)
        strangers = sorted(set(entry.agents or ()) - set(names))
        if (entry.agents is None) == (entry.share is None):
            problems += [written.problem(where, "it needs agents or a share, and not both")]
        if strangers:
            problems += [written.problem((*where, "agents"), f"{', '.join(strangers)} is not asked in this stage")]
        if entry.share == 1:
            problems += [written.problem((*where, "share"), "1 must be above 0 and below 1")]
        elif entry.share is not None and names:
            drawn = drawn_share(names, entry.share, seed=entry.seed)
            plan.append(PlannedFailure(entry.failure, drawn, entry.duration, entry.after))
        if entry.agents is not None:
            plan.append(PlannedFailure(entry.failure, entry.agents, entry.duration, entry.after))
    return tuple(plan)


def _context(written: Written, problems: list[Problem]) -> tuple[Context, ...]:
    found = []
    for index, entry in enumerate(written.value("context", ())):
        if not isinstance(entry, ContextFile):
            found.append(Context(entry.name or f"context {index + 1}", entry.text))
            continue
        try:
            text = read_text(written.base / entry.file, most_bytes=MOST_CONTEXT_BYTES)
        except ConfigurationError as error:
            problems += [written.problem(("context", index, "file"), str(error))]
            continue
        found.append(Context(entry.name or entry.file, text))
    return tuple(found)


def _revotes(written: Written) -> bool:
    on_no_consensus, tie_break = written.value("on_no_consensus", None), written.value("tie_break", None)
    return on_no_consensus is OnNoConsensus.REVOTE or tie_break is TieBreak.REVOTE


def _unusable(written: Written, request: DecisionRequest) -> _Found:
    """Find what is said in vain: no question, a choice that is none, a key that needs another one."""
    if not request.question:
        yield (), "it needs a question or a description"
    for index, choice in enumerate(written.value("proceed_on", ())):
        if choice not in request.choices and not request.open_choices:
            near = nearest(choice, request.choices)
            allowed = ", ".join(request.choices)
            yield ("proceed_on", index), f"{choice[:80]!r} is not a choice; the choices are {allowed}{near}"
    yield from contradictions(
        request, given=written.value("choices", None), max_choices=written.value("max_choices", None)
    )
    yield from _without_effect(written, request)


def _without_effect(written: Written, request: DecisionRequest) -> _Found:
    """Find keys that need another one to act."""
    if request.parameters.chair is not None and request.parameters.tie_break is not TieBreak.CHAIR:
        yield ("chair",), "without tie_break: chair it would have no effect"
    if request.dynamics is not Dynamics.NONE and request.algorithm != "weighted_voting":
        yield ("dynamic_weights",), f"{request.algorithm} does not weigh by record; weighted_voting does"
    if request.asking_order is not AskingOrder.ROSTER and not request.early_stop:
        yield ("early_stop_order",), "without early_stop: true it would have no effect"
    if request.deliberation is not Deliberation.BLIND and request.rounds == 1 and not request.open_choices:
        yield ("deliberation",), "with one round there is nothing to deliberate on; rounds: 2 or more"
    if request.deliberation is not Deliberation.BLIND and request.encrypted:
        yield ("deliberation",), "consensus.security.vote_encryption lets nobody read a ballot before the close; blind"
    if _revotes(written) and request.rounds == 1:
        yield ("rounds",), "a revote needs at least 2"


def _nobody(written: Written, loaded: LoadedRoster) -> _Found:
    """Find roles, domains and a proposer that no agent of the roster has or is."""
    agents = [agent for agent in loaded.roster.agents if agent.enabled]
    roles = {agent.role for agent in agents}
    for index, role in enumerate(written.value("roles", ())):
        if role not in roles:
            yield ("roles", index), f"no enabled agent is a {role[:80]!r}{nearest(role, roles)}"
    wanted = written.value("expert_domains", ())
    known = {fold(domain) for agent in agents for domain in _domains(agent, loaded)}
    if wanted and not any(fold(domain) in known for domain in wanted):
        yield ("expert_domains",), f"no enabled agent is an expert in {' or '.join(wanted)[:200]}"
    proposer = written.value("proposer", None)
    if proposer is not None and loaded.roster.agent(proposer) is None:
        yield ("proposer",), f"there is no agent {proposer!r}{nearest(proposer, [agent.id for agent in agents])}"


def _domains(agent: Agent, loaded: LoadedRoster) -> tuple[str, ...]:
    kind = loaded.weighing.expertise.get(agent.role)
    return (agent.role, *agent.domains, *(kind.domains if kind else ()))


def _impossible(written: Written, request: DecisionRequest, policy: ConsensusPolicy) -> list[Problem]:
    """Find what would keep the decision from being opened, by opening it at some time under some id."""
    try:
        open_decision(request, policy, decision_id=request.title, now=_SOME_TIME)
    except ConfigurationError as error:
        return [
            written.problem((problem.path,) if problem.path in StageForm.model_fields else (), problem.message)
            for problem in error.problems
        ]
    return []
