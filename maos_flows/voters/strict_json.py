"""JSON read strictly: one document, no key twice, no NaN, bounded depth and digits; anything else is refused."""

import json
import re
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from maos_flows.voters.failures import MalformedError

DEPTH = 32
_LONGEST_NUMBER = 64
_LARGEST_EXPONENT = 300
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


def read_json(document: bytes) -> Any:
    """Read a JSON document; numbers with a point or an exponent come as `Decimal`, so that none is rounded.

    Raises:
        MalformedError: It is not strict JSON in UTF-8.
    """
    try:
        text = document.decode()
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from error
    if not text.strip():
        raise MalformedError("an empty answer")
    _check_depth(text)
    try:
        return json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error


def _check_depth(text: str) -> None:
    """Refuse deep nesting before a recursive parser meets it."""
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH:
            raise MalformedError(f"nested deeper than {DEPTH} levels")


def _decimal(text: str) -> Decimal:
    with suppress(InvalidOperation):  # an exponent beyond what Decimal knows
        number = Decimal(text[:_LONGEST_NUMBER])
        if len(text) <= _LONGEST_NUMBER and abs(number.adjusted()) <= _LARGEST_EXPONENT:
            return number
    raise MalformedError(f"a number out of bounds: {text[:20]}")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise MalformedError(f"a number of {len(text)} digits")
    return int(text)


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedError(f"{name} is not a number in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedError(f"the key {twice[:40]!r} stands twice")
    return made
