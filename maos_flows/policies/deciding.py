"""From agents and ballots to a decision: freeze what binds it, sort and count the ballots, let the policy rule."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import (
    ABSTAIN,
    Absence,
    AbsenceKind,
    Agent,
    Ballot,
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
from maos_flows.policies.base import ConsensusPolicy, Weighing, policy_error
from maos_flows.scrutiny import fold, scrutinise, vetoes
from maos_flows.tally import count, dissent

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

    Raises:
        ConfigurationError: The rule is impossible; names every problem.
    """
    electors = []
    for agent in agents:
        weight, why = policy.weigh(agent, proposal, weighing)
        electors.append(
            Elector(agent.id, weight, agent.role, agent.domains, agent.voter, agent.public_key, weight_reason=why)
        )
    electorate = Electorate(tuple(electors))
    problems = check(proposal, electorate, parameters)
    if problems:
        raise ConfigurationError(problems)
    return Opening(proposal, electorate, policy.name, parameters, opened_at)


def check(proposal: Proposal, electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    """Find what makes a decision impossible before anyone is asked."""
    return (
        *duplicates("agents", [elector.agent_id for elector in electorate.electors]),
        *_check_choices(proposal.choices),
        *_check_electorate(electorate, parameters),
        *_check_names(electorate, parameters),
        *_check_self_approval(proposal, electorate, parameters),
    )


def duplicates(path: str, names: Iterable[str]) -> tuple[Problem, ...]:
    """Find names that are the same when case, spaces and Unicode forms are set aside."""
    seen: dict[str, str] = {}
    problems = []
    for name in names:
        earlier = seen.setdefault(fold(name), name)
        if earlier is not name:
            problems.append(Problem(path, f"{name!r} and {earlier!r} are the same name"))
    return tuple(problems)


def _check_choices(choices: Sequence[str]) -> tuple[Problem, ...]:
    problems = list(duplicates("choices", choices))
    if len(choices) < 2:  # noqa: PLR2004 - two is what makes it a choice
        problems.append(Problem("choices", "at least two are needed"))
    if any(not choice.strip() for choice in choices):
        problems.append(Problem("choices", "a choice is empty"))
    if any(fold(choice) == ABSTAIN for choice in choices):
        problems.append(Problem("choices", f"{ABSTAIN!r} is always allowed and cannot be one of them"))
    return tuple(problems)


def _check_electorate(electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    if not electorate.electors:
        return (Problem("agents", "nobody may vote: the electorate is empty"),)
    negative = [elector.agent_id for elector in electorate.electors if elector.weight < 0]
    if negative:
        return (Problem("weight", f"negative for {', '.join(negative)}"),)
    if electorate.total == 0:
        return (Problem("weight", "the weights sum to 0, so nothing could ever be decided"),)
    if not 1 <= parameters.min_participants <= electorate.size:
        message = f"{parameters.min_participants} is not in 1..{electorate.size}, the size of the electorate"
        return (Problem("min_participants", message),)
    return ()


def _check_names(electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    ids = {elector.agent_id: elector for elector in electorate.electors}
    roles = {elector.role for elector in electorate.electors}
    problems = [
        Problem("veto", f"{name!r} is neither an agent nor a role of the electorate")
        for name in parameters.veto
        if name not in ids and name not in roles
    ]
    if parameters.tie_break is TieBreak.CHAIR and parameters.chair is None:
        problems.append(Problem("chair", "tie_break: chair needs one"))
    if parameters.chair is not None and (parameters.chair not in ids or not ids[parameters.chair].weight):
        problems.append(Problem("chair", f"{parameters.chair!r} is not an agent with weight in the electorate"))
    return tuple(problems)


def _check_self_approval(proposal: Proposal, electorate: Electorate, parameters: Parameters) -> tuple[Problem, ...]:
    if proposal.proposer is None or parameters.self_approval:
        return ()
    without = electorate.total - electorate.units.get(proposal.proposer, 0)
    if parameters.threshold.is_met_by(without, electorate.total):
        return ()
    message = (
        f"the threshold cannot be met without the ballot of the proposer {proposal.proposer!r}, which does not count"
    )
    return (Problem("self_approval", message),)


def decide(
    policy: ConsensusPolicy,
    opening: Opening,
    ballots: Iterable[Ballot],
    *,
    absences: Sequence[Absence] = (),
    faults: Sequence[Fault] = (),
) -> Decision:
    """Sort the ballots, count them, let the policy rule, and record everything the ruling came from."""
    scrutiny = scrutinise(ballots, opening)
    counted = scrutiny.counted
    tally = count(counted, opening.proposal, opening.electorate)
    general = _without_policy(opening, tally, counted, absences)
    ruling = general if general is not None else _ask(policy, opening, tally, counted)
    fewest, swings = policy.margin(opening, tally, counted, ruling) if general is None else (None, ())
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
        return Ruling(Outcome.NOT_REACHED, Reason.NO_BALLOTS, explanation="no valid ballot was cast")
    if tally.participants < needed:
        words = f"{tally.participants} of the {needed} participants needed cast a valid ballot"
        return Ruling(Outcome.NOT_REACHED, Reason.TOO_FEW_PARTICIPANTS, explanation=words)
    if not any(tally.units.values()):
        words = f"all {tally.participants} who answered abstained"
        return Ruling(Outcome.NOT_REACHED, Reason.ALL_ABSTAINED, explanation=words)
    return None


def _ask(policy: ConsensusPolicy, opening: Opening, tally: Tally, counted: Sequence[Ballot]) -> Ruling:
    try:
        return policy.evaluate(opening, tally, counted)
    except Exception as error:  # noqa: BLE001 - a user's policy may raise anything; it is recorded, never an approval
        return policy_error(f"{type(error).__name__}: {error}"[:500])
