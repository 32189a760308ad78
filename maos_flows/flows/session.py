"""Prefect's clients, made once for all flows that run in a block, and not once for each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.context import AsyncClientContext, SyncClientContext


@asynccontextmanager
async def prefect_session() -> AsyncIterator[None]:
    """Let the flows that run within the block share Prefect's clients.

    Prefect makes two clients for each flow run that is not within another, and each loads all certificates of the
    system, which costs as much as a small flow. What runs in threads with event loops of their own, such as tasks that
    are submitted, makes its clients all the same.
    """
    with SyncClientContext.get_or_create():
        async with AsyncClientContext.get_or_create():
            yield
