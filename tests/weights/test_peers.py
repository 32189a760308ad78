"""Weights without feedback, and the guard against copies."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.weights import PEERS_MINIMUM_AGENTS, PEERS_MINIMUM_DECISIONS, PeerRecords
from maos_flows.weights.peers import groups_of

CHOICES = ("a", "b", "c")
HONEST = ("h1", "h2", "h3", "h4")


def observed(decisions: int, *, copies: int = 0, honest: tuple[str, ...] = HONEST, seed: int = 3) -> PeerRecords:
    """Observe honest agents that are right in seven of ten cases, beside copies that all say the same, never right."""
    chance = Random(seed)
    records = PeerRecords()
    for _ in range(decisions):
        right = chance.choice(CHOICES)
        wrong = chance.choice([choice for choice in CHOICES if choice != right])
        cast = {agent: right if chance.random() < 0.7 else chance.choice(CHOICES) for agent in honest}
        cast |= {f"x{number}": wrong for number in range(copies)}
        records = records.observed(cast)
    return records


@pytest.mark.parametrize(
    ("agents", "decisions"),
    [(PEERS_MINIMUM_AGENTS - 1, 100), (PEERS_MINIMUM_AGENTS, PEERS_MINIMUM_DECISIONS - 1)],
)
def test_nothing_is_learned_from_few_agents_or_few_decisions(agents: int, decisions: int) -> None:
    everybody = tuple(f"h{number}" for number in range(agents))
    records = observed(decisions, honest=everybody)

    weights = records.weights(everybody, choices=3)

    assert {weight for weight, _ in weights.values()} == {Fraction(1)}


@pytest.mark.parametrize("copies", [3, 4])
def test_copies_of_seven_share_one_vote_and_do_not_take_over(copies: int) -> None:
    honest = HONEST[: 7 - copies]
    records = observed(100, copies=copies, honest=honest)
    copying = tuple(f"x{number}" for number in range(copies))

    weights = records.weights((*honest, *copying), choices=3)

    together = sum(weights[agent][0] for agent in copying)
    assert all(together < weights[agent][0] for agent in honest)
    assert "shares one vote with" in weights["x0"][1]


def test_agents_that_are_right_alike_are_not_taken_for_copies() -> None:
    chance = Random(11)
    records = PeerRecords()
    everybody = tuple(f"h{number}" for number in range(7))
    for _ in range(200):
        cast = {agent: "a" if chance.random() < 0.9 else chance.choice(CHOICES) for agent in everybody}
        records = records.observed(cast)

    assert len(groups_of(everybody, records.together)) == len(everybody)


def test_a_poor_agent_weighs_less_than_a_good_one() -> None:
    chance = Random(13)
    records = PeerRecords()
    for _ in range(100):
        cast = {agent: "a" if chance.random() < 0.8 else chance.choice(CHOICES) for agent in HONEST}
        records = records.observed(cast | {"guesser": chance.choice(CHOICES)})

    weights = records.weights((*HONEST, "guesser"), choices=3)

    assert all(weights["guesser"][0] < weights[agent][0] for agent in HONEST)


def test_if_nobody_agrees_all_count_alike() -> None:
    records = PeerRecords()
    agents = tuple(f"h{number}" for number in range(5))
    choices = tuple("abcde")
    for _ in range(200):
        records = records.observed(dict(zip(agents, choices, strict=True)))

    weights = records.weights(agents, choices=2)

    assert {weight for weight, _ in weights.values()} == {Fraction(1)}
    assert "nobody agrees" in weights["h0"][1]


@given(st.lists(st.dictionaries(st.sampled_from("pqrst"), st.sampled_from(CHOICES)), max_size=30))
def test_every_agent_gets_a_weight_and_someone_has_some(decisions: list[dict[str, str]]) -> None:
    records = PeerRecords()
    for cast in decisions:
        records = records.observed(cast)

    weights = records.weights(tuple("pqrst"), choices=3)

    assert set(weights) == set("pqrst")
    assert all(weight >= 0 for weight, _ in weights.values())
    assert sum(weight for weight, _ in weights.values()) > 0
