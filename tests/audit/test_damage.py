"""Damage: a store that cannot be read or written says so in one line; it never passes for an empty one."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.schema import VERSIONS
from maos_flows.audit.store import AuditStore
from maos_flows.errors import StoreError
from tests.audit.crowd import ROOT
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opened
from tests.databases import PostgresServer

HERE = ["sqlite:///{}", "sqlite+pysqlite:///{}"]


def fill(url: str, decisions: int = 3) -> None:
    """Put some closed decisions into a store."""
    with AuditStore.open(url) as store:
        for number in range(decisions):
            opened(store, f"d-{number}")
            for name in NAMES:
                store.record_answer(ballot(name, decision_id=f"d-{number}", reasoning="because " * 100))
            store.record_answer(ballot("mallory", decision_id=f"d-{number}"))
            store.close_decision(decision_of(store, f"d-{number}"), at=SOON)


def refusal(url: str) -> str:
    """The one line with which a store is refused."""
    with pytest.raises(StoreError) as caught:
        AuditStore.open(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def refusal_or_problems(url: str) -> str:
    """What is said of a store: when it is opened, or by its check."""
    try:
        with AuditStore.open(url) as store:
            return "; ".join(store.check())
    except StoreError as error:
        return str(error)


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection past the store, foreign keys off."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def tamper(url: str, statement: str) -> None:
    """Run a statement past the store, with no foreign key in its way."""
    if url.startswith("sqlite"):
        with raw(Path(str(read_url(url).database))) as file:
            file.execute(statement)
        return
    engine = make_engine(read_url(url))
    with transaction(engine, writes=True) as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store's file with decisions in it."""
    place = tmp_path / "audit.db"
    fill(f"sqlite:///{place}")
    return place


@pytest.mark.parametrize("url", HERE)
def test_a_store_in_a_file_is_its_owners_alone(tmp_path: Path, url: str) -> None:
    place = tmp_path / "new" / "deep" / "audit.db"

    with AuditStore.open(url.format(place)) as store:
        opened(store)

        assert {file.stat().st_mode & 0o777 for file in place.parent.iterdir()} == {0o600}
        assert store.name == str(place)
    assert [file.name for file in place.parent.iterdir()] == ["audit.db"]
    assert place.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_is_durable_and_strict(sqlite_url: str) -> None:
    with transaction(make_engine(read_url(sqlite_url)), writes=False) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_b63_a_file_of_garbage_is_loud_and_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "audit.db"
    place.write_bytes(b"garbage " * 1000)

    assert "not a database" in refusal(f"sqlite:///{place}")
    assert place.read_bytes() == b"garbage " * 1000


def test_b63_a_file_with_a_damaged_head_is_loud(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(b"\0" * 100 + data[100:])

    assert "not a database" in refusal(f"sqlite:///{path}")


def test_b63_a_file_that_was_emptied_is_loud(path: Path) -> None:
    path.write_bytes(b"")

    assert "the file is empty" in refusal(f"sqlite:///{path}")
    assert path.stat().st_size == 0


def test_b63_a_file_that_was_cut_short_is_loud(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])

    assert "malformed" in refusal_or_problems(f"sqlite:///{path}")


def test_b63_a_damaged_page_is_found_by_the_check(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(8, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(bytes(data))

    assert "damaged" in refusal_or_problems(f"sqlite:///{path}")


def test_b63_a_file_whose_tables_are_gone_is_loud(path: Path) -> None:
    with raw(path) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            connection.execute(f"DROP TABLE {name}")

    assert "its schema is gone" in refusal(f"sqlite:///{path}")


def test_b63_a_log_without_its_file_is_loud(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.with_name("audit.db-wal").write_bytes(b"what was not yet folded in")

    assert "restore a backup" in refusal(f"sqlite:///{path}")
    assert not path.exists()


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "other.db"
    with raw(place) as connection:
        connection.execute("CREATE TABLE mine (x)")

    assert "not an audit store" in refusal(f"sqlite:///{place}")
    with raw(place) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


@pytest.mark.parametrize("place", ["/dev/null/audit.db", "/proc/audit.db", "/"])
def test_a_place_where_no_file_can_be_is_loud(place: str) -> None:
    assert place in refusal(f"sqlite:///{place}")


def test_a_file_is_made_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)

    fill(f"sqlite:///{tmp_path / 'audit.db'}", 1)

    assert [file.name for file in tmp_path.iterdir()] == ["audit.db"]
    assert (tmp_path / "audit.db").stat().st_mode & 0o777 == 0o600


def test_a_link_that_fails_otherwise_is_loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)

    assert "No space left on device" in refusal(f"sqlite:///{tmp_path / 'audit.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://localhost/x", "allowed: sqlite, postgresql"),
        ("postgresql+asyncpg://localhost/x", "allowed: sqlite, postgresql"),
        ("audit.db", "cannot be read"),
        ("postgresql://user:secret@host:port/x", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str, words: str) -> None:
    said = refusal(url)

    assert words in said
    assert "secret" not in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_does_not_answer_is_loud_and_keeps_the_password(scheme: str) -> None:
    said = refusal(f"{scheme}://ana:secret@127.0.0.1:1/maos?connect_timeout=2")

    assert "postgresql://ana:***@127.0.0.1:1/maos" in said
    assert "refused" in said
    assert "secret" not in said


def test_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    assert 'pip install "maos-flows[postgres]"' in refusal("postgresql://127.0.0.1/maos")


def test_a_server_that_goes_away_is_loud_and_used_again_when_it_is_back(
    bare_postgres_url: str, postgres_server: PostgresServer
) -> None:
    with AuditStore.open(bare_postgres_url) as store:
        name = read_url(bare_postgres_url).database
        postgres_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres_server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        with pytest.raises(StoreError, match="not currently accepting connections"):
            store.decisions()
        postgres_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        assert store.decisions() == ()


def test_a_file_can_be_read_without_being_written(path: Path) -> None:
    before = path.read_bytes()

    with AuditStore.open(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        assert len(store.decisions()) == 3
        assert store.check() == ()
        with pytest.raises(StoreError, match="readonly"):
            store.record_answer(ballot(decision_id="d-0"))
    assert path.read_bytes() == before


def test_reading_does_not_make_a_file(tmp_path: Path) -> None:
    assert "unable to open" in refusal(f"sqlite:///file:{tmp_path / 'audit.db'}?mode=ro&uri=true")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_made_as_one_file_is_a_store_again(path: Path, tmp_path: Path) -> None:
    with raw(path) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))

    with AuditStore.open(f"sqlite:///{tmp_path / 'backup.db'}") as store:
        assert store.check() == ()
        assert len(store.decisions()) == 3


