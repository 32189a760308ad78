"""How much is enough: exact, never rounded in anybody's favour."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.quorum import (
    HALF,
    MAJORITY,
    Threshold,
    byzantine_quorum,
    majority,
    majority_threshold,
    parse_fraction,
    tolerated_crashes,
    tolerated_faults,
)
from tests.strategies import thresholds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.67", Fraction(67, 100)),
        ("2/3", Fraction(2, 3)),
        (" 0.50 ", HALF),
        ("1", Fraction(1)),
        ("0", Fraction(0)),
        ("10/4", Fraction(5, 2)),
        ("0.000000000000000001", Fraction(1, 10**18)),
    ],
)
def test_a_number_is_read_exactly(text: str, number: Fraction):
    assert parse_fraction(text) == number


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1).map(lambda part: f"{part:018d}"))
def test_every_decimal_is_read_as_what_it_says(whole: int, part: str):
    assert parse_fraction(f"{whole}.{part}") == whole + Fraction(int(part), 10**18)


@pytest.mark.parametrize(
    "text",
    ["", "x", "nan", "inf", "1e309", "60%", "-1", "+1", ".5", "5.", "1_000", "0x1", "1/2/3", "1.0/2", "٣", "9" * 19],
)
def test_b74_what_is_no_number_is_refused_with_its_path(text: str):
    with pytest.raises(ConfigurationError, match=r"^stages\[2\]\.threshold: .* is not a number; write it like 0\.67"):
        parse_fraction(text, path="stages[2].threshold")


def test_a_division_by_zero_is_refused():
    with pytest.raises(ConfigurationError, match=r"'1/0' divides by zero"):
        parse_fraction("1/0")


@pytest.mark.parametrize("share", [Fraction(0), Fraction(-1), Fraction(3, 2)])
def test_b74_a_share_outside_0_to_1_is_no_threshold(share: Fraction):
    with pytest.raises(ConfigurationError, match=r"threshold: .* must be above 0 and at most 1"):
        Threshold(share)


def test_more_than_the_whole_is_refused():
    with pytest.raises(ConfigurationError, match="more than the whole can never be reached"):
        Threshold(Fraction(1), strict=True)


@given(thresholds(), st.integers(0, 60), st.integers(0, 60))
def test_a_threshold_is_met_by_exactly_its_share(threshold: Threshold, part: int, whole: int):
    share = Fraction(part, whole) if whole else Fraction(0)

    assert threshold.is_met_by(part, whole) == (
        share > threshold.share if threshold.strict else share >= threshold.share
    )
    assert threshold.is_equalled_by(part, whole) == (share >= threshold.share)


@given(thresholds(), st.integers(1, 60))
def test_b28_what_is_needed_is_the_least_that_is_enough(threshold: Threshold, whole: int):
    needed = threshold.needed(whole)

    assert threshold.is_met_by(needed, whole)
    assert not threshold.is_met_by(needed - 1, whole)


def test_b28_two_thirds_as_066_of_4_needs_3():
    assert Threshold(Fraction(66, 100)).needed(4) == 3


@given(thresholds(), st.integers(1, 30))
def test_only_one_choice_can_meet_a_majority(threshold: Threshold, whole: int):
    both = any(
        threshold.is_met_by(part, whole) and threshold.is_met_by(whole - part, whole) for part in range(whole + 1)
    )

    assert not (threshold.is_majority and both)
    assert threshold.is_majority or any(
        threshold.is_met_by(part, size) and threshold.is_met_by(size - part, size)
        for size in range(1, 61)
        for part in range(size + 1)
    )


def test_a_threshold_says_itself():
    assert str(MAJORITY) == "more than 1/2"
    assert str(Threshold(Fraction(67, 100))) == "at least 67/100"


@given(st.fractions(min_value=Fraction(1, 100), max_value=1), st.integers(0, 60), st.integers(1, 60))
def test_a_majority_with_a_threshold_needs_both(share: Fraction, part: int, whole: int):
    is_enough = 2 * part > whole and Fraction(part, whole) >= share

    assert majority_threshold(share).is_met_by(part, whole) == is_enough


def test_a_majority_of_no_share_is_refused():
    with pytest.raises(ConfigurationError):
        majority_threshold(Fraction(0))


@given(st.integers(1, 40))
def test_any_two_majorities_share_a_replica_and_no_smaller_sets_must(n: int):
    assert 2 * majority(n) > n
    assert 2 * (majority(n) - 1) <= n
    assert n - tolerated_crashes(n) >= majority(n) > n - tolerated_crashes(n) - 1


@given(st.integers(1, 40))
def test_the_tolerated_faults_are_the_most_with_3f_plus_1_replicas(n: int):
    f = tolerated_faults(n)

    assert 3 * f + 1 <= n < 3 * (f + 1) + 1


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, (n - 1) // 3))))
def test_any_two_byzantine_quorums_share_an_honest_replica_and_smaller_ones_need_not(case: tuple[int, int]):
    n, f = case
    quorum = byzantine_quorum(n, f)

    def overlap(size: int) -> int:
        first = set(range(size))
        return min(len(first & set(other)) for other in combinations(range(n), size))

    assert quorum <= n - f
    assert overlap(quorum) > f
    assert overlap(quorum - 1) <= f


def test_b12_a_byzantine_quorum_of_10_with_1_fault_is_6_not_3():
    assert byzantine_quorum(10, 1) == 6
