"""Ask a policy in a process of its own, bounded in time, memory and reach, and believe nothing of it but plain JSON.

Each decision is one process of some 100 milliseconds (half a second for a policy that imports numpy): nothing that
one evaluation does can reach the next. Bubblewrap is used where it is there and works; limits, and on Linux the
kernel's filters of files and system calls, always. What is then still possible is told in the manual.
"""

import asyncio
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import maos_flows
from maos_flows.errors import MaosError
from maos_flows.voters.cleaning import clean
from maos_flows.voters.failures import MalformedError
from maos_flows.voters.process import Finished, run
from maos_flows.voters.strict_json import read_json

MOST_ANSWER_BYTES = 4 * 1024 * 1024
"""The longest reply that is read: the answers of one decision, or of all examples at an installation."""

_MIB = 1024 * 1024
_CHILD = "maos_flows.plugins.child"
_PACKAGE = Path(maos_flows.__file__).parent
_TRY_SECONDS = 10


class SandboxError(MaosError):
    """A policy that gave no usable answer; says how it ended."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may take.

    Attributes:
        wall_seconds: How long it is waited for.
        cpu_seconds: How long it may compute.
        memory_bytes: How much address space it may have.
        open_files: How many files it may have open.
    """

    wall_seconds: float = 20.0
    cpu_seconds: int = 10
    memory_bytes: int = 768 * _MIB
    open_files: int = 64


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Code:
    """What is loaded: a file's text, or a package's entry point (`module:name`), and where from."""

    source: str = ""
    file: str = "policy.py"
    entry: str = ""
    folders: tuple[str, ...] = ()


def ask(
    code: Code,
    cases: Sequence[Mapping[str, Any]],
    *,
    parameters: Mapping[str, Any],
    limits: Limits = LIMITS,
    hash_seed: int = 0,
) -> dict[str, Any]:
    """Load a policy in a process of its own and let it answer cases.

    Args:
        code: The policy.
        cases: Proposals with their votes, as `as_dicts` gives them; each is the policy's own copy.
        parameters: What is set of its own parameters.
        limits: What all this may take.
        hash_seed: The seed by which Python orders sets of texts, the same for every decision.

    Returns:
        `policy` with what the policy says of itself, `answers` one for each case, and `fences` that stood; or, instead
        of the first two, `refused` with why the policy cannot be loaded. All of it is the policy's word.

    Raises:
        SandboxError: It crashed, took too long or too much, or what it wrote is no such reply.
    """
    readable = (*_folders(), *code.folders)
    request = {
        "source": code.source,
        "file": code.file,
        "entry": code.entry,
        "parameters": dict(parameters),
        "cases": list(cases),
        "limits": {
            "cpu_seconds": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "open_files": limits.open_files,
            "readable": readable,
        },
    }
    try:
        given = json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise SandboxError(f"its ballots hold what JSON cannot carry: {error}") from error
    finished = _run(given, readable, limits, code_folders=code.folders, hash_seed=hash_seed)
    reply = _reply(finished, cases)
    return {**reply, "fences": [*reply["fences"], *(["bubblewrap"] if bubblewrap() is not None else [])]}


def _run(
    given: bytes, readable: Sequence[str], limits: Limits, *, code_folders: Sequence[str], hash_seed: int
) -> Finished:
    """Run the child in a loop of its own, so that the caller may be anywhere, within a running loop too."""
    environment = {
        "PYTHONHASHSEED": str(hash_seed),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join((str(_PACKAGE.parent), *code_folders)),  # the very package that asks
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    # -P: nothing is imported from where it runs; -s: nor from the user's own packages; -B: nothing is written.
    command = [*_wrapped(readable), sys.executable, "-P", "-s", "-B", "-m", _CHILD]

    async def bounded(cwd: str) -> Finished:
        async with asyncio.timeout(limits.wall_seconds):
            return await run(command, given=given, cwd=cwd, environment=environment, max_output=MOST_ANSWER_BYTES)

    with tempfile.TemporaryDirectory(prefix="maos-policy-") as empty, ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(asyncio.run, bounded(empty)).result()
        except TimeoutError as error:
            raise SandboxError(f"it gave no answer within {limits.wall_seconds:g} seconds") from error
        except OSError as error:
            raise SandboxError(f"it could not be started: {error}") from error


def _folders() -> tuple[str, ...]:
    """Give the folders Python itself is read from, and ours."""
    prefixes = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)} | {sys.prefix}
    return (*sorted(prefix for prefix in prefixes if prefix != "/"), str(_PACKAGE))


