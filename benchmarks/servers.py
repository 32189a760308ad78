"""The servers that measurements need, each in a temporary home and ended with it: Prefect's, and PostgreSQL."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maos_flows.flows.stack.settings import BATCHING, sqlite_url


@contextmanager
def prefect_server(home: Path, *, api: str = "", database: str = "") -> Iterator[None]:
    """Run a Prefect server, and point Prefect and the audit store of this process, and of those it starts, at it.

    Args:
        home: The folder for all that it keeps.
        api: The API address of a server that runs already, which is taken instead.
        database: The URL of its database; SQLite in its home, as our commands use it, if there is none.
    """
    port = _free_port()
    address = api or f"http://127.0.0.1:{port}/api"
    os.environ.update(
        {
            **BATCHING,
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": address,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": os.environ.get("PREFECT_LOGGING_LEVEL", "ERROR"),
            "PREFECT_SERVER_UI_ENABLED": "false",
            "PREFECT_API_DATABASE_CONNECTION_URL": database or sqlite_url(home / "prefect" / "prefect.db"),
            "MAOS_HOME": str(home / "maos"),
        }
    )
    (home / "prefect").mkdir(exist_ok=True)
    if api:
        yield
        return
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, home / "server.log") as server:
        _wait_for("the Prefect server", lambda: _is_healthy(address), server)
        yield


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """Run the machine's PostgreSQL (`apt-get install postgresql`), and give Prefect's URL of it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    binaries = found[-1] if found else Path(shutil.which("initdb") or "").parent
    folder = Path(tempfile.mkdtemp(prefix="maos-pg-"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(folder, "postgres")
        user = {"user": "postgres"}
    port = _free_port()
    create = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    subprocess.run(create, check=True, stdout=subprocess.DEVNULL, cwd=folder, **user)
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
    try:
        with running(command, home / "postgres.log", cwd=folder, **user) as server:
            _wait_for("PostgreSQL", lambda: _listens(port), server)
            yield f"postgresql+asyncpg://postgres:postgres@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(
    command: list[str], log: Path, environment: Mapping[str, str] | None = None, **more: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program that writes to a file, whose end is printed if what is done meanwhile fails."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True, **more
        )
    try:
        yield process
    except BaseException:
        print(f"--- the end of {log.name}\n{log.read_text()[-4000:]}", file=sys.stderr)
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for(what: str, is_there: Callable[[], bool], server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and server.poll() is None:
        if is_there():
            return
        time.sleep(0.2)
    raise SystemExit(f"{what} did not start")


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2):
            return True
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
