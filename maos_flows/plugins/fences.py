"""The fences a process puts around itself before it runs what somebody wrote; none of them can be taken down again."""

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from contextlib import suppress

from maos_flows.plugins.system_calls import refuse_system_calls

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1, 4, 8
_HANDLED = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many kinds of access each version of Landlock knows, all of which are then refused where no rule allows them."""
_MOST_HANDLED = 16
_LIBRARIES = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache")


def fence_in(*, cpu_seconds: int, memory_bytes: int, open_files: int, readable: Sequence[str]) -> list[str]:
    """Bound this process for good, and name the fences that stand.

    Args:
        cpu_seconds: How long it may compute.
        memory_bytes: How much address space it may have.
        open_files: How many files it may have open.
        readable: The folders it may read, beside the system's libraries.
    """
    standing = []
    if _limit(cpu_seconds, memory_bytes, open_files):
        standing.append("limits")
    if _hide_files((*_LIBRARIES, *readable)):
        standing.append("landlock")
    if refuse_system_calls():
        standing.append("seccomp")
    return standing


def _limit(cpu_seconds: int, memory_bytes: int, open_files: int) -> bool:
    """Set what the system can bound: time, memory, open files, and no process, written file or core dump at all."""
    import resource  # noqa: PLC0415 - not on every system

    wanted = {
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_AS: (memory_bytes, memory_bytes),
        resource.RLIMIT_NOFILE: (open_files, open_files),
        resource.RLIMIT_NPROC: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }
    for which, bounds in wanted.items():
        with suppress(OSError, ValueError):
            resource.setrlimit(which, bounds)
    return all(resource.getrlimit(which)[0] in (wanted[which][0], 0) for which in wanted)


def _hide_files(paths: Sequence[str]) -> bool:
    """Let this process read below some paths and touch no other file (Landlock, where the kernel has it)."""
    if platform.system() != "Linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    if version < 1:
        return False
    handled = (1 << _HANDLED.get(version, _MOST_HANDLED)) - 1
    attribute = ctypes.create_string_buffer(struct.pack("=Q", handled), 8)
    rules = library.syscall(_CREATE_RULESET, attribute, ctypes.c_size_t(8), 0)
    if rules < 0:
        return False
    try:
        for path in paths:
            _allow_reading(library, rules, path)
        allowed = library.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS, without which it is refused
        return allowed and bool(library.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow_reading(library: ctypes.CDLL, rules: int, path: str) -> None:
    """Allow reading below a path, if there is one."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        access = _READ_FILE | _EXECUTE | (_READ_DIR if os.path.isdir(path) else 0)  # noqa: PTH112 - pathlib costs 10 ms here
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place), 12)
        library.syscall(_ADD_RULE, rules, _BENEATH, rule, 0)
    finally:
        os.close(place)
