"""What the stack is made of: processes told apart, a record that survives, ports, settings. No server is started."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from socket import socket

import pytest

from maos_flows.errors import NotFoundError, StackError
from maos_flows.flows.stack import database, logs
from maos_flows.flows.stack.local import down, is_whole, running_address
from maos_flows.flows.stack.ports import free_port
from maos_flows.flows.stack.processes import Process, is_running, leftovers, start, start_of, stop
from maos_flows.flows.stack.settings import server_environment, sqlite_url, worker_environment
from maos_flows.flows.stack.state import StackFolder, StackState
from maos_flows.flows.stack.status import parts_of

SLEEPER = "import subprocess, sys, time; print('ready', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    " print(child.pid, flush=True); time.sleep(60)"
)


def started(tmp_path: Path, code: str, *words: str, **environment: str) -> Process:
    """Start Python in the background and wait until it has printed its first line."""
    log = tmp_path / "process.log"
    command = [sys.executable, "-c", code, *words]
    process = start(command, environment={**os.environ, **environment}, folder=tmp_path, log=log)
    while not log.read_text().endswith("\n"):
        assert is_running(process), log.read_text()
        os.sched_yield()
    return process


class TestProcesses:
    def test_a_process_outlives_nothing_after_it_was_stopped(self, tmp_path):
        process = started(tmp_path, SLEEPER)
        was_running = is_running(process)
        stop(process, patience_seconds=10)

        assert was_running
        assert not is_running(process)

    def test_a_process_that_ignores_being_asked_is_killed(self, tmp_path):
        process = started(tmp_path, STUBBORN)
        stop(process, patience_seconds=0.2)

        assert start_of(process.pid) is None

    def test_what_a_process_started_is_stopped_with_it(self, tmp_path):
        process = started(tmp_path, PARENT)
        child = int((tmp_path / "process.log").read_text())
        stop(process, patience_seconds=10)

        assert start_of(child) is None

    def test_what_a_killed_process_left_behind_is_stopped(self, tmp_path):
        process = started(tmp_path, PARENT)
        child = int((tmp_path / "process.log").read_text())
        os.kill(process.pid, signal.SIGKILL)
        os.waitpid(process.pid, 0)
        stop(process, patience_seconds=10)

        assert start_of(child) is None

    def test_another_process_with_the_number_of_one_that_ended_is_let_be(self, tmp_path):
        other = started(tmp_path, SLEEPER)
        recorded = replace(other, started="an earlier one")
        stop(recorded, patience_seconds=0.2)

        assert not is_running(recorded)
        assert is_running(other)
        stop(other, patience_seconds=10)

    def test_a_program_that_is_not_there_cannot_be_started(self, tmp_path):
        with pytest.raises(StackError, match="cannot be started"):
            start(["/no/such/program"], environment={}, folder=tmp_path, log=tmp_path / "log")

    def test_a_long_log_is_put_aside(self, tmp_path):
        log = tmp_path / "process.log"
        log.write_bytes(b"x" * 5_000_001)
        process = started(tmp_path, SLEEPER)
        stop(process, patience_seconds=10)

        assert log.read_text() == "ready\n"
        assert (tmp_path / "process.log.1").stat().st_size == 5_000_001

    def test_servers_and_workers_nobody_recorded_are_found_by_their_home(self, tmp_path):
        home = tmp_path / "prefect"
        lost = started(tmp_path, SLEEPER, "prefect", "server", "start", PREFECT_HOME=str(home))
        found = leftovers(home, ())
        known = leftovers(home, (lost,))
        others = leftovers(tmp_path / "another", ())
        stop(lost, patience_seconds=10)

        assert [process.pid for process in found] == [lost.pid]
        assert known == others == ()


class TestRecord:
    STATE = StackState("http://127.0.0.1:1/api", "/a.db", processes={"worker": Process(1, "boot/2", "/w.log")})

    def test_what_was_started_is_read_as_it_was_written(self, tmp_path):
        folder = StackFolder(tmp_path / "stack")
        folder.make()
        folder.write(self.STATE)

        assert folder.read() == self.STATE
        assert folder.path.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"processes": 1}'])
    def test_a_damaged_record_is_as_good_as_none(self, tmp_path, text):
        folder = StackFolder(tmp_path / "stack")
        folder.make()
        (folder.path / "state.json").write_text(text)

        assert folder.read() == StackState()

    def test_a_record_that_cannot_be_written_is_one_clear_error(self, tmp_path):
        (tmp_path / "stack").mkdir()
        (tmp_path / "stack" / "state.new").mkdir()

        with pytest.raises(StackError, match=r"state\.json cannot be written"):
            StackFolder(tmp_path / "stack").write(self.STATE)

    def test_a_home_that_cannot_be_made_is_one_clear_error(self, tmp_path):
        (tmp_path / "file").write_text("")

        with pytest.raises(StackError, match="cannot be made"), StackFolder(tmp_path / "file" / "stack").locked():
            pass

    def test_only_one_at_a_time_changes_the_stack(self, tmp_path):
        folder = StackFolder(tmp_path / "stack")
        order: list[str] = []
        waiting = threading.Event()

        def second() -> None:
            waiting.set()
            with folder.locked():
                order.append("second")

        thread = threading.Thread(target=second)
        with folder.locked():
            thread.start()
            waiting.wait()
            order.append("first")
        thread.join()

        assert order == ["first", "second"]


class TestPorts:
    def test_a_taken_port_is_passed_over(self):
        with socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = taken.getsockname()[1]

            assert free_port(number) > number

    def test_a_free_port_is_taken_as_wished(self):
        with socket() as sock:
            sock.bind(("127.0.0.1", 0))
            number = sock.getsockname()[1]

        assert free_port(number) == number

    def test_no_free_port_is_one_clear_error(self):
        with socket() as taken:
            taken.bind(("127.0.0.1", 65_535))
            taken.listen()

            with pytest.raises(StackError, match="no port from 65535 to 65535 is free"):
                free_port(65_535)


class TestSettings:
    def test_no_web_page_can_drive_the_server(self, tmp_path):
        found = server_environment({}, home=tmp_path, port=4321, database_url=None)

        assert found["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"
        assert found["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4321,http://localhost:4321"
        assert found["PREFECT_SERVER_UI_API_URL"] == "http://127.0.0.1:4321/api"
        assert found["PREFECT_API_DATABASE_CONNECTION_URL"] == sqlite_url(tmp_path / "prefect.db")

    def test_what_speaks_of_another_server_does_not_reach_ours(self, tmp_path):
        environ = {"PREFECT_API_URL": "https://other/api", "PREFECT_PROFILE": "other", "PATH": "/bin"}
        found = server_environment(environ, home=tmp_path, port=1, database_url="postgresql+asyncpg:///x")

        assert not {"PREFECT_API_URL", "PREFECT_PROFILE"} & found.keys()
        assert found["PATH"] == "/bin"
        assert found["PREFECT_API_DATABASE_CONNECTION_URL"] == "postgresql+asyncpg:///x"

    def test_batching_is_on_unless_the_user_says_otherwise(self, tmp_path):
        name = "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE"

        assert server_environment({}, home=tmp_path, port=1, database_url=None)[name] == "100"
        assert server_environment({name: "7"}, home=tmp_path, port=1, database_url=None)[name] == "7"

    def test_the_worker_works_for_the_server_it_is_started_for(self, tmp_path):
        environ = {"PREFECT_API_URL": "https://other/api", "PREFECT_API_KEY": "k", "OPENAI_API_KEY": "o"}
        server = {"PREFECT_API_URL": "http://127.0.0.1:1/api"}
        found = worker_environment(environ, home=tmp_path, server=server, settings={"MAOS_HOME": "/h"})

        assert found["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
        assert found["OPENAI_API_KEY"] == "o"
        assert found["MAOS_HOME"] == "/h"
        assert "PREFECT_API_KEY" not in found

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ("", None),
            ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
            ("postgres://h/d", "postgresql+asyncpg://h/d"),
            ("sqlite+aiosqlite:////srv/x.db", "sqlite+aiosqlite:////srv/x.db"),
        ],
    )
    def test_the_database_is_the_one_the_user_names(self, given, wanted):
        assert database.given_url({"MAOS_PREFECT_DATABASE_URL": given}) == wanted


class TestWithoutAStack:
    @pytest.fixture
    def environ(self, tmp_path) -> dict[str, str]:
        return {"MAOS_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}

    def test_nothing_runs_and_nothing_is_stopped(self, environ):
        told: list[str] = []

        assert running_address(environ) is None
        assert not is_whole(environ)
        assert not down(environ, patience_seconds=1, say=told.append)
        assert [(part.name, part.runs) for part in parts_of(environ)] == [("server", False), ("worker", False)]
        assert told == []

    def test_a_stack_whose_home_was_removed_is_stopped(self, environ, tmp_path):
        home = str(tmp_path / "home" / "stack" / "prefect")
        lost = started(tmp_path, SLEEPER, "prefect", "server", "start", PREFECT_HOME=home)
        was_there = down(environ, patience_seconds=5, say=lambda _: None)

        assert was_there
        assert not is_running(lost)

    def test_there_are_no_logs(self, environ):
        with pytest.raises(NotFoundError, match="there are no logs"):
            list(logs.last_lines(environ, "", lines=5))
        with pytest.raises(NotFoundError, match="no part 'wrker'"):
            list(logs.last_lines(environ, "wrker", lines=5))

    def test_a_worker_that_died_is_said_to_have_ended(self, environ, tmp_path):
        folder = StackFolder(tmp_path / "home" / "stack")
        folder.make()
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        folder.write(StackState(processes={"worker": Process(gone.pid, "long ago", "/w.log")}))
        worker = parts_of(environ)[-1]

        assert (worker.runs, worker.found) == (False, "ended, see /w.log")

    def test_the_end_of_the_logs_is_shown(self, environ, tmp_path):
        folder = StackFolder(tmp_path / "home" / "stack")
        folder.make()
        folder.log("worker").write_text("one\ntwo\nthree\n")

        assert list(logs.last_lines(environ, "worker", lines=2)) == ["worker   two", "worker   three"]

    def test_what_is_added_to_a_log_is_followed_line_by_line(self, environ, tmp_path):
        folder = StackFolder(tmp_path / "home" / "stack")
        folder.make()
        log = folder.log("worker")
        log.write_text("before\n")
        following = logs.followed(environ, "worker")
        writer = threading.Timer(0.05, lambda: log.write_text("before\nadded\nhalf a li"))
        writer.start()

        assert next(following) == "worker   added"
        writer.join()
