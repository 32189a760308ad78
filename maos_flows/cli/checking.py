"""What a check of `maos doctor` is."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["fine", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and how to mend it if it is wrong."""

    name: str
    status: Status
    found: str
    mend: str = ""


def numbers(text: str) -> tuple[int, ...]:
    """Give the numbers of a version, up to what is no number."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())
