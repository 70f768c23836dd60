"""Differences and common behaviour of SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from urllib.parse import urlsplit

import pytest

from bot.core.configuration.database_url import DatabaseUrl
from bot.store import (
    DatabaseMissing,
    DatabaseUnusable,
    NewerDatabase,
    ProcessMustEnd,
    Store,
    StoreError,
)
from bot.store.connection import Connection
from bot.store.database import Database
from bot.store.facade import create_engine
from bot.store.records.process_records import Process
from tests.store import sql
from tests.support.postgres_server import END_OTHER_SESSIONS, require_postgres, simulate_takeover
from tests.support.samples import add_feed, deliver_pending, follow_feed, make_new_article, write_poll
from tests.support.wire.waiting import wait_until

CANCEL = (80877102).to_bytes(4, "big")  # https://www.postgresql.org/docs/current/protocol-message-formats.html
ForwardCheck = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
TYPES = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea", "REAL": "double precision"}


@pytest.fixture
def server(server_databases) -> DatabaseUrl:
    return server_databases.empty()


@pytest.fixture
async def database(server, clock) -> Database:
    return await Database.open(create_engine(server), clock)


@pytest.fixture
async def server_store(database) -> AsyncIterator[Store]:
    store = Store(database)
    yield store
    await store.close()


async def test_opening_without_create_makes_no_tables(server, clock):
    sql.run(server, "DROP SCHEMA telex CASCADE")
    for _attempt in range(2):
        with pytest.raises(DatabaseMissing, match=str(server)):
            await Store.open(server, clock, create=False)
    await (await Store.open(server, clock)).close()
    await (await Store.open(server, clock, create=False)).close()


def test_engines_have_same_tables_and_columns(empty_database, server):
    with closing(sqlite3.connect(empty_database)) as connection:
        sqlite_columns = {
            (table, column, TYPES[kind], bool(needed or key), bool(key))
            for table, column, kind, needed, key in connection.execute(
                'SELECT t.name, c.name, c.type, c."notnull", c.pk FROM pragma_table_list AS t '
                "JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
            )
        }
        indexes = {
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
            )
        }
    postgres_columns = {
        tuple(row)
        for row in sql.run(
            server,
            """
            SELECT c.relname, a.attname, format_type(a.atttypid, NULL), a.attnotnull,
                   EXISTS (SELECT 1 FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary
                           AND a.attnum = ANY (i.indkey))
            FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
            WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
              AND c.relnamespace = CAST('telex' AS regnamespace) AND c.relname <> 'schema_version'
            """,
        )
    }
    assert postgres_columns == sqlite_columns
    postgres_indexes = {
        row[0]
        for row in sql.run(
            server,
            "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE relnamespace = CAST('telex' AS regnamespace) "
            "UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
        )
    }
    assert indexes <= postgres_indexes


async def test_newer_database_and_second_exclusive_lock_are_refused(server, clock):
    for first, second in ((False, True), (True, False)):  # exclusive and shared locks
        with Store.lock_for_run(server, exclusive=first), pytest.raises(ProcessMustEnd, match="already running"):  # noqa: SIM117
            with Store.lock_for_run(server, exclusive=second):
                pass
    sql.run(server, "UPDATE schema_version SET number = number + 1")
    try:
        with pytest.raises(NewerDatabase, match="later Telex"):
            await Store.open(server, clock)
    finally:
        sql.run(server, "UPDATE schema_version SET number = number - 1")


async def test_connection_error_hides_password(clock, tmp_path, monkeypatch):
    require_postgres()
    monkeypatch.setattr("bot.store.postgres.postgres_worker.RETRY_DELAYS_SECONDS", (0.0, 0.01))
    nowhere = DatabaseUrl(f"postgresql://me:hidden@/telex?host={tmp_path}")
    with pytest.raises(DatabaseUnusable, match="cannot be reached") as error_info:
        await Store.open(nowhere, clock)
    assert "hidden" not in str(error_info.value)


async def test_cut_session_is_reopened_without_double_write(server_store, server):
    feed = await add_feed(server_store)
    await follow_feed(server_store, feed)
    for number in range(5):
        sql.run(server, END_OTHER_SESSIONS)
        await write_poll(server_store, feed, make_new_article(feed, str(number)))
        assert await server_store.articles.count() == number + 1
    assert len(await deliver_pending(server_store)) == 5
    assert server_store.recent_fault is None


async def test_cancelled_call_on_hanging_server_blocks_nobody(server, clock):
    is_hung, has_recovered = asyncio.Event(), asyncio.Event()

    async def forward_until_hung(packet: bytes, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
        if packet[4:8] != CANCEL:
            return True
        gave_up, _ = await asyncio.wait([asyncio.create_task(reader.read())], timeout=0.05)
        if not gave_up:
            is_hung.set()
        await has_recovered.wait()
        return False

    async with open_proxy(server, forward_until_hung) as behind:
        database = await Database.open(create_engine(behind), clock)
        store = Store(database)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await database.query(Connection.fetch_rows, "SELECT pg_sleep(60)")
        await asyncio.wait_for(is_hung.wait(), 20)  # the cancel request hangs, too
        assert await store.meta.get("name") is None
        has_recovered.set()
        sql.run(server, END_OTHER_SESSIONS)
        await store.close()


async def test_read_cancelled_between_statements_ends_at_next(server_store, database):
    loop, started_reads, go_on = asyncio.get_running_loop(), asyncio.Semaphore(0), threading.Event()

    def read(db: Connection) -> None:
        loop.call_soon_threadsafe(started_reads.release)
        assert go_on.wait(10)
        db.fetch_value("SELECT pg_sleep(300)")

    tasks = [asyncio.create_task(database.read(read)) for _ in range(3)]
    for task in tasks:
        await started_reads.acquire()
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0.05)  # each was cancelled at the server, which ran nothing
    go_on.set()
    assert await asyncio.wait_for(server_store.meta.get("name"), 30) is None


async def test_write_with_unknown_outcome_is_not_repeated(server, clock, monkeypatch):
    monkeypatch.setattr("bot.store.postgres.postgres_engine.RETRY_DELAYS_SECONDS", (0.0,))
    packets: list[bytes] = []

    async def is_written_once() -> bool:
        return await store.meta.get("name") == "word"

    async def forward_until_silent(packet: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Forward the COMMIT of the word but cut its answer, and end the connection at the next packet."""
        if b"word" in packet or packets:
            packets.append(packet)
        if b"COMMIT" in packet and packets:
            writer.transport.abort()
        return len(packets) != 3

    async with open_proxy(server, forward_until_silent) as behind:
        database = await Database.open(create_engine(behind), clock)
        store = Store(database)
        await store.meta.set("name", "")
        with pytest.raises(DatabaseUnusable, match="nobody knows"):
            await database.transact(Connection.execute_rowcount, "UPDATE meta SET value = value || 'word'")
        await wait_until(is_written_once)
        await store.close()


