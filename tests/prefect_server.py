"""One Prefect server for all tests that need one, and a home of its own for each test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from maos_flows.flows.stack.settings import BATCHING

# In memory the server has one connection, and so no "database is locked", after which its client waits for seconds.
_SERVER_SETTINGS = {
    "PREFECT_API_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///:memory:",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    **BATCHING,
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run all tests that need the server in one worker, so that there is one server; none need say so itself.

    Not later: once all are collected, the workers' plugin reads the marks before anybody else has a turn.
    """
    if "prefect_address" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.xdist_group("prefect"))


@pytest.fixture(scope="session")
def prefect_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API address of a Prefect server that lasts as long as the session."""
    folder = tmp_path_factory.mktemp("prefect")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, **_SERVER_SETTINGS, "PREFECT_HOME": str(folder)}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_until_healthy(address, server, log)
        yield from _pointed_at(address, folder)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _wait_until_healthy(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the Prefect server did not start:\n{log.read_text()[-3000:]}")


def _pointed_at(address: str, folder: Path) -> Iterator[str]:
    """Point Prefect at a server, in this process and in those it starts."""
    from prefect.events.worker import EventsWorker
    from prefect.settings import Settings, temporary_settings
    from prefect.settings.legacy import _get_settings_fields

    wanted = {
        "PREFECT_API_URL": address,
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
    }
    known = _get_settings_fields(Settings)
    patch = pytest.MonkeyPatch()
    for name, value in wanted.items():
        patch.setenv(name, value)
    try:
        with temporary_settings({known[name]: value for name, value in wanted.items()}):
            yield address
            EventsWorker.drain_all(timeout=10)  # what is still to be sent is sent while there is a server
    finally:
        patch.undo()


@pytest.fixture
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `MAOS_HOME` of the test's own, with nothing there yet."""
    folder = tmp_path / "maos"
    monkeypatch.setenv("MAOS_HOME", str(folder))
    monkeypatch.delenv("MAOS_DATABASE_URL", raising=False)
    return folder


@pytest.fixture
def home(bare_home: Path, sqlite_template: Path) -> Path:
    """A `MAOS_HOME` of the test's own, with an empty audit store in it."""
    bare_home.mkdir(mode=0o700)
    shutil.copy(sqlite_template, bare_home / "audit.db")
    return bare_home
