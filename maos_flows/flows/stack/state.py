"""What is known of the stack: a small file, written whole, and a lock so that two commands do not make two stacks."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from maos_flows.errors import StackError
from maos_flows.flows.stack.processes import Process, is_running

ORDER = ("database", "server", "worker")
"""The processes a stack may have, in the order of their starting."""


@dataclass(frozen=True, slots=True)
class StackState:
    """What was started, and for whom.

    Attributes:
        api_url: The Prefect server that the worker works for.
        store: The audit store that the worker keeps decisions in, as it is shown.
        release: The release of this package that the worker was started from.
        server_url: Where the stack's own server was started.
        worker_name: What Prefect knows the worker by.
        processes: What was started, by name.
    """

    api_url: str = ""
    store: str = ""
    release: str = ""
    server_url: str = ""
    worker_name: str = ""
    processes: Mapping[str, Process] = field(default_factory=dict, hash=False)

    def runs(self, name: str) -> bool:
        """Say whether a process is there."""
        return is_running(self.processes.get(name))

    def having(self, name: str, process: Process) -> "StackState":
        """Give the state after a process was started."""
        return replace(self, processes={**self.processes, name: process})

    def without(self, name: str) -> "StackState":
        """Give the state after a process was stopped."""
        return replace(self, processes={known: found for known, found in self.processes.items() if known != name})


@dataclass(frozen=True, slots=True)
class StackFolder:
    """The folder of a stack, `stack` in `MAOS_HOME`."""

    path: Path

    @property
    def prefect_home(self) -> Path:
        """Where the stack's server and worker keep what is Prefect's."""
        return self.path / "prefect"

    def log(self, name: str) -> Path:
        """Give the file with what one of its processes prints."""
        return self.path / f"{name}.log"

    def last_words(self, name: str) -> str:
        """Give the last line one of its processes printed, and where the rest is."""
        log = self.log(name)
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines()[-50:] if line.strip()]
        return f"{lines[-1] if lines else 'it said nothing'} ({log})"

    def make(self) -> None:
        """Make the folder, for its owner only.

        Raises:
            StackError: It cannot be made.
        """
        try:
            self.prefect_home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise StackError(f"the stack's folder {self.path} cannot be made: {error.strerror or error}") from error

    def read(self) -> StackState:
        """Read what is known; nothing is, if there was never a stack or its record is damaged."""
        try:
            document = json.loads(self._file.read_text(encoding="utf-8"))
            texts = {name: str(document[name]) for name in ("api_url", "store", "release", "server_url", "worker_name")}
            processes = {name: _process(found) for name, found in document["processes"].items() if name in ORDER}
            return StackState(**texts, processes=processes)
        except FileNotFoundError:
            return StackState()
        except OSError as error:
            raise StackError(f"{self._file} cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            return StackState()  # what was started is found by its environment

    def write(self, state: StackState) -> None:
        """Write what is known, whole or not at all.

        Raises:
            StackError: It cannot be written.
        """
        temporary = self._file.with_suffix(".new")
        try:
            with os.fdopen(os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
                json.dump(asdict(state), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._file)
        except OSError as error:
            raise StackError(f"{self._file} cannot be written: {error.strerror or error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other command from starting or stopping anything; the system frees the lock of one that dies."""
        self.make()
        try:
            lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StackError(f"the lock in {self.path} cannot be taken: {error.strerror or error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @property
    def _file(self) -> Path:
        return self.path / "state.json"


def _process(document: Any) -> Process:
    return Process(int(document["pid"]), str(document["started"]), str(document["log"]))
