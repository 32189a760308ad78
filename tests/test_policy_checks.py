"""What authors are given: the base class by its public door, and the check they run on their own policies."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.consensus import VotingStrategy, exact, register_policy, registered_policies
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Outcome, Parameters, Reason, Ruling
from maos_flows.policies.base import ConsensusPolicy, as_dicts
from maos_flows.policies.deciding import decide
from maos_flows.policies.registry import built_in_policies
from maos_flows.testing import check_policy, examples
from tests.strategies import ballots_of, opening_of
from tests.user_policies import Raising, ShareOfWeight


class Test(ConsensusPolicy):
    """Base of the policies that break a promise; `choose` says what is reached."""

    __test__ = False
    name = "test"

    def evaluate(self, opening, tally, ballots):
        choice = self.choose(opening, tally, list(ballots))
        if choice is None or not tally.units.get(choice):
            return Ruling(Outcome.NOT_REACHED, Reason.POLICY_DECLINED)
        return Ruling(Outcome.REACHED, Reason.POLICY_AGREED, choice, self.strength(ballots))

    def choose(self, opening, tally, ballots):
        return tally.leaders[0]

    def strength(self, ballots):
        return Fraction(1)


class FirstWins(Test):
    def choose(self, opening, tally, ballots):
        return ballots[0].choice


class FirstCounts(Test):
    def strength(self, ballots):
        return Fraction(1, 1 + len(ballots[0].evidence))


class Forgetful(Test):
    def __init__(self):
        self.calls = 0

    def choose(self, opening, tally, ballots):
        self.calls += 1
        return tally.leaders[0] if self.calls % 2 else None


class Shy(Test):
    def choose(self, opening, tally, ballots):
        return tally.leaders[0] if len(ballots) < 3 else None


class Contrary(Test):
    def choose(self, opening, tally, ballots):
        least = min((units, choice) for choice, units in tally.units.items() if units)
        return least[1]


@pytest.mark.parametrize(
    ("policy", "promise"),
    [
        (FirstWins(), "the order of ballots matters to it"),
        (FirstCounts(), "the order of ballots matters to it"),
        (Forgetful(), "asked twice, it answers differently"),
        (Shy(), "an absent agent helps its choice"),
        (Contrary(), "(an absent agent helps its choice|more support hurts a choice)"),
        (Raising(ValueError("oops")), "it fails: .*oops"),
    ],
)
def test_a_policy_that_breaks_a_promise_is_told_which_with_the_ballots(policy, promise):
    with pytest.raises(AssertionError, match=promise) as told:
        check_policy(policy)

    assert re.search(r"ballots:\n  Ballot\(", str(told.value))


class Guarded(Test):
    """Reaches nothing unless two disagree, so that more support can hurt."""

    def choose(self, opening, tally, ballots):
        leaders = tally.leaders
        against = [ballot for ballot in ballots if ballot.choice not in (leaders[0], "abstain")]
        return leaders[0] if len(leaders) == 1 and against else None


class Admitted(Guarded):
    is_monotone = False


def test_more_support_may_hurt_only_if_the_policy_says_so():
    with pytest.raises(AssertionError, match="more support hurts a choice"):
        check_policy(Guarded(), number=50)
    assert check_policy(Admitted(), number=50).reached > 0


@pytest.mark.parametrize(
    "policy", [*(built_in_policies()[name] for name in VotingStrategy), ShareOfWeight()], ids=lambda policy: policy.name
)
def test_sound_policies_pass(policy):
    checked = check_policy(policy, number=60)

    assert checked.examples == 60
    assert checked.reached > 0


class OfFour(ShareOfWeight):
    def problems(self, electorate, parameters):
        return () if electorate.size == 4 else (Problem("agents", "four are needed"),)


def test_examples_are_such_as_the_policy_takes():
    sizes = {opening.electorate.size for opening, _ in examples(OfFour(), number=100)}

    assert sizes == {4}
    assert 0 < check_policy(OfFour(), number=100).examples < 100


def test_examples_are_the_same_for_the_same_seed_and_of_what_was_asked():
    asked = {"number": 30, "roles": ("auditor",), "attributes": {"cost": (1, 2)}}

    first = list(examples(ShareOfWeight(), **asked))

    assert first == list(examples(ShareOfWeight(), **asked))
    assert first != list(examples(ShareOfWeight(), **asked, seed=1))
    assert {elector.role for opening, _ in first for elector in opening.electorate.electors} == {"auditor"}
    assert {key for _, ballots in first for ballot in ballots for key in ballot.attributes} == {"cost"}


@pytest.mark.parametrize("strategy", VotingStrategy)
def test_a_strategy_rules_as_the_algorithm_of_its_name(strategy):
    policy = built_in_policies()[strategy]
    opening = opening_of((1, 1, 1), parameters=Parameters(policy.threshold(None)))

    answer = strategy.evaluate_proposal(*as_dicts(opening, ballots_of("xxx")))

    assert (answer["consensus"], answer["decision"]) == (True, decide(policy, opening, ballots_of("xxx")).choice)


def test_registering_gives_the_policy_back_and_takes_nothing_else():
    policy = ShareOfWeight()

    assert register_policy(policy) is policy
    assert registered_policies()[-1] is policy
    with pytest.raises(ConfigurationError, match="not the class ShareOfWeight; make one of it"):
        register_policy(ShareOfWeight)


@given(st.fractions(max_denominator=10**5, min_value=0, max_value=100))
def test_b27_the_exact_number_is_found_again_in_its_float(number):
    assert exact(float(number)) == exact(number) == exact(str(number)) == number


@given(st.decimals(min_value=0, max_value=1, places=15))
def test_b27_a_number_of_many_digits_is_found_again_too(number):
    assert float(exact(float(number))) == float(number)
    assert exact(0.123456789012345) == Fraction(123456789012345, 10**15)


def test_b34_what_is_no_number_is_refused():
    for nonsense in (float("nan"), float("inf"), "1/0", "much"):
        with pytest.raises(ValueError):
            exact(nonsense)
