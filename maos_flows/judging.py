"""Judging decisions: from what proved right to standings, and from standings to the weights of the next electorate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from maos_flows.audit.feedback import Feedback, WeightChange, choices_cast, record_key
from maos_flows.audit.store import AuditStore
from maos_flows.errors import ConfigurationError, ConflictError, MaosError, NotFoundError, Problem
from maos_flows.feedback_files import Told
from maos_flows.model import Decision, Event, EventKind, Opening, Proposal
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest, Dynamics
from maos_flows.scrutiny import fold
from maos_flows.weights import Standing, earned_weight, learn, learned_weights

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


_FEWEST_CHOICES = 2
"""What weights are for while choices are still to be suggested; the vote on those is opened with its own."""


@dataclass(frozen=True, slots=True)
class TellResult:
    """What telling of one decision led to: changes, or an error."""

    told: Told
    changes: tuple[WeightChange, ...] = ()
    choices: int = 2
    error: MaosError | None = None


def tell_all(store: AuditStore, told: Sequence[Told], *, by: str) -> list[TellResult]:
    """Tell of decisions one after the other; one that cannot be told of does not stop the others.

    What was taken is noted on each decision's timeline.
    """
    return [_tell(store, one, by) for one in told]


def _tell(store: AuditStore, told: Told, by: str) -> TellResult:
    if told.error is not None:
        return TellResult(told, error=told.error)
    at = datetime.now(UTC)
    is_new = store.learned.feedback(told.decision_id) is None
    try:
        changes = judge(store, told.decision_id, at=at, by=by, correct=told.correct, scores=told.scores)
    except (ConfigurationError, ConflictError, NotFoundError) as error:
        return TellResult(told, error=error)
    opening = store.opening(told.decision_id)
    choices = len(opening.proposal.choices) if opening is not None else 2
    if is_new:
        store.note(told.decision_id, _event(told, changes, by, at, choices))
    return TellResult(told, changes, choices)


def _event(told: Told, changes: Sequence[WeightChange], by: str, at: datetime, choices: int) -> Event:
    moved = {
        change.agent: [str(earned_weight(standing, choices)) for standing in (change.before, change.after)]
        for change in changes
    }
    what = f"{told.correct} proved right" if told.correct is not None else "answers were scored"
    words = ", ".join(
        f"{agent} {float(Fraction(old)):.3f} -> {float(Fraction(new)):.3f}" for agent, (old, new) in moved.items()
    )
    return Event(at, EventKind.WEIGHT, f"{by} told that {what}: {words or 'nobody learned'}", data={"weights": moved})


def note_weights(store: AuditStore, opening: Opening) -> None:
    """Note on a decision's timeline, once, with which weights it was opened and where they come from."""
    if any(event.kind is EventKind.WEIGHT for event in store.timeline(opening.proposal.decision_id)):
        return
    electors = opening.electorate.electors
    words = ", ".join(f"{elector.agent_id} {float(elector.weight):.3f}" for elector in electors)
    data = {elector.agent_id: [str(elector.weight), elector.weight_reason] for elector in electors}
    event = Event(opening.opened_at, EventKind.WEIGHT, f"weights earned: {words}", data={"earned": data})
    store.note(opening.proposal.decision_id, event)


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
    choices = len(request.choices) or _FEWEST_CHOICES
    if request.dynamics is Dynamics.PEERS:
        simulated = any(agent.voter == "simulated" for agent in request.agents)
        peers = store.learned.peers(factors, simulated=simulated)
        learned = peers.weights(tuple(factors), choices=choices)
    else:
        names = {agent.id: record_key(agent.id, agent.voter) for agent in request.agents}
        known = store.learned.standings(names.values())
        standings = {agent: known[name] for agent, name in names.items() if name in known}
        domains = tuple(map(fold, request.domains))
        learned = learned_weights(standings, factors, choices=choices, domains=domains)
    return replace(request, weighing=replace(request.weighing, learned=learned))
