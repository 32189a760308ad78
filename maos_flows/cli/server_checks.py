"""The checks `maos doctor` makes of the Prefect server, its database, its worker and its clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from maos_flows.audit.store import AuditStore
from maos_flows.cli.checking import Check, numbers
from maos_flows.config import settings_from
from maos_flows.config.settings import STACK_DATABASE
from maos_flows.errors import MaosError, ServerError
from maos_flows.flows.api import Address, PrefectApi, configured_address
from maos_flows.flows.stack.local import running_address, stack_folder
from maos_flows.flows.stack.status import parts_of
from maos_flows.flows.submitting import has_workers

_MOST_SKEW_SECONDS = 5
_RESTART = "`maos down`, then `maos up`"
_ON_SERVER = "set it where the server is started"


def server_checks(env: Mapping[str, str], timeout_seconds: float) -> list[Check]:
    """Look at the server that is configured or, if none is, at the stack's own."""
    try:
        settings_from(env)
        address = configured_address(env) or running_address(env)
    except MaosError as error:
        return [Check("Prefect server", "wrong", str(error), "correct the environment's variables")]
    if address is None:
        return [Check("Prefect server", "note", "none runs: `maos task submit` starts one", "`maos up` starts it now")]
    api = PrefectApi(address, timeout_seconds=timeout_seconds)
    try:
        found = str(api.get("/admin/version"))
        settings = api.get("/admin/settings")
        now, answered = datetime.now(UTC), api.answered_at()
    except ServerError as error:
        mend = f"see `maos logs server`; {_RESTART}" if configured_address(env) is None else "start it, or correct it"
        return [Check("Prefect server", "wrong", str(error), mend)]
    return [
        _version(address, found),
        *_safety(settings, address),
        _batching(settings),
        _database(env, address),
        _worker(env, api),
        _clock(now, answered),
    ]


def _version(address: Address, found: str) -> Check:
    ours = version("prefect")
    where = f"{address.url}, version {found}"
    if numbers(found)[:1] != numbers(ours)[:1]:
        return Check("Prefect server", "wrong", f"{where}; ours is {ours}", "use the same major version on both sides")
    if numbers(found) < numbers(ours):
        return Check("Prefect server", "note", f"{where}; ours is {ours}", "a server must not be older: upgrade it")
    return Check("Prefect server", "fine", where)


def _safety(settings: Any, address: Address) -> list[Check]:
    """Look at the settings without which any web page the user opens can drive the server."""
    name, api = "Prefect server's safety", settings["server"]["api"]
    if address.url.startswith("https:") and not address.is_local:
        return []  # what is behind a proxy that asks who it is cannot be seen from here
    found = []
    if not api.get("csrf_protection_enabled") and not api.get("auth_string"):
        mend = f"PREFECT_SERVER_CSRF_PROTECTION_ENABLED=true or PREFECT_SERVER_API_AUTH_STRING; {_ON_SERVER}"
        found.append(Check(name, "note", "neither CSRF protection nor a password: any web page can write to it", mend))
    if api.get("cors_allowed_origins") == "*":
        mend = f"PREFECT_SERVER_CORS_ALLOWED_ORIGINS=<the UI's address>; {_ON_SERVER}"
        found.append(Check(name, "note", "pages of every origin may read from it", mend))
    if not address.is_local and not api.get("auth_string"):
        mend = f"PREFECT_SERVER_API_AUTH_STRING and PREFECT_API_AUTH_STRING; {_ON_SERVER}"
        found.append(Check(name, "note", "it is on the network and asks nobody who they are", mend))
    return found or [Check(name, "fine", "web pages can neither write to it nor read from it")]


def _batching(settings: Any) -> Check:
    size = settings["server"]["services"]["task_run_recorder"]["batch_size"]
    if size > 1:
        return Check("Prefect server's batching", "fine", f"task runs are recorded {size} at a time")
    mend = f"PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE=100 and its like; {_ON_SERVER}"
    return Check("Prefect server's batching", "note", "task runs are recorded one by one, which costs twice", mend)


def _database(env: Mapping[str, str], address: Address) -> Check:
    name = "Prefect's database"
    settings = settings_from(env)
    folder = stack_folder(settings)
    if configured_address(env) is not None or folder.read().server_url != address.url:
        return Check(name, "fine", "the server's own affair; for more than one decision at a time, PostgreSQL")
    if env.get(STACK_DATABASE) or "database" in folder.read().processes:
        return Check(name, "fine", "PostgreSQL")
    mend = f"{STACK_DATABASE}=postgresql://..., or install PostgreSQL before the first `maos up`"
    return Check(name, "note", "SQLite: it slows down when several decisions are made at once", mend)


def _worker(env: Mapping[str, str], api: PrefectApi) -> Check:
    part = next(part for part in parts_of(env) if part.name == "worker")
    if part.runs:
        return Check("worker", "fine", part.found)
    try:
        if has_workers(api):
            return Check("worker", "fine", "others take the runs of the work pool maos")
    except ServerError as error:
        return Check("worker", "wrong", str(error), "see `maos logs worker`")
    waiting = _waiting(env)
    if waiting:
        return Check("worker", "wrong", f"none ({part.found}), and {waiting} submitted tasks wait for one", "`maos up`")
    return Check("worker", "note", f"none ({part.found}): what is submitted would wait", "`maos up`")


def _waiting(env: Mapping[str, str]) -> int:
    """Count what was submitted and is not over; a store that cannot be read is another check's affair."""
    try:
        with AuditStore.open(settings_from(env).database_url) as store:
            return len(store.submissions(limit=1_000, open_only=True))
    except MaosError:
        return 0


def _clock(now: datetime, answered: datetime | None) -> Check:
    if answered is None:
        return Check("clock", "note", "the server does not say what time it is")
    seconds = abs((answered - now).total_seconds())
    if seconds <= _MOST_SKEW_SECONDS:
        return Check("clock", "fine", f"within {_MOST_SKEW_SECONDS} seconds of the server's")
    mend = "let both machines keep their clocks by NTP: deadlines and schedules are instants"
    return Check("clock", "wrong", f"{seconds:.0f} seconds from the server's", mend)
