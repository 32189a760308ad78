"""Types read from text: exact where it is a number, refused where it only looks like one."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from maos_flows import text_types as types

NONSENSE = [
    "nan",
    "inf",
    "-inf",
    "1e309",
    "60%",
    "0x10",
    "1_000",
    "",
    " ",
    "heavy",
    "true",
    "½",
    "٣",
    "1/0",
    "1//2",
    ".",
]
NOT_NUMBERS = [True, False, None, [], {}, float("nan"), float("inf"), 1e309, 1e-9, 10**4000, b"1"]


def read(kind, value):
    return TypeAdapter(kind).validate_python(value)


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_weight_is_read_exactly(numerator, denominator):
    assert read(types.Weight, f"{numerator}/{denominator}") == Fraction(numerator, denominator)


@given(st.decimals(0, 10**6, places=5))
def test_a_decimal_is_read_exactly(decimal):
    assert read(types.Weight, f"{decimal:f}") == Fraction(decimal)


@pytest.mark.parametrize(
    ("value", "exact"), [(0.1, "1/10"), (3, "3"), (Fraction(2, 3), "2/3"), ("0", "0"), (" 1.50 ", "3/2")]
)
def test_numbers_are_taken_for_what_they_say(value, exact):
    assert read(types.Weight, value) == Fraction(exact)


@pytest.mark.parametrize("value", [*NONSENSE, *NOT_NUMBERS, "-1", -1, -0.5, Fraction(-1, 2)])
def test_b34_what_is_no_number_of_at_least_0_is_no_weight(value):
    with pytest.raises(ValidationError):
        read(types.Weight, value)


@pytest.mark.parametrize("value", ["1.5", "0", "-1", "60%", "0.0", 2, *NONSENSE, *NOT_NUMBERS])
def test_b74_what_is_not_above_0_and_at_most_1_is_no_share(value):
    with pytest.raises(ValidationError):
        read(types.Share, value)


def test_b26_two_thirds_and_0_67_are_different_shares():
    assert read(types.Share, "2/3") == Fraction(2, 3)
    assert read(types.Share, "0.67") == Fraction(67, 100)


@pytest.mark.parametrize(("text", "exact"), [("0", 0), ("1", 1), ("0.25", Fraction(1, 4))])
def test_a_probability_is_from_0_to_1(text, exact):
    assert read(types.Probability, text) == exact


def test_a_probability_above_1_is_refused():
    with pytest.raises(ValidationError):
        read(types.Probability, "1.01")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("250ms", 0.25),
        ("2d", 172800),
        ("60d", 5184000),
        ("1.5 h", 5400),
        ("45", 45),
    ],
)
def test_b74_durations_are_parsed(text, seconds):
    assert read(types.Seconds, text) == seconds


@pytest.mark.parametrize("value", [1, 0.5])
def test_a_number_is_a_duration_in_seconds(value):
    assert read(types.Seconds, value) == value


@pytest.mark.parametrize(
    "value", ["0", "0s", "-1s", "30 sec", "1h30m", "12:30", "4000d", "s", "1/2s", "..s", *NONSENSE, *NOT_NUMBERS]
)
def test_what_is_no_duration_above_0_is_refused(value):
    with pytest.raises(ValidationError):
        read(types.Seconds, value)


def test_a_pause_may_be_of_no_length():
    assert read(types.Pause, "0") == 0


@pytest.mark.parametrize("value", ["1.0", "-1", "1e3", "9999999999", 1.0, *NONSENSE, *NOT_NUMBERS])
def test_what_is_no_whole_number_is_no_count(value):
    with pytest.raises(ValidationError):
        read(types.Count, value)


def test_counts_are_whole_numbers():
    assert (read(types.Count, "0"), read(types.Count, 7), read(types.Positive, "12")) == (0, 7, 12)


def test_0_is_not_positive():
    with pytest.raises(ValidationError):
        read(types.Positive, "0")


@pytest.mark.parametrize(("value", "flag"), [("true", True), ("false", False), (True, True), (False, False)])
def test_a_flag_is_true_or_false(value, flag):
    assert read(types.Flag, value) is flag


@pytest.mark.parametrize("value", ["yes", "no", "on", "True", "1", "", None, 1, 0])
def test_what_only_looks_like_a_flag_is_refused(value):
    with pytest.raises(ValidationError):
        read(types.Flag, value)


@pytest.mark.parametrize("name", ["a", "0", "release_gate-2", "a" * 64])
def test_names_can_stand_in_paths(name):
    assert read(types.Name, name) == name


@pytest.mark.parametrize("name", ["", "A", "../../x", "/etc", "a b", "a\0", "-a", "_a", "a" * 65, "é", "a\n", None, 7])
def test_a8_a_name_that_could_leave_its_folder_is_refused(name):
    with pytest.raises(ValidationError):
        read(types.Name, name)


@pytest.mark.parametrize("name", ["a", "Ana_1", "ben@example.org", "Ж-2", "e\u0301", "a" * 64])
def test_agents_ids_have_letters_of_any_script(name):
    assert read(types.AgentId, name) == name


@pytest.mark.parametrize("name", ["", " a", "a ", "a b", "a/b", "a\u200b", "a\0", "a" * 65, None, 7, "a\n"])
def test_what_cannot_be_seen_or_breaks_a_path_is_in_no_agents_id(name):
    with pytest.raises(ValidationError):
        read(types.AgentId, name)


def test_a_text_is_stripped_and_says_something():
    assert read(types.Text, "  says \n") == "says"


@pytest.mark.parametrize("value", ["", " \n", None, 7, True, [], "a\0b", "\ud800"])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(ValidationError):
        read(types.Text, value)
