"""Recorded ballots in columns: who voted on which task for which label, as three columns of small integers."""

import csv
import io
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maos_flows.bulk.lines import BadLines, read_bytes
from maos_flows.bulk.questions import read_id
from maos_flows.errors import ConfigurationError, MaosError, Problem
from maos_flows.scrutiny import fold
from maos_flows.text_types import read_text
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.strict_json import read_json

COLUMNS = ("task", "worker", "label")
"""What a votes file has to say, and how the columns are named unless it is said otherwise."""

_LONGEST_WORKER = 128
_LONGEST_LABEL = 500
_Cells = tuple[object, object, object]
_Rows = Iterator[tuple[int, _Cells | str]]


@dataclass(frozen=True, slots=True)
class Votes:
    """Ballots by task.

    Attributes:
        workers: The names of the workers; a code in the column is a place here.
        labels: The labels.
        worker: The column of workers, task by task; within one by worker, and a worker's ballots as they came.
        label: The column of labels, in the same order.
        places: Where the ballots of a task begin and end.
        bad: Lines that are no ballots.
        digest: Of the file.
    """

    workers: tuple[str, ...]
    labels: tuple[str, ...]
    worker: "array[int]"
    label: "array[int]"
    places: Mapping[str, tuple[int, int]]
    bad: BadLines
    digest: str

    def of(self, task: str) -> "tuple[array[int], array[int]]":
        """Give the workers and the labels of a task's ballots."""
        begin, end = self.places.get(task, (0, 0))
        return self.worker[begin:end], self.label[begin:end]


def read_votes(path: Path, *, columns: Mapping[str, str] | None = None) -> Votes:
    """Read a file of votes: CSV with a header, JSON objects one a line, or Parquet.

    Args:
        path: The file; its ending says what it is: `.csv`, `.jsonl`, `.parquet`.
        columns: The names of the columns in it where they are not `task`, `worker`, `label`; others are passed over.

    Raises:
        ConfigurationError: It cannot be read, lacks a column, or has two workers who are the same when case, spaces
            and Unicode forms are set aside.
    """
    names = tuple((columns or {}).get(name, name) for name in COLUMNS)
    kind = path.suffix.removeprefix(".")
    readers: Mapping[str, Callable[[bytes, tuple[str, ...]], _Rows]] = {
        "csv": _csv,
        "jsonl": _jsonl,
        "parquet": _parquet,
    }
    if kind not in readers:
        raise ConfigurationError([Problem(str(path), f"a votes file ends in .{', .'.join(readers)}")])
    data, digest = read_bytes(path)
    bad = BadLines(str(path))
    try:
        votes = _in_columns(readers[kind](data, names), bad, digest)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError([Problem(str(path), f"cannot be read: {error}")]) from error
    except ConfigurationError as error:
        raise ConfigurationError(error.problems, source=str(path)) from error
    twins = _twins(votes.workers)
    if twins:
        raise ConfigurationError(twins, source=str(path))
    return votes


def _csv(data: bytes, names: tuple[str, ...]) -> _Rows:
    rows = csv.reader(io.StringIO(data.decode(), newline=""))
    header = [cell.strip() for cell in next(rows, [])]
    missing = [name for name in names if name not in header]
    if missing:
        raise _missing(missing, header)
    task, worker, label = (header.index(name) for name in names)
    widest = max(task, worker, label)
    for row in rows:
        if len(row) > widest:
            yield rows.line_num, (row[task], row[worker], row[label])
        elif row:
            yield rows.line_num, f"it has {len(row)} cells, not {len(header)}"


def _jsonl(data: bytes, names: tuple[str, ...]) -> _Rows:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = read_json(line)
        except MalformedError as error:
            yield number, str(error)
            continue
        missing = [name for name in names if not isinstance(row, dict) or name not in row]
        yield (
            number,
            f"it has no {' and no '.join(missing)}" if missing else (row[names[0]], row[names[1]], row[names[2]]),
        )


