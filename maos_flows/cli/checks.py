"""The checks `maos doctor` makes, each with how to mend what it finds."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from maos_flows.audit.store import AuditStore
from maos_flows.config import settings_from
from maos_flows.errors import MaosError
from maos_flows.roster import load_roster

Status = Literal["fine", "note", "wrong"]
_BOUNDS = {"prefect": ((3, 8, 8), (4,)), "fastapi": ((0, 139), (0, 151)), "sqlalchemy": ((2, 0, 14), (2, 1))}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and how to mend it if it is wrong."""

    name: str
    status: Status
    found: str
    mend: str = ""


def run_checks(*, timeout_seconds: float, environ: Mapping[str, str] | None = None) -> list[Check]:
    """Make every check; none of them raises."""
    env = os.environ if environ is None else environ
    return [
        _python(),
        *(_package(name) for name in _BOUNDS),
        *_extras(),
        _configuration(env),
        _store(env),
        _roster(env),
        _server(env, timeout_seconds),
        *_server_safety(env),
    ]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("Python", "fine" if supported else "wrong", found, "" if supported else "use Python 3.11 to 3.13")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _package(name: str) -> Check:
    low, high = _BOUNDS[name]
    found = version(name)
    if low <= _numbers(found) < high:
        return Check(name, "fine", found)
    allowed = f">={'.'.join(map(str, low))},<{'.'.join(map(str, high))}"
    return Check(
        name, "wrong", found, f"other versions break Prefect's server or scheduler: pip install '{name}{allowed}'"
    )


def _extras() -> list[Check]:
    found = []
    for extra, package in (("postgres", "psycopg"), ("models", "pydantic-ai-slim")):
        try:
            found.append(Check(f"extra {extra}", "fine", f"{package} {version(package)}"))
        except PackageNotFoundError:
            found.append(
                Check(f"extra {extra}", "note", "not installed", f"pip install 'maos-flows[{extra}]' if it is wanted")
            )
    return found


def _guarded(name: str, look: Callable[[], str], mend: str) -> Check:
    try:
        return Check(name, "fine", look())
    except MaosError as error:
        return Check(name, "wrong", str(error), mend)


def _configuration(env: Mapping[str, str]) -> Check:
    return _guarded("configuration", lambda: f"MAOS_HOME {settings_from(env).home}", "correct the MAOS_ variables")


def _store(env: Mapping[str, str]) -> Check:
    def look() -> str:
        with AuditStore.open(settings_from(env).database_url) as store:
            problems = store.check()
            if problems:
                raise MaosError("; ".join(problems))
            return f"{store.name}, sound"

    return _guarded("audit store", look, "restore it from a backup, or point MAOS_DATABASE_URL at another")


def _roster(env: Mapping[str, str]) -> Check:
    def look() -> str:
        path = settings_from(env).roster
        if path is None:
            return "none configured: a simulated roster answers"
        return f"{path}, {len(load_roster(path).roster.agents)} agents"

    return _guarded("roster", look, "correct the file MAOS_ROSTER names")


def _server(env: Mapping[str, str], timeout_seconds: float) -> Check:
    address = env.get("PREFECT_API_URL", "")
    if not address:
        return Check("Prefect server", "note", "none configured: a temporary one is started for each command", _START)
    import httpx

    try:
        answer = httpx.get(f"{address.rstrip('/')}/admin/version", timeout=timeout_seconds)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return Check("Prefect server", "wrong", f"{address}: {error}", _START)
    return Check("Prefect server", "fine", f"{address}, version {answer.json()}")


_START = "start one with `prefect server start` and set PREFECT_API_URL=http://127.0.0.1:4200/api"


def _server_safety(env: Mapping[str, str]) -> list[Check]:
    """Look at the settings without which any web page the operator opens can drive the Prefect server."""
    if not env.get("PREFECT_API_URL") or env.get("PREFECT_API_AUTH_STRING"):
        return []
    mend = "set PREFECT_SERVER_API_AUTH_STRING and PREFECT_API_AUTH_STRING, and CSRF protection, on the server"
    return [
        Check(
            "Prefect server's safety", "note", "no PREFECT_API_AUTH_STRING: the server asks nobody who they are", mend
        )
    ]
