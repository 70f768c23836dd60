"""Upgrades of databases of Telex 0.1.0."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.configuration.database_url import DatabaseUrl
from bot.core.models import DeliveryStatus
from bot.store import Store, StoreError
from bot.store.schema_scripts import (
    SCHEMA_DIRECTORY,
    UPGRADED_VERSION,
    EngineName,
    list_migrations,
    load_pending_scripts,
)
from bot.store.sqlite.migrations import list_integrity_problems, migrate, split_statements
from tests.store import old_databases, sql

CHECKOUT = Path(__file__).resolve().parents[2]
BASELINE, CURRENT = min(list_migrations()), max(list_migrations())
KILLS = 5


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Path:
    """A database file of Telex 0.1.0."""
    path = tmp_path_factory.mktemp("old") / "telex.db"
    old_databases.build_sqlite_database(path)
    return path


@pytest.fixture
def path(old, tmp_path) -> Path:
    """A copy of the old database."""
    return Path(shutil.copy(old, tmp_path / "telex.db"))


@pytest.fixture
def old_server(old, server_databases) -> DatabaseUrl:
    """The old database on a PostgreSQL server."""
    server = server_databases.empty()
    old_databases.build_postgres_database(server, old)
    return server


def list_tables_by_rows(rows: old_databases.Rows) -> list[str]:
    """Return the rows of each table as text, without the names of tables and columns."""
    return sorted(map(repr, rows.values()))


def load_baseline(schema_version: int, engine: EngineName, directory: Path = SCHEMA_DIRECTORY) -> dict[int, str]:
    """Return the script that upgrades a database of Telex 0.1.0 to the baseline."""
    scripts = load_pending_scripts(schema_version, engine, directory)
    return {BASELINE: scripts[BASELINE]}


async def create_fresh(place: Path | DatabaseUrl, clock) -> None:
    if isinstance(place, DatabaseUrl):
        sql.run(place, "DROP SCHEMA telex CASCADE")
    await (await Store.open(place, clock)).close()


def test_every_table_of_old_database_has_rows(old):
    assert [table for table, rows in old_databases.list_rows(old).items() if not rows] == []
    assert old_databases.describe_sqlite_schema(old)[0] == UPGRADED_VERSION


async def test_upgraded_file_keeps_rows_and_gets_current_schema(old, path, tmp_path, clock, monkeypatch):
    with closing(old_databases.connect(path)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr("bot.store.sqlite.migrations.load_pending_scripts", load_baseline)
            assert migrate(connection) is False
        assert list_tables_by_rows(old_databases.list_rows(path)) == list_tables_by_rows(old_databases.list_rows(old))
        assert migrate(connection) is False
        assert list_integrity_problems(connection) == []
    await create_fresh(tmp_path / "fresh.db", clock)
    assert old_databases.describe_sqlite_schema(path) == old_databases.describe_sqlite_schema(tmp_path / "fresh.db")


async def test_upgraded_server_keeps_rows_and_gets_current_schema(old_server, clock, monkeypatch):
    from bot.store.postgres import postgres_connection, postgres_engine  # noqa: PLC0415 - not everywhere

    before = old_databases.list_rows(old_server)
    connection = postgres_connection.PostgresConnection(old_server)
    with closing(connection.raw_connection):
        with monkeypatch.context() as patch:
            patch.setattr("bot.store.postgres.postgres_engine.load_pending_scripts", load_baseline)
            assert postgres_engine.migrate(connection, old_server) is False
        assert list_tables_by_rows(old_databases.list_rows(old_server)) == list_tables_by_rows(before)
        assert postgres_engine.migrate(connection, old_server) is False
    upgraded = old_databases.describe_postgres_schema(old_server)
    await create_fresh(old_server, clock)
    assert upgraded == old_databases.describe_postgres_schema(old_server)


async def test_bot_continues_with_upgraded_database(path, clock):
    # Posts, claims, bookmarks and identities still mean the same
    clock.advance(1_779_000_700 - clock.now())
    store = await Store.open(path, clock)
    try:
        assert await store.check() == CURRENT
        dispatches = store.dispatches
        assert [dispatch.dedupe_key for dispatch in await dispatches.list_claimed()] == ["catch-up-1"]
        assert {3, 4} <= set((await dispatches.list_claimed())[0].article_ids)
        assert [dispatch.dedupe_key for dispatch in await dispatches.list_unfinalized()] == ["key-2"]
        assert [dispatch.dedupe_key for dispatch in await dispatches.list_dispatches_to_edit(clock.now(), 9)] == [
            "key-2"
        ]
        claimed = await dispatches.claim(200)
        assert (claimed.dedupe_key, claimed.article_ids, claimed.server_id) == ("key-5", (5,), 100)
        statuses = await store.delivery_statuses.list_by_page_key("page-1")
        assert {status.channel_id: status.status for status in statuses} == {
            200: DeliveryStatus.POSTED,
            201: DeliveryStatus.FAILED,
            202: DeliveryStatus.WITHHELD,
        }
        assert [status.message_id for status in statuses if status.channel_id == 200] == [9001]
        known_articles = await store.polls.load_known_by_identity(1, [b"\xa1", b"\xa5", b"\xa6"])
        assert {known_article.key for known_article in known_articles.values()} == {"key-1", "key-5"}
        bookmarks = await store.bookmarks.list_by_user(300, limit=9)
        assert [bookmark.article.key for bookmark in bookmarks] == ["key-1"]
        second = await store.feeds.get(2)
        assert second.server_id == 100
    finally:
        await store.close()


def test_killed_upgrade_leaves_old_file(old, tmp_path):
    scripts = load_pending_scripts(UPGRADED_VERSION, "sqlite")
    statement_count = len(list(split_statements("".join(scripts.values()))))
    kills = [*sorted(random.Random(7).sample(range(1, statement_count), KILLS)), statement_count, 0]
    command = [sys.executable, "-m", "tests.store.interrupting", str(old), str(tmp_path), *map(str, kills)]
    subprocess.run(command, cwd=CHECKOUT, check=True, timeout=100)
    old_schema, old_rows = old_databases.describe_sqlite_schema(old)[1], old_databases.list_rows(old)
    finished_schema = old_databases.describe_sqlite_schema(tmp_path / "0.db")
    finished_rows = old_databases.list_rows(tmp_path / "0.db")
    for number in kills:
        copy = tmp_path / f"{number}.db"
        version, schema = old_databases.describe_sqlite_schema(copy)
        if version == UPGRADED_VERSION:
            assert schema == old_schema
            assert old_databases.list_rows(copy) == old_rows
        else:
            assert version in list_migrations()  # each is a transaction of its own
            assert (version == CURRENT) == (number == 0)
        with closing(old_databases.connect(copy)) as connection:
            assert list_integrity_problems(connection) == []
            migrate(connection)
        assert old_databases.describe_sqlite_schema(copy) == finished_schema
        assert old_databases.list_rows(copy) == finished_rows


@pytest.mark.parametrize(
    "fault", ["SELECT 1 / 0", "SELECT pg_terminate_backend(pg_backend_pid())"], ids=["error", "kill"]
)
async def test_failed_upgrade_leaves_old_database_on_server(old_server, clock, monkeypatch, fault):
    before = (old_databases.describe_postgres_schema(old_server), old_databases.list_rows(old_server))

    def load_scripts_with_fault(schema_version: int, engine: EngineName) -> dict[int, str]:
        scripts = load_pending_scripts(schema_version, engine)
        return {number: f"{script}{fault};" for number, script in scripts.items()}

    with monkeypatch.context() as patch:
        patch.setattr("bot.store.postgres.postgres_engine.load_pending_scripts", load_scripts_with_fault)
        with pytest.raises(StoreError):
            await Store.open(old_server, clock)
    assert (old_databases.describe_postgres_schema(old_server), old_databases.list_rows(old_server)) == before
    store = await Store.open(old_server, clock)
    assert await store.check() == CURRENT
    await store.close()


@pytest.mark.parametrize("version", [1, UPGRADED_VERSION - 1])
async def test_older_preview_file_is_refused_with_instructions(path, clock, version):
    with closing(old_databases.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    before = (old_databases.describe_sqlite_schema(path), old_databases.list_rows(path))
    with pytest.raises(StoreError, match=r"start Telex 0\.1\.0 with it once, then this one"):
        await Store.open(path, clock)
    assert (old_databases.describe_sqlite_schema(path), old_databases.list_rows(path)) == before


async def test_older_preview_on_server_is_refused_with_instructions(old_server, clock):
    sql.run(old_server, f"UPDATE schema_version SET number = {UPGRADED_VERSION - 1}")
    with pytest.raises(StoreError, match=r"start Telex 0\.1\.0 with it once, then this one"):
        await Store.open(old_server, clock)
    await create_fresh(old_server, clock)
