"""A store for what does not depend on the database; the cases run on both."""

from collections.abc import Iterator

import pytest

from maos_flows.audit.store import AuditStore


@pytest.fixture
def here(sqlite_url: str) -> Iterator[AuditStore]:
    """An empty store in a file."""
    with AuditStore.open(sqlite_url) as opened:
        yield opened
