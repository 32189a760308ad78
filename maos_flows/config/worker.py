"""Settings of whatever runs decisions: how long a worker's processes last, how soon one is gone, whom limits hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from maos_flows.errors import ConfigurationError, Problem
from maos_flows.text_types import read_flag, read_positive, read_seconds

SHORTEST_LEASE_SECONDS = 3.0
"""Below this a machine that is merely busy would be taken for one that is gone."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works.

    Attributes:
        runs: After so many runs a process makes place for a fresh one.
        memory_mib: So does one that holds more memory than this.
        drain_seconds: How long a worker that is told to stop waits for the runs in progress.
        lease_seconds: Whoever is at work says so at least three times in this time; after that he counts as gone.
        limits: Whether agents are asked only as far as Prefect's global concurrency limits allow.
    """

    runs: int = 200
    memory_mib: int = 1024
    drain_seconds: float = 30.0
    lease_seconds: float = 30.0
    limits: bool = False


_READERS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "MAOS_WORKER_RUNS": ("runs", read_positive),
    "MAOS_WORKER_MEMORY": ("memory_mib", read_positive),
    "MAOS_WORKER_DRAIN": ("drain_seconds", read_seconds),
    "MAOS_LEASE": ("lease_seconds", read_seconds),
    "MAOS_CONCURRENCY_LIMITS": ("limits", read_flag),
}
WORKER_VARIABLES = tuple(_READERS)
"""The variables that set them."""


def worker_settings_from(environ: Mapping[str, str]) -> WorkerSettings:
    """Resolve the worker's settings from environment variables; an empty one is as good as not set.

    Args:
        environ: `MAOS_WORKER_RUNS` (a count), `MAOS_WORKER_MEMORY` (in MiB), `MAOS_WORKER_DRAIN` and `MAOS_LEASE`
            (durations such as `30s`), `MAOS_CONCURRENCY_LIMITS` (`true` or `false`).

    Raises:
        ConfigurationError: One cannot be read, or the lease is too short; names every one.
    """
    found: dict[str, Any] = {}
    problems = []
    for name, (field, read) in _READERS.items():
        if environ.get(name):
            try:
                found[field] = read(environ[name])
            except ValueError as error:
                problems.append(Problem(name, str(error)))
    if found.get("lease_seconds", SHORTEST_LEASE_SECONDS) < SHORTEST_LEASE_SECONDS:
        problems.append(Problem("MAOS_LEASE", f"must be at least {SHORTEST_LEASE_SECONDS:g} seconds"))
    if problems:
        raise ConfigurationError(problems, source="environment")
    return WorkerSettings(**found)
