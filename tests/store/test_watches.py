"""Watches in the store."""

from __future__ import annotations

from bot.core.models import Feed
from bot.core.user_models import Watch
from bot.store import Store
from bot.watches.watch_matching import WatchMatcher
from tests.store import sql
from tests.store.crashing import END, crash_before_statements
from tests.support.samples import CHANNEL, SERVER, add_followed_feed, deliver_pending, make_new_article, write_poll

DIRECT, PERSON = 7_000, 8_000


async def add_watch(store: Store, query: str, *, channel: int = CHANNEL, person: int | None = None) -> Watch:
    added = await store.watches.add(
        server_id=SERVER, channel_id=channel, user_id=person, query=query, language=None, limit=99
    )
    return added[0]


async def add_two_watches(store: Store) -> Feed:
    """Add a followed feed with a watch of a channel, a watch of a user, and an article that both match."""
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "old"), first=True)
    await add_watch(store, "reconnaissance")
    await add_watch(store, "faciale", channel=DIRECT, person=PERSON)
    await write_poll(store, feed, make_new_article(feed, "new"), make_new_article(feed, "other"))
    return feed


async def test_killed_watch_matching_loses_and_repeats_nothing(tmp_path, clock):
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    await add_two_watches(store)
    await store.close()
    for statement, copy in crash_before_statements(
        path, "enqueue_watch_notifications", clock.now(), [1, 2, 4, 7, 10, 13, END]
    ):
        store = await Store.open(copy, clock)
        await store.check()
        arrival_count = len(await store.watches.list_unmatched_arrivals(9))
        assert arrival_count == (0 if statement == END else 2)
        assert await WatchMatcher(store).process_next_batch() == (arrival_count > 0)
        assert not await WatchMatcher(store).process_next_batch()
        posts = [
            (dispatch.channel_id, len(dispatch.article_ids))
            for place in (CHANNEL, DIRECT)
            for dispatch in await deliver_pending(store, place)
            if dispatch.watch_id is not None
        ]
        assert posts == [(CHANNEL, 2), (DIRECT, 2)]
        await store.close()


async def test_article_without_watches_is_no_arrival(store):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "new"))
    assert await store.watches.list_unmatched_arrivals(9) == []


async def test_removed_watch_loses_query_and_is_purged_later(store, clock, settings):
    await add_two_watches(store)
    (theirs,) = await store.watches.list_by_user(PERSON)
    await WatchMatcher(store).process_next_batch()
    assert await store.watches.remove(theirs.id)
    assert not await store.watches.remove(theirs.id)
    (row,) = sql.run(settings.database, "SELECT query FROM watch WHERE id = ?", (theirs.id,))
    assert row["query"] == ""
    assert await deliver_pending(store, DIRECT) == []
    clock.advance(10)
    assert await store.watches.purge(clock.now()) == 1
    assert await store.watches.get(theirs.id) is None
    assert await store.watches.count_stored(PERSON) == 0
    assert sql.run(settings.database, "SELECT 1 FROM channel WHERE user_id = ?", (PERSON,)) == []


async def test_purged_server_loses_its_watches(store, clock):
    await add_two_watches(store)
    await store.servers.mark_left(SERVER)
    assert await store.servers.purge(clock.now() + 1) == 1
    assert await store.watches.list_by_user(PERSON) == []
    assert await store.watches.list_channel_watches(SERVER) == []


async def test_watch_id_is_never_reused(store):
    await add_two_watches(store)
    (theirs,) = await store.watches.list_by_user(PERSON)
    await store.erase_user(PERSON)
    assert (await add_watch(store, "again", channel=DIRECT, person=PERSON)).id > theirs.id
