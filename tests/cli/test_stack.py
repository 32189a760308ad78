"""The stack as a person uses it: one real server and worker, in a home of their own."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any

import psutil
import pytest

from maos_flows.flows.stack.processes import start_of

pytestmark = pytest.mark.xdist_group("stack")
MAOS = Path(sys.executable).with_name("maos")


class Shell:
    """A shell in which nothing is set but a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MAOS_"))}
        self.environment = {**kept, "HOME": str(folder), "MAOS_HOME": str(folder / "maos")}

    def maos(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Type a command."""
        command = [str(MAOS), *words]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def parts(self) -> dict[str, dict[str, Any]]:
        """The parts of the stack, by name."""
        return {part["name"]: part for part in json.loads(self.maos("status", "--format", "json").stdout)["parts"]}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with a stack that runs. The port it wishes for is taken."""
    shell = Shell(tmp_path_factory.mktemp("stack"))
    shell.environment["MAOS_PREFECT_DATABASE_URL"] = f"sqlite+aiosqlite:///{shell.folder / 'prefect.db'}"
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wished = str(taken.getsockname()[1])
        begun = shell.maos("up", "--port", wished)
    try:
        assert begun.returncode == 0, begun.stderr
        assert f"port {wished} is taken" in begun.stderr
        yield shell
    finally:
        shell.maos("down", "--timeout", "5")


def test_it_runs_and_says_so_to_any_shell(shell):
    result = shell.maos("status")

    assert result.returncode == 0, result.stdout
    assert "server    running" in result.stdout
    assert "worker    running" in result.stdout


def test_starting_it_again_starts_nothing(shell):
    before = shell.parts()
    again = shell.maos("up")

    assert again.returncode == 0, again.stderr
    assert shell.parts() == before


def test_no_foreign_page_can_drive_it(shell):
    api = shell.parts()["server"]["found"].split(" ")[0] + "api"
    foreign = {"Origin": "http://evil.example", "Content-Type": "application/json"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{api}/flows/", b"{}", foreign))
    with urllib.request.urlopen(urllib.request.Request(f"{api}/csrf-token?client=x", headers=foreign)) as answer:
        allowed = answer.headers.get("Access-Control-Allow-Origin")

    assert refused.value.code == 403
    assert allowed is None


def test_a_question_submitted_is_decided_in_the_background_by_a_worker_that_comes_back_when_it_dies(shell):
    (worker,) = psutil.Process(shell.parts()["worker"]["pid"]).children()
    worker.kill()
    submitted = shell.maos("task", "submit", "Which one: a, b, or c?", "--max-agents", "3", "--format", "json")
    task = json.loads(submitted.stdout)
    followed = shell.maos("consensus", "monitor", task["task_id"], "--follow")
    shown = json.loads(shell.maos("task", "show", task["task_id"], "--format", "json").stdout)

    assert task["status"] == "submitted"
    assert task["url"].endswith(task["flow_run_id"])
    assert followed.returncode in {0, 1}, followed.stderr
    assert shown["outcome"] in {"reached", "not_reached"}


def test_a_question_asked_here_and_now_is_decided_on_its_server(shell):
    result = shell.maos("decide", "Which one: a, b, or c?", "--max-agents", "3")
    address = shell.parts()["server"]["found"].split(" ")[0]

    assert result.returncode in {0, 1}, result.stderr
    assert f"on the Prefect server of the stack, {address}" in result.stderr
    assert f"in the Prefect UI: {address}runs/flow-run/" in result.stderr


def test_what_was_killed_is_started_again_where_it_was_by_whoever_needs_it(shell):
    before = shell.parts()
    for part in before.values():
        os.kill(part["pid"], signal.SIGKILL)
    dead = shell.maos("status")
    submitted = shell.maos("task", "submit", "Which one: a, b, or c?", "--wait", "--max-agents", "3")
    after = shell.parts()

    assert dead.returncode == 1
    assert submitted.returncode == 0, submitted.stderr
    assert all(part["runs"] for part in after.values())
    assert {part["pid"] for part in after.values()}.isdisjoint(part["pid"] for part in before.values())
    assert after["server"]["found"].split(" ")[0] == before["server"]["found"].split(" ")[0]


def test_another_audit_store_needs_another_worker(shell):
    other = Shell(shell.folder)
    other.environment |= {**shell.environment, "MAOS_DATABASE_URL": f"sqlite:///{shell.folder / 'other.db'}"}
    refused = other.maos("up")

    assert refused.returncode == 2
    assert "`maos down`, then `maos up`" in refused.stderr


def test_the_doctor_finds_it_sound(shell):
    result = shell.maos("doctor", "--format", "json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}

    assert result.returncode == 0, result.stdout
    for name in ("Prefect server", "Prefect server's safety", "Prefect server's batching", "worker", "clock"):
        assert checks[name]["status"] == "fine", checks[name]


def test_stopping_it_leaves_nothing_behind(shell):
    numbers = [part["pid"] for part in shell.parts().values()]
    stopped = shell.maos("down", "--timeout", "5")
    again = shell.maos("down")

    assert stopped.stdout == "stopped\n"
    assert again.stdout == "nothing was running\n"
    assert all(start_of(number) is None for number in numbers)
    assert shell.maos("status").returncode == 1
