"""Types that are read from text exactly: shares, weights, durations, counts, flags and names.

Values that are already numbers are taken too, so that Python callers can write `0.6`; a boolean is never a number.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from maos_flows.errors import ConfigurationError
from maos_flows.quorum import parse_fraction

Item = TypeVar("Item")

LONGEST_SECONDS = 10 * 365 * 24 * 3600
"""Ten years: what is longer is a slip of the keyboard."""

_UNITS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600), "d": Fraction(86400)}
_DURATION = re.compile(r"([0-9.]+)\s*(ms|s|m|h|d)?", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_NUMBER_PATTERN = r"^\s*(\d{1,18}(\.\d{1,18})?|\d{1,18}/\d{1,18})\s*$"
_DURATION_PATTERN = r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d)?\s*$"


def read_number(value: object) -> Fraction:
    """Read a number of at least 0 exactly.

    Raises:
        ValueError: It is not one: a boolean, a sign, an exponent, a percent sign, `nan` and `inf` among it.
    """
    if isinstance(value, Fraction) and value >= 0:
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float | Fraction):
        raise ValueError(f"{_shown(value)} is not a number; write it like 0.67 or 2/3")  # noqa: TRY004 - pydantic's way
    text = str(value).strip()
    if re.fullmatch(r"-[\d./]+", text):
        raise ValueError(f"{text[:40]} is negative")
    try:
        return parse_fraction(text)
    except ConfigurationError as error:
        raise ValueError(error.problems[0].message) from error


def read_share(value: object) -> Fraction:
    """Read a share of a whole: above 0 and at most 1."""
    number = read_number(value)
    if not 0 < number <= 1:
        raise ValueError(f"{_shown(value)} is not a share; it must be above 0 and at most 1")
    return number


def read_probability(value: object) -> Fraction:
    """Read a number from 0 to 1."""
    number = read_number(value)
    if number > 1:
        raise ValueError(f"{_shown(value)} is not in 0..1")
    return number


def read_pause(value: object) -> float:
    """Read a duration of 0 seconds or more: `250ms`, `30s`, `5m`, `1h`, `2d`, or a number of seconds."""
    text = str(value).strip()
    match = None if isinstance(value, bool) else _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{_shown(value)} is not a duration; write it like 250ms, 30s, 5m, 1h, 2d or as seconds")
    seconds = read_number(match[1]) * _UNITS[match[2] or "s"]
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"{text} is longer than ten years")
    return float(seconds)


def read_seconds(value: object) -> float:
    """Read a duration above 0 seconds."""
    seconds = read_pause(value)
    if seconds <= 0:
        raise ValueError("a duration must be above 0")
    return seconds


def read_count(value: object) -> int:
    """Read a whole number of 0 or more, of at most nine digits."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not _COUNT.fullmatch(str(value).strip()):
        raise ValueError(f"{_shown(value)} is not a whole number of 0 or more")
    return int(value)


def read_positive(value: object) -> int:
    """Read a whole number of 1 or more."""
    count = read_count(value)
    if count == 0:
        raise ValueError("it must be at least 1")
    return count


def read_flag(value: object) -> bool:
    """Read `true` or `false`, and nothing that only looks like it."""
    match value:
        case bool():
            return value
        case "true":
            return True
        case "false":
            return False
        case _:
            raise ValueError(f"{_shown(value)} is neither true nor false")


def read_text(value: object) -> str:
    """Read a text that says something, outer white space set aside."""
    if not isinstance(value, str):
        raise ValueError("it must be text, in quotes if it looks like something else")  # noqa: TRY004 - pydantic's way
    text = value.strip()
    if not text:
        raise ValueError("it is empty")
    if _NOT_TEXT.search(text):
        raise ValueError("it contains a character that is not text")
    return text


