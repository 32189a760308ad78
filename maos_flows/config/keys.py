"""Keys: which there are, found by walking the form, so that manual, commands and environment know the same ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import PlainValidator
from pydantic.fields import FieldInfo

from maos_flows.config.form import AlgorithmsForm, ConfigurationForm, OwnAlgorithmForm, read_milliseconds
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import Form, nearest
from maos_flows.model import exact
from maos_flows.text_types import (
    read_block,
    read_flag,
    read_number,
    read_positive,
    read_probability,
    read_seconds,
    read_share,
    read_text,
)

_KINDS = {
    read_share: "share, like 0.67 or 2/3",
    read_probability: "share, 0 to 1",
    read_number: "number, 0 or more",
    read_positive: "whole number, 1 or more",
    read_flag: "true or false",
    read_seconds: "duration, like 30s or 5m",
    read_milliseconds: "milliseconds",
    read_text: "text",
    read_block: "Prefect block",
}
_NAMES = {
    ("consensus", "algorithms"): "<algorithm>",
    ("consensus", "algorithms", "<algorithm>", "parameters"): "<parameter>",
    ("consensus", "decision_policies"): "<type>",
    ("agent_weights",): "<role>",
    ("agent_expertise",): "<kind>",
}
"""What the keys people name themselves stand for, by where they stand."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that takes a value.

    Attributes:
        path: Its parts from the top; a part in angle brackets is a name people choose.
        kind: What it takes, in words.
        default: What holds where it is not set, in words; empty if nothing does.
        meaning: What it does, in a sentence.
    """

    path: tuple[str, ...]
    kind: str
    default: str
    meaning: str

    @property
    def name(self) -> str:
        """The path with dots."""
        return ".".join(self.path)


def keys() -> tuple[Key, ...]:
    """List every key, in the order of the form."""
    return tuple(_walk(ConfigurationForm, ()))


def _walk(form: type[Form], path: tuple[str, ...]) -> Iterator[Key]:
    for name, field in form.model_fields.items():
        yield from _of(field.annotation, field, (*path, name))
    if form is AlgorithmsForm:
        yield from _walk(OwnAlgorithmForm, (*path, _NAMES[path]))


def _of(annotation: Any, field: FieldInfo, path: tuple[str, ...]) -> Iterator[Key]:
    if get_origin(annotation) is dict:
        yield from _of(get_args(annotation)[1], field, (*path, _NAMES[path]))
    elif isinstance(annotation, type) and issubclass(annotation, Form):
        yield from _walk(annotation, path)
    else:
        kind = _kind(annotation, field.metadata)
        yield Key(path, kind, _default(field, path), field.description or "")


def _kind(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """Say what a key takes."""
    if annotation is Any:
        return "as the policy says"
    if get_origin(annotation) is Literal:
        return " or ".join(map(str, get_args(annotation)))
    for extra in metadata:
        if isinstance(extra, PlainValidator) and extra.func in _KINDS:
            return _KINDS[extra.func]
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _kind(inner, more)
    if get_origin(annotation) is tuple:
        inner = get_args(annotation)[0]
        return "list of agents" if isinstance(inner, type) else f"list of {_kind(inner)}s"
    return next(_kind(part) for part in get_args(annotation) if part is not type(None))


def _default(field: FieldInfo, path: tuple[str, ...]) -> str:
    if path[-1].startswith("<"):
        return ""
    default = field.get_default(call_default_factory=False)
    return "" if default is None or default == () else as_text(default, path)


def as_text(value: object, path: Sequence[str]) -> str:
    """Write a value as it could stand in the file; `path` tells milliseconds from counts."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}s"
        case Fraction():
            return exact(value)
        case tuple():
            return f"[{', '.join(as_text(item, path) for item in value)}]"
        case _:
            return str(value)


def parts_of(name: str) -> tuple[str, ...]:
    """Split a key at its dots.

    Raises:
        ConfigurationError: There is no such key or section; names the nearest.
    """
    parts = tuple(name.strip().split("."))
    if any(_is_at(key.path, parts) for key in keys()) and all(parts):
        return parts
    known = [key.name for key in keys()]
    hint = nearest(name, known) or nearest(parts[-1], {key.path[-1] for key in keys()})
    raise ConfigurationError([Problem(name[:80] or "KEY", f"there is no such key{hint}")])


def is_value(parts: Sequence[str]) -> bool:
    """Say whether a path is a key that takes a value, rather than a section."""
    return any(len(key.path) == len(parts) and _is_at(key.path, parts) for key in keys())


def _is_at(path: Sequence[str], parts: Sequence[str]) -> bool:
    """Say whether `parts` leads to a key or to a section above it."""
    if len(parts) > len(path):
        return False
    return all(known == part or known.startswith("<") for known, part in zip(path, parts, strict=False))


def look_up(data: Mapping[str, Any], parts: Sequence[str]) -> Any:
    """Give what stands at a path, or None."""
    found: Any = data
    for part in parts:
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def leaves(data: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk nested mappings down to what is none; an empty mapping says nothing."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value
