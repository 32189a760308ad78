"""Analyses that need more of the store than the decision itself."""

from typing import Any

from maos_flows.audit.store import AuditStore
from maos_flows.cli.lookup import Found
from maos_flows.cli.watching.behaviour import behaviour
from maos_flows.cli.watching.performance import performance
from maos_flows.model import Opening


def read_behaviour(store: AuditStore, found: Found, opening: Opening, *, limit: int) -> dict[str, Any]:
    """Say how a decision's agents behave, in it and over the newest decisions."""
    agents = [elector.agent_id for elector in opening.electorate.electors]
    return behaviour(found, opening, store.conduct(agents, limit=limit))


def read_performance(store: AuditStore, found: Found, opening: Opening, *, limit: int) -> dict[str, Any]:
    """Say where a decision's time went, and how long others took."""
    submission = store.submission(found.name)
    submitted_at = None if submission is None else submission.submitted_at
    return performance(found, opening, submitted_at=submitted_at, others=store.decisions(limit=limit))
