"""Start and stop the stack; one that is half there is made whole."""

import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from urllib.parse import urlsplit
from uuid import uuid4

from maos_flows.audit.engine import name_of, read_url
from maos_flows.config import Settings, settings_from
from maos_flows.config.worker import worker_settings_from
from maos_flows.errors import ServerError, StackError
from maos_flows.flows.api import Address, PrefectApi, configured_address
from maos_flows.flows.deployments import POOL, ensure_deployed, make_pool, prepare
from maos_flows.flows.stack import keeping
from maos_flows.flows.stack.processes import leftovers, start, stop
from maos_flows.flows.stack.serving import Say, stopped, with_server
from maos_flows.flows.stack.settings import worker_environment
from maos_flows.flows.stack.state import ORDER, StackFolder, StackState

DEFAULT_PORT = 4200
_LOOK_SECONDS = 0.2
_WORKER_SECONDS = 60
_ENDING_SECONDS = 15
_SERVED_HERE = {"maos", "process"}
"""The types of work pools whose runs a worker on this machine can take."""


def stack_folder(settings: Settings) -> StackFolder:
    """Give the folder of an installation's stack."""
    return StackFolder(settings.home / "stack")


def running_address(environ: Mapping[str, str]) -> Address | None:
    """Give the stack's own server if its process is there; nobody is asked."""
    state = stack_folder(settings_from(environ)).read()
    return own_address(state, environ) if state.runs("server") else None


def answering_address(environ: Mapping[str, str]) -> Address | None:
    """Give the stack's own server if it is there and says that it is well."""
    address = running_address(environ)
    if address is not None:
        with suppress(ServerError):
            PrefectApi(address, timeout_seconds=5).get("/health")
            return address
    return None


def own_address(state: StackState, environ: Mapping[str, str]) -> Address:
    """Give the address of the stack's own server."""
    return Address(state.server_url, auth_string=environ.get("PREFECT_API_AUTH_STRING", ""))


def is_whole(environ: Mapping[str, str]) -> bool:
    """Say whether the stack's server, worker and database, if it has one, are there, and work for this audit store."""
    settings = settings_from(environ)
    state = stack_folder(settings).read()
    wanted = (state.server_url, _store_name(settings), version("maos-flows"))
    return (state.api_url, state.store, state.release) == wanted and all(
        map(state.runs, {"server", "worker", *state.processes})
    )


def up(environ: Mapping[str, str], *, port: int | None = None, say: Say) -> Address:
    """Start what does not run: a server, unless one is configured, and a worker. Waits until the server answers.

    Args:
        environ: The environment: the worker's, and where everything is.
        port: The server's port; if it is taken, the next that is free. Without one, where it was before, else 4200.
        say: Is told what takes a while.

    Raises:
        StackError: It cannot be started. What was started goes on, for the next attempt.
        ServerError: The configured server cannot be reached or refuses.
    """
    settings = settings_from(environ)
    folder = stack_folder(settings)
    configured = configured_address(environ)
    with folder.locked(), ThreadPoolExecutor(1) as beside:
        state = folder.read()
        if configured is None and not state.runs("server"):
            beside.submit(prepare)  # imports Prefect, which takes seconds, as the server's starting does
        _end_leftovers(folder, state, say)
        if configured is None:
            wished = port or urlsplit(state.server_url).port or DEFAULT_PORT
            state = with_server(folder, state, environ, port=wished, say=say)
            address = own_address(state, environ)
        else:
            address = configured
            PrefectApi(address).get("/health")
        ensure_deployed(PrefectApi(address))
        _with_worker(folder, state, environ, address=address, say=say)
    return address


def await_worker(environ: Mapping[str, str], address: Address, *, say: Say) -> None:
    """Wait until the worker that was started takes runs.

    Raises:
        StackError: It ended.
    """
    folder = stack_folder(settings_from(environ))
    api = PrefectApi(address)
    until = time.monotonic() + _WORKER_SECONDS
    while time.monotonic() < until:
        state = folder.read()
        if "worker" not in state.processes:
            return  # of a pool whose workers are started elsewhere
        if not state.runs("worker"):
            raise StackError(f"the worker did not start: {folder.last_words('worker')}")
        online = api.post(f"/work_pools/{POOL}/workers/filter", {})
        if any(worker["name"] == state.worker_name for worker in online):
            return
        time.sleep(_LOOK_SECONDS)
    say("the worker has not said yet that it is ready; `maos logs worker` shows what it does")


def draining_seconds(environ: Mapping[str, str]) -> float:
    """Say how long a worker that is told to stop may take: what it waits for its runs, and for itself to end."""
    return worker_settings_from(environ).drain_seconds + _ENDING_SECONDS


def down(environ: Mapping[str, str], *, patience_seconds: float | None, say: Say) -> bool:
    """Stop everything of the stack, the worker first.

    Args:
        environ: Says where everything is.
        patience_seconds: What runs has so long to end by itself; None: as long as the worker waits for it.
        say: Is told what is stopped.

    Returns:
        Whether there was anything to stop.
    """
    folder = stack_folder(settings_from(environ))
    patience = draining_seconds(environ) if patience_seconds is None else patience_seconds
    if not folder.path.exists():  # somebody removed it: what was started from it is found all the same
        return _end_leftovers(folder, StackState(), say)
    with folder.locked():
        state = folder.read()
        there = any(map(state.runs, ORDER))
        for name in reversed(ORDER):
            state = stopped(folder, state, name, patience_seconds=patience, say=say)
        return _end_leftovers(folder, state, say) or there


def _end_leftovers(folder: StackFolder, state: StackState, say: Say) -> bool:
    """End servers and workers of this folder that no record knows: whoever started them was killed while doing so."""
    found = leftovers(folder.prefect_home, tuple(state.processes.values()))
    for process in found:
        say(f"ending process {process.pid}, which was left behind")
        stop(process, patience_seconds=5)
    return bool(found)


def _with_worker(
    folder: StackFolder, state: StackState, environ: Mapping[str, str], *, address: Address, say: Say
) -> None:
    """Start the worker, unless it runs and works for this server and audit store."""
    settings = settings_from(environ)
    kind = make_pool(PrefectApi(address), POOL)
    if kind not in _SERVED_HERE:
        say(f"the work pool {POOL} is of type {kind}, whose workers are started elsewhere")
        return
    store = _store_name(settings)
    if state.runs("worker"):
        is_ours = (state.api_url, state.release) == (address.url, version("maos-flows"))
        if is_ours and state.store == store:
            return
        if is_ours:
            raise StackError(
                f"the stack's worker keeps decisions in {state.store}, not in {store}: `maos down`, then `maos up`"
            )
    state = stopped(folder, state, "worker", patience_seconds=draining_seconds(environ), say=say)
    say("starting a worker")
    name = f"stack-{uuid4().hex[:8]}"
    ours = {"MAOS_HOME": str(settings.home), "MAOS_DATABASE_URL": settings.database_url}
    if settings.roster is not None:
        ours["MAOS_ROSTER"] = str(settings.roster)
    environment = worker_environment(environ, home=folder.prefect_home, server=address.environment, settings=ours)
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", kind, "--name", name]
    command = [sys.executable, "-m", keeping.__name__, *worker]
    process = start(command, environment=environment, folder=folder.path, log=folder.log("worker"))
    release = version("maos-flows")
    started = state.having("worker", process)
    folder.write(replace(started, api_url=address.url, store=store, release=release, worker_name=name))


def _store_name(settings: Settings) -> str:
    return name_of(read_url(settings.database_url))
