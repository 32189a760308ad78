"""Keys that act: which test is for which key, and who is asked in those tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from maos_flows.request import DecisionRequest, open_decision
from maos_flows.roster import LoadedRoster, roster_from
from tests.config.standing_in import STANDING_IN
from tests.strategies import NOON

AGENTS: list[dict[str, Any]] = [
    {"id": "ann", "role": "tester", "domains": ["security"]},
    {"id": "bob", "role": "coder"},
    {"id": "cid", "role": "coder"},
    {"id": "dee", "role": "guru"},
    {"id": "eve", "role": "coder"},
]
WEIGHTED = {"consensus_algorithm": "weighted_voting"}
ROUTINE = "CONSENSUS__DECISION_POLICIES__ROUTINE__"
OF_TYPE = {"decision_type": "routine"}
ACTS: set[str] = set()
"""The keys that have a test, of the modules imported so far."""


def acts(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark the test of some keys: it fails if one is ignored."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        ACTS.update(names)
        return test

    return mark


def roster(**more: Any) -> LoadedRoster:
    """A roster of the agents."""
    voters = [{**agent, "voter": {"kind": "python", "function": "agents:vote"}} for agent in AGENTS]
    return roster_from({"agents": voters, **more}, base=Path())


def weights(request: DecisionRequest) -> dict[str, str]:
    """What everybody weighs in a decision of a request."""
    opening = open_decision(request, STANDING_IN[request.algorithm], decision_id="d-1", now=NOON)
    return {elector.agent_id: str(elector.weight) for elector in opening.electorate.electors}
