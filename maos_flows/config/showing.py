"""Show a configuration: every value that holds, as text for people and as data for programs."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from maos_flows.config.keys import as_text
from maos_flows.config.resolving import Configuration
from maos_flows.forms import Form
from maos_flows.model import exact
from maos_flows.roster import AgentForm

Path = tuple[str, ...]


def effective(configuration: Configuration, at: Path = ()) -> tuple[tuple[Path, Any], ...]:
    """List the values that hold at and below a path, typed, in the order of the form; what has none is left out."""
    return tuple(_walk(configuration.value(*at), at))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    match value:
        case None | ():
            return
        case Form():
            for name in (*type(value).model_fields, *(value.model_extra or {})):
                yield from _walk(getattr(value, name), (*path, name))
        case Mapping():
            for name in sorted(value):
                yield from _walk(value[name], (*path, name))
        case (AgentForm(), *_):
            yield path, tuple(agent.id for agent in value)
        case _:
            yield path, value


def as_data(configuration: Configuration, at: Path = ()) -> Any:
    """Give the values at a path as plain data: durations in seconds, numbers that are no short decimal as text."""
    found: dict[str, Any] = {}
    for path, value in effective(configuration, at):
        if path == at:
            return _plain(value)
        section = found
        for part in path[len(at) : -1]:
            section = section.setdefault(part, {})
        section[path[-1]] = _plain(value)
    return found or None


def _plain(value: Any) -> Any:
    match value:
        case tuple():
            return list(value)
        case Fraction():
            text = exact(value)
            return text if "/" in text else float(text) if "." in text else int(text)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def as_lines(configuration: Configuration, at: Path = ()) -> Iterator[str]:
    """Write the values at a path as the file could say them."""
    said: Path = at
    for path, value in effective(configuration, at):
        if path == at:
            yield as_text(value, path)
            return
        depth = _shared(said, path)
        for place in range(max(depth, len(at)), len(path) - 1):
            yield f"{'  ' * (place - len(at))}{path[place]}:"
        yield f"{'  ' * (len(path) - 1 - len(at))}{path[-1]}: {as_text(value, path)}"
        said = path[:-1]


def _shared(one: Path, other: Path) -> int:
    """Count how many parts two paths begin with alike."""
    count = 0
    for left, right in zip(one, other[:-1], strict=False):
        if left != right:
            break
        count += 1
    return count