@asynccontextmanager
async def open_proxy(server: DatabaseUrl, should_forward: ForwardCheck) -> AsyncIterator[DatabaseUrl]:
    """Open a proxy before a server that forwards each packet, or ends the connection instead."""
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - not everywhere

    parts, connection_options = urlsplit(server.address), conninfo_to_dict(server.address)
    host, port = str(connection_options["host"]), connection_options.get("port") or 5432

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = (
            await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            if host.startswith("/")
            else await asyncio.open_connection(host, int(port))
        )
        answers = asyncio.create_task(answer(upstream[0], writer))
        while (packet := await reader.read(1 << 16)) and await should_forward(packet, reader, writer):
            upstream[1].write(packet)
        upstream[1].close()
        writer.close()
        await answers

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
        proxy_port = proxy.sockets[0].getsockname()[1]
        netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy_port}"
        plain = parts._replace(netloc=netloc, query="sslmode=disable&gssencmode=disable")
        yield DatabaseUrl(plain.geturl())


async def test_interrupted_write_is_repeated_in_other_session(server_store, database, server):
    attempts = []

    def insert_both(db: Connection) -> None:
        db.execute("INSERT INTO meta (name, value) VALUES ('one', '')")
        attempts.append(db)
        if len(attempts) == 1:
            sql.run(
                server,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                "AND datname = current_database()",
            )
        db.execute("INSERT INTO meta (name, value) VALUES ('two', '')")

    await database.transact(insert_both)
    assert len(attempts) == 2
    assert [await server_store.meta.get(name) for name in ("one", "two")] == ["", ""]
    assert server_store.fault is None