def test_b72_a_disk_that_is_full_fails_the_write_and_keeps_what_was_there(path: Path) -> None:
    script = f"""
import resource
from maos_flows.audit.store import AuditStore
from maos_flows.errors import StoreError
from tests.audit.samples import NAMES, SOON, ballot, decision_of, opened
from tests.databases import PostgresServer
size = {path.stat().st_size}
with AuditStore.open("sqlite:///{path}") as store:
    opened(store, "full")
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    kept = 0
    try:
        for name in (f"agent_{{number}}" for number in range(10_000)):
            store.record_answer(ballot(name, decision_id="full", reasoning="x" * 5000))
            kept += 1
    except StoreError as error:
        print(kept, "|", error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    kept, _, said = done.stdout.partition(" | ")
    assert "the audit store" in said, done.stderr
    with AuditStore.open(f"sqlite:///{path}") as store:
        assert store.check() == ()
        assert len(store.rejected("full", 1)) == int(kept)
        assert len(store.decisions()) == 4
        assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM maos_event WHERE decision_id = 'd-1' AND sequence = 2", "1 timelines with a gap"),
        (
            "DELETE FROM maos_answer WHERE decision_id = 'd-1' AND agent_id = 'ada'",
            "1 events without their row of maos_answer",
        ),
        ("DELETE FROM maos_rejected_ballot WHERE decision_id = 'd-1'", "1 events without their row of maos_rejected"),
        ("UPDATE maos_event SET kind = 'asked' WHERE sequence = 2", "3 rows of maos_answer without their event"),
        ("UPDATE maos_event SET kind = 'asked' WHERE kind = 'decided'", "3 closed decisions without their event"),
        ("DELETE FROM maos_round WHERE decision_id = 'd-1'", "1 decisions without a first round"),
        ("DELETE FROM maos_elector WHERE decision_id = 'd-1'", "1 rounds without an electorate"),
        ("DELETE FROM maos_decision WHERE id = 'd-1'", "belong to a decision that is gone"),
        (
            "UPDATE maos_round SET digest = 'sha256:0' WHERE decision_id = 'd-1'",
            "the record of maos_round d-1 1 was altered",
        ),
        (
            "UPDATE maos_decision SET request_digest = '' WHERE id = 'd-2'",
            "the request of maos_decision d-2 was altered",
        ),
        ("UPDATE maos_schema SET version_num = '9999'", f"the schema is 9999, not {VERSIONS[-1]}"),
        ("DROP TABLE maos_schema", f"the schema is None, not {VERSIONS[-1]}"),
    ],
)
def test_rows_that_do_not_belong_together_are_found_by_the_check(store_url: str, statement: str, problem: str) -> None:
    fill(store_url)

    with AuditStore.open(store_url) as store:
        assert store.check() == ()
        tamper(store_url, statement)
        problems = store.check()

    assert any(problem in line for line in problems) or (
        # SQLite itself finds rows whose parent is gone, and that comes first.
        store_url.startswith("sqlite") and any("that is gone" in line for line in problems)
    ), problems


def test_a_check_of_a_store_that_cannot_be_read_says_so(path: Path) -> None:
    with AuditStore.open(f"sqlite:///{path}") as store:
        store.close()
        shutil.rmtree(path.parent)

        (problem,) = store.check()

    assert "unable to open" in problem


def test_a_damaged_event_is_loud(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("UPDATE maos_event SET kind = 'rumour' WHERE sequence = 2")

    with AuditStore.open(f"sqlite:///{path}") as store, pytest.raises(StoreError, match="event 2 of d-0"):
        store.timeline("d-0")
