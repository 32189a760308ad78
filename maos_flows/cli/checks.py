"""The checks `maos doctor` makes, each with how to mend what it finds."""

import os
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version

from maos_flows.audit.store import AuditStore
from maos_flows.cli.checking import Check, numbers
from maos_flows.cli.configuration_checks import configuration_checks
from maos_flows.cli.server_checks import server_checks
from maos_flows.config import resolve, settings_from
from maos_flows.errors import MaosError
from maos_flows.roster import load_roster

_BOUNDS = {"prefect": ((3, 8, 8), (4,)), "fastapi": ((0, 139), (0, 151)), "sqlalchemy": ((2, 0, 14), (2, 1))}


def run_checks(*, timeout_seconds: float, environ: Mapping[str, str] | None = None) -> list[Check]:
    """Make every check; none of them raises."""
    env = os.environ if environ is None else environ
    return [
        _python(),
        *(_package(name) for name in _BOUNDS),
        *_extras(),
        _configuration(env),
        *configuration_checks(env),
        _store(env),
        _roster(env),
        *server_checks(env, timeout_seconds),
    ]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("Python", "fine" if supported else "wrong", found, "" if supported else "use Python 3.11 to 3.13")


def _package(name: str) -> Check:
    low, high = _BOUNDS[name]
    found = version(name)
    if low <= numbers(found) < high:
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
            configured = resolve(env).roster
            if configured is not None:
                return f"config.yml, {len(configured.roster.agents)} agents"
            return "none configured: a simulated roster answers"
        return f"{path}, {len(load_roster(path).roster.agents)} agents"

    return _guarded("roster", look, "correct the file MAOS_ROSTER names")
