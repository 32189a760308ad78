"""Tally: count ballots once, and what can still become of the count. Integers throughout, nothing is rounded."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from operator import attrgetter

from maos_flows.model import (
    ABSTAIN,
    Ballot,
    Basis,
    Dissent,
    Electorate,
    Opening,
    Parameters,
    Proposal,
    Tally,
    TieBreak,
)
from maos_flows.quorum import Threshold


def count(ballots: Sequence[Ballot], proposal: Proposal, electorate: Electorate) -> Tally:
    """Count valid ballots, at most one an elector (scrutiny sees to that).

    Weights come from the electorate only. An elector of weight 0 is an adviser: its ballot adds nothing, and it is no
    participant.
    """
    units = electorate.units
    heads: Mapping[str, int] = Counter(map(attrgetter("choice"), ballots))
    weights = set(units.values())
    cast: Mapping[str, int]
    if len(weights) == 1:
        each = weights.pop()
        cast = {choice: number * each for choice, number in heads.items()}
        participants = len(ballots) if each else 0
    else:
        summed: defaultdict[str, int] = defaultdict(int)
        advisers = 0
        for ballot in ballots:
            weight = units[ballot.agent_id]
            summed[ballot.choice] += weight
            advisers += not weight
        cast = summed
        participants = len(ballots) - advisers
    return Tally(
        units={choice: cast.get(choice, 0) for choice in proposal.choices},
        heads={choice: heads.get(choice, 0) for choice in proposal.choices},
        abstained=cast.get(ABSTAIN, 0),
        cast=sum(cast.values()),
        eligible=electorate.total,
        participants=participants,
        unit=electorate.unit,
    )


def winner(units: Mapping[str, int], whole: int, threshold: Threshold) -> str | None:
    """Name the one strongest choice if its share meets the threshold; None if tied or if it falls short."""
    best, leader = 0, None
    for choice, weight in units.items():
        if weight > best:
            best, leader = weight, choice
        elif weight == best:
            leader = None
    return leader if leader is not None and threshold.is_met_by(best, whole) else None


def strength(tally: Tally, choice: str | None, basis: Basis) -> Fraction:
    """Give a choice's share of the basis, exactly; 0 for none, or of nothing."""
    whole = tally.whole(basis)
    return Fraction(tally.units[choice], whole) if choice is not None and whole else Fraction(0)


def dissent(tally: Tally, ballots: Sequence[Ballot], winner: str | None) -> tuple[Dissent, ...]:
    """List the choices that did not win and who was for them, strongest first, then by name."""
    supporters: defaultdict[str, list[str]] = defaultdict(list)
    for ballot in ballots:
        if ballot.choice not in (winner, ABSTAIN):
            supporters[ballot.choice].append(ballot.agent_id)
    ranked = sorted(supporters, key=lambda choice: (-tally.units[choice], choice))
    return tuple(Dissent(choice, tally.weight(choice), tuple(supporters[choice])) for choice in ranked)


def is_settled(tally: Tally, opening: Opening, outstanding: Iterable[str]) -> bool:
    """Say whether no ballot of the `outstanding` agents can change the outcome any more.

    A veto that may still come, participation not yet reached, and a tie that would lead somewhere are considered.
    """
    parameters = opening.parameters
    waiting = set(outstanding)
    if not waiting:
        return True
    if _may_still_be_vetoed(opening, waiting):
        return False
    open_units = sum(opening.electorate.units[agent_id] for agent_id in waiting)
    could_participate = sum(1 for agent_id in waiting if opening.electorate.units[agent_id])
    if tally.participants + could_participate < parameters.min_participants:
        return True
    return _is_won(tally, parameters, open_units) or _is_lost(tally, parameters, open_units)


def _may_still_be_vetoed(opening: Opening, waiting: set[str]) -> bool:
    veto = opening.parameters.veto
    return any(
        elector.agent_id in waiting and (elector.agent_id in veto or elector.role in veto)
        for elector in opening.electorate.electors
    )


def _is_won(tally: Tally, parameters: Parameters, open_units: int) -> bool:
    if len(tally.leaders) != 1 or tally.participants < parameters.min_participants:
        return False
    best = tally.leaders[0]
    rival = max((units for choice, units in tally.units.items() if choice != best), default=0)
    whole = tally.whole(parameters.basis)
    most = whole if parameters.basis is Basis.ELIGIBLE else whole + open_units
    return tally.units[best] > rival + open_units and parameters.threshold.is_met_by(tally.units[best], most)


def _is_lost(tally: Tally, parameters: Parameters, open_units: int) -> bool:
    if parameters.tie_break is not TieBreak.NONE:
        return False
    whole = tally.whole(parameters.basis)
    whole_then = whole if parameters.basis is Basis.ELIGIBLE else whole + open_units
    return not any(parameters.threshold.is_met_by(units + open_units, whole_then) for units in tally.units.values())


def supporters_by_weight(ballots: Iterable[Ballot], electorate: Electorate) -> Mapping[str, tuple[int, ...]]:
    """Give the weights behind each choice, heaviest first, abstentions under `abstain`; advisers are left out."""
    behind: defaultdict[str, list[int]] = defaultdict(list)
    for ballot in ballots:
        weight = electorate.units[ballot.agent_id]
        if weight:
            behind[ballot.choice].append(weight)
    return {choice: tuple(sorted(weights, reverse=True)) for choice, weights in behind.items()}
