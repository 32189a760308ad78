"""Keep a program running: started again when it ends by itself, ended when we are told to end.

Run as `python -m maos_flows.flows.stack.keeping PROGRAM ARGUMENT...`. It imports nothing heavy, for it lasts.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from threading import Event
from types import FrameType

_SOON_SECONDS = 15.0
"""A program that ends sooner after its first start cannot run at all: whoever started it is to see that."""

_LONGEST_PAUSE_SECONDS = 30.0


def keep(command: Sequence[str], *, soon_seconds: float = _SOON_SECONDS) -> int:
    """Run a program until we are told to end, again whenever it ends by itself; give its last exit code.

    SIGTERM and SIGINT end it by SIGTERM and wait for it, however long that takes.
    """
    told_to_end = Event()
    child = [_start(command)]

    def end(_number: int, _frame: FrameType | None) -> None:
        told_to_end.set()
        child[0].send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    pause, begun = 1.0, time.monotonic()
    code = child[0].wait()
    if time.monotonic() - begun < soon_seconds:
        return code
    while not told_to_end.is_set():
        sys.stderr.write(f"it ended by itself ({_in_words(code)}) and is started again in {pause:.0f} s\n")
        sys.stderr.flush()
        if told_to_end.wait(pause):
            break
        begun = time.monotonic()
        child[0] = _start(command)
        if told_to_end.is_set():  # the signal may have come while there was no child
            child[0].send_signal(signal.SIGTERM)
        code = child[0].wait()
        lasted = time.monotonic() - begun
        pause = 1.0 if lasted > _LONGEST_PAUSE_SECONDS else min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return code


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(list(command))  # noqa: S603 - the stack's own worker


def _in_words(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"exit code {code}"


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
