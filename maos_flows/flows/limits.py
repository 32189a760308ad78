"""Limits of how many agents are asked at once: Prefect's global concurrency limits, held while an agent is asked."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import httpx
from prefect import get_client
from prefect.concurrency.asyncio import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    concurrency,
)
from prefect.logging import get_logger

from maos_flows.config.worker import worker_settings_from
from maos_flows.model import Agent

PREFIX: Final = "maos-"
BELIEVED_SECONDS = 10.0
"""How long what was looked up is believed: a decision asks the server once, not once for each ballot."""

_PAGE = 200
_logger = get_logger("maos.limits")


@dataclass(slots=True)
class _Known:
    """What is known of the limits in one event loop: their names, and until when that is believed."""

    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    names: frozenset[str] = frozenset()
    until: float = 0.0


_known: WeakKeyDictionary[asyncio.AbstractEventLoop, _Known] = WeakKeyDictionary()


@asynccontextmanager
async def place_for(agent: Agent, seconds: float | None) -> AsyncIterator[None]:
    """Hold a place under every limit of an agent, waiting for it if need be; none is needed unless that is configured.

    Limits are a courtesy to whoever is limited: while Prefect's server is away, agents are asked without.

    Args:
        agent: Who is about to be asked.
        seconds: How long may be waited; None: for ever.

    Raises:
        TimeoutError: No place became free in time.
    """
    async with AsyncExitStack() as places:
        if worker_settings_from(os.environ).limits and (names := await _those_of(agent)):
            await _enter(places, names, seconds)
        yield


async def _those_of(agent: Agent) -> list[str]:
    loop = asyncio.get_running_loop()
    known = _known.setdefault(loop, _Known())
    async with known.looking:
        if loop.time() > known.until:
            known.names = await _names()
            known.until = loop.time() + BELIEVED_SECONDS
    return sorted(known.names.intersection(limits_of(agent)))


def limits_of(agent: Agent) -> Iterator[str]:
    """Name the limits that hold for an agent, if there are any of these names: its own, its voter's, its provider's."""
    yield f"{PREFIX}agent-{agent.id}"
    yield f"{PREFIX}voter-{agent.voter}"
    provider, separator, _ = str(agent.settings.get("model", "")).partition(":")
    if agent.voter == "model" and separator:
        yield f"{PREFIX}provider-{provider}"


async def _enter(places: AsyncExitStack, names: list[str], seconds: float | None) -> None:
    try:
        # Prefect counts from the moment it comes to try, which is later where others wait for the same: so does this.
        async with asyncio.timeout(seconds):
            await places.enter_async_context(concurrency(names, timeout_seconds=seconds))
    except AcquireConcurrencySlotTimeoutError as error:
        raise TimeoutError from error
    except ConcurrencySlotAcquisitionError as error:
        _logger.warning("asked without a place: %s", error)


async def _names() -> frozenset[str]:
    found: set[str] = set()
    try:
        async with get_client() as client:
            while True:
                page = await client.read_global_concurrency_limits(limit=_PAGE, offset=len(found))
                found |= {limit.name for limit in page}
                if len(page) < _PAGE:
                    return frozenset(name for name in found if name.startswith(PREFIX))
    except httpx.HTTPError as error:
        _logger.warning("asked without limits, which cannot be looked up: %s", error)
        return frozenset()
