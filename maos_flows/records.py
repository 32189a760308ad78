"""Values to plain JSON and back, and the digest that binds them. What is written is read again as the same value."""

import hashlib
from typing import Any, TypeVar

import rfc8785
from pydantic import TypeAdapter, ValidationError

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.model import Opening
from maos_flows.protocols.canonical import canonical_bytes, has_one_form

Value = TypeVar("Value")


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type) -> TypeAdapter[Any]:
    """Give the adapter of a kind, built once: building one costs milliseconds."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_plain(value: object) -> Any:
    """Write a value as plain JSON data: fractions as text (`3/5`), instants in ISO 8601, enumerations by value."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_plain(kind: type[Value], data: object) -> Value:
    """Read a value of a kind from plain JSON data.

    Raises:
        ConfigurationError: The data is not of that form; names every problem with its path.
    """
    try:
        value: Value = _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error)) from error
    return value


def problems_of(error: ValidationError, *, prefix: str = "") -> list[Problem]:
    """Give pydantic's complaints as problems with paths like `stages[2].threshold`."""
    return [
        Problem(path_of(detail["loc"], prefix=prefix), detail["msg"].removeprefix("Value error, "))
        for detail in error.errors(include_url=False)
    ]


def path_of(location: tuple[int | str, ...], *, prefix: str = "") -> str:
    """Write a location as people do: `stages[2].threshold`."""
    path = prefix
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def canonical(data: Any) -> bytes:
    """Write plain JSON data in its one canonical form (RFC 8785).

    The library takes four times as long as Python's own encoder, which writes the same where nothing is a fraction and
    no name would be sorted otherwise.

    Raises:
        ValueError: JSON cannot carry it: a name that is no text, a number past 2^53, half of a surrogate pair.
    """
    return canonical_bytes(data) if has_one_form(data) else rfc8785.dumps(data)


def digest(data: Any) -> str:
    """Give the SHA-256 of plain JSON data in canonical form, as `sha256:` and hexadecimal digits."""
    return f"sha256:{hashlib.sha256(canonical(data)).hexdigest()}"


def opening_digest(opening: Opening) -> str:
    """Give the digest of everything that binds a decision."""
    return digest(to_plain(opening))
