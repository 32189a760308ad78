"""The manual's page on the audit store: its examples run, and say what it says they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from maos_flows.audit import bounds
from maos_flows.audit.store import AuditStore
from maos_flows.audit.tables import METADATA
from tests.audit.crowd import ROOT
from tests.audit.samples import ballot, opened

PAGE = (ROOT / "docs" / "audit-store.md").read_text()
READING, BACKUP = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(example: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", example],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_store_is_read_as_the_manual_says(store: AuditStore, store_url: str) -> None:
    opened(store)
    store.record_answer(ballot())

    said = run(READING, MAOS_DATABASE_URL=store_url).splitlines()

    assert said[0] == "2026-03-01 12:00:00+00:00 d-1 open "
    assert said[2].endswith("ada: PostgreSQL, confidence 0.9")
    assert said[-1] == "the store is sound"


def test_a_store_in_use_is_backed_up_as_the_manual_says(sqlite_url: str, tmp_path: Path) -> None:
    with AuditStore.open(sqlite_url) as store:
        opened(store)
        store.record_answer(ballot())

        run(BACKUP, AUDIT_FILE=str(tmp_path / "audit.db"), BACKUP_FILE=str(tmp_path / "backup.db"))

        with AuditStore.open(f"sqlite:///{tmp_path / 'backup.db'}") as backup:
            assert backup.check() == ()
            assert backup.answers("d-1", 1) == store.answers("d-1", 1)
            assert backup.timeline("d-1") == store.timeline("d-1")


@pytest.mark.parametrize("table", sorted(METADATA.tables))
def test_the_manual_names_every_table(table: str) -> None:
    assert f"| `{table}` |" in PAGE


def test_the_manual_names_the_bounds() -> None:
    assert f"{bounds.MOST_REASONING // 1024} KiB of reasoning" in PAGE
    assert f"{bounds.MOST_EVIDENCE} pieces of evidence of {bounds.MOST_TEXT // 1024} KiB" in PAGE
    assert f"{bounds.MOST_ATTRIBUTES // 1024} KiB of attributes" in PAGE
