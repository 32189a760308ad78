"""What f liars among n can do to an outcome: the published table, and brute force over every case up to n = 10."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.protocols.byzantine import ABSTAIN, Agreement, Certificate, Entry, Kind, Seat, TieRule, Value, bounds
from maos_flows.protocols.byzantine.certificate import verify_certificate
from maos_flows.protocols.byzantine.counting import count
from maos_flows.protocols.byzantine.statements import BallotStatement
from maos_flows.quorum import HALF, Threshold, parse_fraction
from tests.protocols.byzantine_support import DETAIL, Table, agents_of, agreement_of

THRESHOLDS = (
    Threshold(HALF, strict=True),
    *(Threshold(parse_fraction(text)) for text in ("0.6", "2/3", "0.67", "0.75", "0.8")),
)
TABLE = {
    4: (1, 3, (3, 3, 3, 3, 3, 4), (2, 2, 2, 2, 2, 3), (0, 0, 0, 0, 0, 1)),
    5: (1, 4, (3, 3, 4, 4, 4, 4), (2, 2, 3, 3, 3, 3), (0, 0, 0, 0, 0, 0)),
    6: (1, 4, (4, 4, 4, 5, 5, 5), (3, 3, 3, 4, 4, 4), (0, 0, 0, 0, 0, 0)),
    7: (2, 5, (4, 5, 5, 5, 6, 6), (2, 3, 3, 3, 4, 4), (0, 0, 0, 0, 1, 1)),
    9: (2, 6, (5, 6, 6, 7, 7, 8), (3, 4, 4, 5, 5, 6), (0, 0, 0, 0, 0, 1)),
    10: (3, 7, (6, 6, 7, 7, 8, 8), (3, 3, 4, 4, 5, 5), (0, 0, 0, 0, 1, 1)),
}
YES, NO = "yes", "no"


def outcome(agreement: Agreement, choices: Sequence[str]) -> str | None:
    ballots = (BallotStatement(agent, choice, DETAIL) for agent, choice in zip(agreement.agents, choices, strict=False))
    return count(agreement, ballots)[1]


def liars_ballots(f: int, *, dropped: int = 0) -> Iterator[tuple[str, ...]]:
    """Every multiset of what f liars can put into the value: a choice, an abstention, or nothing that counts."""
    for cast in range(f - dropped + 1):
        yield from combinations_with_replacement((YES, NO, ABSTAIN), cast)


def can_pass(agreement: Agreement, honest: tuple[str, ...]) -> bool:
    return any(outcome(agreement, (*honest, *lies)) == YES for lies in liars_ballots(agreement.faults))


def must_pass(agreement: Agreement, honest: tuple[str, ...]) -> bool:
    return all(outcome(agreement, (*honest, *lies)) == YES for lies in liars_ballots(agreement.faults))


@pytest.mark.parametrize("n", TABLE)
def test_the_table_of_what_is_needed_holds(n):
    f, q, needed, honest_needed, vetoable = TABLE[n]
    found = [bounds(agreement_of(n, threshold=threshold)) for threshold in THRESHOLDS]

    assert (agreement_of(n).faults, agreement_of(n).quorum) == (f, q)
    assert tuple(one.needed for one in found) == needed
    assert tuple(one.honest_needed for one in found) == honest_needed
    assert tuple(int(one.is_vetoable) for one in found) == vetoable


@pytest.mark.parametrize(("n", "threshold"), list(product(range(4, 11), THRESHOLDS)))
def test_brute_force_over_honest_splits_and_liars_ballots_gives_the_table(n, threshold):
    agreement = agreement_of(n, threshold=threshold)
    bound = bounds(agreement)
    honest = [(YES,) * yes + (NO,) * (n - agreement.faults - yes) for yes in range(n - agreement.faults + 1)]

    passing = [split.count(YES) for split in honest if can_pass(agreement, split)]
    sure = [split.count(YES) for split in honest if must_pass(agreement, split)]

    assert passing == list(range(bound.honest_needed, n - agreement.faults + 1))
    assert sure == list(range(bound.needed, n - agreement.faults + 1))
    assert bound.is_vetoable == (not sure)
    assert bound.is_majority_safe == (2 * min(passing, default=n) > n - agreement.faults)
    assert bound.is_majority_safe == (bound.needed >= agreement.quorum)


@pytest.mark.parametrize("n", range(4, 11))
def test_without_the_inclusion_rule_a_primary_could_drop_f_honest_ballots(n):
    agreement = agreement_of(n, threshold=Threshold(Fraction(2, 3)))
    bound, f = bounds(agreement), agreement.faults

    for yes in range(n - f + 1):
        kept = max(0, yes - f)
        fewest = outcome(agreement, (YES,) * kept + (NO,) * (n - f - yes))
        assert (fewest == YES) == (yes >= bound.needed + f)


@pytest.mark.parametrize("n", range(4, 11))
def test_liars_move_a_plurality_by_at_most_f_either_way(n):
    agreement = agreement_of(n, threshold=Threshold(Fraction(1, 100)))
    f = agreement.faults

    for yes in range(n - f + 1):
        no = n - f - yes
        honest = (YES,) * yes + (NO,) * no
        is_safe = all(outcome(agreement, (*honest, *lies)) == YES for lies in liars_ballots(f))
        assert is_safe == (yes > no + f)


def test_with_2_thirds_no_two_choices_can_both_have_certificates():
    for n in range(4, 40):
        agreement = agreement_of(n, threshold=Threshold(Fraction(2, 3)))
        assert bounds(agreement).is_majority_safe


def test_a_double_ballot_counts_for_nothing_and_restores_nothing():
    table = Table(agreement=agreement_of(4, threshold=Threshold(HALF)))
    twice = sorted([table.ballot("a01", "yes").token, table.ballot("a01", "no").token])
    single = (*table.value("yes", ["a02"]).entries, *table.value("no", ["a03"]).entries)
    value = Value((Entry("a01", tuple(twice)), *single))

    found = verify_certificate(
        table.agreement, Certificate(1, value, table.votes(Kind.COMMIT, 1, value)), table.keyring.verify
    )

    assert found.tally is not None
    assert found.tally.choice is None
    assert found.tally.excluded == ("a01",)
    assert found.tally.absent == ("a04",)
    assert (found.tally.units, found.tally.whole, found.tally.needed) == ({"yes": 1, "no": 1}, 4, 2)


@pytest.mark.parametrize(
    ("cast", "tie", "expected"),
    [
        ((), TieRule.NONE, (None, "no_ballots")),
        ((ABSTAIN, ABSTAIN), TieRule.NONE, (None, "all_abstained")),
        ((YES, ABSTAIN), TieRule.NONE, (None, "below_threshold")),
        ((YES, YES, NO, NO), TieRule.NONE, (None, "tie")),
        ((NO, NO, YES, YES), TieRule.FIRST_LISTED, (YES, "threshold_met")),
        ((YES, YES, NO), TieRule.NONE, (YES, "threshold_met")),
    ],
)
def test_every_set_of_ballots_has_an_outcome(cast, tie, expected):
    agreement = agreement_of(4, threshold=Threshold(HALF), tie=tie)
    ballots = [BallotStatement(agent, choice, DETAIL) for agent, choice in zip(agreement.agents, cast, strict=False)]

    assert count(agreement, ballots)[1:] == expected


def weighted(*weights: str) -> tuple[Seat, ...]:
    agents = agents_of(len(weights))
    return tuple(Seat(agent, f"k{agent}", Fraction(weight)) for agent, weight in zip(agents, weights, strict=True))


def test_an_adviser_without_weight_decides_nothing():
    seats = weighted("0", "1", "1", "1")

    assert outcome(agreement_of(4, seats=seats), (YES,)) is None


def test_weights_are_exact_and_one_heavy_expert_shows():
    seats = weighted("3", "2.5", "2", "1")
    agreement = agreement_of(4, seats=seats, threshold=Threshold(Fraction(6, 10)))
    bound = bounds(agreement)

    assert agreement.units == {"a01": 6, "a02": 5, "a03": 4, "a04": 2}
    assert (bound.needed, bound.faulty, bound.honest_needed) == (11, 6, 5)
    assert bound.largest_share == Fraction(6, 17)
    assert outcome(agreement, (YES, YES)) == YES
    assert outcome(agreement, (YES, NO, YES)) is None


@given(st.lists(st.sampled_from([YES, NO, ABSTAIN]), max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_ballots_does_not_matter(cast, chance):
    agreement = agreement_of(10)
    ballots = [BallotStatement(agent, choice, DETAIL) for agent, choice in zip(agreement.agents, cast, strict=False)]
    shuffled = chance.sample(ballots, len(ballots))

    assert count(agreement, ballots) == count(agreement, shuffled)
