"""Figures: what a decision took and who took part, and failures among the last ones, by counting alone."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.model import Absence, AbsenceKind, Outcome
from maos_flows.policies.deciding import decide
from maos_flows.policies.figures import FAILED, WINDOW, FailureRate, failures_among, figures
from maos_flows.policies.weighted import WeightedVoting
from tests.strategies import NOON, ballots_of, opening_of

outcomes = st.sampled_from([outcome.value for outcome in Outcome])


def test_figures_count_the_last_round():
    absences = [Absence("d-1", "d", AbsenceKind.TIMED_OUT), Absence("d-1", "e", AbsenceKind.FAILED)]
    decision = decide(WeightedVoting(), opening_of(), ballots_of("xxy.."), absences=absences)

    assert figures(decision, rejected=1, now=NOON + timedelta(seconds=1.5)) == {
        "seconds": 1.5,
        "rounds": 1,
        "electors": 5,
        "ballots": 3,
        "rejected": 1,
        "failed": 1,
        "timed_out": 1,
        "participation": "0.6",
        "slowest_agent": "c",
        "slowest_seconds": 0.0,
    }


def test_where_nobody_cast_a_ballot_nobody_was_slowest():
    decision = decide(WeightedVoting(), opening_of(), ())

    assert figures(decision, rejected=0, now=NOON)["slowest_agent"] is None


@given(st.sampled_from(FAILED), st.lists(outcomes, max_size=2 * WINDOW))
def test_a_rate_is_a_share_of_the_last_decisions_this_one_among_them(outcome, before):
    rate = failures_among(outcome, before)

    assert rate is not None
    assert 1 <= rate.failed <= rate.of == min(WINDOW, len(before) + 1)
    assert 0 < rate.share <= 1


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in FAILED])
def test_a_decision_that_did_not_fail_notes_no_rate(outcome):
    assert failures_among(outcome, ["error"] * 10) is None


def test_a_rate_is_exact():
    assert failures_among(Outcome.ERROR, ["reached", "not_reached"]) == FailureRate(2, 3)
    assert FailureRate(2, 3).share == Fraction(2, 3)
