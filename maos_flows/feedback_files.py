"""Feedback as people write it: on the command line, as CSV, as JSON lines; a bad line is named and the others read."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maos_flows.errors import ConfigurationError, MaosError, Problem

_MOST_BYTES = 64 * 1024 * 1024
_KEYS = ("decision_id", "correct", "scores")


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one decision, not yet checked against it.

    Attributes:
        decision_id: The decision.
        correct: The choice that proved right, if one did.
        scores: How good each agent's answer proved, as written.
        where: Where it stands, for messages.
        error: Why the line cannot be taken at all.
    """

    decision_id: str
    correct: str | None = None
    scores: Mapping[str, str] = field(default_factory=dict, hash=False)
    where: str = ""
    error: MaosError | None = None


def told_of(decision_id: str, correct: str, scores: Sequence[str]) -> Told:
    """Read the flags of the command line.

    Raises:
        ConfigurationError: A score is not written AGENT=NUMBER, or an agent has two.
    """
    read: dict[str, str] = {}
    problems = []
    for text in scores:
        agent, separator, number = text.rpartition("=")
        if not separator or not agent:
            problems.append(Problem("--score", f"{text[:60]!r} is not written AGENT=NUMBER"))
        elif agent in read:
            problems.append(Problem("--score", f"{agent[:60]!r} has two"))
        read[agent] = number
    if problems:
        raise ConfigurationError(problems)
    return Told(decision_id, correct or None, read)


def read_told(path: Path) -> list[Told]:
    """Read a file of feedback; its name says whether it is CSV, else it is JSON lines.

    Raises:
        ConfigurationError: It cannot be read, is too large, has no decision_id column, or holds nothing.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigurationError([Problem("", f"it is larger than {_MOST_BYTES} bytes")], source=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([Problem("--file", f"{path} cannot be read: {error}")]) from error
    told = list(_from_csv(text, path) if path.suffix.casefold() == ".csv" else _from_json_lines(text))
    if not told:
        raise ConfigurationError([Problem("--file", f"{path} holds no feedback")])
    return told


def _from_csv(text: str, path: Path) -> Iterator[Told]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    columns = rows.fieldnames or []
    if set(columns) != {"decision_id", "correct"}:
        found = ", ".join(columns) or "none"
        raise ConfigurationError(
            [Problem("--file", f"{path} needs the columns decision_id and correct; found {found}")]
        )
    for row in rows:
        where = f"line {rows.line_num}"
        if None in row or not row["decision_id"] or not row["correct"]:
            yield _unreadable(where, "it needs a decision_id and a correct choice")
        else:
            yield Told(row["decision_id"].strip(), row["correct"], where=where)


def _from_json_lines(text: str) -> Iterator[Told]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _from_json(line, f"line {number}")


def _from_json(line: str, where: str) -> Told:
    try:
        data: Any = json.loads(line)
    except ValueError as error:
        return _unreadable(where, f"it is not JSON: {error}")
    if not isinstance(data, dict) or not isinstance(data.get("decision_id"), str):
        return _unreadable(where, "it is not an object with a decision_id")
    unknown = sorted(set(data) - set(_KEYS))
    if unknown:
        return _unreadable(where, f"unknown key {unknown[0]!r:.60}, known are {', '.join(_KEYS)}")
    correct, scores = data.get("correct"), data.get("scores", {})
    if not isinstance(correct, str | None):
        return _unreadable(where, "correct is not text")
    if not isinstance(scores, dict) or any(isinstance(score, bool | str | None) for score in scores.values()):
        return _unreadable(where, "scores is not an object of numbers by agent")
    read = {agent: json.dumps(score) for agent, score in scores.items()}
    return Told(data["decision_id"], correct, read, where)


def _unreadable(where: str, message: str) -> Told:
    return Told("", where=where, error=ConfigurationError([Problem("", message)]))
