"""The pool of warm processes, from the worker's side: it hands out jobs and knows how each ended, whatever happened."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from maos_flows.errors import WorkerError
from maos_flows.flows.warm import BEAT_SECONDS, LONGEST_LINE, Job, kill_with_descendants

SILENCE_SECONDS = 60.0
"""A process that has said nothing for so long hangs: thirty of its beats are missing."""

_START_SECONDS = 180.0
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a job.

    Attributes:
        state: The type of the flow run's final state, as its process says; None if it is not over, or not known to be.
        explanation: Why it is not.
        was_refused: Whether Prefect did not let it run.
    """

    state: str | None
    explanation: str = ""
    was_refused: bool = False


@dataclass(slots=True)
class WarmProcess:
    """One warm process."""

    pid: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    runs: int = 0
    memory: int = 0
    is_gone: bool = False
    statuses: "asyncio.Future[int]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def run(self, job: Job, *, silence_seconds: float) -> Ended:
        """Run a job to its end; one process's end, however it comes, is a job's end too."""
        self.runs += 1
        try:
            self.writer.write(job.line())
            while words := await self.hear(silence_seconds):
                if "alive" not in words:
                    self.memory = words["memory"]
                    return _ended(words)
        except TimeoutError:
            self.kill()
            return Ended(None, f"its process {self.pid} said nothing for {silence_seconds:g} s and was killed")
        except ConnectionError:
            pass
        self.is_gone = True
        return Ended(None, await self._why_gone())

    async def hear(self, seconds: float) -> Mapping[str, Any]:
        """Wait for what the process says next; nothing if it is gone.

        Raises:
            TimeoutError: It said nothing.
        """
        async with asyncio.timeout(seconds):
            line = await self.reader.readline()
        return json.loads(line) if line.endswith(b"\n") else {}

    async def _why_gone(self) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_SECONDS):
                status = await asyncio.shield(self.statuses)
                how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
                return f"its process {self.pid} {how}"
        return f"its process {self.pid} is gone"

    def kill(self) -> None:
        """Kill it, with all it has started."""
        self.is_gone = True
        kill_with_descendants(self.pid)

    def dismiss(self) -> None:
        """Let it end when it has sent what it still has to send."""
        self.is_gone = True
        self.writer.close()


def _ended(words: Mapping[str, Any]) -> Ended:
    if "state" in words:
        return Ended(words["state"])
    if "aborted" in words:
        return Ended(None, words["aborted"], was_refused=True)
    return Ended(None, words["failed"])


class WarmPool:
    """Warm processes, as many as there are jobs at once; one that has run often or grown large makes place for another.

    Args:
        size: How many are kept ready.
        runs: After so many runs a process is renewed.
        memory_mib: So is one that holds more than this.
        silence_seconds: How long a process at work may say nothing.
    """

    def __init__(
        self, size: int, *, runs: int = 200, memory_mib: int = 1024, silence_seconds: float = SILENCE_SECONDS
    ) -> None:
        self._size = size
        self._runs = runs
        self._memory_mib = memory_mib
        self._silence_seconds = silence_seconds
        self._idle: list[WarmProcess] = []
        self._living: dict[int, WarmProcess] = {}
        self._forker: Process | None = None
        self._control: socket.socket | None = None
        self._listening: asyncio.Task[None] | None = None
        self._forked: asyncio.Queue[int] = asyncio.Queue()
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> None:
        """Start the process that forks, and so many that wait for jobs.

        Raises:
            WorkerError: It does not start.
        """
        await asyncio.gather(*(self._make_idle() for _ in range(self._size)))

    async def _make_idle(self) -> None:
        self._idle.append(await self._make())

    async def take(self) -> WarmProcess:
        """Give a process that has nothing to do; with `give_back` it is handed in again.

        Raises:
            WorkerError: None can be started.
        """
        while self._idle:
            process = self._idle.pop(0)
            if not (process.is_gone or process.statuses.done() or process.reader.at_eof()):
                return process
        return await self._make()

    async def run(self, process: WarmProcess, job: Job) -> Ended:
        """Run a job in a process that was taken."""
        return await process.run(job, silence_seconds=self._silence_seconds)

    def give_back(self, process: WarmProcess) -> None:
        """Hand in a process; it is kept for the next job, unless it is gone or has served its time."""
        if process.is_gone:
            process.writer.close()
        elif process.runs >= self._runs or process.memory > self._memory_mib * _MIB or len(self._idle) >= self._size:
            process.dismiss()
        else:
            self._idle.append(process)

    async def close(self) -> None:
        """Let all processes end; what is still at work is killed."""
        for process in tuple(self._living.values()):
            if process in self._idle:
                process.dismiss()
            elif not process.statuses.done():
                process.kill()
        await self._wait_for_all()
        if self._control is not None:
            self._control.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
        if self._forker is not None:
            await self._forker.wait()

    async def _wait_for_all(self) -> None:
        statuses = [process.statuses for process in self._living.values()]
        if statuses:
            await asyncio.wait(statuses, timeout=10)

    async def _make(self) -> WarmProcess:
        """Have a process forked, and wait until it is ready."""
        async with self._one_at_a_time:
            try:
                control = await self._forking()
                ours, theirs = socket.socketpair()
                with theirs:
                    socket.send_fds(control, [b"f"], [theirs.fileno()])
                async with asyncio.timeout(_START_SECONDS):
                    pid = await self._forked.get()
            except (TimeoutError, OSError) as error:
                raise WorkerError(f"no process can be forked: {str(error) or 'it takes too long'}") from error
        reader, writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        process = WarmProcess(pid, reader, writer)
        self._living[pid] = process
        try:
            heard = await process.hear(_START_SECONDS)
        except TimeoutError:
            heard = {}
        if "ready" not in heard:
            process.kill()
            raise WorkerError(f"the process {pid} did not get ready; its log says why")
        return process

    async def _forking(self) -> socket.socket:
        """Give the connection to the process that forks, started if there is none or it is gone."""
        if self._control is not None and self._forker is not None and self._forker.returncode is None:
            return self._control
        if self._control is not None:
            self._control.close()
        ours, theirs = socket.socketpair()
        with theirs:
            self._forker = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "maos_flows.flows.warm", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                process_group=0,  # a terminal's Ctrl-C is for the worker
                env=_environment(),
            )
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen(ours.dup(), ready))
        async with asyncio.timeout(_START_SECONDS):
            await ready
        self._control = ours
        return ours

    async def _listen(self, control: socket.socket, ready: "asyncio.Future[None]") -> None:
        """Hear from the process that forks which it forked, and how they ended."""
        reader, writer = await asyncio.open_connection(sock=control)
        try:
            while line := await reader.readline():
                words = json.loads(line)
                if "ready" in words:
                    ready.set_result(None)
                elif "forked" in words:
                    self._forked.put_nowait(words["forked"])
                elif ended := self._living.pop(words["ended"], None):
                    ended.statuses.set_result(words["status"])
        finally:
            writer.close()
            if not ready.done():
                ready.set_exception(WorkerError("the process that forks the others did not start; its log says why"))


def _environment() -> dict[str, str]:
    """Give the environment of the processes: this one's, with Prefect's settings as they are here."""
    from prefect.settings import get_current_settings  # noqa: PLC0415 - this module must be quick to import

    settings = get_current_settings().to_environment_variables(exclude_unset=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT__")}
    return {**own, **settings}