def _parquet(data: bytes, names: tuple[str, ...]) -> _Rows:
    try:
        from pyarrow import ArrowException, BufferReader  # noqa: PLC0415 - an extra
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MaosError('Parquet needs the extra "parquet": pip install "maos-flows[parquet]"') from error
    try:
        file = ParquetFile(BufferReader(data))
        there = file.schema_arrow.names
        missing = [name for name in names if name not in there]
        if missing:
            raise _missing(missing, there)
        number = 0
        for batch in file.iter_batches(columns=list(names)):
            columns = [batch.column(batch.schema.get_field_index(name)).to_pylist() for name in names]
            for task, worker, label in zip(*columns, strict=True):
                number += 1
                yield number, (task, worker, label)
    except (ArrowException, OSError) as error:
        raise ConfigurationError([Problem("", f"is not Parquet: {str(error).splitlines()[0]}")]) from error


def _missing(missing: list[str], there: Iterable[str]) -> ConfigurationError:
    words = f"there is no column {' and no '.join(map(repr, missing))}; there are {', '.join(there) or 'none'}"
    return ConfigurationError([Problem("", words)])


def _in_columns(rows: _Rows, bad: BadLines, digest: str) -> Votes:
    """Code the names, and put the ballots in order: by task, by worker, and then as they came."""
    tasks, workers, labels = (_Codes(name, longest) for name, longest in zip(COLUMNS, _LONGEST, strict=True))
    columns = array("I"), array("I"), array("I")
    for number, cells in rows:
        if isinstance(cells, str):
            bad.add(number, cells)
            continue
        try:
            coded = tasks.code(cells[0]), workers.code(cells[1]), labels.code(cells[2])
        except ValueError as error:
            bad.add(number, str(error))
            continue
        for column, code in zip(columns, coded, strict=True):
            column.append(code)
    task, worker, label = columns
    order = sorted(range(len(task)), key=worker.__getitem__)
    order.sort(key=task.__getitem__)  # sorting is stable
    return Votes(
        workers=tuple(workers.names),
        labels=tuple(labels.names),
        worker=array("I", map(worker.__getitem__, order)),
        label=array("I", map(label.__getitem__, order)),
        places=_places(tuple(tasks.names), task),
        bad=bad,
        digest=digest,
    )


def _places(names: tuple[str, ...], task: "array[int]") -> Mapping[str, tuple[int, int]]:
    counts = [0] * len(names)
    for code in task:
        counts[code] += 1
    places: dict[str, tuple[int, int]] = {}
    begin = 0
    for name, count in zip(names, counts, strict=True):
        places[name] = begin, begin + count
        begin += count
    return places


_LONGEST = (None, _LONGEST_WORKER, _LONGEST_LABEL)


class _Codes:
    """Numbers the names of a column, in the order in which they come; a name is read once."""

    def __init__(self, column: str, longest: int | None) -> None:
        self.names: list[str] = []
        self._column = column
        self._longest = longest
        self._known: dict[object, int] = {}
        self._code_of: dict[str, int] = {}

    def code(self, cell: object) -> int:
        """Give a name's number.

        Raises:
            ValueError: It is no name.
        """
        key = (type(cell), cell) if not isinstance(cell, str) else cell  # True, 1 and 1.0 are one key, not one name
        try:
            known = self._known.get(key)
        except TypeError:
            known = None  # a list, an object: the reading refuses it
        if known is None:
            name = self._read(cell)
            known = self._code_of.setdefault(name, len(self.names))
            if known == len(self.names):
                self.names.append(name)
            self._known[key] = known
        return known

    def _read(self, cell: object) -> str:
        try:
            if self._longest is None:
                return read_id(cell)
            text = read_text(str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell)
        except ValueError as error:
            raise ValueError(f"{self._column}: {error}") from error
        if len(text) > self._longest:
            raise ValueError(f"{self._column}: {text[:40]!r} is longer than {self._longest} characters")
        return text


def _twins(names: Iterable[str]) -> list[Problem]:
    seen: dict[str, str] = {}
    found = []
    for name in names:
        folded = fold(name)
        if folded in seen:
            found.append(Problem("worker", f"{name!r} and {seen[folded]!r} are the same name"))
        seen.setdefault(folded, name)
    return found


def column_names(text: str) -> dict[str, Any]:
    """Read how the columns are named: `task=item,worker=annotator`.

    Raises:
        ConfigurationError: It is not of that form, or names a column there is none of.
    """
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, separator, given = (piece.strip() for piece in part.partition("="))
        if name not in COLUMNS or not separator or not given or name in found:
            allowed = "write task=NAME,worker=NAME,label=NAME, each at most once"
            raise ConfigurationError([Problem("--votes-columns", f"{part!r} cannot be read; {allowed}")])
        found[name] = given
    return found
