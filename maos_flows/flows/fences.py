"""Code fences and spans: how anybody's text stands on a page, so that nothing of it is rendered or loaded."""

import re
from collections.abc import Iterable, Iterator, Sequence

LONGEST_TEXT = 2_000
"""How many characters of one text a page shows."""

PAGE_WIDTH = 100
FORM_WIDTH = 50
"""After so many characters a line is broken: Prefect's UI breaks none that stands in a fence."""

_LONGEST_SPAN = 200
_CELL_WIDTH = 90

_BACKTICKS = re.compile(r"`+")


def fenced(text: str, *, longest: int = LONGEST_TEXT, width: int = PAGE_WIDTH) -> str:
    """Put text in a code fence longer than any run of backticks in it (CommonMark 4.5), cut to a readable length.

    Its lines are broken where they are longer than `width`; 0 leaves them as they are, for what people copy.
    """
    cut = text if len(text) <= longest else f"{text[:longest]} [... {len(text) - longest} more characters]"
    fence = "`" * max(3, _longest_run(cut) + 1)
    return "\n".join((f"{fence}text", *(broken(cut, width) if width else [cut]), fence))


def _longest_run(text: str) -> int:
    """Count the backticks of the longest run."""
    return max(map(len, _BACKTICKS.findall(text))) if "`" in text else 0


def broken(text: str, width: int) -> Iterator[str]:
    """Break the lines of a text at white space where they are longer than a page is wide; a longer word stays whole.

    `textwrap` gives the same, but for white space at a long line's begin, in fourteen times the time: half of what a
    page then took to write.
    """
    lines = re.compile(rf"\S(?:.{{0,{width - 2}}}\S)?(?!\S)|\S+")
    for line in text.split("\n"):
        yield from [line] if len(line) <= width else lines.findall(line)


def inline(text: str) -> str:
    """Put text in a code span on one line, fit for a table's cell."""
    line = " ".join(text.split())[:_LONGEST_SPAN].replace("|", "\N{BROKEN BAR}")
    longest = _longest_run(line)
    ticks = "`" * (longest + 1)
    return f"{ticks} {line} {ticks}" if longest else f"`{line}`" if line else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of cells that are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Write names and values as a table, the first as its head; a long value takes several rows."""
    broken_up = [
        (name if number == 0 else "", inline(part))
        for name, value in rows
        for number, part in enumerate(list(broken(" ".join(value.split()), _CELL_WIDTH)) or [""])
    ]
    return table(broken_up[0], broken_up[1:]) if broken_up else ""
