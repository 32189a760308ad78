"""Margin: the fewest ballots that would have had to change to change the outcome, and who was decisive.

A changed ballot is one cast for another choice. Every ballot that changes moves a fixed number of units towards the
change, so the fewest are the heaviest first; only thresholds of half or less, which several choices can meet at once,
need a search.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from maos_flows.model import ABSTAIN, Ballot, Basis, Electorate, Parameters, Tally
from maos_flows.tally import supporters_by_weight, winner


def margin(tally: Tally, ballots: Sequence[Ballot], electorate: Electorate, parameters: Parameters) -> int | None:
    """Count the fewest ballots whose change changes who wins; None if no change of the ballots cast could.

    Args:
        tally: The count of `ballots`.
        ballots: The ballots counted.
        electorate: Their weights.
        parameters: The threshold and its basis.
    """
    behind = supporters_by_weight(ballots, electorate)
    won = winner(tally.units, tally.whole(parameters.basis), parameters.threshold)
    if won is not None:
        return _fewest(_to_lose(won, tally, behind, parameters))
    return _fewest(_to_win(choice, tally, behind, parameters) for choice in tally.units)


def decisive(
    tally: Tally,
    ballots: Sequence[Ballot],
    electorate: Electorate,
    parameters: Parameters,
    *,
    margin: int | None,
) -> tuple[str, ...]:
    """List the agents any one of whom, voting otherwise or abstaining, would have changed who wins, by name."""
    if margin != 1:
        return ()
    now = winner(tally.units, tally.whole(parameters.basis), parameters.threshold)
    likeliest_first = sorted(tally.units, key=tally.units.__getitem__, reverse=True)
    swings: dict[tuple[str, int], bool] = {}
    found: list[str] = []
    for ballot in ballots:
        kind = (ballot.choice, electorate.units[ballot.agent_id])
        swing = swings.get(kind)
        if swing is None:
            others = (other for other in (*likeliest_first, ABSTAIN) if other != ballot.choice)
            swing = any(_winner_after(kind, other, tally, parameters) != now for other in others)
            swings[kind] = swing
        if swing:
            found.append(ballot.agent_id)
    found.sort()
    return tuple(found)


def _winner_after(kind: tuple[str, int], other: str, tally: Tally, parameters: Parameters) -> str | None:
    """Name the winner if one ballot of a kind (its choice, its weight) had been for another choice."""
    choice, weight = kind
    units = dict(tally.units)
    whole = tally.whole(parameters.basis)
    if choice != ABSTAIN:
        units[choice] -= weight
    elif parameters.basis is Basis.DECISIVE:
        whole += weight
    if other != ABSTAIN:
        units[other] += weight
    elif parameters.basis is Basis.DECISIVE:
        whole -= weight
    return winner(units, whole, parameters.threshold)


def _to_lose(
    won: str, tally: Tally, behind: Mapping[str, tuple[int, ...]], parameters: Parameters
) -> Iterator[int | None]:
    """Give, per way to lose, how many ballots it takes: under the threshold, or level with a rival."""
    share = parameters.threshold.share
    slack = tally.units[won] * share.denominator - tally.whole(parameters.basis) * share.numerator
    away = [weight * share.denominator for weight in behind.get(won, ())]
    if parameters.basis is Basis.DECISIVE:
        away += [weight * share.numerator for weight in behind.get(ABSTAIN, ())]
    yield _heaviest_first(away, slack if parameters.threshold.strict else slack + 1)
    if parameters.threshold.is_majority:
        return  # level with a rival is half at the most, so the threshold is lost before
    for rival in tally.units:
        if rival != won:
            towards = [2 * weight for weight in behind.get(won, ())]
            towards += [
                weight for choice, weights in behind.items() if choice not in (won, rival) for weight in weights
            ]
            yield _heaviest_first(towards, tally.units[won] - tally.units[rival])


def _to_win(choice: str, tally: Tally, behind: Mapping[str, tuple[int, ...]], parameters: Parameters) -> int | None:
    """Count the ballots that would have to come over for a choice to win."""
    share = parameters.threshold.share
    missing = tally.whole(parameters.basis) * share.numerator - tally.units[choice] * share.denominator
    missing += parameters.threshold.strict
    per_abstainer = share.denominator - (share.numerator if parameters.basis is Basis.DECISIVE else 0)
    coming = [
        (weight * (per_abstainer if other == ABSTAIN else share.denominator), weight, other)
        for other, weights in behind.items()
        if other != choice
        for weight in weights
    ]
    enough = _heaviest_first([effect for effect, _, _ in coming], missing)
    if enough is None or parameters.threshold.is_majority:
        return enough
    coming.sort(reverse=True)
    return next(
        (fewest for fewest in range(enough, len(coming) + 1) if _wins_with(fewest, choice, tally, coming, missing)),
        None,
    )


def _wins_with(fewest: int, choice: str, tally: Tally, coming: Sequence[tuple[int, int, str]], missing: int) -> bool:
    """Say whether `fewest` ballots can lift a choice over the threshold and over every rival.

    Every rival must give up enough of its own heaviest ballots; what it must give shrinks as the choice grows. Starting
    from the most the choice can gain, this settles on the largest gain that is consistent (a greatest fixed point).
    """
    gain = sum(sorted((weight for _, weight, _ in coming), reverse=True)[:fewest])
    while True:
        taken: list[tuple[int, int, str]] = []
        for rival, units in tally.units.items():
            if rival != choice:
                own = [item for item in coming if item[2] == rival]
                excess = units - (tally.units[choice] + gain) + 1
                needed = _heaviest_first([weight for _, weight, _ in own], excess)
                if needed is None:
                    return False
                taken += own[:needed]
        if len(taken) > fewest:
            return False
        rest = list(coming)
        for item in taken:
            rest.remove(item)
        taken += rest[: fewest - len(taken)]
        reached = sum(weight for _, weight, _ in taken)
        if reached == gain:
            return sum(effect for effect, _, _ in taken) >= missing
        gain = reached


def _heaviest_first(effects: Iterable[int], needed: int) -> int | None:
    """Count how many of the largest effects add up to what is needed; 0 if nothing is, None if all are too little."""
    if needed <= 0:
        return 0
    ordered = sorted(effects, reverse=True)
    return next((number for number, total in enumerate(accumulate(ordered), 1) if total >= needed), None)


def _fewest(counts: Iterable[int | None]) -> int | None:
    return min((number for number in counts if number is not None), default=None)
