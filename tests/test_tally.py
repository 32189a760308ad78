"""Counting: exact, independent of order, and what can still become of a count."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import settings as run
from hypothesis import strategies as st

from maos_flows import tally as tally_module
from maos_flows.model import ABSTAIN, Ballot, Basis, Dissent, Opening, Outcome, Parameters, TieBreak
from maos_flows.policies.deciding import decide
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.quorum import HALF, Threshold
from maos_flows.tally import casting_vote, count, dissent, is_settled, strength, supporters_by_weight, winner
from tests.strategies import ballots_of, decisions_to_be, opening_of, tally_of


@given(decisions_to_be(), st.randoms(use_true_random=False))
def test_a_tally_does_not_depend_on_the_order_of_ballots(case: tuple[Opening, tuple[Ballot, ...]], chance: Random):
    opening, ballots = case
    shuffled = list(ballots)
    chance.shuffle(shuffled)

    assert tally_of(opening, shuffled) == tally_of(opening, ballots)


@given(decisions_to_be())
def test_weights_are_counted_exactly(case: tuple[Opening, tuple[Ballot, ...]]):
    opening, ballots = case
    weight = {elector.agent_id: elector.weight for elector in opening.electorate.electors}

    tally = tally_of(opening, ballots)

    for choice in opening.proposal.choices:
        assert tally.weight(choice) == sum(weight[ballot.agent_id] for ballot in ballots if ballot.choice == choice)
        assert tally.heads[choice] == sum(ballot.choice == choice for ballot in ballots)
    assert tally.cast * tally.unit == sum(weight[ballot.agent_id] for ballot in ballots)
    assert tally.eligible * tally.unit == sum(weight.values())
    assert tally.abstained * tally.unit == sum(weight[b.agent_id] for b in ballots if b.choice == ABSTAIN)
    assert tally.participants == sum(weight[ballot.agent_id] > 0 for ballot in ballots)


@given(decisions_to_be(), st.booleans())
def test_many_ballots_are_counted_as_few_are(case: tuple[Opening, tuple[Ballot, ...]], is_reversed: bool):  # noqa: FBT001
    opening, ballots = case
    ballots = ballots[::-1] if is_reversed else ballots
    choices = (*opening.proposal.choices, ABSTAIN)

    heads, cast, participants = tally_module._weigh(ballots, opening.electorate)
    heads_of_many, cast_of_many, participants_of_many = tally_module._weigh_many(ballots, choices, opening.electorate)

    assert heads_of_many == {choice: heads.get(choice, 0) for choice in choices}
    assert cast_of_many == {choice: cast.get(choice, 0) for choice in choices}
    assert participants_of_many == participants


# With three weights 84 choices and abstaining make 255 kinds of ballots, and 85 too many for a byte.
@pytest.mark.parametrize("count", [2, 84, 85, 300])
def test_thousands_of_ballots_of_unequal_weight_are_counted(count: int):
    choices = tuple(f"choice {place}" for place in range(count))
    elector = opening_of().electorate.electors[0]
    names = [f"agent-{place}" for place in range(2000)]
    opening = opening_of(choices=choices)
    electors = tuple(replace(elector, agent_id=name, weight=Fraction(place % 3)) for place, name in enumerate(names))
    opening = replace(opening, electorate=replace(opening.electorate, electors=electors))
    ballots = [Ballot("d-1", name, choices[-(place % 2)]) for place, name in enumerate(names)]

    tally = tally_of(opening, ballots)

    evens = sum(place % 3 for place in range(0, 2000, 2))
    odds = sum(place % 3 for place in range(1, 2000, 2))
    assert (tally.units[choices[0]], tally.units[choices[-1]]) == (evens, odds)
    assert (tally.heads[choices[0]], tally.cast, tally.participants) == (1000, evens + odds, 1333)


@given(decisions_to_be())
def test_a_winner_alone_is_strongest_and_meets_the_threshold(case: tuple[Opening, tuple[Ballot, ...]]):
    opening, ballots = case
    tally, threshold = tally_of(opening, ballots), opening.parameters.threshold
    whole = tally.whole(opening.parameters.basis)

    won = winner(tally.units, whole, threshold)

    best = max(tally.units.values())
    is_alone = list(tally.units.values()).count(best) == 1
    share = Fraction(best, whole) if whole else Fraction(0)
    is_enough = share > threshold.share if threshold.strict else share >= threshold.share
    assert won == (tally.leaders[0] if best and is_alone and is_enough else None)


def test_a_casting_vote_breaks_a_tie_of_the_strongest_and_adds_no_weight():
    half = Threshold(HALF, strict=True)

    assert winner({"x": 2, "y": 2}, 4, half, "y") == "y"
    assert winner({"x": 2, "y": 2}, 5, half, "y") is None
    assert winner({"x": 2, "y": 2, "z": 0}, 4, half, "z") is None
    assert winner({"x": 0, "y": 0}, 4, half, "y") is None
    assert winner({"x": 3, "y": 1}, 4, half, "y") == "x"
    assert winner({"x": 1, "y": 1, "z": 1}, 3, half, "z") is None


def test_only_a_chair_who_cast_a_ballot_has_a_casting_vote():
    chair = Parameters(tie_break=TieBreak.CHAIR, chair="b")

    assert casting_vote(chair, ballots_of("xy")) == "y"
    assert casting_vote(chair, ballots_of("x.")) is None
    assert casting_vote(Parameters(), ballots_of("xy")) is None


def test_strength_is_a_share_of_the_basis():
    tally = tally_of(opening_of(), ballots_of("xxy-."))

    assert strength(tally, "x", Basis.ELIGIBLE) == Fraction(2, 5)
    assert strength(tally, "x", Basis.CAST) == Fraction(2, 4)
    assert strength(tally, "x", Basis.DECISIVE) == Fraction(2, 3)
    assert strength(tally, None, Basis.CAST) == 0
    assert strength(tally_of(opening_of(), ballots_of("--")), "x", Basis.DECISIVE) == 0


def test_dissent_lists_who_lost_strongest_first_then_by_name():
    opening = opening_of((1, 1, 1, 1, 2, 0), "wxyz")
    ballots = ballots_of("xzy-wy")

    listed = dissent(tally_of(opening, ballots), ballots, "w")

    assert listed == (
        Dissent("x", Fraction(1), ("a",)),
        Dissent("y", Fraction(1), ("c", "f")),
        Dissent("z", Fraction(1), ("b",)),
    )


def test_supporters_are_listed_heaviest_first_without_advisers():
    opening = opening_of((1, 3, 0, 2, 1))

    assert supporters_by_weight(ballots_of("xxx-y"), opening.electorate) == {"x": (3, 1), ABSTAIN: (2,), "y": (1,)}


def completions(opening: Opening, ballots: Sequence[Ballot], outstanding: Sequence[str]):
    """Give every way in which the outstanding agents could still answer or not, with vetoes and without."""
    answers = [None, *((choice, veto) for choice in (*opening.proposal.choices, ABSTAIN) for veto in (False, True))]
    if not opening.parameters.veto:
        answers = [answer for answer in answers if answer is None or not answer[1]]
    for chosen in product(answers, repeat=len(outstanding)):
        late = [
            Ballot("d-1", agent_id, answer[0], veto=answer[1], reasoning="because")
            for agent_id, answer in zip(outstanding, chosen, strict=True)
            if answer is not None
        ]
        yield (*ballots, *late)


def ends(opening: Opening, ballots: Sequence[Ballot], outstanding: Sequence[str]) -> set[tuple[Outcome, str | None]]:
    policy = WeightedVoting()
    decided = [decide(policy, opening, complete) for complete in completions(opening, ballots, outstanding)]
    return {(decision.outcome, decision.choice) for decision in decided}


@st.composite
def unfinished(draw: st.DrawFn, tie_breaks: Sequence[TieBreak]):
    """A decision in which at most three agents have not answered; some may veto, one may be the proposer."""
    opening, ballots = draw(decisions_to_be(most=5, tie_breaks=tie_breaks))
    everybody = [elector.agent_id for elector in opening.electorate.electors]
    answered = {ballot.agent_id for ballot in ballots}
    outstanding = [agent_id for agent_id in everybody if agent_id not in answered][:3]
    proposer = draw(st.one_of(st.none(), st.sampled_from(everybody)))
    limits = replace(
        opening.parameters,
        veto=tuple(draw(st.one_of(st.just([]), st.lists(st.sampled_from(everybody), max_size=2)))),
        self_approval=draw(st.booleans()),
    )
    return (
        replace(opening, proposal=replace(opening.proposal, proposer=proposer), parameters=limits),
        ballots,
        outstanding,
    )


LOW_TIE = opening_of((2, 2, 1), parameters=Parameters(Threshold(Fraction(1, 4))))


@given(unfinished((TieBreak.NONE,)))
@run(max_examples=80)
@example((LOW_TIE, ballots_of("xy."), ["c"]))
def test_b51_settled_is_exactly_that_no_answer_changes_the_end_where_ties_lead_nowhere(case):
    opening, ballots, outstanding = case
    counted = decide(WeightedVoting(), opening, ballots).ballots

    settled = is_settled(tally_of(opening, counted), opening, outstanding)

    assert settled == (len(ends(opening, ballots, outstanding)) == 1)


@given(unfinished((TieBreak.CHAIR, TieBreak.HUMAN, TieBreak.REVOTE)))
@run(max_examples=50)
def test_b51_settled_is_never_said_too_early_where_ties_lead_somewhere(case):
    opening, ballots, outstanding = case
    counted = decide(WeightedVoting(), opening, ballots).ballots

    settled = is_settled(tally_of(opening, counted), opening, outstanding)

    assert not settled or len(ends(opening, ballots, outstanding)) == 1


def test_b51_a_veto_that_may_still_come_keeps_a_won_decision_open():
    opening = opening_of((1, 1, 1, 0), parameters=Parameters(veto=("d",)))
    tally = tally_of(opening, ballots_of("xx"))

    assert not is_settled(tally, opening, ["c", "d"])
    assert is_settled(tally, opening, ["c"])


def test_b51_a_veto_cannot_change_what_is_lost_already():
    opening = opening_of((1, 1, 1, 1), parameters=Parameters(veto=("d",)))

    assert is_settled(tally_of(opening, ballots_of("xy-")), opening, ["d"])


def test_b51_a_ballot_that_would_not_count_is_not_waited_for():
    opening = opening_of((1, 1, 1), parameters=Parameters(Threshold(Fraction(1, 3)), self_approval=False))
    opening = replace(opening, proposal=replace(opening.proposal, proposer="c"))

    assert is_settled(tally_of(opening, ballots_of("x-")), opening, ["c"])
    assert is_settled(tally_of(opening, ballots_of("x-")), opening, ["nobody known"])
    assert not is_settled(tally_of(opening, ballots_of("x")), opening, ["b", "c"])


def test_b24_the_first_yes_of_five_with_a_threshold_of_one_leaves_it_open():
    opening = opening_of(parameters=Parameters(Threshold(Fraction(1))))
    tally = tally_of(opening, ballots_of("x"))

    assert not is_settled(tally, opening, ["b", "c", "d", "e"])


def test_a_tie_that_leads_somewhere_keeps_a_lost_decision_open():
    opening = opening_of((1, 1, 1, 1), parameters=Parameters(Threshold(Fraction(1)), tie_break=TieBreak.HUMAN))
    tally = tally_of(opening, ballots_of("xy-"))

    assert not is_settled(tally, opening, ["d"])
    assert is_settled(tally, opening, [])


def test_a_choice_only_given_is_not_counted_before_it_is_cast():
    opening = opening_of()

    tally = count([], opening.proposal, opening.electorate)

    assert (dict(tally.units), tally.cast, tally.leaders) == ({"x": 0, "y": 0}, 0, ())
