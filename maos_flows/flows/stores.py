"""The audit store of this process: one per address, opened when first asked for."""

import asyncio
import os
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from maos_flows.audit.store import AuditStore
from maos_flows.config import settings_from

Value = TypeVar("Value")

_stores: dict[str, AuditStore] = {}
_lock = Lock()


def store_address() -> str:
    """Give the address of the configured audit store; it may hold a password and is never shown."""
    return settings_from(os.environ).database_url


def audit_store(url: str | None = None) -> AuditStore:
    """Give the audit store at an address, or the configured one.

    Args:
        url: A database URL; None takes `MAOS_DATABASE_URL`, else the SQLite file under `MAOS_HOME`.

    Raises:
        StoreError: It cannot be opened; nothing is decided without it.
    """
    address = url or store_address()
    with _lock:
        if address not in _stores:
            _stores[address] = AuditStore.open(address)
        return _stores[address]


async def opened_store(url: str | None = None) -> AuditStore:
    """Give the same; the loop goes on while one that is not open yet is opened."""
    address = url or store_address()
    known = _stores.get(address)
    return known if known is not None else await asyncio.to_thread(audit_store, address)


async def kept(store: AuditStore, work: Callable[[], Value]) -> Value:
    """Await work with a store, done in one transaction, which it shares with what is handed over at the same time."""
    return await asyncio.wrap_future(store.hand_over(work))
