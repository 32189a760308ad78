"""Settings: where the home, the audit store and the roster are, from the environment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from maos_flows.config.worker import WORKER_VARIABLES
from maos_flows.errors import ConfigurationError, Problem
from maos_flows.forms import nearest
from maos_flows.model_settings import SIMULATED, is_model

PREFIX = "MAOS_"
CONFIGURED = ("MAOS_CONSENSUS", "MAOS_AGENT_WEIGHTS", "MAOS_AGENT_EXPERTISE", "MAOS_AGENTS")
"""How the variables begin that set keys of `config.yml`."""

STACK_DATABASE = "MAOS_PREFECT_DATABASE_URL"
"""The variable that names the database of the stack's own Prefect server."""

_KNOWN = (
    "MAOS_HOME",
    "MAOS_DATABASE_URL",
    "MAOS_ROSTER",
    "MAOS_MODEL",
    "MAOS_TASK_RUNNER",
    STACK_DATABASE,
    *WORKER_VARIABLES,
)
_SCHEMES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")


class RunnerKind(StrEnum):
    """What chunks of large electorates are collected by."""

    THREADS = "threads"
    """The flow's own task runner: threads, unless the flow has another."""
    DASK = "dask"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are.

    Attributes:
        home: The folder for what is kept.
        database_url: The audit store's address; it may hold a password and is never shown.
        roster: The roster file that is used where a workflow names none.
        task_runner: What chunks of large electorates are collected by.
        model: What answers where no agents are configured: a model like `openai:gpt-6-luna`, or `simulated`; None: a
            model whose provider's key is in the environment, else simulated agents.
    """

    home: Path
    database_url: str
    roster: Path | None = None
    task_runner: RunnerKind = RunnerKind.THREADS
    model: str | None = None

    @property
    def config_file(self) -> Path:
        """The file that says how decisions are made."""
        return self.home / "config.yml"


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Resolve the settings from environment variables; a variable that is empty is as good as not set.

    Args:
        environ: `MAOS_HOME` (default `~/.maos`), `MAOS_DATABASE_URL` (default the SQLite file `audit.db` in the
            home), `MAOS_ROSTER` (default none), `MAOS_MODEL` (`provider:name` or `simulated`; default none),
            `MAOS_TASK_RUNNER` (`threads`, `dask` or `ray`; default `threads`).
            Those that set keys of `config.yml` are `resolve`'s affair;
            others that start with `MAOS_` are refused, the rest is not looked at.

    Raises:
        ConfigurationError: A variable is unknown or cannot be used; names every one.
    """
    problems = list(_problems(environ))
    if problems:
        raise ConfigurationError(problems, source="environment")
    home = _path(environ.get("MAOS_HOME") or "~/.maos", environ)
    roster = environ.get("MAOS_ROSTER")
    return Settings(
        home,
        environ.get("MAOS_DATABASE_URL") or f"sqlite:///{home / 'audit.db'}",
        _path(roster, environ) if roster else None,
        RunnerKind(environ.get("MAOS_TASK_RUNNER") or RunnerKind.THREADS),
        environ.get("MAOS_MODEL") or None,
    )


def _problems(environ: Mapping[str, str]) -> Iterator[Problem]:
    own = [name for name in environ if name.startswith(PREFIX) and not name.startswith(CONFIGURED)]
    for name in sorted(name for name in own if name not in _KNOWN):
        yield Problem(name, f"unknown variable, known are {', '.join(_KNOWN)}{nearest(name, _KNOWN)}")
    runner = environ.get("MAOS_TASK_RUNNER")
    if runner and runner not in tuple(RunnerKind):
        yield Problem("MAOS_TASK_RUNNER", f"{runner[:80]!r} is unknown; allowed: {', '.join(RunnerKind)}")
    model = environ.get("MAOS_MODEL")
    if model and model != SIMULATED and not is_model(model):
        yield Problem("MAOS_MODEL", f"{model[:80]!r} is neither like openai:gpt-6-luna nor {SIMULATED}")
    scheme, separator, _ = environ.get("MAOS_DATABASE_URL", "").partition("://")
    if scheme and (not separator or scheme not in _SCHEMES):
        yield Problem(
            "MAOS_DATABASE_URL", f"it must start with one of {', '.join(f'{known}://' for known in _SCHEMES)}"
        )


def _path(text: str, environ: Mapping[str, str]) -> Path:
    """Make an absolute path; `~` is the `HOME` of that environment, or of this process where it has none."""
    path = Path(text)
    if path.parts[:1] == ("~",):
        path = Path(environ.get("HOME") or Path.home(), *path.parts[1:])
    return path.absolute()
