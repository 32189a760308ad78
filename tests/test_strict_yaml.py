"""Strict YAML: what is read, what is refused, and where."""

import contextlib
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.errors import ConfigurationError
from maos_flows.strict_yaml import MOST_BYTES, MOST_DEPTH, line_of, load, load_file, read_text


def refused(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(text, source="file.yaml")
    return caught.value


# --- what is read ---------------------------------------------------------------------------------------------


def test_a6_what_yaml_1_1_would_turn_into_something_else_stays_text():
    text = "window: 12:30\non: yes\nn: 1_000\nday: 2026-01-01\nflag: true\nshare: 0.67\noctal: 0o17\nnan: .nan"

    data = load(text, source="f")

    assert data == {
        "window": "12:30",
        "on": "yes",
        "n": "1_000",
        "day": "2026-01-01",
        "flag": "true",
        "share": "0.67",
        "octal": "0o17",
        "nan": ".nan",
    }


@pytest.mark.parametrize("null", ["null", "~", "", "Null", "NULL"])
def test_plain_nulls_are_none(null):
    assert load(f"key: {null}", source="f") == {"key": None}


@pytest.mark.parametrize("quoted", ['"null"', "'~'", '""', '"NULL"'])
def test_quoted_nulls_are_text(quoted):
    assert load(f"key: {quoted}", source="f") == {"key": quoted[1:-1]}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_a_text_without_a_document_is_none(text):
    assert load(text, source="f") is None


def test_a_byte_order_mark_is_not_part_of_the_first_key():
    assert load("\ufeffkey: 1", source="f") == {"key": "1"}


def test_json_is_read_with_tabs_slashes_and_surrogate_pairs():
    text = '{\n\t"a": ["x\\/y", 1.5, true, null],\n\t"b": "\\ud83d\\ude00 \\\\ud83d"\n}'

    assert load(text, source="f") == {"a": ["x/y", "1.5", "true", None], "b": "\U0001f600 \\ud83d"}


def as_text(value):
    """What strict reading makes of JSON data."""
    match value:
        case dict():
            return {key: as_text(item) for key, item in value.items()}
        case list():
            return [as_text(item) for item in value]
        case None | str():
            return value
        case _:
            return json.dumps(value)


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
plain_data = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@given(plain_data, st.sampled_from([None, 2, "\t"]))
def test_every_json_document_is_read_as_its_own_data(data, indent):
    assert load(json.dumps(data, indent=indent), source="f") == as_text(data)


# --- what is refused ------------------------------------------------------------------------------------------


def test_a5_a_duplicate_key_is_refused_with_both_lines():
    error = refused("threshold: 0.6\nname: x\nthreshold: 0.9\n")

    assert str(error) == (
        "file.yaml: line 3, column 1: the key 'threshold' stands twice in one mapping, first on line 1"
    )


def test_a5_a_bomb_of_aliases_is_refused_at_its_first_anchor():
    error = refused("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")

    assert error.problems[0].path == "line 1, column 4"
    assert "anchor &a is not allowed" in error.problems[0].message
    assert "alias *a is not allowed" in str(error)


@pytest.mark.parametrize(
    "text",
    ["a: !!python/object/apply:os.system [ls]", "a: !!str 1", "!!map {a: 1}", "a: !x y", "? !!str a\n: 1", "!!seq [1]"],
)
def test_a5_a_tag_is_refused(text):
    assert "is not allowed; every value is text" in str(refused(text))


def test_a5_an_alias_as_a_key_is_refused():
    assert "the alias *x is not allowed" in str(refused("*x : 1"))


@pytest.mark.parametrize("deep", ["[" * 3000, "{a: " * 3000, "- " * 3000])
def test_a5_deep_nesting_is_refused_quickly_with_its_place(deep):
    started = time.perf_counter()
    error = refused(deep)

    assert f"nested deeper than {MOST_DEPTH} levels" in str(error)
    assert error.problems[0].path.startswith("line 1, column ")
    assert time.perf_counter() - started < 5


def test_nesting_up_to_the_bound_is_read():
    data = load("[" * MOST_DEPTH + "]" * MOST_DEPTH, source="f")

    assert json.dumps(data) == "[" * MOST_DEPTH + "]" * MOST_DEPTH


def test_a5_two_megabytes_are_refused():
    assert f"at most {MOST_BYTES} are read" in str(refused("x" * 2 * MOST_BYTES))


def test_all_problems_of_a_document_are_named_at_once_up_to_a_hundred():
    error = refused("\n".join(["a: 1"] * 500))

    assert len(error.problems) == 100


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b: c", "line 1, column 5"),
        ("a: [1, 2\n", "line 2, column 1"),
        ("ok: 1\na: \x07", "line 2, column 4"),
        ("--- a\n--- b\n", "line 2, column 1"),
        ("? [a]\n: b", "line 1, column 3"),
        ("? {a: 1}\n: b", "line 1, column 3"),
    ],
)
def test_what_is_not_one_document_is_refused_with_its_place(text, place):
    assert refused(text).problems[0].path == place


def test_text_that_is_not_unicode_is_refused():
    assert "not Unicode text" in str(refused("\ud800"))


@given(st.text(max_size=200) | st.text("{}[]:,-?&*!|>'\"#\n \tab~%@`\\", max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ConfigurationError):
        load(text, source="f")


# --- lines ----------------------------------------------------------------------------------------------------


def test_every_part_knows_its_line():
    data = load("name: x\nstages:\n  - stage: a\n    threshold: 0.6\n  - stage: b\n", source="f")

    assert line_of(data, ("stages", 0, "threshold")) == 4
    assert line_of(data, ("stages", 1)) == 5


def test_a_part_that_is_not_there_has_the_line_of_what_is_around_it():
    data = load("stages:\n  - stage: a\n", source="f")

    assert line_of(data, ("stages", 0, "threshold")) == 2
    assert line_of(data, ("stages", 7)) == 1
    assert line_of(data, ("other",)) is None


def test_plain_data_has_no_lines():
    assert line_of({"a": [1]}, ("a", 0)) is None


# --- files ----------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_its_text(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: \xc3\xa9")

    assert load_file(path) == {"name": "é"}


def file_problem(path: Path, **bounds: int) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_text(path, **bounds)
    return str(caught.value)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    assert file_problem(tmp_path / "none.yaml") == f"{tmp_path / 'none.yaml'}: there is no such file"


def test_a_folder_is_refused(tmp_path):
    assert "it is a folder" in file_problem(tmp_path)


def test_a_pipe_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert "not a regular file" in file_problem(tmp_path / "pipe")


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")

    assert "not UTF-8 text" in file_problem(tmp_path / "latin.yaml")


def test_a_file_larger_than_allowed_is_refused(tmp_path):
    (tmp_path / "big.yaml").write_text("x" * 11)

    assert "larger than the 10 bytes" in file_problem(tmp_path / "big.yaml", most_bytes=10)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_no_file_can_have_is_refused(tmp_path, name):
    assert "it cannot be read" in file_problem(tmp_path / name)
