"""A database is brought up to date whole, or stays as it was."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.store import DatabaseBroken, DatabaseUnusable, NewerDatabase, Store
from bot.store.sqlite.migrations import (
    list_available_migrations,
    load_schema_version,
    migrate,
    split_statements,
)
from tests.support.samples import add_feed, new_article, record

NEXT = """
-- A migration with a trigger; and a semicolon in a comment;
ALTER TABLE feed ADD COLUMN mood TEXT;
CREATE TRIGGER feed_mood AFTER UPDATE OF title ON feed BEGIN
    UPDATE feed SET mood = 'new; title' WHERE id = NEW.id;
    UPDATE feed SET error = NULL WHERE id = NEW.id;
END;  -- of the trigger
UPDATE feed SET mood = 'good';
"""


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def state(path: Path) -> tuple[int, list[str], int]:
    """The version, the schema and the number of articles of a database."""
    with closing(connect(path)) as connection:
        return (
            connection.execute("PRAGMA user_version").fetchone()[0],
            [row[0] for row in connection.execute("SELECT sql FROM sqlite_master ORDER BY name")],
            connection.execute("SELECT count(*) FROM article").fetchone()[0],
        )


@pytest.fixture
async def old(tmp_path, clock) -> Path:
    """A database of today with an article."""
    store = await Store.open(tmp_path / "telex.db", clock)
    feed = await add_feed(store)
    await record(store, feed, new_article(feed, "a"))
    await store.close()
    return tmp_path / "telex.db"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Migrations of today and one of tomorrow."""
    path = tmp_path / "migrations"
    path.mkdir()
    for migration in list_available_migrations().values():
        (path / migration.name).write_text(migration.read_text())
    (path / f"{max(list_available_migrations()) + 1:04}_mood.sql").write_text(NEXT)
    return path


def test_a_trigger_is_one_statement():
    assert [statement.strip().split("\n")[-1] for statement in split_statements(NEXT)] == [
        "ALTER TABLE feed ADD COLUMN mood TEXT;",
        "END;  -- of the trigger",
        "UPDATE feed SET mood = 'good';",
    ]


def test_every_migration_is_made_of_whole_statements():
    for path in list_available_migrations().values():
        script = path.read_text()
        assert "".join(split_statements(script)).strip() == script.strip()
    assert list(list_available_migrations()) == list(
        range(min(list_available_migrations()), max(list_available_migrations()) + 1)
    )


def test_a_migration_is_applied_once(old, folder):
    for _ in range(2):
        with closing(connect(old)) as connection:
            migrate(connection, folder)
            assert connection.execute("SELECT mood FROM feed").fetchall() == [("good",)]
            assert connection.execute("PRAGMA foreign_keys").fetchone()[0] in (0, 1)
    assert state(old)[0] == max(list_available_migrations()) + 1


@pytest.mark.parametrize("fault", ["CREATE TABLE feed (id);", "DELETE FROM feed;"])
def test_a_migration_that_fails_changes_nothing(old, folder, fault):
    before = state(old)
    path = max(folder.iterdir())
    path.write_text(path.read_text() + fault)  # an error, or articles without their feed
    with closing(connect(old)) as connection, pytest.raises((sqlite3.Error, DatabaseBroken)):
        migrate(connection, folder)
    assert state(old) == before


async def test_a_newer_database_is_refused_and_left_alone(old, clock):
    with closing(connect(old)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(NewerDatabase, match=r"version 999.*later Telex"):
        await Store.open(old, clock)
    assert state(old)[0] == 999


async def test_another_programs_database_is_refused_and_left_alone(tmp_path, clock):
    path = tmp_path / "other.db"
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE feed (id)")
    with pytest.raises(DatabaseUnusable, match="another program's"):
        await Store.open(path, clock)
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("feed",)]


async def test_an_empty_file_becomes_a_database(tmp_path, clock):
    (tmp_path / "telex.db").touch()
    store = await Store.open(tmp_path / "telex.db", clock)
    assert await store.check() == max(list_available_migrations())
    await store.close()


@pytest.mark.parametrize("reads", [1, 2, 3])
def test_a_database_that_another_process_is_making_is_not_taken_for_another_programs(tmp_path, reads):
    path = tmp_path / "telex.db"

    class Watched(sqlite3.Connection):
        """Lets another process be faster after so many reads."""

        left = 0

        def execute(self, *args: Any) -> sqlite3.Cursor:
            rows = super().execute(*args)
            self.left -= 1
            if self.left == 0:
                with closing(connect(path)) as other_connection:
                    migrate(other_connection)
            return rows

    with closing(sqlite3.connect(path, isolation_level=None, factory=Watched)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.left = reads
        assert load_schema_version(connection) in (0, max(list_available_migrations()))


async def test_two_processes_may_create_a_database_at_once(tmp_path):
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from bot.core.clock import SystemClock; from bot.store import Store\n"
        "async def main():\n"
        "    store = await Store.open(Path(sys.argv[1]), SystemClock())\n"
        "    print(await store.check()); await store.close()\n"
        "asyncio.run(main())"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            tmp_path / "telex.db",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(4)
    ]
    outputs = [await process.communicate() for process in processes]
    assert outputs == [(b"%d\n" % max(list_available_migrations()), b"")] * 4


def test_a_database_from_before_the_first_release_is_refused_and_left_alone(old):
    with closing(connect(old)) as connection:
        connection.execute(f"PRAGMA user_version = {min(list_available_migrations()) - 1}")
    before = state(old)
    with (
        closing(connect(old)) as connection,
        pytest.raises(DatabaseUnusable, match="before the first release"),
    ):
        migrate(connection)
    assert state(old) == before
