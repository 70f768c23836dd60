"""Subscriptions: following, pausing, moving and unfollowing; servers that leave and return."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from bot.core.models import DispatchKind, FeedState
from bot.core.preferences import FilterMode, FilterPlace
from bot.core.reasons import Reason, SendProblem
from bot.store import Store, StoreError
from bot.store.outbox import dispatch_cancellation
from bot.store.records.source_records import IntakeResult, PollWrite
from bot.store.sqlite.sqlite_connection import SqliteConnection
from tests.support.samples import (
    CHANNEL,
    SERVER,
    add_feed,
    add_followed_feed,
    deliver_pending,
    follow_feed,
    load_delivery_statuses,
    make_new_article,
    write_poll,
)
from tests.support.store_probe import require_database_file


async def deliver_titles(store: Store, channel: int = CHANNEL) -> list[str]:
    sent = await deliver_pending(store, channel)
    ids = [article_id for dispatch in sent for article_id in dispatch.article_ids]
    return [article.title.removeprefix("Title of ") for article in await store.articles.list_by_ids(ids)]


async def test_following_posts_only_newest_article(store, feed):
    articles = [make_new_article(feed, name, published=ord(name)) for name in "ba"]
    recorded = await write_poll(store, feed, *articles, first=True)
    subscription, created = await store.subscriptions.follow(
        server_id=SERVER, channel_id=CHANNEL, feed_id=feed.id, first_article_id=recorded.new_article_ids[-1]
    )
    assert created
    assert await store.subscriptions.get(subscription.id) == subscription
    assert await store.subscriptions.find(CHANNEL, feed.id) == subscription
    assert await deliver_titles(store) == ["b"]


async def test_following_twice_makes_one_subscription_and_post(store, feed):
    (newest,) = (await write_poll(store, feed, make_new_article(feed, "a"), first=True)).new_article_ids
    followed = [
        await store.subscriptions.follow(server_id=SERVER, channel_id=CHANNEL, feed_id=feed.id, first_article_id=newest)
        for _ in range(2)
    ]
    assert [created for _, created in followed] == [True, False]
    assert followed[0][0] == followed[1][0]
    assert await deliver_titles(store) == ["a"]


async def test_pending_articles_are_found_without_scanning_all(store, feed, settings):
    await write_poll(store, feed, *(make_new_article(feed, str(number)) for number in range(500)), first=True)
    await follow_feed(store, feed)
    await write_poll(store, feed, make_new_article(feed, "new"))
    steps: list[None] = []
    file = require_database_file(settings.database)
    with closing(sqlite3.connect(file, factory=SqliteConnection)) as connection:
        connection.row_factory = sqlite3.Row
        dispatch_cancellation.list_pending_articles(connection, CHANNEL, [feed.id])  # which reads the schema
        connection.set_progress_handler(lambda: steps.append(None), 1)
        ((waiting_row, kind),) = dispatch_cancellation.list_pending_articles(connection, CHANNEL, [feed.id])
    assert (waiting_row.key, kind) == (make_new_article(feed, "new").key, "post")
    assert len(steps) < 500


async def test_following_again_does_not_repeat_posts(store, feed):
    (newest,) = (await write_poll(store, feed, make_new_article(feed, "a"), first=True)).new_article_ids
    for _ in range(2):
        await store.subscriptions.follow(server_id=SERVER, channel_id=CHANNEL, feed_id=feed.id, first_article_id=newest)
        await deliver_pending(store)
        assert await store.subscriptions.unfollow(CHANNEL, feed.id)
    assert len(await store.dispatches.list_recent(0, 10)) == 1


async def test_following_again_posts_withheld_article(store, feed):
    (newest,) = (await write_poll(store, feed, make_new_article(feed, "a"), first=True)).new_article_ids
    for _ in range(2):
        await store.subscriptions.unfollow(CHANNEL, feed.id)
        await store.subscriptions.follow(server_id=SERVER, channel_id=CHANNEL, feed_id=feed.id, first_article_id=newest)
    assert await deliver_titles(store) == ["a"]


async def test_feed_with_credentials_is_never_shared(store):
    secret = await store.feeds.add("https://user:pass@one.example/feed", server_id=SERVER)
    other_feed = await store.feeds.add("https://user:pass@one.example/feed", server_id=SERVER + 1)
    assert secret.id != other_feed.id
    assert await store.feeds.find(secret.url, SERVER) == secret
    assert await store.feeds.find(secret.url) is None
    with pytest.raises(StoreError):
        await follow_feed(store, secret, server=SERVER + 1, channel=CHANNEL + 1)
    await follow_feed(store, secret)
    assert await store.subscriptions.load_server_ids_of_feed(secret.id) == {SERVER}


async def test_channel_belongs_to_one_server(store):
    await add_followed_feed(store)
    with pytest.raises(StoreError):
        await follow_feed(store, await add_feed(store, "second"), server=SERVER + 1, channel=CHANNEL)


async def test_pending_articles_are_withheld_when_unfollowing(store):
    feed, other_feed = await add_feed(store), await add_feed(store, "other")
    await follow_feed(store, feed)
    await follow_feed(store, other_feed)
    articles = [make_new_article(feed, f"{n}", published=n) for n in range(4)]
    other_article = make_new_article(other_feed, "kept", published=1)
    await write_poll(store, other_feed, other_article, max_pending_posts=2)
    await write_poll(store, feed, *articles, max_pending_posts=2)  # two of them and `kept` in a catch-up
    assert await store.subscriptions.unfollow(CHANNEL, feed.id)
    assert not await store.subscriptions.unfollow(CHANNEL, feed.id)
    for article in articles:
        assert await load_delivery_statuses(store, article) == {CHANNEL: ("withheld", "unfollowed")}
    assert await deliver_titles(store) == ["kept"]
    assert await store.articles.count() == 5


async def test_page_of_other_followed_feed_stays_pending(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow_feed(store, first_feed)
    await follow_feed(store, second_feed)
    url = "https://news.example/same"
    await write_poll(store, first_feed, make_new_article(first_feed, "a", url=url))
    await write_poll(store, second_feed, make_new_article(second_feed, "b", url=url))
    await store.subscriptions.unfollow(CHANNEL, first_feed.id)
    assert await deliver_titles(store) == ["a"]


async def test_feed_without_subscription_is_not_due(store, feed, clock):
    assert await store.feeds.list_due(clock.now(), 10) == []
    assert await store.feeds.get_next_due_at() is None
    subscription = await follow_feed(store, feed)
    assert await store.feeds.list_due(clock.now(), 10) == [feed]
    assert await store.feeds.list_due(clock.now(), 10, [feed.id]) == []
    assert await store.feeds.get_next_due_at() == feed.next_poll_at
    assert await store.feeds.get_next_due_at([feed.id]) is None
    await store.subscriptions.pause(subscription)
    assert await store.feeds.list_due(clock.now(), 10) == []
    await store.subscriptions.resume(subscription)
    await store.servers.mark_left(SERVER)
    assert await store.feeds.list_due(clock.now(), 10) == []
    await store.servers.mark_joined(SERVER, "fr")
    await store.polls.record_unchanged([replace(feed, state=FeedState.GONE)])
    assert await store.feeds.list_due(clock.now(), 10) == []


async def test_articles_of_pause_are_withheld_and_later_ones_posted(store, feed, clock):
    subscription = await follow_feed(store, feed)
    waiting = make_new_article(feed, "waiting", published=clock.now())
    await write_poll(store, feed, waiting)
    assert await store.subscriptions.pause(subscription)
    assert not await store.subscriptions.pause(subscription)
    paused_article = make_new_article(feed, "found", published=clock.now())
    await write_poll(store, feed, paused_article)
    clock.advance(10_000)
    assert await store.subscriptions.resume(subscription)
    assert not await store.subscriptions.resume(subscription)
    clock.advance(100)
    late = make_new_article(feed, "late", published=clock.now() - 5_000)
    undated = make_new_article(feed, "undated", published=clock.now())
    fresh = make_new_article(feed, "fresh", published=clock.now() - 50)
    await write_poll(store, feed, late, undated, fresh)  # the first poll since the pause
    clock.advance(100)
    await write_poll(store, feed, make_new_article(feed, "next", published=clock.now() - 9_000))
    for article in (waiting, paused_article, late, undated):
        assert await load_delivery_statuses(store, article) == {CHANNEL: ("withheld", "paused")}
    assert sorted(await deliver_titles(store)) == ["fresh", "next"]


async def test_moving_moves_pending_articles_but_not_posted_ones(store, feed):
    subscription = await follow_feed(store, feed)
    await write_poll(store, feed, make_new_article(feed, "posted", published=0))
    await deliver_pending(store)
    articles = [make_new_article(feed, f"{n}", published=n) for n in range(1, 6)]
    await write_poll(store, feed, *articles, max_pending_posts=2)
    moved = await store.subscriptions.move(subscription, CHANNEL + 1)
    assert (moved.id, moved.channel_id) == (subscription, CHANNEL + 1)
    assert await deliver_titles(store) == []
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL + 1: ("waiting", None)}
    sent = await deliver_pending(store, CHANNEL + 1)
    assert [(post.kind, len(post.article_ids)) for post in sent] == [
        (DispatchKind.CATCH_UP, 3),
        (DispatchKind.POST, 1),
        (DispatchKind.POST, 1),
    ]
    await write_poll(store, feed, make_new_article(feed, "after", published=9))
    assert await deliver_titles(store, CHANNEL + 1) == ["after"]


async def test_moving_to_following_channel_leaves_one_subscription(store, feed):
    first, second = await follow_feed(store, feed), await follow_feed(store, feed, channel=CHANNEL + 1)
    await write_poll(store, feed, make_new_article(feed, "a"))
    moved = await store.subscriptions.move(first, CHANNEL + 1)
    assert moved.id == second
    assert await store.subscriptions.get(first) is None
    assert (await deliver_titles(store), await deliver_titles(store, CHANNEL + 1)) == ([], ["a"])
    assert await store.subscriptions.move(first, CHANNEL + 2) is None


async def test_subscriptions_are_listed_by_server(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow_feed(store, second_feed)
    await follow_feed(store, first_feed)
    await follow_feed(store, first_feed, channel=CHANNEL + 1)
    await follow_feed(store, first_feed, server=SERVER + 1, channel=CHANNEL + 2)
    pairs = await store.subscriptions.list_with_feeds(SERVER)
    assert [(subscription.channel_id, feed.title) for subscription, feed in pairs] == [
        (CHANNEL, "one"),
        (CHANNEL + 1, "one"),
        (CHANNEL, "two"),
    ]
    assert await store.subscriptions.load_channel_ids(SERVER) == {CHANNEL, CHANNEL + 1}
    assert await store.subscriptions.load_feed_ids([CHANNEL + 1, CHANNEL + 2]) == {first_feed.id}
    assert await store.subscriptions.count(SERVER) == 2
    assert await store.subscriptions.load_server_ids_of_feed(first_feed.id) == {SERVER, SERVER + 1}
    assert [
        feed_subscription.channel_id for feed_subscription in await store.subscriptions.list_by_feed(first_feed.id)
    ] == [
        CHANNEL,
        CHANNEL + 1,
        CHANNEL + 2,
    ]


async def test_articles_from_time_away_are_not_posted_after_return(store, clock):
    feed = await add_followed_feed(store)
    await store.servers.mark_joined(SERVER, "fr")
    await write_poll(store, feed, make_new_article(feed, "old"))
    await deliver_pending(store)
    waiting, sending = (make_new_article(feed, name, published=clock.now()) for name in ("waiting", "sending"))
    await write_poll(store, feed, sending)
    claimed = await store.dispatches.claim(CHANNEL)
    await write_poll(store, feed, waiting)
    await store.servers.mark_left(SERVER)
    assert (await store.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == []
    assert await store.subscriptions.list_by_feed(feed.id) == []
    await store.dispatches.schedule_retry(claimed.id, due_at=clock.now(), reason=Reason(SendProblem.FORBIDDEN))
    clock.advance(10_000)
    await store.servers.mark_joined(SERVER)
    clock.advance(100)
    away = make_new_article(feed, "away", published=clock.now() - 5_000)
    await write_poll(store, feed, away)
    for article in (waiting, sending, away):
        assert await load_delivery_statuses(store, article) == {CHANNEL: ("withheld", "away")}
    await write_poll(store, feed, make_new_article(feed, "now", published=clock.now()))
    assert await deliver_titles(store) == ["now"]
    assert await store.servers.get_locale(SERVER) == "fr"


async def test_joining_without_having_left_withholds_nothing(store, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "a", published=clock.now()))
    clock.advance(100)
    await store.servers.mark_joined(SERVER, "en-GB")  # an outage is over
    await store.servers.sync({SERVER: None})
    await write_poll(store, feed, make_new_article(feed, "b", published=clock.now() - 50))
    assert await deliver_titles(store) == ["a", "b"]
    assert await store.servers.get_locale(SERVER) == "en-GB"


async def test_sync_notices_left_and_returned_servers(store, feed, clock):
    for number in range(3):
        await follow_feed(store, feed, server=SERVER + number, channel=CHANNEL + number)
    await store.servers.mark_left(SERVER + 2)
    await store.servers.sync(dict.fromkeys([SERVER, SERVER + 2, SERVER + 3]))
    present = await store.subscriptions.list_by_feed(feed.id)
    assert [subscription.server_id for subscription in present] == [SERVER, SERVER + 2]


async def test_purged_server_is_deleted_with_its_secrets(store, clock):
    shared = await add_feed(store)
    secret = await store.feeds.add("https://user:pass@one.example/feed?token=hush", server_id=SERVER)
    await follow_feed(store, shared)
    await follow_feed(store, secret)
    await follow_feed(store, shared, server=SERVER + 1, channel=CHANNEL + 1)
    await write_poll(store, shared, make_new_article(shared, "a"))
    (private,) = (await write_poll(store, secret, make_new_article(secret, "b"))).new_article_ids
    await store.bookmarks.add(1, private, server_id=SERVER)
    await store.servers.mark_left(SERVER)
    left_at = clock.now()
    assert await store.servers.purge(left_at) == 0
    clock.advance(1)
    assert await store.servers.purge(clock.now()) == 1
    assert await store.subscriptions.list_with_feeds(SERVER) == []
    assert await store.servers.get_locale(SERVER) is None
    assert await store.bookmarks.count(1) == 1
    deleted_feed = await store.feeds.get(secret.id)
    assert "pass" not in repr(deleted_feed)
    assert deleted_feed.state is FeedState.GONE
    assert len(await store.subscriptions.list_by_feed(shared.id)) == 1
    await store.check()


async def test_adding_gone_feed_reactivates_it(store, feed, clock):
    gone_feed = replace(feed, state=FeedState.GONE, failure_count=9, error="gone", failing_since=5)
    await store.polls.record_unchanged([gone_feed])
    again = await store.feeds.add(feed.url, next_poll_at=clock.now())
    assert again == replace(feed, next_poll_at=clock.now())
    assert await store.feeds.get(feed.id) == again
    assert await store.feeds.list_all() == [again]
    assert await store.feeds.count() == 1


async def test_feed_can_be_made_due(store, clock):
    feed = await add_followed_feed(store)
    await store.polls.record_unchanged([replace(feed, next_poll_at=clock.now() + 600)])
    assert await store.feeds.list_due(clock.now(), 10) == []
    await store.feeds.make_due(feed.id)
    assert [due.id for due in await store.feeds.list_due(clock.now(), 10)] == [feed.id]


async def test_outlets_are_found_by_any_word(store):
    for name in ("Le Monde", "Mediapart", "Numerama", "Écran d'accueil", "The Le"):
        await add_feed(store, name)
    assert await store.feeds.find_outlets(None, "mond", 10) == ["Le Monde"]
    assert await store.feeds.find_outlets(None, "ECRAN", 10) == ["Écran d'accueil"]
    assert await store.feeds.find_outlets(None, "le", 10) == ["Le Monde", "The Le"]
    assert len(await store.feeds.find_outlets(None, " ", 3)) == 3
    assert await store.feeds.find_outlets([2], "", 10) == ["Mediapart"]
    assert await store.feeds.find_outlets([], "", 10) == []


async def test_article_moved_back_into_catch_up_is_sent(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    moving = await follow_feed(store, first_feed)
    await follow_feed(store, second_feed)
    await write_poll(store, first_feed, make_new_article(first_feed, "a", published=1_779_000_000), max_pending_posts=0)
    await write_poll(
        store, second_feed, make_new_article(second_feed, "b", published=1_779_000_100), max_pending_posts=0
    )
    await store.subscriptions.move(moving, CHANNEL + 1)
    assert len(await deliver_pending(store)) == 1  # the catch-up, which is named after the one that moved
    await store.subscriptions.move(moving, CHANNEL)
    (caught_up,) = await deliver_pending(store)
    (article,) = await store.articles.list_by_ids(caught_up.article_ids)
    assert article.title == "Title of a"


async def test_article_filtered_in_target_channel_stays_filtered_after_move(store, feed):
    moving = await follow_feed(store, feed)
    there = await follow_feed(store, feed, channel=CHANNEL + 1)
    await store.filters.add(FilterPlace(there), [(FilterMode.EXCLUDE, "sport")], user_id=1, limit=9)
    article = make_new_article(feed, "a")
    await store.polls.record(
        PollWrite(
            feed,
            IntakeResult([article]),
            max_pending_posts=10,
            is_first_poll=False,
            filter_matcher=lambda _key, filters: filters,
        )
    )
    await store.subscriptions.move(moving, CHANNEL + 1)
    assert (await load_delivery_statuses(store, article))[CHANNEL + 1] == (
        "filtered",
        "filtered modes=never queries=sport",
    )
    assert await deliver_pending(store, CHANNEL + 1) == []
