"""The store that the commands look into."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore


@pytest.fixture
def store(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[AuditStore]:
    """An empty store, which is the configured one."""
    monkeypatch.setenv("MAOS_DATABASE_URL", sqlite_url)
    with AuditStore.open(sqlite_url) as made:
        yield made
