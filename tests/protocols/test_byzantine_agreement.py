"""What an agreement refuses, its quorums, its digest, its primaries."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.protocols.byzantine import Seat, TieRule
from maos_flows.quorum import Threshold
from tests.protocols.byzantine_support import agents_of, agreement_of


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_fewer_than_four_replicas_are_refused_with_the_reason(n):
    with pytest.raises(ConfigurationError, match="cannot bear one that lies; at least 4 are needed"):
        agreement_of(n)


@pytest.mark.parametrize("twice", ["a01", "A01", " a01 ", "\uff4101"])
def test_ids_that_read_the_same_are_refused(twice):
    seats = (*(Seat(agent, f"key of {agent}") for agent in agents_of(4)), Seat(twice, "another key"))

    with pytest.raises(ConfigurationError, match="'a01' is there 2 times"):
        agreement_of(5, seats=seats)


def test_one_key_for_two_agents_is_refused():
    with pytest.raises(ConfigurationError, match="public key 'k' is there 4 times"):
        agreement_of(4, seats=tuple(Seat(agent, "k") for agent in agents_of(4)))


@pytest.mark.parametrize(
    ("seat", "problem"),
    [
        (Seat("", "k"), "needs an id"),
        (Seat("x" * 1025, "k"), "needs an id"),
        (Seat("x", "k", Fraction(-1)), "has weight -1"),
    ],
)
def test_a_seat_that_cannot_be_is_refused(seat, problem):
    seats = (*(Seat(agent, f"key of {agent}") for agent in agents_of(4)), seat)

    with pytest.raises(ConfigurationError, match=problem):
        agreement_of(5, seats=seats)


def test_weights_that_sum_to_nothing_are_refused():
    seats = tuple(Seat(agent, f"key of {agent}", Fraction(0)) for agent in agents_of(4))

    with pytest.raises(ConfigurationError, match="no agent has weight"):
        agreement_of(4, seats=seats)


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ((), "there are none"),
        (("yes", "yes"), "choice 'yes' is there 2 times"),
        (("yes", "abstain"), "always allowed"),
        (("yes", ""), "must have 1 to"),
        (("x" * 1025,), "must have 1 to"),
    ],
)
def test_choices_that_cannot_be_are_refused(choices, problem):
    with pytest.raises(ConfigurationError, match=problem):
        agreement_of(4, choices=choices)


def test_all_problems_are_named_at_once():
    with pytest.raises(ConfigurationError) as caught:
        agreement_of(2, choices=("yes", "yes"))

    assert len(caught.value.problems) == 2


@given(st.integers(4, 200))
def test_any_two_quorums_share_an_honest_replica_and_the_honest_alone_are_one(n):
    agreement = agreement_of(n)
    q, f = agreement.quorum, agreement.faults

    assert 2 * q - n >= f + 1
    assert f < q <= n - f
    assert n >= 3 * f + 1
    assert agreement.weak_quorum == f + 1


@pytest.mark.parametrize("n", [5, 6, 8, 9, 11, 12])
def test_the_quorum_is_not_2f_plus_1_unless_n_is_3f_plus_1(n):
    agreement = agreement_of(n)

    assert agreement.quorum == 2 * agreement.faults + 2
    assert agreement_of(3 * agreement.faults + 1).quorum == 2 * agreement.faults + 1


def test_every_agent_is_primary_in_turn_and_the_first_depends_on_the_decision():
    agreement = agreement_of(5)
    firsts = {replace(agreement, decision_id=f"d{number}").primary(1) for number in range(60)}

    assert sorted(agreement.primary(view) for view in range(3, 8)) == list(agreement.agents)
    assert firsts == set(agreement.agents)


@pytest.mark.parametrize(
    "change",
    [
        {"decision_id": "d2"},
        {"question": "Or not?"},
        {"choices": ("no", "yes")},
        {"threshold": Threshold(Fraction(1, 2))},
        {"tie": TieRule.FIRST_LISTED},
        {"seats": tuple(Seat(agent, f"other key of {agent}") for agent in agents_of(4))},
        {"seats": tuple(Seat(agent, f"key of {agent}", Fraction(2)) for agent in agents_of(4))},
    ],
)
def test_the_digest_binds_everything(change):
    agreement = agreement_of(4)

    assert replace(agreement, **change).digest != agreement.digest


def test_the_order_of_seats_does_not_matter():
    agreement = agreement_of(4)

    assert replace(agreement, seats=agreement.seats[::-1]).digest == agreement.digest
