"""Learning from decisions whose right answer became known."""

from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from maos_flows.weights import START, Standing, earned_weight, learn, learned_weights
from maos_flows.weights.learning import expectation

CHOICES = ("a", "b", "c")
AGENTS = ("ann", "bob", "cem", "dan", "eve")

answers = st.dictionaries(st.sampled_from(AGENTS), st.sampled_from(CHOICES), min_size=1)


def judged(cast: dict[str, str], right: str) -> dict[str, float]:
    """Say how good each answer was, where one choice was right."""
    return {agent: float(choice == right) for agent, choice in cast.items()}


@given(answers, st.sampled_from(CHOICES))
def test_only_agents_that_voted_move(cast: dict[str, str], right: str) -> None:
    before = dict.fromkeys(AGENTS, START)

    after = learn(before, cast, judged(cast, right), choices=CHOICES)

    assert {agent for agent in AGENTS if after[agent] != START} == set(cast)


@given(answers, st.sampled_from(CHOICES))
def test_being_right_never_lowers_and_being_wrong_never_raises_a_weight(cast: dict[str, str], right: str) -> None:
    after = learn({}, cast, judged(cast, right), choices=CHOICES)

    start = earned_weight(START, len(CHOICES))
    for agent, choice in cast.items():
        weight = earned_weight(after[agent], len(CHOICES))
        assert weight >= start if choice == right else weight <= start


@given(st.lists(st.tuples(answers, st.sampled_from(CHOICES)), max_size=20), st.randoms())
def test_the_names_of_agents_and_the_order_of_their_answers_do_not_matter(
    decisions: list[tuple[dict[str, str], str]], chance: Random
) -> None:
    renamed = {agent: f"z-{agent}" for agent in AGENTS}
    here: dict[str, Standing] = {}
    there: dict[str, Standing] = {}

    for cast, right in decisions:
        here = learn(here, cast, judged(cast, right), choices=CHOICES)
        shuffled = {renamed[agent]: cast[agent] for agent in chance.sample(sorted(cast), len(cast))}
        there = learn(there, shuffled, judged(shuffled, right), choices=CHOICES)

    for agent, standing in here.items():
        assert abs(earned_weight(standing, 3) - earned_weight(there[renamed[agent]], 3)) <= Fraction(1, 10**5)


def test_being_right_against_the_panel_is_worth_more_than_being_right_with_it() -> None:
    alone = {"ann": "a", "bob": "b", "cem": "b", "dan": "b"}
    together = {"ann": "a", "bob": "a", "cem": "a", "dan": "b"}

    after_alone = learn({}, alone, judged(alone, "a"), choices=CHOICES)
    after_together = learn({}, together, judged(together, "a"), choices=CHOICES)

    assert earned_weight(after_alone["ann"], 3) > earned_weight(after_together["ann"], 3)


def test_an_honest_minority_loses_nothing_by_being_one() -> None:
    """B16: twenty times alone and right."""
    standings: dict[str, Standing] = {}
    for _ in range(20):
        cast = {"ann": "a", "bob": "b", "cem": "b", "dan": "b"}
        standings = learn(standings, cast, judged(cast, "a"), choices=CHOICES)

    assert earned_weight(standings["ann"], 3) > earned_weight(START, 3)


def test_three_of_seven_that_collude_do_not_take_over() -> None:
    chance = Random(5)
    honest, colluding = ("h1", "h2", "h3", "h4"), ("x1", "x2", "x3")
    standings: dict[str, Standing] = {}
    right_late = 0
    for decision in range(200):
        right = chance.choice(CHOICES)
        wrong = chance.choice([choice for choice in CHOICES if choice != right])
        cast = {agent: right if chance.random() < 0.75 else chance.choice(CHOICES) for agent in honest}
        cast |= dict.fromkeys(colluding, wrong)
        weights = learned_weights(standings, dict.fromkeys(cast, Fraction(1)), choices=3)
        scores = {choice: sum(weights[a][0] for a, c in cast.items() if c == choice) for choice in CHOICES}
        right_late += decision >= 100 and scores[right] == max(scores.values())
        standings = learn(standings, cast, judged(cast, right), choices=CHOICES)

    assert all(earned_weight(standings[agent], 3) == 0 for agent in colluding)
    assert right_late >= 80


def test_a_wrongly_declared_expert_is_overridden_within_fifty_decisions() -> None:
    chance = Random(7)
    standings: dict[str, Standing] = {}
    declared = {"expert": Fraction(3), "ann": Fraction(1)}
    for _ in range(50):
        right = chance.choice(CHOICES)
        cast = {"expert": chance.choice(CHOICES), "ann": right if chance.random() < 0.8 else chance.choice(CHOICES)}
        standings = learn(standings, cast, judged(cast, right), choices=CHOICES, multipliers=declared)

    weights = learned_weights(standings, declared, choices=3)
    assert weights["expert"][0] < weights["ann"][0] / 2


@given(st.dictionaries(st.sampled_from(AGENTS), st.sampled_from(CHOICES)), st.floats(0, 10))
def test_the_panels_expectation_is_a_distribution(cast: dict[str, str], weight: float) -> None:
    expected = expectation(cast, dict.fromkeys(cast, weight), CHOICES)

    assert abs(sum(expected.values()) - 1) < 1e-9
    assert set(expected) == set(CHOICES)


def test_a_domain_named_in_the_feedback_gets_a_record_of_its_own() -> None:
    after = learn({}, {"ann": "a"}, {"ann": 1.0}, choices=CHOICES, domains=("law",))

    assert after["ann"].domains["law"].seen == 1
    assert after["ann"].overall.right == 1
