"""A decision is bound to the version of the policy it was opened with, and to what is set of its parameters."""

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model import Agent, Outcome, Parameters, Proposal
from maos_flows.policies.base import as_dicts
from maos_flows.policies.deciding import decide, freeze
from tests.strategies import NOON, ballots_of, opening_of
from tests.user_policies import ShareOfWeight

AGENTS = [Agent("a"), Agent("b"), Agent("c")]
PROPOSAL = Proposal("d-1", "Which?", ("x", "y"))


class FirstVersion(ShareOfWeight):
    digest = "sha256:one"


class SecondVersion(ShareOfWeight):
    digest = "sha256:two"


def test_the_policys_digest_is_frozen_with_what_binds_a_decision():
    opening = freeze(FirstVersion(), PROPOSAL, AGENTS, Parameters(), opened_at=NOON)

    assert opening.policy_digest == "sha256:one"
    assert decide(FirstVersion(), opening, ballots_of("xxx")).outcome is Outcome.REACHED


@pytest.mark.parametrize("other", [SecondVersion(), ShareOfWeight()])
def test_another_version_of_a_policy_does_not_rule_on_a_decision(other):
    opening = freeze(FirstVersion(), PROPOSAL, AGENTS, Parameters(), opened_at=NOON)

    with pytest.raises(ConfigurationError, match=r"d-1 was opened under .* digest sha256:one, .*install that one"):
        decide(other, opening, ballots_of("xxx"))


def test_a_policy_without_parameters_of_its_own_refuses_any():
    with pytest.raises(ConfigurationError, match=r"2 problems\n.*parameters.one: share_of_weight has no parameters"):
        ShareOfWeight().settings({"one": "1", "two": "2"})
    assert ShareOfWeight().settings({}) == {}


def test_what_is_set_of_a_policys_parameters_is_told_in_the_proposal():
    opening = opening_of(parameters=Parameters(settings={"limits": [1]}))

    proposal, _ = as_dicts(opening, ballots_of("xx"))
    proposal["parameters"]["limits"].append(2)

    assert opening.parameters.settings == {"limits": [1]}
    assert proposal["parameters"] == {"limits": [1, 2]}
