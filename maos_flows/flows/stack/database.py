"""The database of the stack's own Prefect server: one that is given, a PostgreSQL of this machine's, or SQLite.

Prefect on SQLite answers "database is locked" as soon as two of its writes meet, and its client then sleeps for
seconds; on PostgreSQL it never does. Prefect needs the extension `pg_trgm`, which a PostgreSQL from pip lacks.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maos_flows.config.settings import STACK_DATABASE
from maos_flows.errors import StackError
from maos_flows.flows.stack.ports import free_port
from maos_flows.flows.stack.processes import Process, is_running, start, stop

STOP = signal.SIGINT
"""PostgreSQL's fast shutdown: sessions are ended, and what was committed is on disk."""

_USER = "maos"
_FIRST_PORT = 54_320
_START_SECONDS = 60
_LOOK_SECONDS = 0.1
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of a PostgreSQL that can hold Prefect's database."""

    folder: Path

    def __getitem__(self, name: str) -> str:
        """Give the path of one of them."""
        return str(self.folder / name)


def find_programs() -> Programs | None:
    """Find a PostgreSQL on this machine that brings `pg_trgm`; None for root, as whom it does not run."""
    if os.geteuid() == 0:
        return None
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    if _DEBIAN.is_dir():
        versions = [path for path in _DEBIAN.iterdir() if path.name.isdigit()]
        folders += [path / "bin" for path in sorted(versions, key=lambda path: int(path.name), reverse=True)]
    return next((Programs(folder) for folder in folders if _has_trgm(folder)), None)


def _has_trgm(folder: Path) -> bool:
    config = folder / "pg_config"
    if not all((folder / name).exists() for name in ("initdb", "postgres", "pg_isready")) or not config.exists():
        return False
    try:
        asked = subprocess.run([str(config), "--sharedir"], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - PostgreSQL's own program
    except (OSError, subprocess.SubprocessError):
        return False
    return (Path(asked.stdout.strip()) / "extension" / "pg_trgm.control").exists()


def given_url(environ: Mapping[str, str]) -> str | None:
    """Give the URL the user chose, in the form Prefect wants; None if they chose none."""
    url = environ.get(STACK_DATABASE, "")
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return f"postgresql+asyncpg://{url.removeprefix(scheme)}"
    return url or None


def make_cluster(programs: Programs, folder: Path) -> None:
    """Make the files of a PostgreSQL, under another name first: a folder of that name is then always whole.

    Raises:
        StackError: They cannot be made.
    """
    data = folder / "postgres"
    if data.exists():
        return
    making = folder / "postgres.new"
    password = folder / "postgres.password"
    try:
        shutil.rmtree(making, ignore_errors=True)
        with os.fdopen(os.open(password, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        command = [programs["initdb"], "--pgdata", str(making), "--username", _USER, "--pwfile", str(password)]
        options = ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
        subprocess.run([*command, *options], capture_output=True, text=True, check=True)  # noqa: S603 - PostgreSQL's own program
        making.rename(data)
    except OSError as error:
        raise StackError(f"the stack's database cannot be made in {folder}: {error.strerror or error}") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines() or ["no reason given"]
        raise StackError(f"the stack's database cannot be made in {folder}: {said[-1]}") from error


def start_cluster(programs: Programs, folder: Path, *, environment: Mapping[str, str]) -> Process:
    """Start the PostgreSQL, on a free port of this machine only, and wait until it answers.

    Raises:
        StackError: It does not.
    """
    port = free_port(_FIRST_PORT)
    (folder / "postgres.port").write_text(str(port))
    options = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "logging_collector": "off"}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    command = [programs["postgres"], "-D", str(folder / "postgres"), *settings]
    log = folder / "database.log"
    process = start(command, environment=environment, folder=folder, log=log)
    ready = [programs["pg_isready"], "--host", "127.0.0.1", "--port", str(port), "--quiet"]
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and is_running(process):
        if subprocess.run(ready, check=False, capture_output=True).returncode == 0:  # noqa: S603 - as above
            return process
        time.sleep(_LOOK_SECONDS)
    stop(process, patience_seconds=5, first=STOP)
    raise StackError(f"the stack's database did not start; its log is {log}")


def cluster_url(folder: Path) -> str:
    """Give the URL of the PostgreSQL that was started last, as Prefect wants it."""
    password = (folder / "postgres.password").read_text().strip()
    port = (folder / "postgres.port").read_text().strip()
    return f"postgresql+asyncpg://{_USER}:{password}@127.0.0.1:{port}/postgres"