def _wrapped(readable: Sequence[str]) -> list[str]:
    """Give the words before a command that put it in namespaces of its own; none where that cannot be done."""
    program = bubblewrap()
    if program is None:
        return []
    return bubblewrap_command(program, readable)


def bubblewrap_command(program: str, readable: Sequence[str]) -> list[str]:
    """Write the call of bubblewrap: nothing is shared, and nothing is there but libraries, Python and our package."""
    shown = [path for path in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", *readable) if Path(path).exists()]
    bound = [word for path in shown for word in ("--ro-bind", path, path)]
    return [
        *(program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--tmpfs", "/tmp", "--dev", "/dev", *bound, "--chdir", "/tmp"),  # noqa: S108 - a folder of the sandbox's own
        "--",
    ]


@functools.cache
def bubblewrap() -> str | None:
    """Find bubblewrap and try it once: in many containers it is there and may do nothing."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    words = [*bubblewrap_command(program, ()), "/usr/bin/env", "true"]
    try:
        tried = subprocess.run(words, capture_output=True, timeout=_TRY_SECONDS, check=False)  # noqa: S603 - found above
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if tried.returncode == 0 else None


def _reply(finished: Finished, cases: Sequence[object]) -> dict[str, Any]:
    """Read the reply, and check that it is of its form."""
    if finished.flooded:
        raise SandboxError(f"it answered more than {MOST_ANSWER_BYTES} bytes")
    if not finished.output:
        raise SandboxError(f"it {_ending(finished.status)}, without an answer{_last_words(finished)}")
    try:
        written = read_json(finished.output)
        reply = _tidied(written)
    except MalformedError as error:
        raise SandboxError(f"its answer is no JSON: {error}") from error
    if not isinstance(reply, dict) or not _is_of_form(reply, cases):
        raise SandboxError("its answer is not of the form that was asked for")
    if "policy" in reply:
        reply["policy"]["name"] = written["policy"]["name"]  # what cannot be seen in a name makes it no name
    return reply


def _ending(status: int) -> str:
    """Say how a process ended; bubblewrap tells of a signal as shells do, by 128 and its number."""
    number = -status if status < 0 else status - 128
    return f"was ended by signal {number}" if number > 0 else f"ended with status {status}"


def _last_words(finished: Finished) -> str:
    lines = clean(finished.error_tail).strip().splitlines()
    return f": {lines[-1][:200]}" if lines else ""


def _is_of_form(reply: Mapping[str, Any], cases: Sequence[object]) -> bool:
    if not isinstance(reply.get("fences"), list):
        return False
    if isinstance(reply.get("refused"), str):
        return True
    about, answers = reply.get("policy"), reply.get("answers")
    return (
        isinstance(about, dict)
        and all(isinstance(about.get(key), str) for key in ("name", "tolerates", "description"))
        and isinstance(about.get("parameters"), dict)
        and isinstance(answers, list)
        and len(answers) == len(cases)
        and all(isinstance(answer, dict) for answer in answers)
    )


def _tidied(value: Any) -> Any:
    """Give numbers with a point as floats, and texts without what cannot be seen: both are of the policy's making."""
    match value:
        case Decimal():
            return float(value)
        case str():
            return clean(value)
        case list():
            return [_tidied(item) for item in value]
        case dict():
            return {clean(key): _tidied(item) for key, item in value.items()}
        case _:
            return value
