"""Strict YAML: text to mappings, lists, texts and None, with nothing guessed and nothing executed.

Every scalar stays the text it was (`12:30`, `on`, `1_000`, `2026-01-01`): what it means is for the reader of the key.
Aliases, anchors, tags, duplicate keys, several documents, deep nesting and large files are refused with their place.
JSON is read by the same rules.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from maos_flows.errors import ConfigurationError, Problem

MOST_BYTES = 1024 * 1024
"""The largest document that is read."""

MOST_DEPTH = 32
"""The deepest nesting that is read."""

_MOST_PROBLEMS = 100
_NULLS = ("", "~", "null", "Null", "NULL")
_LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class LinedMapping(dict[str, Any]):
    """A mapping as read; `lines` says where each key stood, counted from 1."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class LinedList(list[Any]):
    """A list as read; `lines` says where each item stood, counted from 1."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[int] = []


def load(text: str, *, source: str = "") -> Any:
    """Read one document of YAML or JSON.

    Args:
        text: The document, at most 1 MiB in UTF-8.
        source: What errors call it: a file's name.

    Returns:
        A `LinedMapping`, a `LinedList`, a text, or None for plain `null`, `~` or nothing at all.

    Raises:
        ConfigurationError: It is not such a document; names the lines and columns.
    """
    try:
        encoded = len(text.encode())
    except UnicodeEncodeError as error:
        raise _refusal(f"it is not Unicode text: {error.reason}", source) from error
    if encoded > MOST_BYTES:
        raise _refusal(f"it has {encoded} bytes; at most {MOST_BYTES} are read", source)
    reader = _Reader(_joined(text.removeprefix("\ufeff")), source)
    try:
        return reader.document()
    except yaml.YAMLError as error:
        raise ConfigurationError([_syntax_problem(error, text)], source=source) from error


def load_file(path: Path) -> Any:
    """Read the document in a file; see `load`.

    Raises:
        ConfigurationError: The file cannot be read, or is not such a document.
    """
    return load(read_text(path), source=str(path))


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """Read a regular file of UTF-8 text, bounded in size.

    Raises:
        ConfigurationError: It is not there, is not a regular file, is not UTF-8, or is too large.
    """
    content = read_bytes(path, most_bytes=most_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(f"it is not UTF-8 text: {error.reason} at byte {error.start}", str(path)) from error


def read_bytes(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a regular file once, bounded in size.

    Raises:
        ConfigurationError: It is not there, is not a regular file, or is too large.
    """
    source = str(path)
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise _refusal(f"it is {kind}", source)
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError as error:
        raise _refusal("there is no such file", source) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise _refusal(f"it cannot be read: {reason}", source) from error
    if len(content) > most_bytes:
        raise _refusal(f"it is larger than the {most_bytes} bytes that are read", source)
    return content


def line_of(data: object, location: Sequence[int | str]) -> int | None:
    """Give the line of a part of what was read, or of the nearest part around it that is there; None if unknown."""
    line = None
    for part in location:
        match data:
            case LinedMapping() if part in data:
                line, data = data.lines[str(part)], data[str(part)]
            case LinedList() if isinstance(part, int) and part < len(data):
                line, data = data.lines[part], data[part]
            case _:
                break
    return line


class _Reader:
    """Builds plain data from the events of one text; recursion is bounded by the depth allowed."""

    def __init__(self, text: str, source: str) -> None:
        self._events: Iterator[Event] = yaml.parse(text, Loader=_LOADER)
        self._source = source
        self._problems: list[Problem] = []

    def document(self) -> Any:
        """Read the only document there is."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), StreamEndEvent):
            return None
        data = self._node(next(self._events), depth=0)
        next(self._events)  # the document's end
        following = next(self._events)
        if not isinstance(following, StreamEndEvent):
            self._note(following, "a second document begins; only one is read")
        if self._problems:
            raise ConfigurationError(self._problems, source=self._source)
        return data

    def _node(self, event: Event, *, depth: int) -> Any:
        self._refuse_indirection(event)
        if isinstance(event, ScalarEvent):
            is_plain = not event.style
            return None if is_plain and event.value in _NULLS else event.value
        if isinstance(event, AliasEvent):
            return None
        if depth >= MOST_DEPTH:
            self._note(event, f"nested deeper than {MOST_DEPTH} levels")
            raise ConfigurationError(self._problems, source=self._source)
        return self._mapping(depth) if isinstance(event, MappingStartEvent) else self._list(depth)

    def _list(self, depth: int) -> LinedList:
        items = LinedList()
        while not isinstance(event := next(self._events), CollectionEndEvent):
            items.append(self._node(event, depth=depth + 1))
            items.lines.append(_start(event)[0])
        return items

    def _mapping(self, depth: int) -> LinedMapping:
        mapping = LinedMapping()
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth=depth + 1)
            if key in mapping:
                first = f"first on line {mapping.lines[key]}"
                self._note(event, f"the key {key[:60]!r} stands twice in one mapping, {first}")
            else:
                mapping[key] = value
                mapping.lines[key] = _start(event)[0]
        return mapping

    def _key(self, event: Event, depth: int) -> str:
        if isinstance(event, ScalarEvent):
            self._refuse_indirection(event)
            return str(event.value)
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._note(event, "a key must be text")
        self._node(event, depth=depth + 1)
        return ""

    def _refuse_indirection(self, event: Event) -> None:
        if isinstance(event, AliasEvent):
            self._note(event, f"the alias *{event.anchor} is not allowed; write the value out")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self._note(event, f"the anchor &{event.anchor} is not allowed; write the value out where it is needed")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._note(event, f"the tag {tag[:60]} is not allowed; every value is text, a list or a mapping")

    def _note(self, event: Event, message: str) -> None:
        self._problems.append(Problem(_place(*_start(event)), message))
        if len(self._problems) >= _MOST_PROBLEMS:
            raise ConfigurationError(self._problems, source=self._source)


def _refusal(message: str, source: str) -> ConfigurationError:
    return ConfigurationError([Problem("", message)], source=source)


def _joined(text: str) -> str:
    r"""Write JSON's surrogate pairs (`\ud83d\ude00`) as the characters they are: YAML has no such pairs."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return text
    return _SURROGATES.sub(lambda pair: pair[1] + _character(int(pair[2], 16), int(pair[3], 16)), text)


def _character(high: int, low: int) -> str:
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _start(event: Event) -> tuple[int, int]:
    """Give the line and the column an event starts at, counted from 1."""
    assert event.start_mark is not None
    return event.start_mark.line + 1, event.start_mark.column + 1


def _place(line: int, column: int) -> str:
    return f"line {line}, column {column}"


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        words = " ".join(part for part in (error.problem, error.context) if part)
        return Problem(_place(error.problem_mark.line + 1, error.problem_mark.column + 1), words)
    before = text[: getattr(error, "position", 0)]
    words = str(getattr(error, "reason", "it cannot be read"))
    return Problem(_place(before.count("\n") + 1, len(before) - before.rfind("\n")), words)
