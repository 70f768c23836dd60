"""Moving a database between a file and a PostgreSQL server."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.client.services import open_services
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.preferences import DigestPlan, FilterMode, FilterPlace, Preference
from bot.store import DatabaseMoved, DatabaseUnusable, Store, database_copy
from bot.store.connection import Connection
from bot.store.meta import RESTORED_ID_GAP
from bot.store.records.people_records import OpinionKind, ProposalDraft
from tests.support.clocks import ManualClock
from tests.support.samples import CHANNEL, SERVER, add_feed, deliver_pending, follow_feed, make_new_article, write_poll

ANNA = (1 << 59) + 1


@pytest.fixture
def server(server_databases) -> DatabaseUrl:
    return server_databases.empty()


class MoveInterrupted(Exception):
    """A simulated end of the process."""


async def fill_store(store: Store, clock: ManualClock) -> None:
    """Add rows to most tables, some of them pending."""
    feed, other_feed = await add_feed(store, "Paper"), await add_feed(store, "L’Écho")
    subscription = await follow_feed(store, feed)
    await follow_feed(store, other_feed, channel=CHANNEL + 1)
    await store.filters.add(FilterPlace(subscription), [(FilterMode.EXCLUDE, "sport")], user_id=ANNA, limit=9)
    new = [
        make_new_article(feed, f"n{number}", title="Élan 🔖 ‘quoted’ % ? :x", tags=("a", "é"), text="x\ty\n" * 50)
        for number in range(30)
    ]
    ids = (await write_poll(store, feed, *new)).new_article_ids
    await deliver_pending(store)
    await store.watches.add(server_id=SERVER, channel_id=9, user_id=ANNA, query="ended", language=None, limit=9)
    await store.watches.remove(1)
    await store.watches.purge(clock.now() + 1)  # so that its ID is in no row
    page = make_new_article(other_feed, "saved", title="A saved page")
    assert await store.saved_pages.add(ANNA, page, max_pages=9)
    await store.bookmark_feeds.create_token(ANNA, language="en")
    first = None
    for number in range(6):
        await store.bookmarks.add(ANNA, ids[number], server_id=SERVER)
        await store.opinions.record(OpinionKind.LIKED, server_id=SERVER, user_id=ANNA, article_id=ids[number])
        first = await store.questions.add(
            server_id=SERVER,
            channel_id=2,
            user_id=ANNA,
            text="Why?",
            language="en",
            is_public=True,
            is_answered=True,
            previous_question_id=first,
            source_article_ids=ids[:2],
        )
    await store.preferences.change(Preference.ALERT_CHANNEL, CHANNEL, server_id=SERVER, user_id=ANNA)
    await store.digests.save(
        DigestPlan(weekday=None, minute=0),
        server_id=SERVER,
        channel_id=CHANNEL + 1,
        user_id=ANNA,
        limit=9,
    )
    await store.proposals.add(
        ProposalDraft(
            server_id=SERVER,
            target_channel_id=CHANNEL,
            url="https://paper.example/feed",
            title="Paper",
            preview="{}",
            user_id=ANNA,
            reason="",
            language="en",
            channel_id=CHANNEL,
            message_id=None,
            dm_channel_id=None,
        )
    )
    await write_poll(store, feed, make_new_article(feed, "waits"), make_new_article(feed, "waits too"))
    await store.meta.set("vectors abc", "of files that stay")


def load_database_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN "
                "('article_change', 'encoded_article') AND name NOT LIKE 'sqlite_stat%'"
            )
        ]
        rows_by_table = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    local_names = {"vectors abc", "moved", "moved_at"}
    rows_by_table["meta"] = [row for row in rows_by_table["meta"] if row[0] not in local_names]
    return {name: sorted(members, key=repr) for name, members in rows_by_table.items()}


async def test_database_moves_to_server_and_back_completely(store, settings, clock, server, tmp_path, monkeypatch):
    await fill_store(store, clock)
    await store.close()
    monkeypatch.setattr(database_copy, "BATCH_SIZE", 7)

    def interrupt(done: int, total: int) -> None:
        if done > total / 3:
            raise MoveInterrupted

    with pytest.raises(MoveInterrupted):
        await Store.copy_database(settings.database, server, clock, interrupt)
    with pytest.raises(DatabaseUnusable, match="telex move"):
        await Store.open(server, clock)
    moved = await Store.copy_database(settings.database, server, clock, lambda *_: None)
    before = load_database_rows(settings.database)
    assert moved == sum(map(len, before.values())) - len(before["sqlite_sequence"])
    with pytest.raises(DatabaseUnusable, match="not empty"):
        await Store.copy_database(settings.database, server, clock, lambda *_: None)

    back = tmp_path / "back.db"
    await Store.copy_database(server, back, clock, lambda *_: None)
    assert load_database_rows(back) == before

    for place in (server, back):
        opened = await Store.open(place, clock)
        try:
            assert [dispatch.dedupe_key for dispatch in await deliver_pending(opened)] == [
                make_new_article(await add_feed(opened, "Paper"), name).key for name in ("waits too", "waits")
            ]
            addition = await opened.watches.add(
                server_id=SERVER, channel_id=9, user_id=ANNA, query="new", language=None, limit=9
            )
            assert addition[0].id == 2  # a button of the first watch must never end this one
            (feed,) = await opened.feeds.list_all() and [await add_feed(opened, "Paper")]
            assert (
                await write_poll(opened, feed, make_new_article(feed, "n1"), make_new_article(feed, "n99"))
            ).new_article_ids
            assert len(await deliver_pending(opened)) == 1
            assert await opened.meta.get("vectors abc") is None
        finally:
            await opened.close()


async def test_moved_database_is_refused_until_taken_back(store, settings, clock, server, tmp_path):
    await fill_store(store, clock)
    await store.close()
    source = settings.database

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise MoveInterrupted

    with pytest.raises(MoveInterrupted):
        await Store.copy_database(source, server, clock, interrupt)
    async with open_services(settings, clock):
        pass  # the move has not finished
    await Store.copy_database(source, server, clock, lambda *_: None)
    where = str(server)
    with pytest.raises(DatabaseMoved, match=re.escape(f"{source} was moved to {where}:")):
        async with open_services(settings, clock):
            pass
    for target in (server, DatabaseUrl("postgresql://me:hidden@elsewhere/telex")):
        with pytest.raises(DatabaseUnusable) as refusal:
            await Store.copy_database(source, target, clock, lambda *_: None)
        assert "hidden" not in str(refusal.value)

    old = await Store.open(source, clock, create=False)
    await old.reactivate()
    assert await old.meta.get("restored") == "1"
    addition = await old.watches.add(server_id=SERVER, channel_id=9, user_id=ANNA, query="new", language=None, limit=9)
    assert addition[0].id > RESTORED_ID_GAP  # buttons in Discord may name IDs assigned on the server
    await old.close()
    async with open_services(settings, clock):
        pass


async def test_move_killed_at_end_leaves_neither_database_usable(store, settings, clock, server, monkeypatch):
    await fill_store(store, clock)
    await store.close()
    changed = Connection.execute_rowcount

    def interrupt(db: Connection, sql: str, parameters: Any = ()) -> int:
        if parameters == (database_copy.IN_PROGRESS_KEY,):
            raise MoveInterrupted
        return changed(db, sql, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "execute_rowcount", interrupt)
        with pytest.raises(MoveInterrupted):
            await Store.copy_database(settings.database, server, clock, lambda *_: None)
    with pytest.raises(DatabaseMoved):
        async with open_services(settings, clock):
            pass
    with pytest.raises(DatabaseUnusable, match="being filled"):
        await Store.open(server, clock)
    await Store.copy_database(settings.database, server, clock, lambda *_: None)
    opened = await Store.open(server, clock)
    await opened.require_not_moved()
    await opened.close()


async def test_move_needs_existing_source_and_other_engine(clock, server, tmp_path):
    with pytest.raises(DatabaseUnusable, match="from a file to a PostgreSQL server"):
        await Store.copy_database(tmp_path / "a.db", tmp_path / "b.db", clock, lambda *_: None)
    with pytest.raises(DatabaseUnusable, match="no database"):
        await Store.copy_database(tmp_path / "a.db", server, clock, lambda *_: None)
