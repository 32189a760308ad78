"""Migrations: from nothing to the newest schema, which is the one the code is written for."""

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from maos_flows.audit.engine import make_engine, read_url, transaction
from maos_flows.audit.schema import VERSION_TABLE, VERSIONS, version_of
from maos_flows.audit.store import AuditStore
from maos_flows.audit.tables import METADATA
from maos_flows.errors import StoreError
from tests.audit.samples import opened


def history() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(files("maos_flows.audit") / "migrations"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def change(engine: Engine, statement: str) -> None:
    with transaction(engine, writes=True) as connection:
        connection.execute(text(statement))


def test_a_new_store_has_the_newest_schema(bare_store_url: str) -> None:
    AuditStore.open(bare_store_url).close()

    with transaction(make_engine(read_url(bare_store_url)), writes=False) as connection:
        assert version_of(connection) == VERSIONS[-1]
        assert set(inspect(connection).get_table_names()) == {*METADATA.tables, VERSION_TABLE}


def test_the_newest_schema_is_that_of_the_tables(store_url: str) -> None:
    with transaction(make_engine(read_url(store_url)), writes=False) as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)

        assert compare_metadata(context, METADATA) == []


def test_checks_of_the_tables_are_those_of_the_schema(store_url: str) -> None:
    with transaction(make_engine(read_url(store_url)), writes=False) as connection:
        found = inspect(connection)
        there = {check["name"] for table in METADATA.tables for check in found.get_check_constraints(table)}

    assert there == {"maos_decision_is_open_or_closed", "maos_run_is_open_or_finished"}


def test_the_versions_the_code_knows_are_the_steps_there_are() -> None:
    steps = [script.revision for script in history().walk_revisions()]

    assert list(reversed(steps)) == list(VERSIONS)


def test_a_schema_is_never_taken_back() -> None:
    for script in history().walk_revisions():
        with pytest.raises(NotImplementedError, match="restore a backup"):
            script.module.downgrade()


def test_opening_again_changes_nothing(store: AuditStore, store_url: str) -> None:
    opening = opened(store)

    with AuditStore.open(store_url) as again:
        assert again.opening("d-1") == opening


def test_threads_that_make_a_store_at_once_share_it(bare_store_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(AuditStore.open, [bare_store_url] * 4))

    opened(stores[0])
    for store in stores:
        assert len(store.decisions()) == 1
        store.close()


def test_a_newer_schema_is_refused(store_url: str) -> None:
    engine = make_engine(read_url(store_url))
    change(engine, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    engine.dispose()

    with pytest.raises(StoreError, match=r"schema 9999, newer than \d+: upgrade maos-flows"):
        AuditStore.open(store_url)


def test_a_schema_of_two_versions_is_refused(store_url: str) -> None:
    engine = make_engine(read_url(store_url))
    change(engine, f"INSERT INTO {VERSION_TABLE} VALUES ('0000')")
    engine.dispose()

    with pytest.raises(StoreError, match="schema unknown"):
        AuditStore.open(store_url)


def test_a_step_that_fails_leaves_nothing_behind(bare_postgres_url: str) -> None:
    engine = make_engine(read_url(bare_postgres_url))
    change(engine, "CREATE TABLE maos_stage (mine INTEGER)")

    with pytest.raises(StoreError, match="maos_stage"):
        AuditStore.open(bare_postgres_url)
    with transaction(engine, writes=False) as connection:
        assert inspect(connection).get_table_names() == ["maos_stage"]
    engine.dispose()


def test_a_postgresql_database_is_shared_with_others(bare_postgres_url: str) -> None:
    engine = make_engine(read_url(bare_postgres_url))
    change(engine, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
    change(engine, "INSERT INTO alembic_version VALUES ('somebody else')")

    with AuditStore.open(bare_postgres_url) as store:
        assert store.check() == ()
    with transaction(engine, writes=False) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "somebody else"
    engine.dispose()
