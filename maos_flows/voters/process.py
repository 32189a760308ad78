"""A program run with its output bounded; however it ends, nothing of it is left running."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import psutil

from maos_flows.voters.threads import in_daemon_thread

_CHUNK = 64 * 1024
_ERROR_TAIL = 4096
_LAST_WORDS_SECONDS = 0.5
"""How long output is still read once the program has ended, and how long a killed one is waited for."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended: its status (negative: the signal), its output, and the end of what it said on stderr."""

    status: int
    output: bytes
    error_tail: str
    flooded: bool


async def run(
    command: Sequence[str], *, given: bytes, cwd: str | None, environment: Mapping[str, str], max_output: int
) -> Finished:
    """Run a program in a session of its own with `given` on its standard input.

    More than `max_output` bytes on its standard output kill it. When cancelled, and also when it has ended, its whole
    process group is killed, so that no child of a child stays.

    Raises:
        OSError: It cannot be started.
        ValueError: The command holds a NUL.
    """
    process = _start(command, given=given, cwd=cwd, environment=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    exited = asyncio.ensure_future(in_daemon_thread(lambda: _wait(process.pid), name=f"wait-{process.pid}"))
    output, errors = _Output(max_output, process.pid), _Tail()
    transports: list[asyncio.ReadTransport] = []
    try:
        transports.append(await _read(process.stdout, output))
        transports.append(await _read(process.stderr, errors))
        await asyncio.shield(exited)
        kill_group(process.pid)
        await asyncio.wait((output.closed, errors.closed), timeout=_LAST_WORDS_SECONDS)
        return Finished(process.wait(), bytes(output.held), errors.text, output.flooded)
    finally:
        _kill_all(process)
        for transport in transports:
            transport.close()
        await asyncio.wait((exited,), timeout=_LAST_WORDS_SECONDS)
        process.poll()


def kill_group(leader: int) -> None:
    """Kill a process group; there may be nobody left in it.

    Its number stays taken while any member lives or its leader has not been reaped.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _start(
    command: Sequence[str], *, given: bytes, cwd: str | None, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a program. Its input is a file without a name: whether and when it reads that is its own affair."""
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given)
        stdin.seek(0)
        return subprocess.Popen(  # noqa: S603 - running the user's program is what a command voter is for
            list(command),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
        )


def _wait(pid: int) -> None:
    """Wait until a child has ended, without reaping it: until then its process group's number is its own."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that runs, with its group and with descendants that made a session of their own."""
    if process.returncode is not None:
        return
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    kill_group(process.pid)


class _Output(asyncio.Protocol):
    """Holds a program's output up to a bound, and kills the program that goes beyond."""

    def __init__(self, most: int, leader: int) -> None:
        self.held = bytearray()
        self.flooded = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._most = most
        self._leader = leader

    def data_received(self, data: bytes) -> None:
        """Keep what is within the bound."""
        self.held += data[: self._most - len(self.held) + 1]
        if len(self.held) > self._most and not self.flooded:
            self.flooded = True
            kill_group(self._leader)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nothing more comes."""
        del exc
        if not self.closed.done():
            self.closed.set_result(None)


class _Tail(_Output):
    """Holds the end of what a program says on its standard error."""

    def __init__(self) -> None:
        super().__init__(_ERROR_TAIL, 0)

    def data_received(self, data: bytes) -> None:
        """Keep the end."""
        self.held = bytearray((self.held + data)[-_ERROR_TAIL:])

    @property
    def text(self) -> str:
        """The end as text."""
        return self.held.decode(errors="replace")


async def _read(pipe: IO[bytes], protocol: _Output) -> asyncio.ReadTransport:
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return transport
