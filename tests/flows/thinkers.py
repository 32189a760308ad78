"""Agents that think for a while, and note in a log when they are asked and when they answer.

`think` is for a `python` voter; run as a program, the file is a `command` voter that does the same.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def think(proposal: dict[str, Any]) -> dict[str, Any]:
    """Approve, after a while that grows with the agent's number, and say in which attempt that was."""
    agent = proposal["agent"]["id"]
    _note("asked", proposal)
    time.sleep(0.1 + 0.15 * int(agent.rsplit("_", 1)[1]))
    _note("answered", proposal)
    return {"choice": "approve", "reasoning": f"{agent} in attempt {os.environ['ATTEMPT']}"}


def _note(what: str, proposal: dict[str, Any]) -> None:
    names = (os.environ["ATTEMPT"], what, proposal["decision_id"], str(proposal["round"]), proposal["agent"]["id"])
    with Path(os.environ["ASKED_LOG"]).open("a", encoding="utf-8") as log:
        log.write(" ".join(names) + "\n")


if __name__ == "__main__":
    json.dump(think(json.load(sys.stdin)), sys.stdout)
