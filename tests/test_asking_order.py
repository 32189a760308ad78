"""Waves: who is asked first, and that stopping early never changes what is decided."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.asking_order import AskingOrder, in_order, next_wave
from maos_flows.model import Agent, Ballot, Basis, Opening, Parameters, Proposal, TieBreak
from maos_flows.policies.deciding import decide, freeze, is_settled
from maos_flows.policies.registry import built_in_policies

CHOICES = ("a", "b", "c")
POLICIES = ("simple_majority", "supermajority", "weighted_voting")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def opened(weights: list[Fraction], algorithm: str, **parameters: object) -> tuple[Opening, tuple[Agent, ...]]:
    """Open a decision of agents with these weights."""
    agents = tuple(Agent(f"a{place}", role=f"r{place}", weight=weight) for place, weight in enumerate(weights))
    policy = built_in_policies()[algorithm]
    rule = replace(Parameters(policy.threshold(None)), **parameters)  # type: ignore[arg-type]
    return freeze(policy, Proposal("d-1", "Which?", CHOICES), agents, rule, opened_at=NOW), agents


@st.composite
def decisions(draw: st.DrawFn) -> tuple[Opening, tuple[Agent, ...], dict[str, Ballot]]:
    """Draw a decision, and what each agent would answer; who is missing would not."""
    number = draw(st.integers(1, 7))
    weights = draw(st.lists(st.sampled_from([1, 2, 3]).map(Fraction), min_size=number, max_size=number))
    veto = (draw(st.sampled_from([f"a{place}" for place in range(number)])),) if draw(st.booleans()) else ()
    opening, agents = opened(
        weights,
        draw(st.sampled_from(POLICIES)),
        basis=draw(st.sampled_from(Basis)),
        min_participants=draw(st.integers(1, number)),
        tie_break=draw(st.sampled_from([TieBreak.NONE, TieBreak.HUMAN])),
        veto=veto,
    )
    answer = st.sampled_from([*CHOICES, "abstain", "veto", ""])
    given_by = {agent.id: draw(answer) for agent in agents}
    ballots = {
        name: Ballot("d-1", name, "a" if choice == "veto" else choice, reasoning="so it is", veto=choice == "veto")
        for name, choice in given_by.items()
        if choice
    }
    return opening, agents, ballots


@given(decisions(), st.sampled_from(AskingOrder))
def test_asking_in_waves_decides_what_asking_all_decides(
    drawn: tuple[Opening, tuple[Agent, ...], dict[str, Ballot]], order: AskingOrder
) -> None:
    opening, agents, ballots = drawn
    policy = built_in_policies()[opening.algorithm]
    waiting = [agent.id for agent in in_order(agents, opening, order)]
    cast: list[Ballot] = []

    while waiting and not is_settled(policy, opening, cast, waiting):
        wave = next_wave(policy, opening, cast, waiting)
        assert wave == tuple(waiting[: len(wave)]) != ()
        waiting = waiting[len(wave) :]
        cast += [ballots[name] for name in wave if name in ballots]

    early, whole = decide(policy, opening, cast), decide(policy, opening, ballots.values())
    assert (early.outcome, early.choice) == (whole.outcome, whole.choice)


@pytest.mark.parametrize(("number", "first"), [(1, 1), (2, 2), (5, 3), (9, 5)])
def test_the_first_wave_is_the_fewest_that_could_settle_it(number: int, first: int) -> None:
    opening, agents = opened([Fraction(1)] * number, "simple_majority")
    policy = built_in_policies()["simple_majority"]

    assert len(next_wave(policy, opening, (), [agent.id for agent in agents])) == first


def test_after_a_split_only_those_are_asked_who_could_settle_it_for_the_leader() -> None:
    opening, _ = opened([Fraction(1)] * 5, "simple_majority")
    policy = built_in_policies()["simple_majority"]
    cast = [Ballot("d-1", "a0", "a"), Ballot("d-1", "a1", "a"), Ballot("d-1", "a2", "b")]

    assert next_wave(policy, opening, cast, ["a3", "a4"]) == ("a3",)
    assert next_wave(policy, opening, [*cast, Ballot("d-1", "a3", "b")], ["a4"]) == ("a4",)


def test_decisive_agents_first_need_fewer() -> None:
    opening, agents = opened([Fraction(1), Fraction(1), Fraction(7)], "weighted_voting")
    policy = built_in_policies()["weighted_voting"]

    by_weight = [agent.id for agent in in_order(agents, opening, AskingOrder.DECISIVE)]
    assert by_weight == ["a2", "a0", "a1"]
    assert next_wave(policy, opening, (), by_weight) == ("a2",)
    assert len(next_wave(policy, opening, (), [agent.id for agent in agents])) == 3


def test_cheap_voters_come_before_models_and_people() -> None:
    opening, agents = opened([Fraction(1)] * 4, "simple_majority")
    kinds = ("human", "model", "command", "unheard of")
    mixed = [replace(agent, voter=kind) for agent, kind in zip(agents, kinds, strict=True)]

    assert [agent.voter for agent in in_order(mixed, opening, AskingOrder.CHEAPEST)] == [
        "command",
        "model",
        "human",
        "unheard of",
    ]
    assert in_order(mixed, opening, AskingOrder.ROSTER) == tuple(mixed)
