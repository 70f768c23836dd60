"""What both engines have to be alike in, and what PostgreSQL does in a way of its own."""

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
from tests.support.postgres_server import END_OTHER_SESSIONS, simulate_takeover, skip_without
from tests.support.samples import add_feed, deliver, follow, new_article, record
from tests.support.wire.waiting import until

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
async def on_server(database) -> AsyncIterator[Store]:
    store = Store(database)
    yield store
    await store.close()


async def test_who_only_reads_makes_no_tables_on_a_server(server, clock):
    sql.run(server, "DROP SCHEMA telex CASCADE")
    for _attempt in range(2):
        with pytest.raises(DatabaseMissing, match=str(server)):
            await Store.open(server, clock, create=False)
    await (await Store.open(server, clock)).close()
    await (await Store.open(server, clock, create=False)).close()


def test_both_have_the_same_tables_and_columns(empty_database, server):
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


async def test_a_newer_database_and_who_needs_it_alone_are_refused(server, clock):
    for first, second in ((False, True), (True, False)):  # who needs the database alone, and who shares it
        with Store.lock_for_run(server, exclusive=first), pytest.raises(ProcessMustEnd, match="already running"):  # noqa: SIM117
            with Store.lock_for_run(server, exclusive=second):
                pass
    sql.run(server, "UPDATE schema_version SET number = number + 1")
    try:
        with pytest.raises(NewerDatabase, match="later Telex"):
            await Store.open(server, clock)
    finally:
        sql.run(server, "UPDATE schema_version SET number = number - 1")


async def test_what_cannot_be_reached_is_told_without_the_password(clock, tmp_path, monkeypatch):
    skip_without()
    monkeypatch.setattr("bot.store.postgres.postgres_worker.RETRY_DELAYS_SECONDS", (0.0, 0.01))
    nowhere = DatabaseUrl(f"postgresql://me:hidden@/telex?host={tmp_path}")
    with pytest.raises(DatabaseUnusable, match="cannot be reached") as error_info:
        await Store.open(nowhere, clock)
    assert "hidden" not in str(error_info.value)


async def test_a_session_that_is_cut_is_begun_anew_and_nothing_is_written_twice(on_server, server):
    feed = await add_feed(on_server)
    await follow(on_server, feed)
    for number in range(5):
        sql.run(server, END_OTHER_SESSIONS)
        await record(on_server, feed, new_article(feed, str(number)))
        assert await on_server.articles.count() == number + 1
    assert len(await deliver(on_server)) == 5
    assert on_server.recent_fault is None


