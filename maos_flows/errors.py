"""Errors: what is ours to raise. An agent's misbehaviour is a fault and is returned, never raised."""

from collections.abc import Sequence
from dataclasses import dataclass


class MaosError(Exception):
    """Base of every error this package raises on purpose; its text is one line a person can act on."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with an input: `path` says where (a key path or a flag), `message` what and what is allowed."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigurationError(MaosError):
    """An input that cannot be used. Names every problem found, each with its path, never only the first."""

    def __init__(self, problems: Sequence[Problem], *, source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        count = len(self.problems)
        head = f"{source}: " if source else ""
        if count == 1:
            super().__init__(f"{head}{self.problems[0]}")
        else:
            super().__init__(f"{head}{count} problems\n{lines}")


class NotFoundError(MaosError):
    """Something asked for by name or id is not there."""


class StoreError(MaosError):
    """The audit store cannot be read or written; nothing is decided without it."""


class WorkerError(MaosError):
    """The worker's processes cannot be started."""


class ConflictError(MaosError):
    """A record with this id exists already and says something else."""


class ServerError(MaosError):
    """The Prefect server cannot be reached, or refuses; `status` is what it answered, None if it did not."""

    def __init__(self, text: str, *, status: int | None = None) -> None:
        self.status = status
        super().__init__(text)


class StackError(MaosError):
    """The local stack cannot be started, found or stopped."""
