"""The audit store of this process: one per address, opened when first asked for."""

import os
from threading import Lock

from maos_flows.audit.store import AuditStore
from maos_flows.config import settings_from

_stores: dict[str, AuditStore] = {}
_lock = Lock()


def audit_store(url: str | None = None) -> AuditStore:
    """Give the audit store at an address, or the configured one.

    Args:
        url: A database URL; None takes `MAOS_DATABASE_URL`, else the SQLite file under `MAOS_HOME`.

    Raises:
        StoreError: It cannot be opened; nothing is decided without it.
    """
    address = url or settings_from(os.environ).database_url
    with _lock:
        if address not in _stores:
            _stores[address] = AuditStore.open(address)
        return _stores[address]
