"""Expert review: of the experts named one must have cast a ballot, whatever the others say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.model import Agent, Outcome, Parameters, Proposal, Reason
from maos_flows.policies.deciding import decide, freeze, is_settled
from maos_flows.policies.weighted import WeightedVoting
from tests.strategies import NOON, ballots_of, opening_of

REVIEWED = opening_of(parameters=Parameters(reviewers=("d", "e")))


@pytest.mark.parametrize("votes", ["xxxx.", "xxx.y", "xxx-."])
def test_with_an_experts_ballot_the_count_decides(votes):
    decision = decide(WeightedVoting(), REVIEWED, ballots_of(votes))

    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")


def test_without_an_experts_ballot_nothing_is_reached():
    decision = decide(WeightedVoting(), REVIEWED, ballots_of("xxx.."))

    assert (decision.outcome, decision.reason, decision.choice) == (
        Outcome.NOT_REACHED,
        Reason.NO_EXPERT_REVIEW,
        None,
    )
    assert decision.explanation == "no expert in the matter cast a ballot: d, e"


@given(st.text("xy-.", min_size=5, max_size=5))
def test_a_review_never_changes_which_choice_wins(votes):
    free = decide(WeightedVoting(), opening_of(), ballots_of(votes))
    reviewed = decide(WeightedVoting(), REVIEWED, ballots_of(votes))

    assert reviewed.choice in {free.choice, None}
    assert (reviewed.reason is Reason.NO_EXPERT_REVIEW) == (set(votes[:3]) & {"x", "y"} != set() and votes[3:] == "..")


def test_waiting_goes_on_for_an_expert_who_may_still_answer():
    cast = ballots_of("xxx..")

    assert is_settled(WeightedVoting(), opening_of(), cast, ["d", "e"])
    assert not is_settled(WeightedVoting(), REVIEWED, cast, ["d", "e"])
    assert is_settled(WeightedVoting(), REVIEWED, ballots_of("xxxx."), ["e"])
    assert is_settled(WeightedVoting(), REVIEWED, cast, [])


def test_an_expert_outside_the_electorate_is_refused():
    proposal, agents = Proposal("d-1", "Which?", ("x", "y")), [Agent("ann"), Agent("bob")]

    with pytest.raises(ConfigurationError, match="expert_review: eve is not in the electorate"):
        freeze(WeightedVoting(), proposal, agents, Parameters(reviewers=("ann", "eve")), opened_at=NOON)
