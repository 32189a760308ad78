"""Hostile policies: whatever they do, the decision is an error or what the ballots say, and we go on."""

import os

import psutil
import pytest

from maos_flows.model import Outcome, Reason
from maos_flows.plugins import sandbox
from maos_flows.plugins.sandbox import Limits
from tests.plugins.samples import AGREES, QUICK, body, decided, sandboxed

SHORT = Limits(wall_seconds=1, cpu_seconds=1)
FENCES = ["limits", *(["bubblewrap"] if sandbox.bubblewrap() else [])]
"""Bubblewrap is tried where it is; what is promised without it must hold anyway."""

FAILING = {
    "endless loop": (body("while True: pass"), ("signal", "1 seconds")),
    "sleep": (body("time.sleep(60)"), ("1 seconds",)),
    "memory bomb": (body("held = 'x' * 10**12"), ("MemoryError",)),
    "growing memory": (body("held = []", "while True: held.append(bytearray(10**8))"), ("MemoryError",)),
    "exit without a word": (body("os._exit(0)"), ("status 0, without an answer",)),
    "exit": (body("sys.exit(0)"), ("SystemExit",)),
    "deep recursion": (body("return self.evaluate_proposal(proposal, votes)"), ("RecursionError",)),
    "crash": (body("import ctypes", "ctypes.string_at(0)"), ("signal 11",)),
    "base exception": (body("raise BaseException('no')"), ("BaseException: no",)),
    "interrupt": (body("raise KeyboardInterrupt"), ("KeyboardInterrupt",)),
    "closed files": (body("os.closerange(0, 60)", AGREES), ("without an answer",)),
    "junk on every file": (
        body(
            "import contextlib",
            "for fd in range(60):",
            "    with contextlib.suppress(OSError): os.write(fd, b'!')",
            AGREES,
        ),
        ("not JSON", "no JSON"),
    ),
    "huge answer": (body("return {'consensus': False, 'reason': 'x' * 10**7}"), ("more than",)),
    "large answer": (body("return {'consensus': False, 'all': 'x' * 10**5}"), ("at most 65536 are kept",)),
    "deep answer": (
        body("deep = []", "for _ in range(100): deep = [deep]", "return {'consensus': False, 'deep': deep}"),
        ("nested deeper",),
    ),
    "endless answer": (
        body("loop = []", "loop.append(loop)", "return {'consensus': False, 'loop': loop}"),
        ("RecursionError",),
    ),
    "generator": (body("yield {'consensus': True}"), ("a generator, not a dict",)),
    "nothing": (body("pass"), ("a NoneType, not a dict",)),
    "text for a flag": (body("return {'consensus': 'false', 'decision': 'x', 'strength': 1}"), ("'consensus'",)),
    "not a number": (body("return {'consensus': True, 'decision': 'x', 'strength': float('nan')}"), ("JSON cannot",)),
    "infinite": (body("return {'consensus': True, 'decision': 'x', 'strength': 1e309}"), ("JSON cannot",)),
    "too strong": (body("return {'consensus': True, 'decision': 'x', 'strength': 7.0}"), ("'strength'",)),
    "a choice nobody cast": (body("return {'consensus': True, 'decision': 'z', 'strength': 1.0}"), ("nobody",)),
    "an object that equals all": (
        body(
            "class Any:",
            "    def __eq__(self, other): return True",
            "    def __hash__(self): return hash('x')",
            "    def __reduce__(self): return os.system, ('true',)",
            "return {'consensus': True, 'decision': Any(), 'strength': 1.0}",
        ),
        ("JSON cannot",),
    ),
    "a mapping that lies": (
        body(
            "class Lying(dict):",
            "    def items(self): raise BaseException('gotcha')",
            "return Lying(consensus=True)",
        ),
        ("gotcha",),
    ),
    "fork bomb": (body("while True: os.fork()"), ("PermissionError", "BlockingIOError")),
    "a program": (body("import subprocess", "subprocess.run(['/bin/true'])", AGREES), ("Error",)),
    "a thread that never ends": (
        body("import threading", "threading.Thread(target=time.sleep, args=(600,)).start()", AGREES),
        ("can't start new thread",),
    ),
    "kill the parent": (body("os.kill(os.getppid(), 9)", AGREES), ("PermissionError",)),
    "kill everything": (body("os.kill(-1, 9)", AGREES), ("PermissionError",)),
    "the network": (body("import socket", "socket.create_connection(('127.0.0.1', 1))"), ("PermissionError",)),
    "another one's limits": (
        body("import resource", "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))"),
        ("PermissionError",),
    ),
}


