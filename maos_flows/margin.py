"""Margin: the fewest ballots that would have had to change to change who wins, and who was decisive.

A changed ballot is one cast for another choice, or for none. Every ballot that changes moves a fixed number of units
towards the change, so the fewest are the heaviest first; only thresholds of half or less, which several choices can
meet at once, need a search. With a chair, exact ties matter, and finding the fewest ballots that make one is the
subset-sum problem: there a margin of one is found, and a larger one is not given.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from maos_flows.model import ABSTAIN, Ballot, Basis, Electorate, Parameters, Tally, TieBreak
from maos_flows.tally import casting_vote, supporters_by_weight, winner

_Weights = tuple[int, ...]


def margin(tally: Tally, ballots: Sequence[Ballot], electorate: Electorate, parameters: Parameters) -> int | None:
    """Count the fewest ballots whose change changes who wins; None if no change of the ballots cast could.

    With `tie_break: chair` it is 1 or None, and None then says only that no single ballot could.

    Args:
        tally: The count of `ballots`, over two choices or more.
        ballots: The ballots counted.
        electorate: Their weights.
        parameters: The threshold and its basis.
    """
    if parameters.tie_break is TieBreak.CHAIR:
        return 1 if decisive(tally, ballots, electorate, parameters, margin=1) else None
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
    casting = casting_vote(parameters, ballots)
    now = winner(tally.units, tally.whole(parameters.basis), parameters.threshold, casting)
    likeliest_first = (*sorted(tally.units, key=tally.units.__getitem__, reverse=True), ABSTAIN)
    swings: dict[tuple[str, int, bool], bool] = {}
    found: list[str] = []
    for ballot in ballots:
        is_chair = casting is not None and ballot.agent_id == parameters.chair
        choice, weight = ballot.choice, electorate.units[ballot.agent_id]
        swing = swings.get((choice, weight, is_chair))
        if swing is None:
            swing = any(
                _winner_after(choice, other, weight, tally, parameters, other if is_chair else casting) != now
                for other in likeliest_first
                if other != choice
            )
            swings[choice, weight, is_chair] = swing
        if swing:
            found.append(ballot.agent_id)
    found.sort()
    return tuple(found)


def _winner_after(
    choice: str, other: str, weight: int, tally: Tally, parameters: Parameters, casting: str | None
) -> str | None:
    """Name the winner if one ballot of some weight had been for another choice."""
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
    return winner(units, whole, parameters.threshold, casting)


def _to_lose(won: str, tally: Tally, behind: Mapping[str, _Weights], parameters: Parameters) -> Iterator[int | None]:
    """Give, per way to lose, how many ballots it takes: under the threshold, or level with a rival."""
    share = parameters.threshold.share
    slack = tally.units[won] * share.denominator - tally.whole(parameters.basis) * share.numerator
    away = [weight * share.denominator for weight in behind[won]]
    if parameters.basis is Basis.DECISIVE:
        away += [weight * share.numerator for weight in behind.get(ABSTAIN, ())]
    yield _heaviest_first(away, slack if parameters.threshold.strict else slack + 1)
    if parameters.threshold.is_majority:
        return  # level with a rival is half at the most, so the threshold is lost before
    for rival in tally.units:
        if rival != won:
            towards = [2 * weight for weight in behind[won]]
            towards += [
                weight for choice, weights in behind.items() if choice not in (won, rival) for weight in weights
            ]
            yield _heaviest_first(towards, tally.units[won] - tally.units[rival])


def _to_win(choice: str, tally: Tally, behind: Mapping[str, _Weights], parameters: Parameters) -> int | None:
    """Count the ballots that would have to come over for a choice to win: one at the least, as it does not yet."""
    above, below = parameters.threshold.share.as_integer_ratio()
    missing = tally.whole(parameters.basis) * above - tally.units[choice] * below + parameters.threshold.strict
    abstainer = below - above if parameters.basis is Basis.DECISIVE else below
    if not parameters.threshold.is_majority:
        rivals = {rival: behind.get(rival, ()) for rival in tally.units if rival != choice}
        leads = {rival: tally.units[rival] - tally.units[choice] for rival in rivals}
        return _Search(rivals, leads, behind.get(ABSTAIN, ()), missing, below, abstainer).fewest()
    coming = [
        weight * (abstainer if other == ABSTAIN else below)
        for other, weights in behind.items()
        if other != choice
        for weight in weights
    ]
    enough = _heaviest_first(coming, missing)
    return max(1, enough) if coming and enough is not None else None


@dataclass(frozen=True, slots=True)
class _Search:
    """The fewest ballots that lift a choice over a low threshold and over every rival.

    Every ballot that moves moves to the choice: whatever else it could do, that does as well. Ballots of rivals and
    abstentions are told apart because, of those who decide, an abstainer who comes over enlarges the whole.

    Attributes:
        rivals: The weights behind each rival, heaviest first.
        leads: How far each rival is ahead, in units.
        abstained: The weights of the abstentions, heaviest first.
        missing: What is missing to the threshold, in units times the threshold's denominator.
        per_unit: What a rival's unit adds towards it.
        per_abstained_unit: What an abstainer's unit adds towards it.
    """

    rivals: Mapping[str, _Weights]
    leads: Mapping[str, int]
    abstained: _Weights
    missing: int
    per_unit: int
    per_abstained_unit: int

    def fewest(self) -> int | None:
        """Count them; None if all together are not enough."""
        theirs = sorted((weight for weights in self.rivals.values() for weight in weights), reverse=True)
        lighter_last = [-weight for weight in theirs]
        everybody, abstainers = len(theirs), len(self.abstained)
        # More of either kind never hurts, so both numbers can be found by halving.
        at_least = _first(abstainers, partial(self._is_enough, everybody))
        if at_least > abstainers:
            return None
        best = at_least + _first(everybody, partial(self._is_enough, abstainers=at_least))
        for number in range(at_least + 1, abstainers + 1):
            # Of an abstainer and a rival's ballot that is not lighter, the rival's is worth more.
            if number + bisect_right(lighter_last, -self.abstained[number - 1]) >= best:
                break
            if self._is_enough(best - number - 1, number):
                best = number + _first(everybody, partial(self._is_enough, abstainers=number))
        return best

    def _is_enough(self, others: int, abstainers: int) -> bool:
        """Say whether that many of the rivals' ballots and that many abstainers are enough, the best of each."""
        theirs = sum(self.abstained[:abstainers])
        gain = self._most_gain(others, theirs)
        return gain is not None and gain * self.per_unit + theirs * self.per_abstained_unit >= self.missing

    def _most_gain(self, others: int, theirs: int) -> int | None:
        """Give the most units that so many ballots of rivals can bring while every rival falls behind.

        Each rival must give up its own heaviest until it is behind; what it must give shrinks as the choice grows.
        Starting from the most that could come, this settles on the largest gain that is consistent.
        """
        gain = sum(sorted((weight for weights in self.rivals.values() for weight in weights), reverse=True)[:others])
        while True:
            due = {
                rival: _heaviest_first(weights, self.leads[rival] - theirs - gain + 1)
                for rival, weights in self.rivals.items()
            }
            given = {rival: number for rival, number in due.items() if number is not None}
            free = others - sum(given.values())
            if len(given) < len(due) or free < 0:
                return None
            rest = sorted((w for rival, weights in self.rivals.items() for w in weights[given[rival] :]), reverse=True)
            reached = sum(sum(weights[: given[rival]]) for rival, weights in self.rivals.items()) + sum(rest[:free])
            if reached == gain:
                return gain
            gain = reached


def _first(most: int, is_enough: Callable[[int], bool]) -> int:
    """Find the first number up to `most` that is enough, or `most` + 1; once one is, all above it are."""
    return bisect_left(range(most + 1), True, key=is_enough)


def _heaviest_first(effects: Iterable[int], needed: int) -> int | None:
    """Count how many of the largest effects add up to what is needed; 0 if nothing is, None if all are too little."""
    if needed <= 0:
        return 0
    ordered = sorted(effects, reverse=True)
    return next((number for number, total in enumerate(accumulate(ordered), 1) if total >= needed), None)


def _fewest(counts: Iterable[int | None]) -> int | None:
    return min((number for number in counts if number is not None), default=None)
