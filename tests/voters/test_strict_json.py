"""Strict JSON: read exactly, or refused; never a crash."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rfc8785 import dumps

from maos_flows.voters.failures import MalformedError
from maos_flows.voters.strict_json import DEPTH, read_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_written_is_read_again(data):
    document = dumps(data)

    assert read_json(document) == data


@given(st.binary(max_size=200) | st.text('{}[]",:0123456789.eE+-\\ntrufalsNI ', max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(document):
    with suppress(MalformedError):
        read_json(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b'{"choice": "a", "choice": "b"}', "'choice' stands twice"),
        (b'{"attributes": {"x": 1, "x": 1}}', "'x' stands twice"),
        (b'{"confidence": NaN}', "NaN"),
        (b'{"confidence": Infinity}', "Infinity"),
        (b'{"confidence": -Infinity}', "-Infinity"),
        (b'{"choice": "a"} {"choice": "a"}', "not JSON: Extra data"),
        (b'I think {"choice": "a"}', "not JSON"),
        (b"{'choice': 'a'}", "not JSON"),
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\xff\xfe{\x00", "not UTF-8 at byte 0"),
        (b"[" * 30_000, "nested deeper"),
        (b"[" * 30_000 + b"]" * 30_000, "nested deeper"),
        (b'{"a":' * 30_000 + b"1" + b"}" * 30_000, "nested deeper"),
        (b'{"confidence": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b'{"confidence": 0.' + b"9" * 5000 + b"}", "out of bounds"),
        (b'{"confidence": 1e-999999999}', "out of bounds"),
        (b'{"confidence": 1e99999999999999999999}', "out of bounds"),
    ],
)
def test_a3_what_is_not_strict_json_is_refused(document, said):
    with pytest.raises(MalformedError, match=said):
        read_json(document)


def test_brackets_inside_text_are_not_depth():
    document = '["' + "[{" * 200 + '\\""]'

    assert read_json(document.encode()) == ["[{" * 200 + '"']


def test_the_deepest_allowed_is_read():
    assert read_json(b"[" * DEPTH + b"]" * DEPTH)


def test_numbers_with_a_point_are_exact():
    assert read_json(b'{"confidence": 0.1}') == {"confidence": Decimal("0.1")}
