"""Where output goes: text for people and JSON for programs to stdout, errors and progress to stderr."""

import json
import sys
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

EXIT_NO_CONSENSUS = 1
EXIT_BAD_INPUT = 2


class Format(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="Print text for people or JSON for programs.")]


def print_json(data: Any) -> None:
    """Print plain data as JSON."""
    print(as_json(data, indent=2))


def as_json(data: Any, *, indent: int | None = None) -> str:
    """Write plain data as JSON that a terminal cannot take for commands: what does not print is escaped."""
    text = json.dumps(data, indent=indent, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1] for character in text
    )


def say(text: str) -> None:
    """Tell a person something beside the result, in one write: another thread may be telling something too."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def fail(text: str) -> NoReturn:
    """Print an error and leave with exit code 2."""
    say(f"maos: error: {text}")
    sys.exit(EXIT_BAD_INPUT)
