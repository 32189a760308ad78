"""Judging decisions: from what proved right to standings, and from standings to the weights of the next electorate."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from maos_flows.audit.feedback import Feedback, WeightChange, choices_cast, record_key
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, NotFoundError, Problem
from maos_flows.model import Decision, Proposal
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, Dynamics
from maos_flows.scrutiny import fold
from maos_flows.weights import Standing, learn, learned_weights

_WEIGHTED = built_in_policies()["weighted_voting"]


def judge(
    store: AuditStore,
    decision_id: str,
    *,
    at: datetime,
    by: str,
    correct: str | None = None,
    scores: Mapping[str, str] | None = None,
) -> tuple[WeightChange, ...]:
    """Tell what proved right, and let the agents that voted learn from it.

    Args:
        store: Where the decision is.
        decision_id: The decision; it must be closed.
        at: Now.
        by: Who says so.
        correct: The choice that proved right; every ballot for it scores 1, every other 0.
        scores: By agent, how good its answer proved, in [0, 1]; counts before `correct`.

    Returns:
        How each agent's standing moved; nothing for who abstained or was absent.

    Raises:
        NotFoundError: There is no such decision.
        ConflictError: It is still open, or something else was told of it before.
        ConfigurationError: A choice or an agent is not of this decision, or a score is not in [0, 1].
    """
    decision, request = store.decision(decision_id), store.request(decision_id)
    if request is None:
        raise NotFoundError(f"there is no decision {decision_id[:80]!r}")
    if decision is None:
        raise ConflictError(f"the decision {decision_id} is still open; feedback is on what was decided")
    cast = choices_cast(decision.ballots)
    quality = _quality(decision, cast, correct, scores or {})
    names = {ballot.agent_id: record_key(ballot.agent_id, ballot.voter) for ballot in decision.ballots}
    proposal = decision.opening.proposal

    def learning(before: Mapping[str, Standing]) -> Mapping[str, Standing]:
        return learn(
            before,
            {agent: cast[agent] for agent in quality},
            quality,
            choices=proposal.choices,
            multipliers=declared_factors(request),
            domains=tuple(map(fold, proposal.domains)),
        )

    feedback = Feedback(decision_id, at, by, correct, quality)
    return store.learned.tell(feedback, {agent: names[agent] for agent in quality}, learning)


def _quality(
    decision: Decision, cast: Mapping[str, str], correct: str | None, scores: Mapping[str, str]
) -> dict[str, float]:
    choices = decision.opening.proposal.choices
    problems = []
    if correct is None and not scores:
        problems.append(Problem("feedback", "say what proved right with --correct CHOICE, or --score AGENT=NUMBER"))
    if correct is not None and correct not in choices:
        problems.append(Problem("--correct", f"{correct[:60]!r} was not a choice; they were {', '.join(choices)}"))
    problems += [
        Problem("--score", f"{agent[:60]!r} voted for no choice in this decision; {', '.join(sorted(cast))} did")
        for agent in scores
        if agent not in cast
    ]
    told = {agent: _score(agent, text, problems) for agent, text in scores.items()}
    if problems:
        raise ConfigurationError(problems)
    judged = {} if correct is None else {agent: float(choice == correct) for agent, choice in cast.items()}
    return judged | told


def _score(agent: str, text: str, problems: list[Problem]) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        problems.append(Problem("--score", f"{text[:40]!r} for {agent[:60]} is not a number from 0 to 1"))
    return score


def declared_factors(request: DecisionRequest) -> dict[str, Fraction]:
    """Give the weight declared for each agent of a request: by role, expertise and itself."""
    proposal = Proposal("", request.question, request.choices, domains=request.domains)
    return {agent.id: _WEIGHTED.weigh(agent, proposal, request.weighing)[0] for agent in request.agents}


def with_learned_weights(request: DecisionRequest, store: AuditStore) -> DecisionRequest:
    """Give a request whose weights are those its agents have earned until now; itself, if it does not ask for them."""
    if request.dynamics is Dynamics.NONE:
        return request
    factors = declared_factors(request)
    if request.dynamics is Dynamics.PEERS:
        simulated = any(agent.voter == "simulated" for agent in request.agents)
        peers = store.learned.peers(factors, simulated=simulated)
        learned = peers.weights(tuple(factors), choices=len(request.choices))
    else:
        names = {agent.id: record_key(agent.id, agent.voter) for agent in request.agents}
        known = store.learned.standings(names.values())
        standings = {agent: known[name] for agent, name in names.items() if name in known}
        domains = tuple(map(fold, request.domains))
        learned = learned_weights(standings, factors, choices=len(request.choices), domains=domains)
    return replace(request, weighing=replace(request.weighing, learned=learned))
