"""Canonical JSON: the one byte form of what is signed or hashed, and the strict reading of what others sent.

RFC 8785 for the values that occur here: strings, whole numbers, lists, objects with ASCII keys. No floats.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

PAYLOAD_LIMIT = 65_536
"""The most bytes a signed payload may have."""

LARGEST_INTEGER = 2**53 - 1
"""Beyond it JSON's numbers are not exact (RFC 8785, section 3.2.2.3)."""

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def canonical_bytes(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Write a value of strings, whole numbers, lists and objects with ASCII keys as RFC 8785 does.

    Raises:
        UnicodeEncodeError: A string holds half of a surrogate pair.
    """
    return _encode(value).encode()


def has_one_form(value: Any) -> bool:
    """Say whether a value is such a one: nothing in it but strings, whole numbers, lists and objects with ASCII keys.

    A string may still hold half of a surrogate pair, which writing it finds.
    """
    kind = type(value)
    if kind is dict:
        try:
            names = "".join(value)
        except TypeError:
            return False  # a name that is no text
        return names.isascii() and _have_one_form(value.values())
    if kind is list or kind is tuple:
        return _have_one_form(value)
    if kind is int:
        return bool(abs(value) <= LARGEST_INTEGER)
    return kind is str or kind is bool or value is None


def _have_one_form(values: Iterable[Any]) -> bool:
    for value in values:  # noqa: SIM110  as a generator for `all` it takes a third longer
        if type(value) is not str and not has_one_form(value):
            return False
    return True


def sha256_hex(data: bytes) -> str:
    """Digest bytes."""
    return hashlib.sha256(data).hexdigest()


def is_digest(text: object) -> bool:
    """Say whether `text` is a SHA-256 digest as `sha256_hex` writes it."""
    return isinstance(text, str) and len(text) == 64 and not text.strip("0123456789abcdef")  # noqa: PLR2004  SHA-256


def read_object(data: bytes, limit: int) -> dict[str, Any] | None:
    """Read a JSON object sent by somebody else; None for anything strictness forbids.

    Refused: more than `limit` bytes, broken UTF-8 or JSON, a key twice, floats, numbers past 2^53, halves of
    surrogate pairs, nesting deeper than Python follows.
    """
    if len(data) > limit:
        return None
    try:
        value = _DECODER.decode(data.decode())
        if b"\\u" in data:
            _encode(value).encode()  # finds halves of surrogate pairs, which only escapes can bring in
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_payload(data: bytes) -> dict[str, Any] | None:
    """Read a signed payload: an object in canonical bytes, at most `PAYLOAD_LIMIT` of them; None otherwise."""
    value = read_object(data, PAYLOAD_LIMIT)
    return value if value is not None and canonical_bytes(value) == data else None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is there twice")
    return value


def _whole_number(text: str) -> int:
    number = int(text)
    if abs(number) > LARGEST_INTEGER:
        raise ValueError("a number is past 2^53")
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not a whole number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=_whole_number, parse_float=_refuse, parse_constant=_refuse
)
