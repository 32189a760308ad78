"""Agents whose process does not live long, or does not come to an end by itself.

Run as a program, the file is a `command` voter that hangs.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def approve(proposal: dict[str, Any]) -> dict[str, Any]:
    """Approve, and note that one was asked."""
    with Path(os.environ["ASKED_LOG"]).open("a", encoding="utf-8") as log:
        log.write(f"{proposal['agent']['id']}\n")
    return {"choice": "approve", "reasoning": "it is time"}


def die_once(proposal: dict[str, Any]) -> dict[str, Any]:
    """Kill the process once all others have answered; approve the next time."""
    died = Path(os.environ["ASKED_LOG"]).with_suffix(".died")
    if not died.exists():
        while not _have_answered(proposal, others=2):
            threading.Event().wait(0.02)
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return approve(proposal)


def _have_answered(proposal: dict[str, Any], *, others: int) -> bool:
    from maos_flows.flows.stores import audit_store

    return len(audit_store().answers(proposal["decision_id"], 1)) >= others


def wait_for_leave(proposal: dict[str, Any]) -> dict[str, Any]:
    """Approve once the file `asked.leave` is there."""
    while not Path(os.environ["ASKED_LOG"]).with_suffix(".leave").exists():
        threading.Event().wait(0.02)
    return approve(proposal)


def hang(_proposal: dict[str, Any]) -> None:
    """Say which process hangs, and hang."""
    Path(os.environ["ASKED_LOG"]).write_text(str(os.getpid()))
    threading.Event().wait()


if __name__ == "__main__":
    hang(json.load(sys.stdin))