@pytest.fixture(params=FENCES)
def fence(request, monkeypatch):
    if request.param == "limits":
        monkeypatch.setattr(sandbox, "bubblewrap", lambda: None)
    return request.param


@pytest.mark.parametrize("name", FAILING)
def test_b76_a_hostile_policy_is_an_error_and_never_an_approval(name, fence):
    source, signs = FAILING[name]
    is_slow = name in {"endless loop", "sleep"}
    before = psutil.Process().children(recursive=True)

    decision = decided(sandboxed(source, limits=SHORT if is_slow else QUICK))

    assert (decision.outcome, decision.reason, decision.choice) == (Outcome.ERROR, Reason.POLICY_ERROR, None)
    assert any(sign in decision.explanation for sign in signs), decision.explanation
    assert psutil.Process().children(recursive=True) == before


HARMLESS = {
    "prints a forged answer": body('print(\'{"policy": {}, "answers": []}\', flush=True)', AGREES),
    "prints very much": body("sys.stdout.write('x' * 10**7)", "sys.stderr.write('x' * 10**7)", AGREES),
    "alters its copies": body(
        "for vote in votes: vote.update(decision='y', agent_weight=1e9)", "votes.clear()", AGREES
    ),
    "removes modules": body("sys.modules.clear()", AGREES),
    "alters fractions": body(
        "import fractions",
        "fractions.Fraction.__add__ = lambda *_: 7",
        "fractions.Fraction.__le__ = lambda *_: True",
        AGREES,
    ),
    "leaves tricks behind": body(
        "import atexit",
        "atexit.register(lambda: os.write(1, b'late'))",
        "class Late:",
        "    def __del__(self): os.write(1, b'late')",
        "sys.keep = Late()",
        AGREES,
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_b76_what_a_policy_does_to_its_own_process_changes_nothing(name, fence):
    decision = decided(sandboxed(HARMLESS[name]), "xxy")

    assert (decision.outcome, decision.choice) == (Outcome.REACHED, "x")
    assert [ballot.choice for ballot in decision.ballots] == ["x", "x", "y"]


def test_a_policy_sees_no_environment(fence, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")

    decision = decided(sandboxed(body("return {'consensus': False, 'seen': dict(os.environ)}")))

    assert "SECRET_TOKEN" not in decision.details["seen"]
    assert not set(decision.details["seen"]) & {"HOME", "PATH", "MAOS_HOME", "USER"}


@pytest.mark.parametrize(
    "how", ["open({path!r}).read()", "open({path!r}, 'w')", "os.remove({path!r})", "os.listdir({folder!r})"]
)
def test_a_policy_reaches_no_file_of_its_user(how, fence, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")

    decision = decided(sandboxed(body(how.format(path=str(secret), folder=str(tmp_path)), AGREES)))

    assert decision.reason is Reason.POLICY_ERROR
    assert "PermissionError" in decision.explanation or "FileNotFoundError" in decision.explanation
    assert secret.read_text() == "s3cret"


def test_a_policy_starts_in_an_empty_folder_and_leaves_nothing_in_it(fence):
    decision = decided(sandboxed(body("return {'consensus': False, 'where': os.getcwd()}")))

    assert not os.path.exists(decision.details["where"]) or decision.details["where"] == "/tmp"  # noqa: PTH110 - text


def test_a_policy_that_hangs_while_it_loads_is_ended_too(fence):
    decision = decided(sandboxed("import time\ntime.sleep(60)", limits=SHORT))

    assert "1 seconds" in decision.explanation
