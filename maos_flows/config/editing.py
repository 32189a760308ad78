"""Edit `config.yml` in its own words: comments and order stay, and what is written is read back before it counts."""

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from maos_flows.config.keys import leaves, look_up
from maos_flows.config.resolving import merge
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.strict_yaml import load

Change = tuple[tuple[str, ...], Any, Any]
"""A key's path, what it was and what it is now; None where it is not set."""


def merged(text: str, addition: str) -> str:
    """Lay one document over another: new keys come with their comments, values and lists take the place of others."""
    if not _document(text):
        _document(addition)
        return _comments_of(text) + addition
    after = _edited(text, lambda document: _merge(document, _document(addition)))
    return _checked(after, merge(said_in(text), said_in(addition)))


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """Set one key to a value written as YAML."""

    def put(document: CommentedMap) -> None:
        section = document
        for part in path[:-1]:
            if not isinstance(section.get(part), CommentedMap):
                section[part] = CommentedMap()
            section = section[part]
        section[path[-1]] = _parse_value(value)

    wanted: Any = said_in(f"value: {value}\n")["value"]
    for part in reversed(path):
        wanted = {part: wanted}
    return _checked(_edited(text, put), merge(said_in(text), wanted))


def without(text: str, path: Sequence[str]) -> str:
    """Take a key or a section out, and the sections that are empty without it.

    Raises:
        ConfigurationError: It is not set.
    """

    def take(document: CommentedMap) -> None:
        sections = [document]
        for part in path[:-1]:
            inner = sections[-1].get(part)
            sections.append(inner if isinstance(inner, CommentedMap) else CommentedMap())
        if path[-1] not in sections[-1]:
            raise ConfigurationError([Problem(".".join(path), "is not set in the file")])
        for section, part in zip(reversed(sections), reversed(path), strict=True):
            del section[part]
            if section:
                break

    return _edited(text, take)


def changes(before: str, after: str) -> tuple[Change, ...]:
    """List what differs between two documents, key by key, in the order of their names."""
    old, new = said_in(before), said_in(after)
    paths = sorted({path for path, _ in (*leaves(old), *leaves(new))})
    found = ((path, look_up(old, path), look_up(new, path)) for path in paths)
    return tuple(change for change in found if change[1] != change[2] and not _is_section(change))


def _is_section(change: Change) -> bool:
    """A value that became a section, or the reverse, is told by its keys alone."""
    return isinstance(change[1], Mapping) or isinstance(change[2], Mapping)


def said_in(text: str) -> Mapping[str, Any]:
    """Give what a document says; one without keys says nothing."""
    said = load(text)
    return said if isinstance(said, Mapping) else {}


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096  # long values stay on their line
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _parse(text: str) -> Any:
    """Read a document with its comments.

    Raises:
        ConfigurationError: It cannot be read.
    """
    load(text)  # tells what is wrong with line and column, and refuses what is not plain
    try:
        found = _yaml().load(text)
    except (YAMLError, ValueError) as error:
        raise ConfigurationError([Problem("", " ".join(str(error).split())[:200])]) from error
    return CommentedMap() if found is None else found


def _document(text: str) -> CommentedMap:
    """Read a document of keys and values with its comments; one without keys is empty.

    Raises:
        ConfigurationError: It cannot be read, or is something else.
    """
    found = _parse(text)
    if not isinstance(found, CommentedMap):
        raise ConfigurationError([Problem("", "must be a mapping of keys to values")])
    return found


def _parse_value(text: str) -> Any:
    """Read a value with its comments and quotes kept: what it means is for the reader of the key."""
    found = _parse(f"value: {text}\n")
    if len(found) != 1:
        raise ConfigurationError([Problem("", f"{text[:40]!r} is not one value")])
    return found["value"]


def _edited(text: str, change: Callable[[CommentedMap], None]) -> str:
    document = _document(text)
    was_empty = not document
    change(document)
    if not document:
        return _comments_of(text)
    out = StringIO()
    out.write(_comments_of(text) if was_empty else "")
    _yaml().dump(document, out)
    return out.getvalue()


def _checked(after: str, wanted: Mapping[str, Any]) -> str:
    """Give a document that was written, once it reads as what was meant."""
    if said_in(after) != wanted:
        raise ConfigurationError([Problem("", "it cannot be written so that it reads the same; edit the file by hand")])
    return after


def _comments_of(text: str) -> str:
    """Give the lines of a document that are comments: all that is left of one without a key."""
    kept = [line for line in text.splitlines(keepends=True) if line.lstrip().startswith("#")]
    return "".join(kept)


def _merge(below: CommentedMap, above: CommentedMap) -> None:
    for name, value in above.items():
        if isinstance(value, CommentedMap) and isinstance(below.get(name), CommentedMap):
            _merge(below[name], value)
        else:
            is_new = name not in below
            below[name] = value
            if is_new:
                _take_comments(below, above, name)


def _take_comments(below: CommentedMap, above: CommentedMap, name: Any) -> None:
    """Bring the comments that stand beside a new key along."""
    if name in above.ca.items:
        below.ca.items[name] = above.ca.items[name]
