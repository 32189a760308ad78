"""What records are worth."""

from fractions import Fraction
from math import isclose, log

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.weights import START, Record, Standing, earned_weight, learned_weights
from maos_flows.weights.records import LARGEST_WEIGHT, PRIOR_ACCURACY, accuracy, prior_accuracy

counts = st.floats(0, 100)


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Draw a standing that feedback could have led to."""
    seen = draw(counts)
    right = draw(st.floats(0, 1)) * seen
    domains = draw(st.dictionaries(st.sampled_from(["law", "physics"]), st.just(Record(right / 2, seen / 2))))
    return Standing(Record(right, seen), domains, draw(st.floats(-3, 3)), draw(st.floats(1, 50)))


@given(standings(), st.integers(2, 10), st.fractions(0, 5), st.lists(st.sampled_from(["law", "chess"]), unique=True))
def test_a_weight_is_bounded_and_exact_to_six_decimals(
    standing: Standing, choices: int, multiplier: Fraction, domains: list[str]
) -> None:
    weight = earned_weight(standing, choices, multiplier=multiplier, domains=domains)

    assert 0 <= weight <= LARGEST_WEIGHT
    assert (weight * 10**6).denominator == 1


@given(counts, st.integers(2, 10))
def test_having_been_right_more_often_never_weighs_less(seen: float, choices: int) -> None:
    weights = [earned_weight(Standing(Record(seen * part / 4, seen)), choices) for part in range(5)]

    assert weights == sorted(weights)


@given(st.integers(2, 10))
def test_an_unknown_agent_weighs_the_log_odds_of_the_prior(choices: int) -> None:
    weight = earned_weight(START, choices)

    assert isclose(float(weight), log((choices - 1) * PRIOR_ACCURACY / (1 - PRIOR_ACCURACY)), abs_tol=1e-6)


@given(st.fractions(0, 5), st.integers(2, 10))
def test_a_declared_weight_is_a_prior_worth_that_many_times_the_log_odds(multiplier: Fraction, choices: int) -> None:
    weight = earned_weight(START, choices, multiplier=multiplier)

    expected = multiplier * Fraction(str(log((choices - 1) * PRIOR_ACCURACY / (1 - PRIOR_ACCURACY))))
    assert abs(weight - min(expected, LARGEST_WEIGHT)) < Fraction(1, 1000)


def test_an_agent_at_the_chance_of_guessing_weighs_nothing() -> None:
    guessing = Standing(Record(10, 100))

    assert earned_weight(guessing, 10) < Fraction(1, 4)
    assert earned_weight(guessing, 2) == 0


def test_a_record_in_the_domain_counts_before_the_overall_one() -> None:
    lawyer = Standing(Record(50, 100), {"law": Record(38, 40)})

    assert earned_weight(lawyer, 4, domains=("law",)) > earned_weight(lawyer, 4)
    assert earned_weight(lawyer, 4, domains=("chess",)) == earned_weight(lawyer, 4)


def test_one_good_decision_in_a_domain_hardly_moves_what_is_known() -> None:
    novice = Standing(Record(50, 100), {"law": Record(1, 1)})

    overall = accuracy(novice, prior=PRIOR_ACCURACY)
    assert abs(accuracy(novice, prior=PRIOR_ACCURACY, domains=("law",)) - overall) < 0.03


def test_a_declared_adviser_stays_one_whatever_its_record() -> None:
    assert earned_weight(Standing(Record(100, 100)), 2, multiplier=Fraction(0)) == 0


@given(st.fractions(0, 1_000), st.integers(2, 10))
def test_no_declared_weight_is_believed_to_be_certain(multiplier: Fraction, choices: int) -> None:
    assert 0 < prior_accuracy(multiplier, choices) < 1


def test_agents_without_records_start_equal() -> None:
    weights = learned_weights({}, {"a": Fraction(1), "b": Fraction(1)}, choices=3)

    assert weights["a"] == weights["b"]
    assert weights["a"][1] == "no record yet"


def test_if_nobody_beats_guessing_all_count_alike_and_the_reason_says_so() -> None:
    poor = Standing(Record(5, 100), correction=-2.0)

    weights = learned_weights({"a": poor, "b": poor}, {"a": Fraction(1), "b": Fraction(2), "c": Fraction(0)}, choices=2)

    assert {agent: weight for agent, (weight, _) in weights.items()} == {"a": 1, "b": 1, "c": 0}
    assert "nobody's record" in weights["a"][1]


def test_the_reason_names_the_record_the_domain_and_the_declared_factor() -> None:
    lawyer = Standing(Record(50, 100), {"law": Record(38, 40)}, correction=0.125)

    ((_, why),) = learned_weights({"a": lawyer}, {"a": Fraction(3)}, choices=2, domains=("law", "chess")).values()

    assert why == "right in 50 of 100, correction +0.125; in law 38 of 40; declared x 3"
