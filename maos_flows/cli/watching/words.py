"""Texts of anybody as they may stand on a terminal: one line, bounded, without control characters."""

from collections.abc import Mapping
from typing import Any

SHORT = 160
LONG = 2_000


def clean(text: str) -> str:
    """Make text safe for a terminal: one line, no control characters."""
    return "".join(character if character.isprintable() else " " for character in text)


def one_line(text: str, most: int = SHORT) -> str:
    """Make text safe, with single spaces, and no longer than so many characters; what is cut is marked."""
    line = " ".join(clean(text[: 4 * most + 80]).split())
    return line if len(line) <= most else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def spoken(code: str) -> str:
    """Read a code as words: `not_reached` as `not reached`."""
    return code.replace("_", " ")


def counted(number: int, noun: str) -> str:
    """Write a number of things: `1 ballot`, `3 ballots`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """Write a duration for people: `0.42 s`, `34 s`, `2 min 5 s`; `-` where it is not known."""
    if seconds is None:
        return "-"
    if seconds < 10:  # noqa: PLR2004 - below it, parts of a second are worth showing
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def pairs(data: Mapping[str, Any]) -> str:
    """Write an event's data in one line: `term=3, entry=close`."""
    return one_line(", ".join(f"{name}={value}" for name, value in data.items()), LONG)
