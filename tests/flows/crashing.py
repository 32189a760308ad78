"""Processes of the `maos` command that are killed at a given moment.

    python -m tests.flows.crashing

reads attempts from standard input, one line of JSON each, and answers each with a line: how it ended. An attempt is a
process of its own, forked from this one before anything but imports has happened in it, because the imports cost a
fresh interpreter seconds. It opens its own store and its own connections, leads its own process group, is killed with
SIGKILL, and ends like any interpreter if it is not.
"""

import gc
import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Kill:
    """When an attempt is killed: after so many seconds, or once its agents have given so many answers."""

    seconds: float | None = None
    answers: int = 0


class Crashes:
    """Starts attempts, from the test's side."""

    def __init__(self) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.crashing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._forker.stdout is not None
        assert self._forker.stdout.readline() == "ready\n"

    def attempt(
        self, words: Sequence[str], *, folder: Path, environment: Mapping[str, str], kill: Kill | None = None
    ) -> int:
        """Run `maos WORDS`, kill it at that moment if it has not ended by then, and give its exit code."""
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        wanted = {
            "words": list(words),
            "folder": str(folder),
            "environment": dict(environment),
            "kill": asdict(kill or Kill()),
        }
        self._forker.stdin.write(json.dumps(wanted) + "\n")
        self._forker.stdin.flush()
        return int(self._forker.stdout.readline())

    def close(self) -> None:
        """End the process that forks."""
        self._forker.communicate(timeout=60)


def _serve() -> None:
    """Fork once for each line; in the child, return with everything set for the command to run."""
    os.write(1, b"ready\n")
    while line := sys.stdin.readline():
        wanted = json.loads(line)
        ended, lifeline = os.pipe()  # its end is closed when the child is gone, however it went
        child = os.fork()
        if child == 0:
            os.close(ended)
            _become(wanted)
            return
        os.close(lifeline)
        _lead_own_group(child)
        if _outlived(ended, wanted):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(ended)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    sys.exit(0)


def _outlived(ended: int, wanted: dict[str, Any]) -> bool:
    """Wait until the attempt has ended, which is no, or the moment has come to kill it, which is yes."""
    kill = Kill(**wanted["kill"])
    until = time.monotonic() + (math.inf if kill.seconds is None else kill.seconds)
    while not select.select([ended], [], [], 0.01 if kill.answers else kill.seconds)[0]:
        if time.monotonic() >= until or (kill.answers and _answers(wanted["environment"]) >= kill.answers):
            return True
    return False


def _answers(environment: Mapping[str, str]) -> int:
    """Count the answers that the agents have noted in this attempt."""
    log = Path(environment["ASKED_LOG"])
    lines = log.read_text().splitlines() if log.exists() else []
    return sum(line.startswith(f"{environment['ATTEMPT']} answered ") for line in lines)


def _become(wanted: dict[str, Any]) -> None:
    _lead_own_group(os.getpid())
    folder = Path(wanted["folder"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.update(wanted["environment"])
    sys.argv = ["maos", *wanted["words"]]


def _lead_own_group(process: int) -> None:
    """Called on both sides of the fork: whoever comes first, it is done before anybody goes on."""
    os.setpgid(process, process)


def _import_all() -> None:
    """Import what the command imports, and what Prefect imports at its first run."""
    from maos_flows.cli.servers import prepare_prefect

    prepare_prefect()
    for name in ("cli.live", "cli.render", "cli.app", "flows.compiler", "audit.schema"):
        import_module(f"maos_flows.{name}")
    for name in ("prefect.flow_engine", "prefect.task_engine", "fastapi", "graphviz"):
        import_module(name)
    gc.freeze()  # so that no child pays for collecting it


if __name__ == "__main__":
    _import_all()
    _serve()
    import_module("maos_flows.cli.app").main()
