"""Data from anybody as data that JSON and both databases carry exactly; what goes beyond limits is cut with a mark."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from maos_flows.protocols.canonical import LARGEST_INTEGER

_MOST_BITS = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of some data is kept.

    Attributes:
        text: Bytes of one text, in UTF-8.
        name: Bytes of one key.
        items: Items of one list or mapping, the mark for what was cut among them.
        depth: How deep it may be nested.
    """

    text: int
    name: int
    items: int
    depth: int


NO_LIMITS = Limits(text=10**9, name=10**9, items=10**9, depth=100)
"""Keeps everything; only nesting ends somewhere, as data may hold itself."""


def without_gaps(text: str) -> str:
    """Show as U+FFFD what no database can keep as text: NUL characters and lone surrogates.

    Nothing is left out, so that no text can become another one that means something, such as a valid choice.
    """
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def cut(text: str, most: int) -> str:
    """Cut a text to so many bytes of UTF-8, its mark among them. Cutting it again changes nothing."""
    if len(text) <= most and text.isascii() and "\0" not in text:
        return text
    clean = without_gaps(text)
    data = clean.encode()
    if len(data) <= most:
        return clean
    mark = f" … [cut: {len(clean)} characters]"
    return data[: most - len(mark.encode())].decode(errors="ignore") + mark


def portable(data: Any, limits: Limits = NO_LIMITS) -> Any:
    """Give plain data for any data; what JSON cannot carry exactly becomes text."""
    return _portable(data, limits, limits.depth)


def _portable(data: Any, limits: Limits, depth: int) -> Any:
    kind = type(data)
    if kind is str:
        return cut(data, limits.text)
    if kind is int:
        return _number(data)
    if kind is dict and depth:
        return _mapping(data, limits, depth - 1)
    return _of_any_type(data, limits, depth)


def _of_any_type(data: Any, limits: Limits, depth: int) -> Any:
    """The same for everything; data is seldom made of more than what was asked for first."""
    match data:
        case str():
            return cut(data, limits.text)
        case None | bool() | int() | float():
            return _number(data)
        case Fraction() | datetime():
            return cut(str(data), limits.text)
        case Mapping() | Sequence() | AbstractSet() if not depth:
            return "[cut: nested too deep]"
        case Mapping():
            return _mapping(data, limits, depth - 1)
        case Sequence() | AbstractSet() if not isinstance(data, bytes | bytearray | memoryview):
            return _list(data, limits, depth - 1)
        case _:
            return f"[{type(data).__name__}]"


def _number(number: float | None) -> float | str | None:
    if number is None or isinstance(number, bool) or (isinstance(number, int) and abs(number) <= LARGEST_INTEGER):
        return number
    if isinstance(number, int) and number.bit_length() > _MOST_BITS:
        return f"[an integer of {number.bit_length()} bits]"
    if not math.isfinite(number) or (abs(number) > LARGEST_INTEGER and number == int(number)):
        return str(number)
    return number


def _mapping(data: Mapping[Any, Any], limits: Limits, depth: int) -> dict[str, Any]:
    room = limits.items if len(data) <= limits.items else limits.items - 1
    kept = {cut(str(key), limits.name): _portable(data[key], limits, depth) for key in list(data)[:room]}
    if len(data) > room:
        kept["[cut]"] = f"{len(data) - room} more"
    return kept


def _list(data: Sequence[Any] | AbstractSet[Any], limits: Limits, depth: int) -> list[Any]:
    items = sorted(data, key=repr) if isinstance(data, AbstractSet) else list(data)
    room = limits.items if len(items) <= limits.items else limits.items - 1
    kept = [_portable(item, limits, depth) for item in items[:room]]
    return [*kept, f"[cut: {len(items) - room} more]"] if len(items) > room else kept
