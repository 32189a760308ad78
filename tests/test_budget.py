"""A decision's budget: shared by the ballots of its models, never exceeded, never more than an agent's own limit."""

from fractions import Fraction
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.model import Agent
from maos_flows.policies.registry import built_in_policies
from maos_flows.request import DecisionRequest
from maos_flows.roster import model_roster
from maos_flows.workflow.budget import within_budget
from maos_flows.workflow.question import question_request


def model(number: int, cost: float | None = None) -> Agent:
    return Agent(f"m{number}", voter="model", settings={} if cost is None else {"max_cost": cost})


@given(
    costs=st.lists(st.none() | st.integers(1, 100).map(lambda cents: cents / 100), min_size=1, max_size=9),
    rounds=st.integers(1, 5),
    cents=st.integers(1, 1000),
)
def test_the_ballots_of_all_rounds_together_stay_within_the_budget(costs, rounds, cents):
    agents = tuple(model(number, cost) for number, cost in enumerate(costs))

    bounded = within_budget(DecisionRequest("?", ("a", "b"), agents, rounds=rounds), Fraction(cents, 100))

    each = [agent.settings["max_cost"] for agent in bounded.agents]
    assert sum(each) * rounds <= cents / 100 * (1 + 1e-12)
    assert all(own is None or bound <= own for own, bound in zip(costs, each, strict=True))


def test_suggestions_have_their_share_too():
    request = DecisionRequest("?", (), (model(1), model(2)), rounds=2, open_choices=True)

    bounded = within_budget(request, Fraction(6))

    assert [agent.settings["max_cost"] for agent in bounded.agents] == [1, 1]


def test_only_models_have_a_share():
    agents = (model(1), Agent("ada"), model(2))

    bounded = within_budget(DecisionRequest("?", ("a", "b"), agents), Fraction(1))

    assert [agent.settings.get("max_cost") for agent in bounded.agents] == [0.5, None, 0.5]


def test_without_a_budget_or_without_models_nothing_changes():
    free, paid = (DecisionRequest("?", ("a", "b"), (agent,)) for agent in (Agent("ada"), model(1)))

    assert within_budget(free, Fraction(1)) is free
    assert within_budget(paid, None) is paid


def test_a_stages_budget_acts():
    stage = {"question": "Which: a or b?", "max_cost": "0.60", "rounds": 2, "max_agents": 3}

    request = question_request(stage, base=Path(), policies=built_in_policies(), roster=model_roster("openai:gpt-4o"))

    assert [agent.settings["max_cost"] for agent in request.agents] == [0.1, 0.1, 0.1]
