"""A request becomes an opening, and nothing after that changes it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from maos_flows.errors import ConfigurationError
from maos_flows.model import Agent, Context, Parameters
from maos_flows.policies.base import Weighing
from maos_flows.policies.weighted import WeightedVoting
from maos_flows.request import DecisionRequest, open_decision
from tests.strategies import NOON

REQUEST = DecisionRequest(
    "Which?",
    ("x", "y"),
    (Agent("ann", "chief"), Agent("bob"), Agent("cid", weight=Fraction(0))),
    algorithm="weighted_voting",
    parameters=Parameters(min_participants=2),
    weighing=Weighing(roles={"chief": Fraction(3)}),
    domains=("law",),
    context=(Context("notes", "as agreed"),),
    proposer="bob",
    timeout_seconds=30,
)


def test_all_that_binds_a_decision_is_frozen_when_it_opens():
    opening = open_decision(REQUEST, WeightedVoting(), decision_id="d-1", now=NOON, round_number=2)

    proposal = opening.proposal
    assert (proposal.decision_id, proposal.round, proposal.proposer) == ("d-1", 2, "bob")
    assert (proposal.question, proposal.choices) == ("Which?", ("x", "y"))
    assert (proposal.domains, proposal.context) == (("law",), (Context("notes", "as agreed"),))
    assert [elector.weight for elector in opening.electorate.electors] == [3, 1, 0]
    assert (opening.algorithm, opening.parameters, opening.opened_at) == ("weighted_voting", REQUEST.parameters, NOON)


def test_b45_a_deadline_is_an_instant_however_far():
    far = replace(REQUEST, timeout_seconds=60 * 24 * 3600.0)

    opening = open_decision(far, WeightedVoting(), decision_id="d-1", now=NOON)

    assert opening.proposal.deadline == NOON + timedelta(days=60)


def test_b44_a_deadline_across_a_change_of_clocks_is_as_many_seconds_away_as_asked():
    before_the_change = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)
    in_berlin = before_the_change.astimezone(ZoneInfo("Europe/Berlin"))

    opening = open_decision(replace(REQUEST, timeout_seconds=7200), WeightedVoting(), decision_id="d-1", now=in_berlin)

    assert opening.proposal.deadline == before_the_change + timedelta(hours=2)
    assert opening.proposal.deadline.tzinfo is UTC


def test_an_impossible_request_is_refused_with_all_its_problems():
    impossible = replace(REQUEST, choices=("x",), parameters=Parameters(min_participants=3))

    with pytest.raises(ConfigurationError) as refused:
        open_decision(impossible, WeightedVoting(), decision_id="d-1", now=NOON)

    assert [problem.path for problem in refused.value.problems] == ["choices", "min_participants"]
