"""Forms: what is told of a document that cannot be used, bounded however bad it is."""

import time

import pytest
from pydantic import Field

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import MOST_PROBLEMS, Form, attempt, nearest, place, read, refusal
from maos_flows.strict_yaml import load
from maos_flows.text_types import Count


class Inner(Form):
    size: Count = 0


class Outer(Form):
    name: str
    inner: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = Field({})


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(Outer, load(text, source="f"))
    return [str(problem) for problem in caught.value.problems]


def test_every_problem_is_told_with_path_line_and_nearest_key():
    assert problems("nmae: x\ninner:\n  - sze: 1\n    size: -1\nby_name:\n  x: 1\n") == [
        "name: is missing",
        "inner[0].size (line 4): '-1' is not a whole number of 0 or more",
        "inner[0].sze (line 3): unknown key; did you mean 'size'?",
        "by_name.x (line 6): must be a mapping of keys to values",
        "nmae (line 1): unknown key; did you mean 'name'?",
    ]


def test_data_that_was_not_read_from_text_has_paths_without_lines():
    with pytest.raises(ConfigurationError, match="inner: must be a list"):
        read(Outer, {"name": "x", "inner": 1})


def test_a_hundred_thousand_unknown_keys_are_refused_quickly():
    text = "{" + ",".join(f"k{number}: 1" for number in range(100_000)) + "}"
    started = time.perf_counter()

    found = problems(text)

    assert len(found) <= MOST_PROBLEMS + 1
    assert time.perf_counter() - started < 20


def test_a_very_long_name_has_no_nearest():
    assert nearest("x" * 100_000, ["x"]) == ""


def test_the_place_of_the_whole_is_its_prefix():
    assert place({}, (), prefix="roster") == "roster"


def test_an_attempt_gives_what_was_made():
    found: list[Problem] = []

    assert attempt(found, lambda: 7) == 7
    assert found == []


def test_an_attempt_that_fails_leaves_its_problems():
    found: list[Problem] = []

    assert attempt(found, lambda: read(Outer, {})) is None
    assert found == [Problem("name", "is missing")]


def test_no_problems_make_no_refusal():
    assert refusal([], source="f") is None


def test_a_refusal_names_a_hundred_problems_and_says_that_there_are_more():
    error = refusal((Problem(str(number), "bad") for number in range(10**9)), source="f")

    assert error is not None
    assert len(error.problems) == MOST_PROBLEMS + 1
    assert str(error.problems[-1]) == "and more"