def read_name(value: object) -> str:
    """Read a name that can stand in paths and addresses: small letters, digits, `_` and `-`, at most 64."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        allowed = "small letters, digits, _ and -, starting with a letter or digit, at most 64"
        raise ValueError(f"{_shown(value)} is not a name; allowed are {allowed}")
    return value


def read_agent_id(value: object) -> str:
    """Read an agent's id: 1 to 64 letters of any script, digits, `_`, `.`, `@` and `-`."""
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not all(map(_may_stand_in_id, value)):  # noqa: PLR2004 - said above
        raise ValueError(f"{_shown(value)} is not an agent's id; allowed are 1 to 64 letters, digits, _ . @ and -")
    return value


def _may_stand_in_id(character: str) -> bool:
    return character.isalnum() or character in "_.@-" or unicodedata.category(character).startswith("M")


def read_block(value: object) -> str:
    """Read the name of a Prefect block: its type and its name, with a slash between."""
    text = value if isinstance(value, str) else ""
    kind, slash, name = text.strip().partition("/")
    if not (kind and slash and name) or "/" in name:
        raise ValueError(f"{str(value)[:40]!r} is not a Prefect block; write it like slack-webhook/on-call")
    return text.strip()


def distinct(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Refuse a list that names the same thing twice."""
    seen: set[Item] = set()
    for item in items:
        if item in seen:
            raise ValueError(f"{_shown(item)} stands in it twice")
        seen.add(item)
    return items


def filled(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Refuse an empty list."""
    if not items:
        raise ValueError("must not be empty")
    return items


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return repr(text[:40]) if isinstance(value, str) else text[:40]


def _number_or_text(pattern: str, **bounds: float) -> WithJsonSchema:
    number: dict[str, Any] = {"type": "number", **bounds}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": pattern}]})


_COUNTED: dict[str, Any] = {"type": "integer", "maximum": 999_999_999}

Share = Annotated[Fraction, PlainValidator(read_share), _number_or_text(_NUMBER_PATTERN, exclusiveMinimum=0, maximum=1)]
Probability = Annotated[
    Fraction, PlainValidator(read_probability), _number_or_text(_NUMBER_PATTERN, minimum=0, maximum=1)
]
Weight = Annotated[Fraction, PlainValidator(read_number), _number_or_text(_NUMBER_PATTERN, minimum=0)]
Pause = Annotated[float, PlainValidator(read_pause), _number_or_text(_DURATION_PATTERN, minimum=0)]
Seconds = Annotated[float, PlainValidator(read_seconds), _number_or_text(_DURATION_PATTERN, exclusiveMinimum=0)]
Count = Annotated[int, PlainValidator(read_count), WithJsonSchema({**_COUNTED, "minimum": 0})]
Positive = Annotated[int, PlainValidator(read_positive), WithJsonSchema({**_COUNTED, "minimum": 1})]
Flag = Annotated[bool, PlainValidator(read_flag), WithJsonSchema({"type": "boolean"})]
Text = Annotated[str, PlainValidator(read_text), WithJsonSchema({"type": "string", "pattern": r"\S"})]
Scalar = Annotated[
    str, PlainValidator(read_text), WithJsonSchema({"type": ["string", "number", "boolean"], "pattern": r"\S"})
]
"""A text that may look like a number to others: a choice, a word of a command."""
Name = Annotated[
    str, PlainValidator(read_name), WithJsonSchema({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"})
]
AgentId = Annotated[
    str,
    PlainValidator(read_agent_id),
    WithJsonSchema({"type": "string", "pattern": r"^[^\s/\\:,;'\"]{1,64}$"}),
]
Block = Annotated[str, PlainValidator(read_block), WithJsonSchema({"type": "string", "pattern": "^[^/]+/[^/]+$"})]


@dataclass(frozen=True, slots=True)
class ListRule:
    """What a list must be beyond its items' type, for readers and for the JSON Schema alike."""

    check: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    keyword: str
    value: object

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), self.keyword: self.value}


Distinct = ListRule(distinct, "uniqueItems", value=True)
Filled = ListRule(filled, "minItems", value=1)
