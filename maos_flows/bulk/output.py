"""The output of a batch: a line of JSON a question, in the order of the questions, whatever interrupts the writing.

What is in the file follows from the audit store. A batch that is taken up writes the lines of the chunks that are done
anew, to another file that then takes the place of the first: a torn line is gone, and none is there twice.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from maos_flows.bulk.questions import Question
from maos_flows.errors import StoreError
from maos_flows.model import Outcome, Reason, Tally, exact


class Ruled(Protocol):
    """What decisions and the records of them have in common."""

    @property
    def outcome(self) -> Outcome: ...  # noqa: D102 - as in a decision
    @property
    def reason(self) -> Reason: ...  # noqa: D102
    @property
    def choice(self) -> str | None: ...  # noqa: D102
    @property
    def explanation(self) -> str: ...  # noqa: D102
    @property
    def tally(self) -> Tally: ...  # noqa: D102


def line_of(question: Question, decision_id: str, ruled: Ruled) -> bytes:
    """Write how a question was decided."""
    tally = ruled.tally
    return written(
        {
            "id": question.id,
            "decision_id": decision_id,
            "outcome": ruled.outcome.value,
            "reason": ruled.reason.value,
            "choice": ruled.choice,
            "explanation": ruled.explanation,
            "tally": {choice: exact(tally.weight(choice)) for choice in sorted(tally.units)},
            "abstained": exact(tally.abstained * tally.unit),
            "participants": tally.participants,
        }
    )


def written(data: Mapping[str, Any]) -> bytes:
    """Write data as a line of JSON."""
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


class Output:
    """A file that chunks of lines are added to, in whichever order and thread they are done; it keeps their order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = Lock()
        self._next = 0
        self._waiting: dict[int, bytes] = {}

    def begin(self, done: Mapping[int, Iterable[bytes]]) -> None:
        """Make the file anew with the lines of the chunks that are done.

        Raises:
            StoreError: It cannot be written.
        """
        self._next = 0
        self._waiting = {number: b"".join(lines) for number, lines in done.items()}
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            _write(draft, self._ready(), "wb")
            draft.replace(self.path)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            draft.unlink(missing_ok=True)

    def add(self, number: int, lines: Iterable[bytes]) -> None:
        """Add the lines of a chunk once those of all before it are there.

        Raises:
            StoreError: They cannot be written.
        """
        with self._writing:
            self._waiting[number] = b"".join(lines)
            try:
                _write(self.path, self._ready(), "ab")
            except OSError as error:
                raise self._failure(error) from error

    def _ready(self) -> bytes:
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next += 1
        return b"".join(ready)

    def _failure(self, error: OSError) -> StoreError:
        return StoreError(f"{self.path} cannot be written: {error.strerror or error}")


def _write(path: Path, data: bytes, mode: str) -> None:
    with path.open(mode) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
