"""Watches in the store: told once whatever is killed, and nothing lost when the tables were rebuilt."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.models import Feed, Watch
from bot.store import Store
from bot.store.sqlite.migrating import available, migrate
from bot.watches.watch_matching import Watchman
from tests.clocks import ManualClock
from tests.store.samples import CHANNEL, SERVER, add_feed, deliver, follow, new_article, record

CHECKOUT = Path(__file__).resolve().parents[2]
DIRECT, PERSON = 7_000, 8_000


def crash(path: Path, statement: int) -> int:
    """The exit code of a process that kills itself before that statement."""
    command = [sys.executable, "-m", "tests.store.crashing_watches", str(path), str(statement)]
    return subprocess.run(command, cwd=CHECKOUT, check=False, timeout=60).returncode


async def watch(store: Store, query: str, *, channel: int = CHANNEL, person: int | None = None) -> Watch:
    added = await store.watches.add(
        server_id=SERVER, channel_id=channel, person_id=person, query=query, language=None, limit=99
    )
    assert added is not None
    return added[0]


async def two_watches(store: Store) -> Feed:
    """A followed feed that is watched by a channel and a person, and a new article that both match."""
    feed = await add_feed(store)
    await follow(store, feed)
    await record(store, feed, new_article(feed, "old"), first=True)
    await watch(store, "reconnaissance")
    await watch(store, "faciale", channel=DIRECT, person=PERSON)
    await record(store, feed, new_article(feed, "new"), new_article(feed, "other"))
    return feed


@pytest.mark.parametrize("statement", [2, 3, 5, 8, 11, 14, 10_000])
async def test_a_kill_while_finding_out_whom_to_tell_loses_and_repeats_nothing(
    tmp_path: Path, clock: ManualClock, statement: int
) -> None:
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    await two_watches(store)
    await store.close()
    assert crash(path, statement) == -signal.SIGKILL

    store = await Store.open(path, clock)
    await store.check()
    left = len(await store.watches.arrivals(9))
    assert left == (0 if statement == 10_000 else 2)
    assert await Watchman(store).look() == (left > 0)
    assert not await Watchman(store).look()
    told = [
        (dispatch.channel_id, len(dispatch.article_ids))
        for place in (CHANNEL, DIRECT)
        for dispatch in await deliver(store, place)
        if dispatch.watch_id is not None
    ]
    assert told == [(CHANNEL, 2), (DIRECT, 2)]
    await store.close()


async def test_an_article_is_no_arrival_where_nobody_watches(store: Store) -> None:
    feed = await add_feed(store)
    await follow(store, feed)
    await record(store, feed, new_article(feed, "new"))
    assert await store.watches.arrivals(9) == []


async def test_a_removed_watch_keeps_no_words_and_goes_later(store: Store, clock: ManualClock) -> None:
    await two_watches(store)
    (theirs,) = await store.watches.of_person(PERSON)
    await Watchman(store).look()
    assert await store.watches.remove(theirs.id)
    assert not await store.watches.remove(theirs.id)
    rows = await store._database.fetchall("SELECT query FROM watch WHERE id = ?", (theirs.id,))
    assert [row["query"] for row in rows] == [""]
    assert await deliver(store, DIRECT) == []
    clock.advance(10)
    assert await store.watches.purge(clock.now()) == 1
    assert await store.watches.get(theirs.id) is None
    assert await store.watches.count(PERSON) == 0
    rows = await store._database.fetchall("SELECT 1 FROM channel WHERE person_id = ?", (PERSON,))
    assert rows == []


async def test_the_watches_of_a_server_that_is_deleted_go_with_it(store: Store, clock: ManualClock) -> None:
    await two_watches(store)
    await store.servers.left(SERVER)
    assert await store.servers.purge(clock.now() + 1) == 1
    assert await store.watches.of_person(PERSON) == []
    assert await store.watches.of_channels(SERVER) == []


async def test_an_id_of_a_watch_is_never_another_watchs(store: Store) -> None:
    await two_watches(store)
    (theirs,) = await store.watches.of_person(PERSON)
    await store.watches.forget(PERSON)
    assert (await watch(store, "again", channel=DIRECT, person=PERSON)).id > theirs.id


def test_the_tables_are_rebuilt_with_all_that_was_in_them(tmp_path: Path) -> None:
    before = tmp_path / "migrations"
    before.mkdir()
    for number, path in available().items():
        if number < 3:
            (before / path.name).write_text(path.read_text())
    with closing(sqlite3.connect(tmp_path / "telex.db", isolation_level=None)) as connection:
        migrate(connection, before)
        connection.executescript(
            """
            INSERT INTO feed (id, url, added, next_poll, interval) VALUES (1, 'https://a.example', 1, 2, 3);
            INSERT INTO article (id, key, feed_id, page, url, fingerprint, title, summary, text, outlet,
                                 published, found)
            VALUES (1, 'key', 1, 'page', 'url', x'00', 'title', '', '', '', 5, 6);
            INSERT INTO server (id, joined) VALUES (1, 1);
            INSERT INTO channel (id, server_id, problem, problem_since, retry_at) VALUES (2, 1, 'gone', 3, 4);
            INSERT INTO subscription (channel_id, feed_id, added) VALUES (2, 1, 7);
            INSERT INTO dispatch (id, channel_id, kind, what, state, created, position, due, attempts, sent,
                                  message_id, finished)
            VALUES (9, 2, 'post', 'key', 'sent', 1, 2, 3, 4, 5, 6, 1);
            INSERT INTO fate (channel_id, page, article_id, dispatch_id, decided) VALUES (2, 'page', 1, 9, 8);
            """
        )
        tables = ("channel", "subscription", "dispatch", "fate", "server", "article")
        was = {table: dict_of(connection, table) for table in tables}
        migrate(connection)
        for table in tables:
            (now,) = dict_of(connection, table)
            assert was[table][0].items() <= now.items()


def dict_of(connection: sqlite3.Connection, table: str) -> list[dict[str, object]]:
    cursor = connection.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
