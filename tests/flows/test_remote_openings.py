"""Openings whose agents sign elsewhere: what they sign holds in this installation alone."""

from datetime import UTC, datetime

import pytest

from maos_flows.config.keyring import keys_here
from maos_flows.flows.agreeing import bound
from maos_flows.model import Agent, Parameters, Proposal
from maos_flows.policies.deciding import freeze
from maos_flows.policies.registry import built_in_policies
from maos_flows.signing import SigningKey

MAJORITY = built_in_policies()["simple_majority"]
KEY = SigningKey.generate().public


def opening_of(agent: Agent):
    proposal = Proposal("d-1", "Which?", ("a", "b"))
    return freeze(MAJORITY, proposal, [agent, Agent("bob")], Parameters(), opened_at=datetime.now(UTC))


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MAOS_HOME", str(tmp_path))


def test_a_signature_from_behind_a_url_is_bound_to_this_installation_under_any_rule():
    """B06: what is signed for one installation is void in another."""
    opening = opening_of(Agent("ada", voter="http", public_key=KEY))

    asked = bound(opening, MAJORITY)

    assert asked.proposal.deployment == keys_here().deployment != ""
    assert asked.electorate == opening.electorate


@pytest.mark.parametrize("agent", [Agent("ada", voter="http"), Agent("ada", voter="command", public_key=KEY)])
def test_nothing_is_bound_where_nobody_signs(agent):
    opening = opening_of(agent)

    assert bound(opening, MAJORITY) == opening