async def test_concurrent_writers_lose_and_repeat_no_change(server, clock):
    first, second = await Store.open(server, clock), await Store.open(server, clock)
    try:
        feeds = [await add_feed(first, "one"), await add_feed(second, "two")]
        last = await first.article_changes.load_latest()
        article_ids: list[int] = []
        reading = asyncio.Lock()

        async def read() -> None:
            nonlocal last
            async with reading:
                changes = await second.article_changes.list_after(last.change_number, last.nonce, 100)
                article_ids.extend(change.article_id for change in changes)
                last = changes[-1] if changes else last

        async def write(store: Store, place: int) -> None:
            for number in range(10):
                article = make_new_article(feeds[place], f"{place} {number}")
                while True:
                    with suppress(DatabaseUnusable):  # cut in the middle
                        await write_poll(store, feeds[place], article)
                        break
                # This write is repeated automatically.
                await store.processes.heartbeat_and_rebalance(Process(str(place), "", ("poller",), ""), (), 15)
                with suppress(DatabaseUnusable):
                    await read()

        async def cut_session() -> None:
            for _ in range(3):
                await asyncio.sleep(0.1)
                await asyncio.to_thread(sql.run, server, END_OTHER_SESSIONS)

        await asyncio.gather(write(first, 0), write(second, 1), cut_session())
        await read()
        assert sorted(article_ids) == list(range(1, 21))
        article_counts = sql.run(server, "SELECT count(DISTINCT key), count(*) FROM article")
        assert tuple(article_counts[0]) == (20, 20)
    finally:
        await first.close()
        await second.close()


async def test_restored_database_is_recognised_by_its_tables(server_store, server, clock):
    feed = await add_feed(server_store)
    await follow_feed(server_store, feed)

    async def add_watch(store: Store, query: str) -> int:
        addition = await store.watches.add(server_id=1, channel_id=9, user_id=5, query=query, language=None, limit=9)
        return addition[0].id

    first = await add_watch(server_store, "one")
    again = await Store.open(server, clock)
    assert await again.meta.get("restored") is None
    await again.close()
    sql.run(server, "UPDATE meta SET value = 'of before' WHERE name = 'identity'")  # as after restoring a dump
    restored = await Store.open(server, clock)
    assert await restored.meta.get("restored") == "1"
    assert await add_watch(restored, "two") > first + 1_000
    await restored.close()


async def test_taken_over_database_is_written_only_after_restart(server_store, server, clock):
    simulate_takeover(server)
    for _ in range(2):
        with pytest.raises(StoreError, match="has to start again"):
            await server_store.meta.set("name", "value")
    with pytest.raises(ProcessMustEnd, match="has to start again"):
        await server_store.check_alive()
    restarted_store = await Store.open(server, clock)
    assert await restarted_store.meta.get("restored") == "1"
    assert await restarted_store.meta.get("name") is None
    await restarted_store.close()


async def test_backup_on_server_refers_to_pg_dump(server_store, tmp_path):
    with pytest.raises(StoreError, match="pg_dump"):
        await server_store.backup(tmp_path / "copy.db")
    assert await server_store.check() > 0
    assert await server_store.measure_size_bytes() > 0
