"""A program that is kept running: again when it ends by itself, no longer when we are told to end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

KEEPER = "import sys; from maos_flows.flows.stack.keeping import keep; sys.exit(keep(sys.argv[1:], soon_seconds={}))"
KEPT = """
import os, signal, sys, time
log = open(sys.argv[1], "a")
is_first = log.tell() == 0
print(os.getpid(), file=log, flush=True)
if is_first:
    os.kill(os.getpid(), signal.SIGKILL)
signal.signal(signal.SIGTERM, lambda *_: (print("drained", file=log, flush=True), sys.exit(0)))
print("ready", file=log, flush=True)
time.sleep(600)
"""


def keeper(*words: str, soon_seconds: float) -> "subprocess.Popen[str]":
    """Start a keeper of a Python program."""
    command = [sys.executable, "-c", KEEPER.format(soon_seconds), sys.executable, "-c", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_program_that_is_killed_is_started_again_and_told_when_to_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with keeper(KEPT, str(log), soon_seconds=0) as keeping:
        while "ready" not in (log.read_text() if log.exists() else ""):
            assert keeping.poll() is None
            os.sched_yield()
        keeping.send_signal(signal.SIGTERM)
        code = keeping.wait(60)
        said = keeping.stderr.read() if keeping.stderr else ""
    first, second, *rest = log.read_text().split()

    assert first != second
    assert rest == ["ready", "drained"]
    assert code == 0
    assert "it ended by itself (by signal 9) and is started again" in said


def test_a_program_that_cannot_run_at_all_is_given_up(tmp_path: Path) -> None:
    with keeper("import sys; sys.exit(7)", soon_seconds=600) as keeping:
        assert keeping.wait(60) == 7
