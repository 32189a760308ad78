"""Summing decisions up by a model, once each: what was written is kept beside the record, which it cannot change."""

import asyncio
from collections.abc import Mapping
from typing import Any

from maos_flows.audit.model_summaries import ModelSummary
from maos_flows.audit.store import AuditStore
from maos_flows.model import Decision
from maos_flows.voters.base import utc_now
from maos_flows.voters.summing_up import sum_up


async def write_summary(store: AuditStore, decision: Decision, settings: Mapping[str, Any]) -> ModelSummary:
    """Have a model sum a closed decision up, and keep what it wrote; what was kept before stays.

    Args:
        store: Where the decision is.
        decision: What is summed up.
        settings: Those of a model voter.

    Raises:
        VoterError: There is no summary; says why in one line.
    """
    written = await sum_up(decision, settings)
    summary = ModelSummary(
        decision.decision_id, written.model, utc_now(), written.text, seconds=written.seconds, usage=written.usage
    )
    return await asyncio.to_thread(store.model_summaries.add, summary)


async def summary_of(store: AuditStore, decision: Decision, settings: Mapping[str, Any]) -> ModelSummary:
    """Give the newest summary of a decision that is kept, else have one written.

    Raises:
        VoterError: None is kept, and none came.
    """
    known = await asyncio.to_thread(store.model_summaries.latest, [decision.decision_id])
    return known.get(decision.decision_id) or await write_summary(store, decision, settings)
