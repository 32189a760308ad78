"""The margin and the decisive agents are what trying every change of ballots says they are."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import example, given
from hypothesis import settings as run

from maos_flows.margin import decisive, margin
from maos_flows.model import ABSTAIN, Ballot, Basis, Opening, Parameters, TieBreak
from maos_flows.quorum import MAJORITY, Threshold
from maos_flows.tally import casting_vote, winner
from tests.strategies import ballots_of, decisions_to_be, opening_of, tally_of


def who_wins(opening: Opening, ballots: Sequence[Ballot]) -> str | None:
    parameters, tally = opening.parameters, tally_of(opening, ballots)
    casting = casting_vote(parameters, ballots)
    return winner(tally.units, tally.whole(parameters.basis), parameters.threshold, casting)


def changes(opening: Opening, ballots: Sequence[Ballot], number: int):
    """Give every way in which exactly that many ballots could have been for something else."""
    allowed = (*opening.proposal.choices, ABSTAIN)
    for places in combinations(range(len(ballots)), number):
        others = [[choice for choice in allowed if choice != ballots[place].choice] for place in places]
        for chosen in product(*others):
            changed = list(ballots)
            for place, choice in zip(places, chosen, strict=True):
                changed[place] = replace(ballots[place], choice=choice)
            yield changed


def margin_by_trying(opening: Opening, ballots: Sequence[Ballot]) -> int | None:
    now = who_wins(opening, ballots)
    for number in range(1, len(ballots) + 1):
        if any(who_wins(opening, changed) != now for changed in changes(opening, ballots, number)):
            return number
    return None


def decisive_by_trying(opening: Opening, ballots: Sequence[Ballot]) -> tuple[str, ...]:
    now = who_wins(opening, ballots)
    found = {
        before.agent_id
        for changed in changes(opening, ballots, 1)
        for before, after in zip(ballots, changed, strict=True)
        if before != after and who_wins(opening, changed) != now
    }
    return tuple(sorted(found))


def found(opening: Opening, ballots: Sequence[Ballot]) -> tuple[int | None, tuple[str, ...]]:
    tally = tally_of(opening, ballots)
    fewest = margin(tally, ballots, opening.electorate, opening.parameters)
    return fewest, decisive(tally, ballots, opening.electorate, opening.parameters, margin=fewest)


LOW = Parameters(Threshold(Fraction(3, 10)), basis=Basis.DECISIVE)
AT_LEAST_HALF = Parameters(Threshold(Fraction(1, 2)))
TWO_FIFTHS_OF_THE_CAST = Parameters(Threshold(Fraction(2, 5)), basis=Basis.CAST)
WITHOUT_CHAIR = (TieBreak.NONE, TieBreak.REVOTE, TieBreak.HUMAN)


@given(decisions_to_be(most=5, tie_breaks=WITHOUT_CHAIR))
@run(max_examples=200)
@example((opening_of((1, 1), parameters=Parameters(basis=Basis.CAST)), ballots_of("--")))
@example((opening_of((1, 1), parameters=Parameters(Threshold(Fraction(1)), basis=Basis.DECISIVE)), ballots_of("--")))
@example((opening_of((1, 0), parameters=Parameters(basis=Basis.CAST)), ballots_of(".x")))
@example((opening_of((1, 2, 3, 2, 1), "xyz", parameters=LOW), ballots_of("xy--z")))
@example((opening_of((3, 1, 1), "xyz", parameters=LOW), ballots_of("-xy")))
@example((opening_of((3, 5, 3), "xyz", parameters=AT_LEAST_HALF), ballots_of("x-y")))
@example((opening_of((3, 5, 2, 3, 1, 2), "xyz", parameters=TWO_FIFTHS_OF_THE_CAST), ballots_of("x-z.yz")))
def test_the_margin_is_the_fewest_changed_ballots_that_change_who_wins(case: tuple[Opening, tuple[Ballot, ...]]):
    opening, ballots = case

    assert found(opening, ballots)[0] == margin_by_trying(opening, ballots)


@given(decisions_to_be(most=6))
@run(max_examples=200)
def test_the_decisive_are_those_whose_one_ballot_changes_who_wins(case: tuple[Opening, tuple[Ballot, ...]]):
    opening, ballots = case

    assert found(opening, ballots)[1] == decisive_by_trying(opening, ballots)


@given(decisions_to_be(most=5, tie_breaks=(TieBreak.CHAIR,)))
@run(max_examples=60)
def test_with_a_chair_a_margin_of_one_is_found_and_a_larger_one_is_not_given(
    case: tuple[Opening, tuple[Ballot, ...]],
):
    opening, ballots = case
    truth = margin_by_trying(opening, ballots)

    assert found(opening, ballots)[0] == (1 if truth == 1 else None)


@pytest.mark.parametrize("basis", Basis)
@given(decisions_to_be(most=6, tie_breaks=(TieBreak.NONE,)))
@run(max_examples=60)
def test_the_margin_is_exact_where_several_choices_could_meet_the_threshold(
    basis: Basis, case: tuple[Opening, tuple[Ballot, ...]]
):
    opening, ballots = case
    low = Parameters(Threshold(Fraction(1, 4), strict=len(ballots) % 2 == 0), basis=basis)
    opening = replace(opening, parameters=low)

    assert found(opening, ballots)[0] == margin_by_trying(opening, ballots)


@pytest.mark.parametrize(
    ("weights", "votes", "parameters", "fewest", "swings"),
    [
        ((1, 1, 1, 1, 1), "xxxyy", Parameters(), 1, ("a", "b", "c")),
        ((1, 1, 1, 1, 1), "xxxxy", Parameters(), 2, ()),
        ((1, 1, 1, 1, 1), "xxyy.", Parameters(), 1, ("a", "b", "c", "d")),
        ((5, 1, 1, 1, 1), "xyyyy", Parameters(), 1, ("a",)),
        ((1, 1, 1, 1, 1), "xx...", Parameters(Threshold(Fraction(4, 5))), None, ()),
        ((1, 1, 1, 1), "xxyy", Parameters(MAJORITY, tie_break=TieBreak.CHAIR, chair="a"), 1, ("a", "b", "c", "d")),
    ],
    ids=["three-two", "four-one", "level", "heavyweight", "out-of-reach", "chair"],
)
def test_margins_by_hand(weights, votes, parameters, fewest, swings):
    opening = opening_of(weights, parameters=parameters)

    assert found(opening, ballots_of(votes)) == (fewest, swings)


def test_a_margin_among_thousands_with_a_low_threshold_is_found_quickly():
    votes = [f"{'xyz'[place % 3] if place % 4 else ABSTAIN}" for place in range(4000)]
    agents = [f"agent-{place}" for place in range(4000)]
    ballots = tuple(Ballot("d-1", agent, vote) for agent, vote in zip(agents, votes, strict=True))
    opening = opening_of((1,), "xyz", parameters=LOW)
    elector = opening.electorate.electors[0]
    members = tuple(
        replace(elector, agent_id=agent, weight=Fraction(1 + place % 7)) for place, agent in enumerate(agents)
    )
    opening = replace(opening, electorate=replace(opening.electorate, electors=members))
    tally = tally_of(opening, ballots)

    fewest, swings = found(opening, ballots)

    leaders = sorted(tally.units.values(), reverse=True)
    assert fewest is not None
    assert who_wins(opening, ballots) is None or fewest >= (leaders[0] - leaders[1]) // 14
    assert bool(swings) == (fewest == 1)
