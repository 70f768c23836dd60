"""The SQLite database: transactions, concurrent reads, cancellation and errors."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.clock import SystemClock
from bot.store import DatabaseBroken, DatabaseUnusable, ProcessMustEnd, Store, StoreError
from bot.store.database import Database
from bot.store.schema_scripts import list_migrations
from bot.store.sqlite.sqlite_connection import SqliteConnection, SqliteWorker, ThreadCall
from bot.store.sqlite.sqlite_engine import SqliteEngine
from tests.support.cases import check_cases
from tests.support.samples import add_feed, make_new_article, write_poll

SLOW = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000000) SELECT max(i) FROM n"


@pytest.fixture
def _quick_databases() -> None:
    """Overrides the fixture that makes databases faster, so that they are opened as in production."""


@pytest.fixture
async def database(tmp_path) -> AsyncIterator[Database]:
    opened = await Database.open(SqliteEngine(tmp_path / "telex.db"), SystemClock())
    yield opened
    await opened.close()


async def load_names(database: Database) -> list[str]:
    return await database.query(SqliteConnection.fetch_column, "SELECT name FROM meta ORDER BY name")


def list_file_names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def insert_name(database: Database, name: str) -> None:
    await database.transact(SqliteConnection.execute, "INSERT INTO meta (name, value) VALUES (?, '')", (name,))


async def test_connections_have_expected_pragmas(database):
    for pragma, expected_value in [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]:
        assert await database.transact(SqliteConnection.fetch_value, f"PRAGMA {pragma}") == expected_value
    assert await database.query(SqliteConnection.fetch_value, "PRAGMA query_only") == 1


async def test_failed_write_is_rolled_back(database):
    def fail(db: SqliteConnection) -> None:
        db.execute("INSERT INTO meta (name, value) VALUES ('a', '')")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.transact(fail)
    await insert_name(database, "b")
    assert await load_names(database) == ["b"]


@check_cases("loop_turns", range(1, 12))
async def test_cancelled_write_is_committed_or_rolled_back_whole(database, loop_turns):
    def insert_two(db: SqliteConnection) -> None:
        db.execute("INSERT INTO meta (name, value) VALUES ('a', '')")
        db.execute("INSERT INTO meta (name, value) VALUES ('b', '')")

    await database.transact(SqliteConnection.execute, "DELETE FROM meta")
    task = asyncio.create_task(database.transact(insert_two))
    for _ in range(loop_turns):
        await asyncio.sleep(0.0002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await insert_name(database, "c")  # no transaction is left open
    assert await load_names(database) in (["a", "b", "c"], ["c"])


async def test_transaction_is_committed_or_rolled_back_on_error(database):
    def insert_names(connection: SqliteConnection, *meta_names: str | None) -> int:
        for meta_name in meta_names:
            connection.execute("INSERT INTO meta (name, value) VALUES (?, '')", (meta_name,))
        return len(meta_names)

    assert await database.transact(insert_names, "a", "b") == 2
    with pytest.raises(StoreError):
        await database.transact(insert_names, "c", None)
    await insert_name(database, "d")
    assert await load_names(database) == ["a", "b", "d"]


async def test_transaction_of_cancelled_task_is_rolled_back(database):
    has_begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def insert_and_wait(connection: SqliteConnection) -> None:
        connection.execute("INSERT INTO meta (name, value) VALUES ('a', '')")
        loop.call_soon_threadsafe(has_begun.set)
        assert go_on.wait(10)

    task = asyncio.create_task(database.transact(insert_and_wait))
    await asyncio.wait_for(has_begun.wait(), 60)
    task.cancel()
    for _ in range(5):  # until it has received the cancellation
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await insert_name(database, "b")
    assert await load_names(database) == ["b"]


async def test_readers_see_last_commit_during_write(database):
    await insert_name(database, "a")
    loop = asyncio.get_running_loop()

    async def load_in_parallel() -> list[list[str]]:
        return await asyncio.gather(*(load_names(database) for _ in range(6)))

    def write(db: SqliteConnection) -> list[list[str]]:
        db.execute("INSERT INTO meta (name, value) VALUES ('b', '')")
        return asyncio.run_coroutine_threadsafe(load_in_parallel(), loop).result()

    assert await database.transact(write) == [["a"]] * 6
    assert await load_names(database) == ["a", "b"]


async def test_queries_of_one_read_see_same_snapshot(database):
    loop = asyncio.get_running_loop()

    def count_twice(connection: SqliteConnection) -> list[int]:
        first = connection.execute("SELECT count(*) FROM meta").fetchone()[0]
        asyncio.run_coroutine_threadsafe(insert_name(database, "a"), loop).result()
        return [first, connection.execute("SELECT count(*) FROM meta").fetchone()[0]]

    assert await database.read(count_twice) == [0, 0]
    assert await load_names(database) == ["a"]


async def test_writes_of_many_tasks_are_all_committed(database):
    await asyncio.gather(*(insert_name(database, str(number)) for number in range(50)))
    assert len(await load_names(database)) == 50


async def start_slow_reads(database: Database, count: int) -> list[asyncio.Task[None]]:
    """Start a number of reads that never end, and wait until all have begun."""
    loop, started_reads = asyncio.get_running_loop(), asyncio.Semaphore(0)

    def read(connection: SqliteConnection) -> None:
        loop.call_soon_threadsafe(started_reads.release)
        connection.execute(SLOW)

    slow = [asyncio.create_task(database.read(read)) for _ in range(count)]
    for _ in slow:
        await started_reads.acquire()
    return slow


async def test_slow_reads_block_neither_fast_read_nor_write(database):
    slow = await start_slow_reads(database, 2)
    await insert_name(database, "a")
    assert await load_names(database) == ["a"]
    for task in slow:
        assert not task.done()
        task.cancel()


async def test_cancelled_read_releases_its_connection(database):
    slow = await start_slow_reads(database, 3)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    assert await asyncio.gather(*(load_names(database) for _ in range(6))) == [[]] * 6


async def test_closing_does_not_wait_for_slow_read(database):
    (slow,) = await start_slow_reads(database, 1)
    await database.close()
    with pytest.raises(StoreError):
        await slow


async def test_closed_database_raises_error(database):
    await database.close()
    await database.close()
    with pytest.raises(StoreError, match="closed"):
        await load_names(database)
    with pytest.raises(StoreError, match="closed"):
        await insert_name(database, "a")


async def test_read_connection_cannot_write(database):
    with pytest.raises(StoreError):
        await database.query(SqliteConnection.fetch_rows, "INSERT INTO meta (name, value) VALUES ('a', '')")


async def test_full_disk_raises_error_and_database_stays_usable(database):
    pages = await database.transact(SqliteConnection.fetch_value, "PRAGMA page_count")
    await database.transact(SqliteConnection.fetch_rows, f"PRAGMA max_page_count = {pages + 4}")
    large = "INSERT INTO meta (name, value) VALUES ('a', ?)"
    with pytest.raises(DatabaseUnusable, match="full"):
        await database.transact(SqliteConnection.execute, large, ("x" * 200_000,))
    await insert_name(database, "b")
    assert await load_names(database) == ["b"]


async def test_call_reaches_connection_thread_unchanged(database, monkeypatch):
    # aiosqlite must neither parse nor copy an argument that looks like a script
    arrived_calls: list[object] = []
    execute_call = SqliteConnection.executescript

    def record_call(connection: SqliteConnection, call: str) -> None:
        arrived_calls.append(call)
        execute_call(connection, call)

    monkeypatch.setattr(SqliteConnection, "executescript", record_call)
    answer = object()
    worker = await SqliteWorker(database.location, pragmas=()).open()
    arguments, thread = await worker.run(
        lambda db, *args, **options: ((db, args, options), threading.current_thread()), 1, answer=answer
    )
    assert arguments[1:] == ((1,), {"answer": answer})
    assert isinstance(arguments[0], SqliteConnection)
    assert thread is not threading.current_thread()
    assert [type(call) for call in arrived_calls] == [ThreadCall]
    await worker.close()
    thread.join(10)
    assert not thread.is_alive()


async def test_timeout_error_of_call_does_not_mean_dead_thread(database):
    def time_out(_db: SqliteConnection) -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await database.query(time_out)
    assert await load_names(database) == []


async def test_locked_database_raises_error(database):
    other_connection = SqliteWorker(database.location, pragmas=("PRAGMA busy_timeout = 1",))
    await other_connection.open()
    loop = asyncio.get_running_loop()

    def write(_db: SqliteConnection) -> None:
        begin_statement = other_connection.run(SqliteConnection.execute, "BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnusable, match="locked"):
            asyncio.run_coroutine_threadsafe(begin_statement, loop).result()

    await database.transact(write)
    await other_connection.close()


async def test_file_that_is_not_a_database_is_refused_unchanged(tmp_path, clock):
    path = tmp_path / "notes.txt"
    path.write_text("Not a database at all. " * 100)
    with pytest.raises(DatabaseUnusable, match=r"notes\.txt is not a database"):
        await Store.open(path, clock)
    assert path.read_text() == "Not a database at all. " * 100


async def test_path_that_cannot_be_created_raises_error(tmp_path, clock):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "telex.db", tmp_path):
        with pytest.raises(DatabaseUnusable, match="cannot be opened or created"):
            await Store.open(path, clock)


async def test_old_sqlite_version_is_refused(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(DatabaseUnusable, match=r"needs 3\.37\.0 or later"):
        await Store.open(tmp_path / "telex.db", clock)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_read_only_file_is_refused_on_opening(tmp_path, clock):
    path = tmp_path / "telex.db"
    await (await Store.open(path, clock)).close()
    path.chmod(0o400)
    with pytest.raises(DatabaseUnusable, match="may not be written to"):
        await Store.open(path, clock)


async def test_check_finds_damage(tmp_path, clock):
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    feed = await add_feed(store)
    article = make_new_article(feed, "a")
    await write_poll(store, feed, article)
    assert await store.check() == max(list_migrations())
    await store.close()
    key = article.key.encode()
    path.write_bytes(path.read_bytes().replace(key, key[::-1], 1))  # in the table or its index, not in both
    store = await Store.open(path, clock)
    with pytest.raises(DatabaseBroken, match="damaged"):
        await store.check()
    await store.close()


async def test_damaged_database_is_not_opened(tmp_path, clock):
    path = tmp_path / "telex.db"
    await (await Store.open(path, clock)).close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(DatabaseBroken, match="damaged"):
        await Store.open(path, clock)


async def test_new_database_is_readable_by_owner_only(store, tmp_path):
    assert (tmp_path / "telex.db").stat().st_mode & 0o077 == 0


async def test_closed_database_is_single_file(tmp_path, clock):
    store = await Store.open(tmp_path / "telex.db", clock)
    await asyncio.gather(*(store.meta.get("a") for _ in range(3)), store.meta.set("a", "b"))
    await store.close()
    assert list_file_names(tmp_path) == ["telex.db"]


async def test_written_values_persist_after_reopening(tmp_path, clock):
    for _ in range(2):
        store = await Store.open(tmp_path / "deep" / "er" / "telex.db", clock)
        await store.meta.set("count", str(int(await store.meta.get("count") or 0) + 1))
        await store.close()
    store = await Store.open(tmp_path / "deep" / "er" / "telex.db", clock)
    assert await store.meta.get("count") == "2"
    await store.meta.set("count", None)
    assert await store.meta.get("count") is None
    assert await store.measure_size_bytes() > 0
    await store.close()


def test_second_process_cannot_lock_database(tmp_path):
    path = tmp_path / "telex.db"
    second = (
        "import sys; from pathlib import Path; from bot.store import ProcessMustEnd, Store\n"
        "try:\n with Store.lock_for_run(Path(sys.argv[1])): print('taken')\n"
        "except ProcessMustEnd: print('refused')"
    )

    def lock_in_other_process() -> str:
        done = subprocess.run(
            [sys.executable, "-c", second, path], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    with Store.lock_for_run(path):
        with pytest.raises(ProcessMustEnd, match="already running"), Store.lock_for_run(path):
            pass
        assert lock_in_other_process() == "refused"
    assert lock_in_other_process() == "taken"
