"""Choices are read out of a question by one fixed rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.policies.deciding import check
from maos_flows.questions import DEFAULT_CHOICES, choices_in
from tests.strategies import opening_of


@pytest.mark.parametrize(
    ("question", "choices"),
    [
        ("Choose the best database: PostgreSQL, MongoDB, or DynamoDB.", ("PostgreSQL", "MongoDB", "DynamoDB")),
        ("Which one: A or B?", ("A", "B")),
        ("Which one: A OR B", ("A", "B")),
        ("Which language: Node.js, Go or Rust? Think about speed: it matters.", ("Node.js", "Go", "Rust")),
        ("At 12:30: now, or later!", ("now", "later")),
        ("First: a or b. Then: c or d", ("c", "d")),
        ("Pick: a or b. Note: nothing else", ("a", "b")),
        ("Which: order or ardor", ("order", "ardor")),
        ("Which: a or b\nand why?", ("a", "b")),
    ],
)
def test_a_list_after_a_colon_gives_the_choices(question: str, choices: tuple[str, ...]):
    assert choices_in(question) == choices


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Should we deploy?",
        "Should we use a or b?",
        "Which: a, b",
        "Which: order, ardor",
        "See https://example.org/a or b",
        "Which: a or A",
        "Which: ﬁsh or fish",
        "Which: a or abstain",
        "Which: or",
        "Which:\nshall we or not",
        "Which: the first of all seven words here or b",
        f"Which: {'a' * 61} or b",
    ],
)
def test_anything_else_gives_approve_and_reject(question: str):
    assert choices_in(question) == DEFAULT_CHOICES == ("approve", "reject")


words = st.text(st.sampled_from("abABﬁé\N{FULLWIDTH DIGIT ONE}1 .,:;?\n-"), max_size=12)


@given(st.lists(st.one_of(words, st.sampled_from([": ", " or ", ", or ", ", ", "abstain"])), max_size=12).map("".join))
def test_choices_read_out_of_a_question_can_always_be_decided_between(question: str):
    opening = opening_of(choices=choices_in(question))

    assert check(opening.proposal, opening.electorate, opening.parameters) == ()
