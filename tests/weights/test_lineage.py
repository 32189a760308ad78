"""Agents of one lineage."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.weights import effective_votes, shared_weights

lineages = st.lists(st.sampled_from(["", "gpt", "claude", "llama"]), min_size=1, max_size=12)


@given(lineages)
def test_there_are_never_more_effective_votes_than_votes(names: list[str]) -> None:
    votes = effective_votes(names)

    assert 1 <= votes <= len(names)


@given(st.integers(1, 9), st.sampled_from(["", "gpt"]))
def test_one_lineage_is_one_vote_and_none_is_everybodys_own(count: int, name: str) -> None:
    assert effective_votes([name] * count) == (1 if name else count)


def test_weights_tell_how_uneven_the_lineages_are() -> None:
    assert effective_votes(["gpt", "claude"], weights=[Fraction(3), Fraction(1)]) == Fraction(8, 5)
    assert effective_votes([]) == 0


@given(lineages)
def test_sharing_gives_every_lineage_the_weight_of_one(names: list[str]) -> None:
    agents = {f"a{place}": name for place, name in enumerate(names)}

    shared = shared_weights(agents, dict.fromkeys(agents, Fraction(1)))

    for name in set(names) - {""}:
        assert sum(shared[agent][0] for agent, own in agents.items() if own == name) == 1
    assert all(shared[agent][0] == 1 for agent, own in agents.items() if not own)


def test_an_adviser_does_not_make_its_lineage_weigh_less() -> None:
    shared = shared_weights({"a": "gpt", "b": "gpt"}, {"a": Fraction(1), "b": Fraction(0)})

    assert shared == {"a": (Fraction(1), ""), "b": (Fraction(0), "")}


def test_the_reason_for_a_divided_weight_names_the_lineage() -> None:
    shared = shared_weights({"a": "gpt", "b": "gpt"}, {"a": Fraction(2), "b": Fraction(1)})

    assert shared["a"] == (Fraction(1), "1 of 2 of lineage gpt")
