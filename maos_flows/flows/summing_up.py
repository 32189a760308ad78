"""Summing decisions up while a run goes on: after all else is done, waited for by nobody but the run's own end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import httpx
from prefect import get_run_logger
from prefect.exceptions import PrefectHTTPStatusError

from maos_flows.audit.store import AuditStore
from maos_flows.errors import MaosError
from maos_flows.flows.artifacts import publish_decision
from maos_flows.model import Decision, Event
from maos_flows.summing_up import summary_of

_begun: ContextVar[list[asyncio.Task[None]] | None] = ContextVar("summaries begun", default=None)


@asynccontextmanager
async def summaries_awaited() -> AsyncIterator[None]:
    """Wait, at the end of the block, for the summaries that were begun in it; within another such block, let that one.

    So the stages that depend on a decision wait for its summary as little as whoever follows its timeline.
    """
    if _begun.get() is not None:
        yield
        return
    begun: list[asyncio.Task[None]] = []
    outside = _begun.set(begun)
    try:
        yield
        await asyncio.gather(*begun)
    finally:
        _begun.reset(outside)
        for task in begun:
            task.cancel()


def begin_summary(
    store: AuditStore, decision: Decision, timeline: Sequence[Event], settings: Mapping[str, Any]
) -> None:
    """Begin to have a closed decision summed up for its page; must be called within `summaries_awaited`."""
    begun = _begun.get()
    assert begun is not None
    begun.append(asyncio.create_task(_sum_up(store, decision, timeline, settings)))


async def _sum_up(
    store: AuditStore, decision: Decision, timeline: Sequence[Event], settings: Mapping[str, Any]
) -> None:
    """Show a decision once more, with its summary; what keeps it from coming is a line in the run's log."""
    try:
        summary = await summary_of(store, decision, settings)
        await publish_decision(decision, timeline, summary)
    except (MaosError, httpx.HTTPError, PrefectHTTPStatusError) as error:
        words = "no summary of %s by %s: %s"
        get_run_logger().warning(words, decision.decision_id, settings["model"], error)
