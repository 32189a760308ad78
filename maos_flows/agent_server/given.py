"""Ballots given: kept on disk before they are sent, so that an agent never signs two that differ for one round.

One process at a time holds the file: two servers of one agent would answer one question twice.
"""

import errno
import fcntl
import json
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maos_flows.errors import StoreError

REMEMBERED = 10_000
"""How many of the newest ballots are remembered."""
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Given:
    """A ballot that was given: for which proposal, by digest, and as it was sent."""

    proposal_sha256: str
    ballot: dict[str, Any]


class GivenBallots:
    """The ballots an agent gave, by round of a decision.

    Args:
        path: Where they are kept; made, for its owner alone, if there is none.

    Raises:
        StoreError: They can be neither read nor kept, or another process serves the agent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: OrderedDict[str, Given] = OrderedDict()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, _PRIVATE)
            self._hold()
            self._read()
            self._file = self._rewritten()
        except OSError as error:
            raise StoreError(f"the ballots given cannot be kept in {path}: {error.strerror}") from error

    def find(self, key: str) -> Given | None:
        """Find the ballot that was given for a round."""
        return self._known.get(key)

    def keep(self, key: str, given: Given) -> None:
        """Keep a ballot, on disk before it returns.

        Raises:
            StoreError: It cannot be kept, so it must not be sent.
        """
        try:
            self._append(_line(key, given))
        except OSError as error:
            raise StoreError(f"the ballot cannot be kept in {self._path}: {error.strerror}") from error
        self._remember(key, given)

    def _append(self, line: bytes) -> None:
        """Write a line whole, or leave the file as it was."""
        end = os.fstat(self._file).st_size
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
        os.close(self._lock)

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise StoreError(f"another process serves this agent: it holds {self._path}") from error

    def _read(self) -> None:
        """Read what is kept. A last line that is not whole was never sent: a crash came between."""
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else [b""]
        for line in lines[:-1]:
            try:
                said = json.loads(line)
                self._remember(said["key"], Given(said["proposal_sha256"], said["ballot"]))
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(f"{self._path} is damaged; restore it from a backup") from error

    def _rewritten(self) -> int:
        """Write what is remembered anew, without what is forgotten or broken off, and open it for more."""
        draft = self._path.with_name(f"{self._path.name}.new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, _PRIVATE)
        os.write(handle, b"".join(_line(key, given) for key, given in self._known.items()))
        os.fsync(handle)
        draft.replace(self._path)
        return handle

    def _remember(self, key: str, given: Given) -> None:
        self._known[key] = given
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _line(key: str, given: Given) -> bytes:
    said = {"key": key, "proposal_sha256": given.proposal_sha256, "ballot": given.ballot}
    return json.dumps(said).encode() + b"\n"
