"""The schema's version: made, brought up to date, or refused; a damaged store never passes for an empty one."""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Connection, Engine, inspect, text

from maos_flows.audit.engine import file_of, is_sqlite, make_engine, name_of, transaction
from maos_flows.errors import StoreError

VERSION_TABLE = "maos_schema"
"""Where the schema's version stands; not Alembic's usual name, so that a database can be shared with Prefect's."""

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
"""The versions this release can read, oldest first. A step of the schema adds its own."""

_APPLICATION_ID = 0x6D616F73
"""Marks an SQLite file as ours: `maos` in ASCII, in the file's header (SQLite file format, section 1.3.14)."""

_LOCK = 0x6D616F73
"""The number of the advisory lock that PostgreSQL's sessions take to change the schema."""

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it is working on in its modules, so two threads must not use it at once, whatever their stores."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(engine: Engine) -> None:
    """Bring a store to the newest schema, made new if there is none; several processes may do so at once.

    Raises:
        StoreError: It is damaged, not ours, newer than this release, or cannot be reached or written.
    """
    where = name_of(engine.url)
    if is_sqlite(engine.url):
        _make_file(engine.url)
        _check_is_ours(engine, where)
    with transaction(engine, writes=False) as connection:
        version = version_of(connection)
    if version == VERSIONS[-1]:
        return
    with transaction(engine, writes=True) as connection:
        if not is_sqlite(engine.url):
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        version = version_of(connection)
        if version not in {None, *VERSIONS}:
            raise StoreError(
                f"the audit store {where} has schema {version}, newer than {VERSIONS[-1]}: upgrade maos-flows"
            )
        if version is None and is_sqlite(engine.url):
            raise StoreError(f"the audit store {where} is damaged: its schema is gone")
        if version != VERSIONS[-1]:
            migrate(connection)


def version_of(connection: Connection) -> str | None:
    """Read the schema's version; None if there is no schema."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    versions = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()  # noqa: S608 - a constant
    return versions[0] if len(versions) == 1 else "unknown"


def migrate(connection: Connection, revision: str = "head") -> None:
    """Apply the steps that are missing, in the caller's transaction."""
    # Imported here because it costs a tenth of a second, and a store that is up to date does not need it.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, revision)


def _check_is_ours(engine: Engine, where: str) -> None:
    with transaction(engine, writes=False) as connection:
        mark = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    if mark != _APPLICATION_ID:
        raise StoreError(f"{where} is an SQLite database, but not an audit store")


def _make_file(url: URL) -> None:
    """Make a new store's file whole under another name first: an empty file is then always a damaged one."""
    path = file_of(url)
    if path is None:
        return
    try:
        if path.exists():
            if path.is_file() and path.stat().st_size == 0:
                raise StoreError(f"the audit store {path} is damaged: the file is empty")
            return
        if path.with_name(f"{path.name}-wal").exists():
            raise StoreError(
                f"the audit store {path} is gone, but its {path.name}-wal is still there: restore a backup"
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_new(url, path)
    except OSError as error:
        raise StoreError(f"the audit store {path} cannot be made: {error.strerror or error}") from error


def _make_new(url: URL, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        # Reasons are given in confidence: only the owner may read them. SQLite gives its other files the same mode.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        engine = make_engine(url.set(database=str(temporary)))
        try:
            with transaction(engine, writes=True) as connection:
                connection.exec_driver_sql(f"PRAGMA application_id = {_APPLICATION_ID}")
                migrate(connection)
        finally:
            engine.dispose()
        with suppress(FileExistsError):
            _put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _put_in_place(temporary: Path, path: Path) -> None:
    """Give the finished file its name, unless another process was first.

    Raises:
        FileExistsError: It was.
    """
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}:
            raise
        # A file system without hard links: whoever opens the file while it is copied gets an error and no empty store.
        with path.open("xb") as file:
            path.chmod(0o600)
            file.write(temporary.read_bytes())
            os.fsync(file.fileno())
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def problems_of_schema(connection: Connection) -> tuple[str, ...]:
    """Say what is wrong with the schema's version, if anything."""
    version = version_of(connection)
    return () if version == VERSIONS[-1] else (f"the schema is {version}, not {VERSIONS[-1]}",)