async def test_who_no_longer_waits_for_an_answer_holds_up_nobody_though_the_server_hangs(server, clock):
    is_hung, has_recovered = asyncio.Event(), asyncio.Event()

    async def hanging(packet: bytes, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
        if packet[4:8] != CANCEL:
            return True
        gave_up, _ = await asyncio.wait([asyncio.create_task(reader.read())], timeout=0.05)
        if not gave_up:
            is_hung.set()
        await has_recovered.wait()
        return False

    async with open_proxy(server, hanging) as behind:
        database = await Database.open(create_engine(behind), clock)
        store = Store(database)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await database.query(Connection.fetch_rows, "SELECT pg_sleep(60)")
        await asyncio.wait_for(is_hung.wait(), 20)  # what is to end it at the server
        assert await store.meta.get("name") is None
        has_recovered.set()
        sql.run(server, END_OTHER_SESSIONS)
        await store.close()


async def test_reads_that_are_cut_short_between_two_statements_end_at_the_next(on_server, database):
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
    await asyncio.sleep(0.05)  # each was cancelled at the server, where nothing ran
    go_on.set()
    assert await asyncio.wait_for(on_server.meta.get("name"), 30) is None


async def test_a_write_of_which_nobody_knows_whether_it_was_taken_is_not_made_again(server, clock, monkeypatch):
    monkeypatch.setattr("bot.store.postgres.postgres_engine.RETRY_DELAYS_SECONDS", (0.0,))
    packets: list[bytes] = []

    async def is_written_once() -> bool:
        return await store.meta.get("name") == "word"

    async def silent(packet: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Once a word is written, the server takes the end of that and does not answer, nor the next call."""
        if b"word" in packet or packets:
            packets.append(packet)
        if b"COMMIT" in packet and packets:
            writer.transport.abort()
        return len(packets) != 3

    async with open_proxy(server, silent) as behind:
        database = await Database.open(create_engine(behind), clock)
        store = Store(database)
        await store.meta.set("name", "")
        with pytest.raises(DatabaseUnusable, match="nobody knows"):
            await database.transact(Connection.execute_rowcount, "UPDATE meta SET value = value || 'word'")
        await until(is_written_once)
        await store.close()


@asynccontextmanager
async def open_proxy(server: DatabaseUrl, should_forward: ForwardCheck) -> AsyncIterator[DatabaseUrl]:
    """A server behind somebody who lets pass what is sent to it, or ends the connection."""
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


async def test_a_write_that_is_cut_in_the_middle_is_written_whole_by_another_session(on_server, database, server):
    attempts = []

    def both(db: Connection) -> None:
        db.execute("INSERT INTO meta (name, value) VALUES ('one', '')")
        attempts.append(db)
        if len(attempts) == 1:
            sql.run(
                server,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                "AND datname = current_database()",
            )
        db.execute("INSERT INTO meta (name, value) VALUES ('two', '')")

    await database.transact(both)
    assert len(attempts) == 2
    assert [await on_server.meta.get(name) for name in ("one", "two")] == ["", ""]
    assert on_server.fault is None


async def test_writers_of_several_processes_take_turns_and_no_change_is_missed_or_made_twice(server, clock):
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
                article = new_article(feeds[place], f"{place} {number}")
                while True:
                    with suppress(DatabaseUnusable):  # cut in the middle
                        await record(store, feeds[place], article)
                        break
                await store.processes.heartbeat_and_rebalance(
                    Process(str(place), "", ("poller",), ""), (), 15
                )  # done again by itself
                with suppress(DatabaseUnusable):
                    await read()

        async def cut() -> None:
            for _ in range(3):
                await asyncio.sleep(0.1)
                await asyncio.to_thread(sql.run, server, END_OTHER_SESSIONS)

        await asyncio.gather(write(first, 0), write(second, 1), cut())
        await read()
        assert sorted(article_ids) == list(range(1, 21))
        article_counts = sql.run(server, "SELECT count(DISTINCT key), count(*) FROM article")
        assert tuple(article_counts[0]) == (20, 20)
    finally:
        await first.close()
        await second.close()


async def test_a_database_that_was_restored_is_known_by_its_tables(on_server, server, clock):
    feed = await add_feed(on_server)
    await follow(on_server, feed)

    async def watch(store: Store, query: str) -> int:
        addition = await store.watches.add(server_id=1, channel_id=9, user_id=5, query=query, language=None, limit=9)
        return addition[0].id

    first = await watch(on_server, "one")
    again = await Store.open(server, clock)
    assert await again.meta.get("restored") is None
    await again.close()
    sql.run(server, "UPDATE meta SET value = 'of before' WHERE name = 'identity'")  # as a dump has it
    restored = await Store.open(server, clock)
    assert await restored.meta.get("restored") == "1"
    assert await watch(restored, "two") > first + 1_000
    await restored.close()


async def test_a_database_that_another_server_took_over_is_written_to_after_a_new_start_alone(on_server, server, clock):
    simulate_takeover(server)
    for _ in range(2):
        with pytest.raises(StoreError, match="has to start again"):
            await on_server.meta.set("name", "value")
    with pytest.raises(ProcessMustEnd, match="has to start again"):
        await on_server.check_alive()
    anew = await Store.open(server, clock)
    assert await anew.meta.get("restored") == "1"
    assert await anew.meta.get("name") is None
    await anew.close()


async def test_a_backup_is_pg_dumps(on_server, tmp_path):
    with pytest.raises(StoreError, match="pg_dump"):
        await on_server.backup(tmp_path / "copy.db")
    assert await on_server.check() > 0
    assert await on_server.measure_size_bytes() > 0
