"""What the stack's processes print: the end of it, and what is added."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from maos_flows.config import settings_from
from maos_flows.errors import NotFoundError
from maos_flows.flows.stack.local import stack_folder
from maos_flows.flows.stack.state import ORDER

_LOOK_SECONDS = 0.3


def last_lines(environ: Mapping[str, str], part: str, *, lines: int) -> Iterator[str]:
    """Give the last lines of the logs there are, each after the name of its process.

    Raises:
        NotFoundError: There is no such part, or nothing was ever started.
    """
    for name, log in _logs(environ, part).items():
        with log.open(errors="replace") as file:
            yield from (f"{name:<8} {line.rstrip()}" for line in deque(file, lines))


def followed(environ: Mapping[str, str], part: str) -> Iterator[str]:
    """Give the lines that are added from now on, until the process that reads them ends.

    Raises:
        NotFoundError: As `last_lines`.
    """
    places = {name: (log, log.stat().st_size) for name, log in _logs(environ, part).items()}
    while True:
        for name, (log, read_to) in places.items():
            text, place = _added(log, read_to)
            places[name] = (log, place)
            yield from (f"{name:<8} {line}" for line in text.splitlines())
        time.sleep(_LOOK_SECONDS)


def _added(log: Path, read_to: int) -> tuple[str, int]:
    """Read the whole lines after a place; a file that became shorter was begun anew."""
    size = log.stat().st_size if log.exists() else 0
    start = read_to if size >= read_to else 0
    if size == start:
        return "", start
    with log.open("rb") as file:
        file.seek(start)
        whole = file.read(size - start).rpartition(b"\n")
    added = whole[0] + whole[1]
    return added.decode(errors="replace"), start + len(added)


def _logs(environ: Mapping[str, str], part: str) -> dict[str, Path]:
    if part and part not in ORDER:
        raise NotFoundError(f"there is no part {part[:40]!r} of the stack; there are {', '.join(ORDER)}")
    folder = stack_folder(settings_from(environ))
    found = {name: folder.log(name) for name in ORDER if part in {"", name} and folder.log(name).exists()}
    if not found:
        raise NotFoundError(f"there are no logs in {folder.path}; `maos up` starts the stack")
    return found
