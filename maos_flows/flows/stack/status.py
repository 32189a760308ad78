"""What of the stack runs, for people and for `maos doctor`."""

from collections.abc import Mapping
from dataclasses import dataclass

from maos_flows.config import settings_from
from maos_flows.errors import ServerError
from maos_flows.flows.api import Address, PrefectApi, configured_address
from maos_flows.flows.stack.local import own_address, stack_folder
from maos_flows.flows.stack.state import StackState


@dataclass(frozen=True, slots=True)
class Part:
    """One part of what decides in the background, as it is now.

    Attributes:
        name: `database`, `server` or `worker`.
        runs: Whether it is there and, where it can be asked, answers.
        found: What is known of it, or what is wrong with it.
        pid: Its process, if it is ours.
        log: The file it prints to, if it is ours.
    """

    name: str
    runs: bool
    found: str
    pid: int | None = None
    log: str = ""


def parts_of(environ: Mapping[str, str]) -> tuple[Part, ...]:
    """Look at every part; the server is asked how it is."""
    state = stack_folder(settings_from(environ)).read()
    configured = configured_address(environ)
    address = configured or own_address(state, environ)
    found = [_process(state, "database")] if "database" in state.processes and not configured else []
    return (*found, _server(state, address, is_ours=configured is None), _worker(state, address))


def _process(state: StackState, name: str) -> Part:
    process = state.processes.get(name)
    if process is None:
        return Part(name, False, "not started")
    if not state.runs(name):
        return Part(name, False, f"ended, see {process.log}", log=process.log)
    return Part(name, True, f"process {process.pid}", process.pid, process.log)


def _server(state: StackState, address: Address, *, is_ours: bool) -> Part:
    part = _process(state, "server") if is_ours else Part("server", True, "")
    if not part.runs:
        return part
    try:
        PrefectApi(address, timeout_seconds=5).get("/health")
    except ServerError as error:
        return Part("server", False, str(error), part.pid, part.log)
    where = f"{address.page('')}"
    return Part("server", True, f"{where} ({part.found})" if part.found else where, part.pid, part.log)


def _worker(state: StackState, address: Address) -> Part:
    part = _process(state, "worker")
    if part.runs and state.api_url != address.url:
        return Part("worker", False, f"it works for {state.api_url}", part.pid, part.log)
    return (
        part if not part.runs else Part("worker", True, f"{part.found}, decisions in {state.store}", part.pid, part.log)
    )
