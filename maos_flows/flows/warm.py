"""Warm processes: one that has everything imported forks the others, each of which runs flow runs, one at a time.

    python -m maos_flows.flows.warm DESCRIPTOR

is the one that forks. It is given one end of a socket; for each descriptor that is sent to it over that socket it forks
a process that takes jobs there. It says which process it forked, and how each of them ended. When the other end is
closed, its owner is gone, and so are all of them at once.
"""

import asyncio
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

import psutil

LONGEST_LINE = 64 * 1024 * 1024
"""In bytes: a job holds the parameters of its flow run."""

BEAT_SECONDS = 2.0
"""How often a process at work says that it is alive: its event loop turns."""

_DRAIN_SECONDS = 5
_IMPORTED = (
    "maos_flows.audit.schema",
    "maos_flows.flows.decide",
    "maos_flows.flows.entrypoint",
    "prefect.flow_engine",
    "prefect.task_engine",
)
"""What every process needs, and what Prefect imports at its first run."""


@dataclass(frozen=True, slots=True)
class Job:
    """A flow run to be run.

    Attributes:
        flow_run: The flow run, as Prefect writes it.
        entrypoint: Its flow: `package.module:function`.
        directory: Where it runs; None leaves it where the worker runs.
        environment: Variables that are set while it runs.
    """

    flow_run: dict[str, Any]
    entrypoint: str
    directory: str | None
    environment: Mapping[str, str]

    def line(self) -> bytes:
        """Write it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"


def _fork_on_request(control: socket.socket) -> socket.socket | None:
    """Fork a process for each descriptor that comes; gives in the child its connection, and None in the end."""
    wake, children = _wake_on_children(), set[int]()
    _say(control, ready=os.getpid())
    while True:
        ready, _, _ = select.select([control, wake], [], [])
        if wake in ready:
            wake.recv(4096)
            _report_ended(control, children)
        if control not in ready:
            continue
        descriptors = _requested(control)
        if not descriptors:
            break
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            return socket.socket(fileno=descriptors[0])
        os.close(descriptors[0])
        children.add(pid)
        _say(control, forked=pid)
    for child in children:
        kill_with_descendants(child)
    return None


def _requested(control: socket.socket) -> list[int]:
    """Receive the descriptor of a process that is wanted; none in the end."""
    try:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    except ConnectionError:  # its owner was killed before it had read everything
        return []
    return list(descriptors)


def _wake_on_children() -> socket.socket:
    """Give a socket that can be read when a child has ended."""
    wake, waker = socket.socketpair()
    wake.setblocking(False)
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return wake


def _report_ended(control: socket.socket, children: set[int]) -> None:
    for child in tuple(children):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            children.discard(pid)
            _say(control, ended=pid, status=os.waitstatus_to_exitcode(status))


def _say(control: socket.socket, **words: int) -> None:
    with suppress(ConnectionError):  # its owner is gone, which the next look tells
        control.sendall(json.dumps(words).encode() + b"\n")


def kill_with_descendants(pid: int) -> None:
    """Kill a process and all it has started: an agent's program leads a session of its own."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        process.suspend()  # so that it starts nothing more
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.Error):
                one.kill()


async def _work(connection: socket.socket) -> None:
    """Take jobs until the connection is closed; if that happens during a job, end at once, with all it has started."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=LONGEST_LINE)
    async with AsyncExitStack() as session:
        has_session = await _has_entered(session)
        writer.write(_line(ready=os.getpid()))
        while line := await _next_line(reader):
            has_session = has_session or await _has_entered(session)
            listening = asyncio.create_task(reader.read(1))
            beating = asyncio.create_task(_beat(writer))
            running = asyncio.create_task(_run(Job(**json.loads(line))))
            await asyncio.wait({listening, running}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                _end_at_once()
            beating.cancel()
            writer.write(_line(**running.result(), memory=psutil.Process().memory_info().rss))
            listening.cancel()
            await asyncio.wait({listening, beating})


async def _next_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:  # as above
        return b""


async def _has_entered(session: AsyncExitStack) -> bool:
    """Make the clients all runs share; while the server is away there are none, and each run makes its own."""
    from maos_flows.flows.session import prefect_session  # noqa: PLC0415 - this module is imported without Prefect

    try:
        await session.enter_async_context(prefect_session())
    except Exception:  # noqa: BLE001 - whatever it is, the run finds it too, and says so
        return False
    return True


def _line(**words: Any) -> bytes:
    return json.dumps(words).encode() + b"\n"


async def _beat(writer: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        writer.write(_line(alive=True))


def _end_at_once() -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            child.kill()
    os._exit(1)


async def _run(job: Job) -> dict[str, Any]:
    """Run a flow run by Prefect's engine, and say what became of it.

    Returns:
        `state`, the type of its final state; or `aborted`, if Prefect does not let it run; or `failed`, if Prefect
        could not be told how it ended.
    """
    from prefect.client.schemas.objects import FlowRun  # noqa: PLC0415 - as above
    from prefect.exceptions import Abort, Pause  # noqa: PLC0415 - as above
    from prefect.flow_engine import run_flow  # noqa: PLC0415 - as above

    flow_run = FlowRun.model_validate(job.flow_run)
    # For a run with a deployment Prefect starts a thread with a client and a websocket, which look whether it is
    # suspended. The worker looks after all its runs at once.
    unobserved = flow_run.model_copy(update={"deployment_id": None})
    try:
        with _placed(job):
            state = await run_flow(flow_of(job.entrypoint), flow_run=unobserved, return_type="state")  # type: ignore[misc]
    except (Abort, Pause) as refused:
        return {"aborted": str(refused)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is not over, and the worker must know
        return {"failed": f"{type(error).__name__}: {error}"[:1000]}
    return {"state": state.type.value}


@contextmanager
def _placed(job: Job) -> Iterator[None]:
    """Set a job's directory and variables for as long as it runs; no other job runs in this process then."""
    before, here = dict(os.environ), os.getcwd()  # noqa: PTH109 - what chdir takes back
    os.environ.update(job.environment)
    try:
        if job.directory is not None:
            os.chdir(job.directory)
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def flow_of(entrypoint: str) -> Any:
    """Import the flow of an entrypoint `package.module:function`."""
    module, _, name = entrypoint.partition(":")
    return getattr(import_module(module), name)


def _drain() -> None:
    """Send what is still to be sent: the states of task runs travel as events, logs by a thread of their own."""
    from prefect.events.worker import EventsWorker  # noqa: PLC0415 - as above
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415 - as above

    EventsWorker.drain_all(timeout=_DRAIN_SECONDS)
    APILogWorker.drain_all(timeout=_DRAIN_SECONDS)


def main() -> None:
    """Import everything, then fork on request; in a forked process, work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes from a terminal, for the worker
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in _IMPORTED:
        import_module(name)
    gc.freeze()  # so that no child pays for collecting it
    connection = _fork_on_request(control)
    if connection is not None:
        asyncio.run(_work(connection))
        _drain()


if __name__ == "__main__":
    main()
