"""From agents and ballots to a decision: freeze what binds it, sort and count the ballots, let the policy rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import (
    ABSTAIN,
    Absence,
    AbsenceKind,
    Agent,
    Ballot,
    Basis,
    Decision,
    Elector,
    Electorate,
    Fault,
    Opening,
    Outcome,
    Parameters,
    Proposal,
    Reason,
    Ruling,
    Tally,
    TieBreak,
)
from maos_flows.policies.base import ConsensusPolicy, Weighing, checked, policy_error
from maos_flows.scrutiny import fold, scrutinise, tidy, vetoes
from maos_flows.tally import count, dissent
from maos_flows.weights import shared_weights

_DEFAULT_WEIGHING = Weighing()


def freeze(
    policy: ConsensusPolicy,
    proposal: Proposal,
    agents: Sequence[Agent],
    parameters: Parameters,
    *,
    opened_at: datetime,
    weighing: Weighing = _DEFAULT_WEIGHING,
) -> Opening:
    """Freeze everything that binds a decision, after checking that its rule can be met at all.

    Choices are frozen as ballots name them: in Unicode's NFC form, without outer spaces.

    Raises:
        ConfigurationError: The rule is impossible; names every problem.
    """
    electors = []
    problems: list[Problem] = []
    for agent in agents:
        weight, why = policy.weigh(agent, proposal, weighing)
        problems += _check_weight(agent, weight)
        electors.append(
            Elector(
                agent.id,
                weight,
                agent.role,
                agent.domains,
                agent.voter,
                agent.public_key,
                weight_reason=why,
                lineage=agent.lineage,
            )
        )
    if problems:
        raise ConfigurationError(problems)
    electorate = Electorate(_by_lineage(electors) if weighing.one_lineage_one_vote else tuple(electors))
    proposal = replace(proposal, choices=tuple(map(tidy, proposal.choices)))
    problems += check(proposal, electorate, parameters)
    problems += policy.problems(electorate, parameters)
    if problems:
        raise ConfigurationError(problems)
    return Opening(proposal, electorate, policy.name, parameters, opened_at, policy.digest)


def _by_lineage(electors: Sequence[Elector]) -> tuple[Elector, ...]:
    """Divide weights, so that agents of one lineage have one vote together."""
    weights = {elector.agent_id: elector.weight for elector in electors}
    shared = shared_weights({elector.agent_id: elector.lineage for elector in electors}, weights)
    return tuple(
        replace(elector, weight=shared[elector.agent_id][0], weight_reason=_joined(elector, shared))
        for elector in electors
    )


def _joined(elector: Elector, shared: Mapping[str, tuple[Fraction, str]]) -> str:
    return ", ".join(filter(None, (elector.weight_reason, shared[elector.agent_id][1])))


def _check_weight(agent: Agent, weight: object) -> tuple[Problem, ...]:
    """Find a weight that nothing could be counted with: a policy of a user's may give anything."""
    if isinstance(weight, Fraction):
        return ()
    return (Problem("weight", f"{weight!r:.60} for {agent.id} is not an exact number (a Fraction)"),)


