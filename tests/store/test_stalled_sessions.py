"""Sessions of PostgreSQL that stall in a transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing

import pytest

from bot.core.configuration.database_url import DatabaseUrl
from bot.store import Store
from tests.support.postgres_server import require_postgres

ROWS = [(f"name {number}", "value") for number in range(200)]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch) -> None:
    require_postgres()
    from bot.store.postgres import postgres_connection, postgres_worker  # noqa: PLC0415 - not everywhere

    monkeypatch.setitem(postgres_connection.SESSION_SETTINGS, "lock_timeout", "200ms")
    # This alone is to end them: the server's own limit does not see all of them.
    monkeypatch.setitem(postgres_connection.SESSION_SETTINGS, "idle_in_transaction_session_timeout", "0")
    monkeypatch.setattr(postgres_worker, "STALLED_AFTER_SECONDS", 0.5)
    monkeypatch.setattr(postgres_worker, "MAX_LOCK_ATTEMPTS", 100)


@pytest.fixture
def server(server_databases) -> DatabaseUrl:
    return server_databases.empty()


def stall_after_locking(connection) -> None:
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", ROWS[0])


def stall_after_executemany(connection) -> None:
    connection.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", ROWS)


def stall_within_pipeline(connection) -> None:
    """Send part of a pipeline, so that the server waits for its end."""
    wire = connection.raw_connection.pgconn
    wire.enter_pipeline_mode()
    for name, meta_value in ROWS:
        wire.send_query_params(b"INSERT INTO meta VALUES ($1, $2)", [name.encode(), meta_value.encode()])
    wire.send_flush_request()
    wire.flush()


def stall_before_reading(connection) -> None:
    """Request rows and never read them, so that the server cannot send them all."""
    connection.raw_connection.pgconn.send_query(
        b"SELECT repeat('x', 10000), meta.name FROM generate_series(1, 10000) LEFT JOIN meta ON true"
    )


@pytest.mark.parametrize(
    "stand_still", [stall_after_locking, stall_after_executemany, stall_within_pipeline, stall_before_reading]
)
async def test_stalled_write_session_is_ended_by_waiting_ones(server, clock, caplog, stand_still: Callable[..., None]):
    from bot.store.postgres.postgres_connection import PostgresConnection  # noqa: PLC0415 - not everywhere
    from bot.store.postgres.postgres_engine import _BEGIN_WRITE_SQL  # noqa: PLC0415 - not everywhere

    waiting_stores = [await Store.open(server, clock) for _ in range(2)]
    stalled = PostgresConnection(server)
    with closing(stalled.raw_connection):
        stalled.execute("BEGIN")
        stalled.fetch_value(_BEGIN_WRITE_SQL)
        stand_still(stalled)
        with caplog.at_level(logging.WARNING):
            for number, store in enumerate(waiting_stores):
                await store.meta.set("written", str(number))
        assert caplog.text.count("sessions ended") == 1
    assert await waiting_stores[0].meta.get("written") == "1"
    assert await waiting_stores[0].meta.get(ROWS[0][0]) is None
    assert all(store.recent_fault is None for store in waiting_stores)
    for store in waiting_stores:
        await store.close()


async def test_stalled_read_session_does_not_block_table_rewrite(server, clock):
    from bot.store.postgres.postgres_connection import PostgresConnection  # noqa: PLC0415 - not everywhere

    store = await Store.open(server, clock)
    reader = PostgresConnection(server)
    with closing(reader.raw_connection):
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        reader.execute("SELECT * FROM bookmark")
        stall_before_reading(reader)
        await store.erase_user(5)
    await store.close()


async def test_working_session_is_waited_for(server, clock):
    from bot.store.postgres.postgres_connection import PostgresConnection  # noqa: PLC0415 - not everywhere
    from bot.store.postgres.postgres_engine import _BEGIN_WRITE_SQL  # noqa: PLC0415 - not everywhere

    store = await Store.open(server, clock)
    busy = PostgresConnection(server)
    with closing(busy.raw_connection):
        busy.execute("BEGIN")
        busy.fetch_value(_BEGIN_WRITE_SQL)
        busy.raw_connection.pgconn.send_query(b"INSERT INTO meta SELECT 'busy', pg_sleep(1.5)::text; COMMIT")
        await store.meta.set("written", "after")
    assert await store.meta.get("busy") is not None
    await store.close()
