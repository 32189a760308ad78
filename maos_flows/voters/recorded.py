"""Voter `recorded`: ballots, and suggestions, looked up in a file (JSON, JSONL or CSV), for replays and by hand."""

import csv
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from maos_flows.model import Agent, Proposal
from maos_flows.voters.failures import LastingError, MalformedError
from maos_flows.voters.strict_json import read_json
from maos_flows.voters.threads import in_daemon_thread

_LARGEST_FILE = 64 * 2**20
_AGENT_COLUMNS = ("agent_id", "agent")
_ROUND = "round"
_SUGGESTION = "suggestion"

Row = Mapping[str, Any]
Rows = Mapping[str, tuple[Row, ...]]


async def answer(agent: Agent, proposal: Proposal) -> object:
    """Look up the agent's ballot for this decision and round, or its suggestion.

    Raises:
        LastingError: There is none, there are several that differ, or the file cannot be read.
    """
    return await in_daemon_thread(partial(look_up, agent, proposal), name=f"voter-{agent.id}")


def look_up(agent: Agent, proposal: Proposal) -> Row:
    """Find the one row that is this agent's answer here, without the columns that only say where it belongs."""
    column = agent.settings.get("decision_column")
    rows = [row for row in _own_rows(agent) if _belongs(row, proposal, column) and _is_wanted(row, proposal)]
    of_round = [row for row in rows if _ROUND in row] or rows
    kept = {_SUGGESTION, "reasoning"} if proposal.wants_suggestions else set().union(*of_round) - {_SUGGESTION}
    kept -= {*_AGENT_COLUMNS, _ROUND, column}
    found = [{key: row[key] for key in row if key in kept} for row in of_round]
    what = "suggestion" if proposal.wants_suggestions else "ballot"
    if not found:
        raise LastingError(f"no {what} recorded")
    if any(row != found[0] for row in found):
        raise LastingError(f"{len(found)} {what}s recorded that differ; set decision_column to tell them apart")
    return found[0]


def without_suggestion(agents: Iterable[Agent]) -> tuple[str, ...]:
    """Name the recorded agents whose file has no suggestion of theirs, for whatever decision.

    Raises:
        LastingError: A file cannot be read.
    """
    recorded = (agent for agent in agents if agent.voter == "recorded")
    silent = (agent for agent in recorded if not any(_SUGGESTION in row for row in _own_rows(agent)))
    return tuple(agent.id for agent in silent)


def _own_rows(agent: Agent) -> tuple[Row, ...]:
    return _rows(agent.settings).get(agent.id, ())


def _is_wanted(row: Row, proposal: Proposal) -> bool:
    """Say whether a row has what is asked for; one with a suggestion and no choice is no ballot."""
    return _SUGGESTION in row if proposal.wants_suggestions else "choice" in row or _SUGGESTION not in row


def _belongs(row: Row, proposal: Proposal, column: str | None) -> bool:
    """Say whether a row is for this round and, if a column says so, for this decision."""
    is_of_round = proposal.wants_suggestions or _ROUND not in row or _text(row[_ROUND]) == str(proposal.round)
    if not is_of_round:
        return False
    if column is None:
        return True
    names = {proposal.decision_id, proposal.question}
    names |= {context.text.strip() for context in proposal.context if context.name == column}
    return _text(row.get(column)) in names


def _rows(settings: Mapping[str, Any]) -> Rows:
    path = Path(settings.get("path", ""))
    file_format = str(settings.get("format") or path.suffix.removeprefix("."))
    try:
        stamp = path.stat()
        if stamp.st_size > _LARGEST_FILE:
            raise LastingError(f"{path} has more than {_LARGEST_FILE} bytes")
        return _read(path, file_format, (stamp.st_mtime_ns, stamp.st_size))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LastingError(f"{path} cannot be read: {error}") from error
    except MalformedError as error:
        raise LastingError(f"{path}: {error}") from error


@lru_cache(maxsize=8)
def _read(path: Path, file_format: str, stamp: tuple[int, int]) -> Rows:
    """Read a file once for each state of it: many agents and many decisions share one."""
    del stamp
    match file_format:
        case "json":
            return _by_agent(_listed(read_json(path.read_bytes())))
        case "jsonl":
            return _by_agent(read_json(line) for line in path.read_bytes().splitlines() if line.strip())
        case "csv":
            text = path.read_text(encoding="utf-8-sig")
            return _by_agent(_from_cells(row) for row in csv.DictReader(io.StringIO(text, newline="")))
        case _:
            raise LastingError(f"{path}: the format {file_format!r} is none of json, jsonl, csv")


def _listed(data: Any) -> list[Any]:
    """Give rows from a list of them, or from an object of answers by agent."""
    match data:
        case list():
            return data
        case dict():
            return [
                {"agent_id": agent_id} | (given if isinstance(given, dict) else {"choice": given})
                for agent_id, given in data.items()
            ]
        case _:
            raise MalformedError("neither a list of ballots nor an object of ballots by agent")


def _by_agent(rows: Iterable[Any]) -> Rows:
    made: dict[str, list[Row]] = {}
    for place, row in enumerate(rows, 1):
        agent_id = _agent_id(row)
        if agent_id is None:
            raise MalformedError(f"row {place} does not say whose ballot it is (agent_id)")
        made.setdefault(agent_id, []).append(row)
    return {agent_id: tuple(own) for agent_id, own in made.items()}


def _agent_id(row: Any) -> str | None:
    if not isinstance(row, dict):
        return None
    return next((_text(row[column]) for column in _AGENT_COLUMNS if column in row), None)


def _text(value: object) -> str | None:
    return str(value).strip() if isinstance(value, str | int) else None


def _from_cells(cells: Mapping[Any, Any]) -> dict[str, Any]:
    """Read a line of CSV: empty cells are not stated, and what is no text in a ballot is read from its text."""
    if None in cells:
        raise MalformedError("a line has more cells than the first one")
    row: dict[str, Any] = {column.strip(): cell for column, cell in cells.items() if cell not in {"", None}}
    if "confidence" in row:
        row["confidence"] = _number(row["confidence"])
    if row.get("veto") in {"true", "false"}:
        row["veto"] = row["veto"] == "true"
    return row


def _number(text: str) -> Decimal | str:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return text
