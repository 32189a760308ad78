"""From a database URL to an engine and its transactions; whatever fails is a `StoreError` of one line."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from maos_flows.errors import StoreError

_WAIT_SECONDS = 30
"""How long a write waits for another process's before it fails."""

_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_WRITES = "maos_writes"
_NOTES = "maos_notes"


def read_url(text: str) -> URL:
    """Read a database URL: `sqlite:///FILE`, `postgresql://...` or `postgres://...`.

    Raises:
        StoreError: It is none of these.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "the audit store's URL cannot be read; write it like sqlite:///FILE or postgresql://HOST/NAME"
        ) from error
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in _SQLITE:
        raise StoreError(f"the audit store cannot be kept in {url.drivername!r}; allowed: sqlite, postgresql")
    if url.database in {None, "", ":memory:"}:
        raise StoreError("the audit store needs a file, like sqlite:////home/ana/.maos/audit.db")
    return url


def name_of(url: URL) -> str:
    """Write where a store is, for people: the file, or the server's URL without its password."""
    return str(url.database) if is_sqlite(url) else url.render_as_string(hide_password=True).replace("+psycopg", "")


def is_sqlite(url: URL) -> bool:
    """Say whether a store is an SQLite file."""
    return url.drivername in _SQLITE


def file_of(url: URL) -> Path | None:
    """Give the file a store is in; None for a server and for SQLite's own `file:` URIs, which say how they open."""
    return Path(str(url.database)) if is_sqlite(url) and "uri" not in url.query else None


def make_engine(url: URL) -> Engine:
    """Make the engine for a store.

    Raises:
        StoreError: The driver for PostgreSQL is not installed.
    """
    if is_sqlite(url):
        engine = create_engine(
            url, pool_timeout=_WAIT_SECONDS, connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False}
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        return create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_timeout=_WAIT_SECONDS,
            max_overflow=15,
            connect_args=arguments,
        )
    except ImportError as error:
        raise StoreError('PostgreSQL needs the extra "postgres": pip install "maos-flows[postgres]"') from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Make a new connection durable, strict and patient."""
    # The driver would begin a transaction at the first write, which is too late: see _begin_sqlite.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    # A file opened for reading only stays as it is, and so does one that is busy: both work, only less side by side.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    """Begin a write at once as one: two that began as reads and both want to write would fail, not wait."""
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Give a connection within a transaction: committed at the end, rolled back on any exception.

    Raises:
        StoreError: The database refused or could not be reached.
    """
    with speaking_of(engine), engine.connect() as connection:
        connection.execution_options(**{_WRITES: writes, _NOTES: {}})
        with connection.begin():
            yield connection


def notes_of(connection: Connection) -> dict[tuple[str, str], Any]:
    """Give what a transaction has noted of what it holds, by what it is and of which decision; it ends with it.

    Nobody else can change what a transaction holds, so it need not ask twice. Whoever changes it itself notes that.
    """
    notes: dict[tuple[str, str], Any] = connection.get_execution_options().get(_NOTES, {})
    return notes


@contextmanager
def speaking_of(engine: Engine) -> Iterator[None]:
    """Tell what the database refuses within the block as an error of the store.

    Raises:
        StoreError: The database refused or could not be reached.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, UnicodeError) as error:
        raise StoreError(f"the audit store {name_of(engine.url)}: {words_of(error)}") from error


def words_of(error: Exception) -> str:
    """Give the first line of what the database said."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__