def check(proposal: Proposal, electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    """Find what makes a decision impossible before anyone is asked."""
    return (
        *duplicates("agents", [elector.agent_id for elector in electorate.electors]),
        *(() if proposal.wants_suggestions else _check_choices(proposal.choices)),
        *_check_electorate(electorate, parameters),
        *_check_names(electorate, parameters),
        *_check_self_approval(proposal, electorate, parameters),
    )


def duplicates(path: str, names: Iterable[str]) -> tuple[Problem, ...]:
    """Find names that are the same when case, spaces and Unicode forms are set aside."""
    seen: dict[str, str] = {}
    problems = []
    for name in names:
        same = fold(name)
        if same in seen:
            problems.append(Problem(path, f"{name!r} and {seen[same]!r} are the same name"))
        seen.setdefault(same, name)
    return tuple(problems)


def _check_choices(choices: Sequence[str]) -> tuple[Problem, ...]:
    problems = list(duplicates("choices", choices))
    if len(choices) < 2:  # noqa: PLR2004 - two is what makes it a choice
        problems.append(Problem("choices", "at least two are needed"))
    if not all(map(str.strip, choices)):
        problems.append(Problem("choices", "a choice is empty"))
    if any(fold(choice) == ABSTAIN for choice in choices):
        problems.append(Problem("choices", f"{ABSTAIN!r} is always allowed and cannot be one of them"))
    return tuple(problems)


def _check_electorate(electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    if not electorate.electors:
        return (Problem("agents", "nobody may vote: the electorate is empty"),)
    problems = []
    negative = [elector.agent_id for elector in electorate.electors if elector.weight < 0]
    if negative:
        problems.append(Problem("weight", f"negative for {', '.join(negative)}"))
    elif electorate.total == 0:
        return (Problem("weight", "the weights sum to 0, so nothing could ever be decided"),)
    if not 1 <= parameters.min_participants <= electorate.size:
        message = f"{parameters.min_participants} is not in 1..{electorate.size}, the size of the electorate"
        problems.append(Problem("min_participants", message))
    return tuple(problems)


def _check_names(electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    ids = {elector.agent_id: elector for elector in electorate.electors}
    roles = {elector.role for elector in electorate.electors}
    problems = [
        Problem("veto", f"{name!r} is neither an agent nor a role of the electorate")
        for name in parameters.veto
        if name not in ids and name not in roles
    ]
    strangers = [name for name in parameters.reviewers if name not in ids]
    if strangers:
        problems.append(Problem("expert_review", f"{', '.join(strangers)} is not in the electorate"))
    if parameters.tie_break is TieBreak.CHAIR and parameters.chair is None:
        problems.append(Problem("chair", "tie_break: chair needs one"))
    if parameters.chair is not None and (parameters.chair not in ids or not ids[parameters.chair].weight):
        problems.append(Problem("chair", f"{parameters.chair!r} is not an agent with weight in the electorate"))
    return tuple(problems)


def _check_self_approval(proposal: Proposal, electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    if proposal.proposer is None or parameters.self_approval:
        return ()
    own = electorate.units.get(proposal.proposer, 0)
    without = electorate.total - own
    whole = electorate.total if parameters.basis is Basis.ELIGIBLE else without
    tail = f"cannot be met without the ballot of the proposer {proposal.proposer!r}, which does not count"
    problems = []
    if not parameters.threshold.is_met_by(without, whole):
        problems.append(Problem("self_approval", f"the threshold {tail}"))
    if own and electorate.size == parameters.min_participants:
        problems.append(Problem("self_approval", f"min_participants {tail}"))
    return tuple(problems)


def decide(
    policy: ConsensusPolicy,
    opening: Opening,
    ballots: Iterable[Ballot],
    *,
    absences: Sequence[Absence] = (),
    faults: Sequence[Fault] = (),
) -> Decision:
    """Sort the ballots, count them, let the policy rule, and record everything the ruling came from.

    Raises:
        ConfigurationError: The policy is not the one the decision was opened with, but another version of it.
    """
    if policy.digest != opening.policy_digest:
        raise ConfigurationError([Problem("consensus_algorithm", _another_version(policy, opening))])
    scrutiny = scrutinise(ballots, opening)
    counted = scrutiny.counted
    tally = count(counted, opening.proposal, opening.electorate)
    general = _without_policy(opening, tally, counted, absences)
    ruling, fewest, swings = (general, None, ()) if general else _ask(policy, opening, tally, counted)
    return Decision(
        opening=opening,
        outcome=ruling.outcome,
        reason=ruling.reason,
        choice=ruling.choice,
        strength=ruling.strength,
        explanation=ruling.explanation,
        tally=tally,
        ballots=counted,
        rejected=scrutiny.rejected,
        absences=tuple(absences),
        faults=tuple(faults),
        dissent=dissent(tally, counted, ruling.choice),
        decisive=swings,
        margin=fewest,
        details=ruling.details,
    )


def _another_version(policy: ConsensusPolicy, opening: Opening) -> str:
    then, now = opening.policy_digest or "none from a file", policy.digest or "none from a file"
    name, decision_id = policy.name, opening.proposal.decision_id
    return f"{decision_id} was opened under the {name} of digest {then}, and this is {now}; install that one again"


def _without_policy(
    opening: Opening, tally: Tally, counted: Sequence[Ballot], absences: Sequence[Absence]
) -> Ruling | None:
    """Rule where no policy is needed: a veto, nobody there, too few there, nobody for anything."""
    vetoed = vetoes(counted, opening)
    if vetoed:
        who = vetoed[0]
        return Ruling(Outcome.NOT_REACHED, Reason.VETOED, explanation=f"vetoed by {who.agent_id}: {who.reasoning}")
    needed = opening.parameters.min_participants
    if not tally.participants:
        late = bool(absences) and all(absence.kind is AbsenceKind.TIMED_OUT for absence in absences)
        if late:
            return Ruling(
                Outcome.NOT_REACHED, Reason.DEADLINE_PASSED, explanation="nobody answered before the deadline"
            )
        tail = " by anybody with weight" if counted else ""
        return Ruling(Outcome.NOT_REACHED, Reason.NO_BALLOTS, explanation=f"no valid ballot was cast{tail}")
    if tally.participants < needed:
        words = f"{tally.participants} of the {needed} participants needed cast a valid ballot"
        return Ruling(Outcome.NOT_REACHED, Reason.TOO_FEW_PARTICIPANTS, explanation=words)
    if not any(tally.units.values()):
        words = f"all {tally.participants} who answered abstained"
        return Ruling(Outcome.NOT_REACHED, Reason.ALL_ABSTAINED, explanation=words)
    if not _is_reviewed(opening, counted):
        words = f"no expert in the matter cast a ballot: {', '.join(opening.parameters.reviewers)}"
        return Ruling(Outcome.NOT_REACHED, Reason.NO_EXPERT_REVIEW, explanation=words)
    return None


def _is_reviewed(opening: Opening, counted: Sequence[Ballot]) -> bool:
    """Say whether an expert in the matter has cast a ballot, or need not."""
    reviewers = opening.parameters.reviewers
    return not reviewers or any(ballot.agent_id in reviewers for ballot in counted)


def _ask(
    policy: ConsensusPolicy, opening: Opening, tally: Tally, counted: Sequence[Ballot]
) -> tuple[Ruling, int | None, tuple[str, ...]]:
    try:
        ruling = checked(policy.evaluate(opening, tally, counted), tally)
        return ruling, *policy.margin(opening, tally, counted, ruling)
    except Exception as error:  # noqa: BLE001 - a user's policy may raise anything; it is recorded, never an approval
        return policy_error(f"{type(error).__name__}: {error}"[:500]), None, ()


def is_settled(
    policy: ConsensusPolicy, opening: Opening, ballots: Iterable[Ballot], outstanding: Sequence[str]
) -> bool:
    """Say whether the outstanding agents can no longer change the outcome: a veto has ended it, or the policy says so.

    A policy that fails to say has not said so: then all are waited for.

    Args:
        policy: The policy that will rule.
        opening: What binds the decision.
        ballots: The ballots that came in so far, not yet sorted.
        outstanding: Ids of the agents that may still answer.
    """
    counted = scrutinise(ballots, opening).counted
    if vetoes(counted, opening):
        return True
    if not _is_reviewed(opening, counted) and not set(opening.parameters.reviewers).isdisjoint(outstanding):
        return False
    tally = count(counted, opening.proposal, opening.electorate)
    try:
        return policy.is_settled(opening, tally, outstanding)
    except Exception:  # noqa: BLE001 - a user's policy may raise anything; waiting for all is always right
        return False
