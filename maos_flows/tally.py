"""Tally: count ballots once, and what can still become of the count. Integers throughout, nothing is rounded."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from operator import attrgetter, mul

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
from maos_flows.scrutiny import may_veto

_choice = attrgetter("choice")
_agent_id = attrgetter("agent_id")
_MANY = 1000
_BYTE = 256


def count(ballots: Sequence[Ballot], proposal: Proposal, electorate: Electorate) -> Tally:
    """Count valid ballots, at most one an elector (scrutiny sees to that).

    Weights come from the electorate only. An elector of weight 0 is an adviser: its ballot adds nothing, and it is no
    participant.
    """
    heads: Mapping[str, int]
    cast: Mapping[str, int]
    each = electorate.common_units
    if each is not None:
        heads = Counter(map(_choice, ballots))
        cast = {choice: number * each for choice, number in heads.items()}
        participants = len(ballots) if each else 0
    elif len(ballots) >= _MANY and (len(proposal.choices) + 1) * len(electorate.weights) <= _BYTE:
        heads, cast, participants = _weigh_many(ballots, (*proposal.choices, ABSTAIN), electorate)
    else:
        heads, cast, participants = _weigh(ballots, electorate)
    return Tally(
        units={choice: cast.get(choice, 0) for choice in proposal.choices},
        heads={choice: heads.get(choice, 0) for choice in proposal.choices},
        abstained=cast.get(ABSTAIN, 0),
        cast=sum(cast.values()),
        eligible=electorate.total,
        participants=participants,
        unit=electorate.unit,
    )


def _weigh(ballots: Sequence[Ballot], electorate: Electorate) -> tuple[Mapping[str, int], Mapping[str, int], int]:
    """Count heads and weights of choices, and those who have any weight."""
    units = electorate.units
    heads: defaultdict[str, int] = defaultdict(int)
    cast: defaultdict[str, int] = defaultdict(int)
    participants = 0
    for ballot in ballots:
        weight = units[ballot.agent_id]
        heads[ballot.choice] += 1
        cast[ballot.choice] += weight
        participants += weight > 0
    return heads, cast, participants


def _weigh_many(
    ballots: Sequence[Ballot], choices: Sequence[str], electorate: Electorate
) -> tuple[Mapping[str, int], Mapping[str, int], int]:
    """Do the same for very many ballots and few weights, a column at a time.

    One byte a ballot says what it is for and with which weight, so that counting bytes is all there is to count.
    Looking up a million weights takes longer than all else; ballots of the whole electorate in the order of its names
    need no look-up.
    """
    authors = tuple(map(_agent_id, ballots))
    is_everybody = authors == electorate.by_name
    places = electorate.places_by_name if is_everybody else bytes(map(electorate.places.__getitem__, authors))
    weights = tuple(electorate.weights)
    starts = {choice: place * len(weights) for place, choice in enumerate(choices)}
    chosen = bytes(map(starts.__getitem__, map(_choice, ballots)))
    # One addition adds them all: no byte exceeds 255, so none carries over into the next.
    both = (int.from_bytes(chosen) + int.from_bytes(places)).to_bytes(len(ballots))
    numbers = {choice: [both.count(start + place) for place in range(len(weights))] for choice, start in starts.items()}
    heads = {choice: sum(found) for choice, found in numbers.items()}
    cast = {choice: sum(map(mul, found, weights)) for choice, found in numbers.items()}
    without_weight = sum(found[0] for found in numbers.values()) if weights[0] == 0 else 0
    return heads, cast, len(ballots) - without_weight


def winner(units: Mapping[str, int], whole: int, threshold: Threshold, casting: str | None = None) -> str | None:
    """Name the one strongest choice if its share meets the threshold; None if tied or if it falls short.

    Args:
        units: The weight of each choice.
        whole: What a share is a share of.
        threshold: The share needed.
        casting: What the casting vote is for. If that is one of the strongest, it alone is; where more than a share is
            needed, the share itself is then enough. A casting vote adds no weight: support that grows never hurts.
    """
    best, leader = 0, None
    for choice, weight in units.items():
        if weight > best:
            best, leader = weight, choice
        elif weight == best:
            leader = None
    if leader is not None:
        return leader if threshold.is_met_by(best, whole) else None
    if casting is not None and best and units.get(casting) == best and threshold.is_equalled_by(best, whole):
        return casting
    return None


def casting_vote(parameters: Parameters, ballots: Iterable[Ballot]) -> str | None:
    """Give what the chair's ballot is for if ties are broken by a chair who cast one."""
    if parameters.tie_break is not TieBreak.CHAIR:
        return None
    return next((ballot.choice for ballot in ballots if ballot.agent_id == parameters.chair), None)


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
    """Say whether no ballot of the `outstanding` agents can change the outcome or the choice any more.

    Absence, abstention, every choice and every veto that may still come are considered. The answer is exact where a
    tie leads nowhere (`tie_break: none`); where it leads somewhere, True is certain and False may be too careful.
    """
    units, parameters = opening.electorate.units, opening.parameters
    waiting = {agent_id for agent_id in outstanding if agent_id in units}
    if not parameters.self_approval:
        waiting.discard(opening.proposal.proposer or "")
    vetoable = _may_still_be_vetoed(opening, waiting)
    weights = [units[agent_id] for agent_id in waiting if units[agent_id]]
    if not weights and not vetoable:
        return True
    if tally.participants + len(weights) < parameters.min_participants:
        return True
    if _is_won(tally, parameters, sum(weights)):
        return not vetoable
    return _is_lost(tally, parameters, sum(weights))


def _may_still_be_vetoed(opening: Opening, waiting: Collection[str]) -> bool:
    return bool(opening.parameters.veto) and any(
        elector.agent_id in waiting and may_veto(elector, opening) for elector in opening.electorate.electors
    )


def _is_won(tally: Tally, parameters: Parameters, open_units: int) -> bool:
    """Say whether the leader stays ahead, and over the threshold, even if all that is open goes to its rival."""
    leaders = tally.leaders
    if len(leaders) != 1 or tally.participants < parameters.min_participants:
        return False
    best = tally.units[leaders[0]]
    rival = max((units for choice, units in tally.units.items() if choice != leaders[0]), default=0)
    whole = _whole_then(tally, parameters, open_units)
    return best > rival + open_units and parameters.threshold.is_met_by(best, whole)


def _is_lost(tally: Tally, parameters: Parameters, open_units: int) -> bool:
    """Say whether no choice would win even if all that is open went to it: nothing else serves a choice better."""
    if parameters.tie_break is not TieBreak.NONE:
        return False
    whole = _whole_then(tally, parameters, open_units)
    return not any(
        winner({**tally.units, choice: units + open_units}, whole, parameters.threshold) == choice
        for choice, units in tally.units.items()
    )


def _whole_then(tally: Tally, parameters: Parameters, open_units: int) -> int:
    whole = tally.whole(parameters.basis)
    return whole if parameters.basis is Basis.ELIGIBLE else whole + open_units


def supporters_by_weight(ballots: Iterable[Ballot], electorate: Electorate) -> Mapping[str, tuple[int, ...]]:
    """Give the weights behind each choice, heaviest first, abstentions under `abstain`; advisers are left out."""
    behind: defaultdict[str, list[int]] = defaultdict(list)
    for ballot in ballots:
        weight = electorate.units[ballot.agent_id]
        if weight:
            behind[ballot.choice].append(weight)
    return {choice: tuple(sorted(weights, reverse=True)) for choice, weights in behind.items()}
