"""Agents for the tests: functions a `python` voter calls. Each notes that it was asked, if there is a log."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any


def _note(proposal: dict[str, Any]) -> None:
    log = os.environ.get("ASKED_LOG")
    if log:
        line = f"{proposal['decision_id']} {proposal['round']} {proposal['agent']['id']}\n"
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(line)


def by_role(proposal: dict[str, Any]) -> dict[str, Any]:
    """Vote for the choice the agent's role names."""
    _note(proposal)
    return {"choice": proposal["agent"]["role"], "reasoning": f"{proposal['agent']['id']} is for it", "confidence": 0.9}


def slowly_by_role(proposal: dict[str, Any]) -> dict[str, Any]:
    """The same, after a while that grows with the agent's number."""
    time.sleep(0.15 * int(proposal["agent"]["id"].rsplit("_", 1)[1]))
    return by_role(proposal)


_together = threading.Barrier(2)


def wait_for_the_other_stage(proposal: dict[str, Any]) -> dict[str, Any]:
    """Approve once two decisions are being asked at the same time."""
    _together.wait(timeout=50)
    return by_role(proposal)


def hang(proposal: dict[str, Any]) -> None:
    """Block for ever, as a call that nothing can interrupt does."""
    _note(proposal)
    threading.Event().wait()


def crash(proposal: dict[str, Any]) -> None:
    """Raise."""
    _note(proposal)
    raise RuntimeError("the model is down")


def veto(proposal: dict[str, Any]) -> dict[str, Any]:
    """Veto, with a reason."""
    _note(proposal)
    return {"choice": "abstain", "veto": True, "reasoning": "it breaks the law"}


def by_round(proposal: dict[str, Any]) -> dict[str, Any]:
    """Split in the first round, agree in the second."""
    _note(proposal)
    number = int(proposal["agent"]["id"].rsplit("_", 1)[1])
    first = proposal["choices"][number % 2]
    return {"choice": proposal["choices"][0] if proposal["round"] > 1 else first, "reasoning": "r"}


def tell_context(proposal: dict[str, Any]) -> dict[str, Any]:
    """Approve, and repeat the context given."""
    _note(proposal)
    return {"choice": "approve", "reasoning": json.dumps(proposal["context"])}


def suggest_and_vote(proposal: dict[str, Any]) -> dict[str, Any]:
    """Suggest what stands before the arrow in the agent's role, and vote for what stands after it."""
    _note(proposal)
    suggested, _, chosen = proposal["agent"]["role"].partition(">")
    if proposal.get("wanted") == "suggestion":
        if suggested == "!":
            raise RuntimeError("the model is down")
        return {"suggestion": suggested, "reasoning": f"{proposal['agent']['id']} likes it"}
    told = [item["text"] for item in proposal["context"] if item["name"] == "suggested choices"]
    return {"choice": chosen or suggested, "reasoning": "\n".join(told)}
