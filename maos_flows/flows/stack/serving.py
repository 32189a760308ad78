"""The stack's own Prefect server, and the database it has."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from maos_flows.errors import ServerError, StackError
from maos_flows.flows.api import Address, PrefectApi
from maos_flows.flows.stack import database
from maos_flows.flows.stack.ports import free_port
from maos_flows.flows.stack.processes import is_running, start, stop
from maos_flows.flows.stack.settings import server_environment
from maos_flows.flows.stack.state import ORDER, StackFolder, StackState

_FIRST_ANSWER_SECONDS = 180
"""How long a server may take to answer for the first time, on a slow and busy machine."""

_LATER_ANSWER_SECONDS = 30
_LOOK_SECONDS = 0.1
_ATTEMPTS = 3

Say = Callable[[str], None]


def with_server(
    folder: StackFolder, state: StackState, environ: Mapping[str, str], *, port: int, say: Say
) -> StackState:
    """Start the server, and the database it is to have, unless they run and answer.

    Raises:
        StackError: It does not start.
    """
    if _is_well(state):
        return state
    for name in reversed(ORDER):
        state = stopped(folder, state, name, patience_seconds=10, say=say)
    state, url = _with_database(folder, state, environ, say=say)
    say("starting a Prefect server (about 20 seconds the first time)")
    for attempt in range(_ATTEMPTS):
        chosen = free_port(port + attempt)
        if chosen != port:
            say(f"port {port} is taken; the server is on {chosen}")
        state = _start_server(folder, state, environ, port=chosen, database_url=url)
        if _answers(state, patience_seconds=_FIRST_ANSWER_SECONDS):
            return state
        state = stopped(folder, state, "server", patience_seconds=5, say=say)
        if free_port(chosen) == chosen:
            break  # it was not that somebody else took the port meanwhile
    raise StackError(f"the Prefect server did not start: {folder.last_words('server')}")


def stopped(folder: StackFolder, state: StackState, name: str, *, patience_seconds: float, say: Say) -> StackState:
    """Stop one process, if there is one, with what is left of its session, and forget it."""
    process = state.processes.get(name)
    if process is None:
        return state
    if is_running(process):
        say(f"stopping the {name}")
    if name == "database":
        stop(process, patience_seconds=patience_seconds, first=database.STOP)
    else:
        stop(process, patience_seconds=patience_seconds)
    without = state.without(name)
    folder.write(without)
    return without


def _is_well(state: StackState) -> bool:
    if "database" in state.processes and not state.runs("database"):
        return False
    return state.runs("server") and _answers(state, patience_seconds=_LATER_ANSWER_SECONDS)


def _with_database(
    folder: StackFolder, state: StackState, environ: Mapping[str, str], *, say: Say
) -> tuple[StackState, str | None]:
    """Give the URL of the server's database, started if it is ours to start; None for SQLite, in the folder."""
    url = database.given_url(environ)
    if url is not None:
        return state, url
    # A stack that began on SQLite stays there: what it has recorded is there too.
    began_on_sqlite = (folder.prefect_home / "prefect.db").exists()
    programs = None if began_on_sqlite else database.find_programs()
    if programs is None:
        return state, None
    say("starting a PostgreSQL for Prefect")
    database.make_cluster(programs, folder.path)
    state = state.having("database", database.start_cluster(programs, folder.path, environment=environ))
    folder.write(state)
    return state, database.cluster_url(folder.path)


def _start_server(
    folder: StackFolder, state: StackState, environ: Mapping[str, str], *, port: int, database_url: str | None
) -> StackState:
    environment = server_environment(environ, home=folder.prefect_home, port=port, database_url=database_url)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = start(command, environment=environment, folder=folder.path, log=folder.log("server"))
    state = replace(state.having("server", process), server_url=f"http://127.0.0.1:{port}/api")
    folder.write(state)
    return state


def _answers(state: StackState, *, patience_seconds: float) -> bool:
    """Wait until the server answers that it is well; False if it ends or says nothing for too long."""
    api = PrefectApi(Address(state.server_url), timeout_seconds=5)
    until = time.monotonic() + patience_seconds
    while state.runs("server") and time.monotonic() < until:
        try:
            api.get("/health")
        except ServerError:
            time.sleep(_LOOK_SECONDS)
        else:
            return True
    return False
