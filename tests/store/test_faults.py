"""Full disks, write-protected or damaged files, and dead connection threads."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

import pytest

from bot.store import DatabaseBroken, DatabaseFault, DatabaseUnusable, Store, StoreError
from bot.store.database import Database
from bot.store.engine import RECOVERY_SECONDS
from bot.store.sqlite import sqlite_engine
from bot.store.sqlite.sqlite_connection import SqliteConnection, SqliteWorker
from bot.store.sqlite.sqlite_engine import SqliteEngine
from tests.support.samples import CHANNEL, add_followed_feed, deliver_pending, make_new_article, write_poll


@pytest.fixture
def connections(monkeypatch) -> list[SqliteWorker]:
    """Connections opened by the database, the writer first."""
    opened_connections: list[SqliteWorker] = []

    class RecordedWorker(SqliteWorker):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            opened_connections.append(self)

    monkeypatch.setattr(sqlite_engine, "SqliteWorker", RecordedWorker)
    return opened_connections


@pytest.fixture
async def database(tmp_path, clock, connections) -> Database:
    """The database of the store."""
    return await Database.open(SqliteEngine(tmp_path / "telex.db"), clock)


@pytest.fixture
async def store(database) -> AsyncIterator[Store]:
    opened = Store(database)
    yield opened
    await opened.close()


async def run_pragma(writer: SqliteWorker, words: str) -> Any:
    return await writer.run(SqliteConnection.fetch_row, f"PRAGMA {words}")


async def fill_disk(writer: SqliteWorker) -> None:
    """Limit the database to the pages that it has."""
    (pages,) = await run_pragma(writer, "page_count")
    await run_pragma(writer, f"max_page_count = {pages}")


async def free_disk(writer: SqliteWorker) -> None:
    await run_pragma(writer, "max_page_count = 1000000")


async def forbid_writes(writer: SqliteWorker) -> None:
    await run_pragma(writer, "query_only = ON")


async def allow_writes(writer: SqliteWorker) -> None:
    await run_pragma(writer, "query_only = OFF")


FAULTS: dict[str, tuple[Callable[[SqliteWorker], Any], Callable[[SqliteWorker], Any], str]] = {
    "a full disk": (fill_disk, free_disk, "is full"),
    "a read-only file": (forbid_writes, allow_writes, "may not be written to"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_poll_during_fault_is_rolled_back_and_recorded_later(store, connections, clock, name, caplog):
    begin, end, words = FAULTS[name]
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "old"))
    large = [make_new_article(feed, f"new-{number}", text="long " * 2_000) for number in range(20)]
    await begin(connections[0])
    for _ in range(3):
        with pytest.raises(DatabaseUnusable, match=words):
            await write_poll(store, feed, *large)
    assert store.fault
    assert [article.title for article in await store.articles.list_newest(None, limit=9)] == ["Title of old"]
    await end(connections[0])
    assert await store.is_writable()
    assert not store.fault
    assert store.recent_fault, "one write is no proof that there is room"
    clock.advance(RECOVERY_SECONDS)
    assert len((await write_poll(store, feed, *large, max_pending_posts=99)).new_article_ids) == len(large)
    assert not store.recent_fault
    assert len(await deliver_pending(store)) == 1 + len(large)
    await store.check()
    messages = [entry.message for entry in caplog.records if entry.name == "bot.store.engine"]
    assert [words in line for line in messages] == [True, False], messages
    assert messages[1] == "database recovered"


async def test_claim_that_cannot_be_written_does_not_count(store, connections, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "a"))
    await forbid_writes(connections[0])
    with pytest.raises(DatabaseUnusable):
        await store.dispatches.claim(CHANNEL)
    await allow_writes(connections[0])
    (claimed,) = await deliver_pending(store)
    assert claimed.attempt_count == 1


async def test_retried_write_succeeds_when_writes_are_possible(store, connections, clock):
    await forbid_writes(connections[0])
    write_task = asyncio.create_task(store.retry_until_written(lambda: store.meta.set("a", "b")))
    for _ in range(3):
        await asyncio.sleep(0.05)
        clock.advance(5)
    assert not write_task.done()
    await allow_writes(connections[0])
    while not write_task.done():
        await asyncio.sleep(0.05)
        clock.advance(5)
    assert await store.meta.get("a") == "b"


async def test_intermittent_fault_is_logged_once(store, connections, clock, caplog):
    for _ in range(5):
        await forbid_writes(connections[0])
        with pytest.raises(DatabaseFault):
            await store.meta.set("a", "b")
        await allow_writes(connections[0])
        assert await store.is_writable()
        clock.advance(RECOVERY_SECONDS / 2)
    assert len([entry for entry in caplog.records if entry.name == "bot.store.engine"]) == 1


async def test_backup_without_space_leaves_nothing_and_names_path(store, tmp_path, monkeypatch):
    connect = sqlite3.connect

    def connect_with_page_limit(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.execute("PRAGMA max_page_count = 3")
        return connection

    monkeypatch.setattr("bot.store.sqlite.sqlite_engine.sqlite3.connect", connect_with_page_limit)
    place = tmp_path / "copies"
    place.mkdir()
    with pytest.raises(DatabaseUnusable, match=r"The backup .*copies/a\.db cannot be written: .* full"):
        await store.backup(place / "a.db")
    assert list(place.iterdir()) == []
    monkeypatch.undo()
    await store.backup(place / "a.db")
    assert store.fault is None


def corrupt_table(path: Path, table: str) -> int:
    """Overwrite every page of a table and its indexes, and return their number."""
    connection = sqlite3.connect(path)
    names = [
        table,
        *(
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE tbl_name = ? AND type = 'index'", (table,)
            )
        ),
    ]
    pages = {
        row[0]
        for name in names
        for row in connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,))
    }
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xa5" * size)
    return len(pages)


async def test_damaged_database_is_not_written(tmp_path, clock, caplog):
    # Delivery statuses may be missing in it, so that articles would be posted again
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "a"))
    await deliver_pending(store)
    await store.close()
    assert corrupt_table(path, "delivery_status")
    store = await Store.open(path, clock)
    with pytest.raises(DatabaseBroken, match="telex check"):
        await write_poll(store, feed, make_new_article(feed, "b"))
    with pytest.raises(DatabaseBroken):
        await store.meta.set("a", "b")
    assert not await store.is_writable()
    assert [article.title for article in await store.articles.list_newest(None, limit=9)] == ["Title of a"]
    with pytest.raises(StoreError):
        await store.backup(tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()
    await store.close()
    (message,) = [entry.message for entry in caplog.records if entry.name == "bot.store.engine"]
    assert "is damaged" in message
    assert "restore a backup" in message
    assert "writes=stopped" in message


async def test_damage_that_a_read_finds_during_a_write_stops_later_writes(store, database):
    has_begun, may_end = threading.Event(), threading.Event()

    def write(_db: object) -> None:
        has_begun.set()
        assert may_end.wait(30)

    def read(_db: object) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    running_write = asyncio.create_task(database.transact(write))
    await asyncio.to_thread(has_begun.wait, 30)
    with pytest.raises(DatabaseBroken):
        await database.query(read)
    may_end.set()
    await running_write
    with pytest.raises(DatabaseBroken):
        await database.transact(lambda _db: None)


dying_threads = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


async def end_connection_thread(connection: SqliteWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the thread of a connection by failing its next call to the event loop."""
    thread = await connection.run(lambda _: threading.current_thread())
    loop = asyncio.get_running_loop()
    call_soon_threadsafe = loop.call_soon_threadsafe

    def fail_on_thread(*args: Any, **options: Any) -> Any:
        if threading.current_thread() is thread:
            raise MemoryError
        return call_soon_threadsafe(*args, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", fail_on_thread)


@dying_threads
async def test_writer_whose_thread_died_in_transaction_is_replaced(store, connections, monkeypatch):
    feed = await add_followed_feed(store)
    writer = connections[0]

    class RefusingWorker(SqliteWorker):
        async def open(self) -> Self:
            raise DatabaseUnusable("no more files can be opened")

    await writer.run(SqliteConnection.execute, "BEGIN IMMEDIATE")
    await writer.run(SqliteConnection.execute, "INSERT INTO meta (name, value) VALUES ('half', '')")
    await end_connection_thread(writer, monkeypatch)
    with pytest.raises(StoreError, match="ended"):
        await store.meta.set("more", "")
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_engine, "SqliteWorker", RefusingWorker)
        with pytest.raises(DatabaseUnusable, match="no more files"):
            await store.meta.set("more", "")
    await write_poll(store, feed, make_new_article(feed, "a"))
    assert len(await deliver_pending(store)) == 1
    assert await store.meta.get("half") is None
    await store.check()


@dying_threads
async def test_calls_waiting_for_dead_thread_fail(store, connections, monkeypatch):
    for connection in connections[1:]:
        await end_connection_thread(connection, monkeypatch)
        calls = [asyncio.create_task(connection.run(lambda _: None)) for _ in range(3)]
        _, waiting_calls = await asyncio.wait(calls, timeout=60)
        assert not waiting_calls
        for call in calls:
            with pytest.raises(StoreError, match="ended"):
                await call
    assert await store.meta.get("a") is None
    assert await store.feeds.count() == 0
