"""Processes that outlive the command that starts them, told apart from others that later get their number."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from maos_flows.errors import StackError

_LARGEST_LOG = 5_000_000
_LOOK_SECONDS = 0.05
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ENDED = {"Z", "X", "x"}


@dataclass(frozen=True, slots=True)
class Process:
    """A process in the background, the leader of a session of its own.

    Attributes:
        pid: Its number; the system gives it to another process some time after it has ended.
        started: When it was started, in a form that no other process of that number shares.
        log: The file with what it prints.
    """

    pid: int
    started: str
    log: str


def start(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Process:
    """Start a program in the background.

    Raises:
        StackError: It cannot be started, or its log cannot be written.
    """
    try:
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        with os.fdopen(os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as output:
            child = subprocess.Popen(  # noqa: S603 - our own programs
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )
    except OSError as error:
        raise StackError(f"{command[0]} cannot be started: {error.strerror or error}") from error
    child.returncode = 0  # it is meant to go on; without this Python warns that it does
    return Process(child.pid, start_of(child.pid) or "", str(log))


def start_of(pid: int) -> str | None:
    """Say when the process of a number was started; None if there is none, or it has ended and waits to be reaped."""
    with suppress(OSError, ValueError, IndexError):
        if not _BOOT.exists():
            return _start_by_the_clock(pid)
        state, *others = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # Ticks since the machine was started: exact, and not moved when the clock is set.
        return None if state in _ENDED else f"{_BOOT.read_text().strip()}/{others[18]}"
    return None


def _start_by_the_clock(pid: int) -> str | None:
    import psutil  # noqa: PLC0415 - importing it costs a tenth of a second, which Linux does not need

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    return None


def is_running(process: Process | None) -> bool:
    """Say whether a process is still the one that was started."""
    return process is not None and start_of(process.pid) == process.started


def stop(process: Process, *, patience_seconds: float, first: signal.Signals = signal.SIGTERM) -> None:
    """End a process and its session: asked first, killed after a while. Another process of its number is let be."""
    session = list(_session(process))
    if is_running(process):
        _signal(process.pid, first)
        _wait(lambda: not is_running(process), patience_seconds)
    for pid, started in session:
        if start_of(pid) == started:
            _signal(pid, signal.SIGKILL)
    _wait(lambda: not any(start_of(pid) == started for pid, started in session), patience_seconds)
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def _session(process: Process) -> Iterator[tuple[int, str]]:
    """Find the members of a process's session, also when it has ended itself: its number then stays taken."""
    import psutil  # noqa: PLC0415 - as above

    leader = start_of(process.pid)
    if leader is not None and leader != process.started:
        return
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == process.pid and (started := start_of(pid)) is not None:
                yield pid, started


def leftovers(home: Path, known: Sequence[Process]) -> tuple[Process, ...]:
    """Find servers and workers that were started for a home and are in nobody's record: their starter was killed."""
    import psutil  # noqa: PLC0415 - as above

    numbers = {process.pid for process in known}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = process.cmdline()
            is_ours = "prefect" in words and {"server", "worker"} & set(words)
            if is_ours and not {process.pid, os.getsid(process.pid)} & numbers:
                started = start_of(process.pid)
                if started is not None and process.environ().get("PREFECT_HOME") == str(home):
                    found.append(Process(process.pid, started, ""))
    return tuple(found)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _wait(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
