"""What the Prefect servers we start are set to: lasting ones of the stack and temporary ones of a command."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

BATCHING = {
    # Recording task runs in batches halves what the server spends on a decision.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    # A whole number: less than a second becomes 0, and the server then spins.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
    # Of hundreds handed in at once most wait their turn; after 15 seconds each would be given one more state, late.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "120",
}
_QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

TEMPORARY = {
    # A temporary server needs 15 to 20 seconds on a slow machine, just past Prefect's own limit.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    **BATCHING,
}
"""What a command's own server gets where the user has set nothing else."""

_OTHERS = (
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
    "PREFECT_HOME",
    "PREFECT_PROFILE",
    "PREFECT_PROFILES_PATH",
    "PREFECT_UI_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
"""Variables that speak of another server than the one we start."""


def sqlite_url(file: Path) -> str:
    """Give the URL by which Prefect keeps its database in a file, through one connection.

    Two of Prefect's transactions that both read and then write fail each other on SQLite, it answers that the database
    is locked, and its client sleeps for seconds. Where its URL speaks of memory it makes one connection, and they wait
    for each other instead. SQLite passes over words in a URI that mean nothing to it.
    """
    return f"sqlite+aiosqlite:///file:{quote(str(file))}?uri=true&connections=one:memory:"


def server_environment(
    environ: Mapping[str, str], *, home: Path, port: int, database_url: str | None
) -> dict[str, str]:
    """Give the environment of the stack's server.

    No web page the user opens can drive it: writes want a token, and only its own UI may read one. Batching and the
    like can be set otherwise by variables of the user's; where it is and who may read from it cannot.
    """
    origin = f"http://127.0.0.1:{port}"
    fixed = {
        **_QUIET,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"{origin}/api",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"{origin},http://localhost:{port}",
        "PREFECT_API_DATABASE_CONNECTION_URL": database_url or sqlite_url(home / "prefect.db"),
    }
    defaults = {"PREFECT_SERVER_LOGGING_LEVEL": "WARNING", **BATCHING}
    return {**defaults, **_without(environ, _OTHERS), **fixed}


def worker_environment(
    environ: Mapping[str, str], *, home: Path, server: Mapping[str, str], settings: Mapping[str, str]
) -> dict[str, str]:
    """Give the environment of the stack's worker: the user's, pointed at a server, with our settings made absolute."""
    dropped = (*_OTHERS, "PREFECT_API_AUTH_STRING", "PREFECT_API_SSL_CERT_FILE")
    return {**_without(environ, dropped), **_QUIET, **server, **settings, "PREFECT_HOME": str(home)}


def _without(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name not in names}
