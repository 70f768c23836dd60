"""Limits of servers and users."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.limits import Limit
from bot.core.preferences import OPERATOR_USER_ID
from bot.core.user_errors import RequestRejected
from bot.operating.applicable_limits import Limits, parse_limits
from bot.posting.wording.audit_sentences import describe_audit_entry
from tests.support.cases import check_cases
from tests.support.samples import CHANNEL, SERVER, add_feed, make_new_article, write_poll


async def test_only_one_of_two_concurrent_follows_fits_limit(store, settings):
    limits = Limits(settings, store)
    await store.server_limits.set_limits(SERVER, {Limit.FEEDS_PER_SERVER: 1}, user_id=None)
    max_feeds = await limits.load(Limit.FEEDS_PER_SERVER, SERVER)
    feeds = [await add_feed(store, name) for name in ("one", "two")]

    async def follow(feed, channel_id=CHANNEL):
        return await store.subscriptions.follow(
            server_id=SERVER, channel_id=channel_id, feed_id=feed.id, first_article_id=None, max_feeds=max_feeds
        )

    outcomes = await asyncio.gather(*map(follow, feeds), return_exceptions=True)
    (refusal,) = [outcome for outcome in outcomes if isinstance(outcome, RequestRejected)]
    assert (refusal.reason.code, refusal.reason.values) == (Limit.FEEDS_PER_SERVER, {"count": 1})
    assert await store.subscriptions.count(SERVER) == 1
    # A followed feed can be added to another channel, and a limit below the current number removes nothing.
    followed_feed = feeds[0 if isinstance(outcomes[1], RequestRejected) else 1]
    assert (await follow(followed_feed, CHANNEL + 1))[1]
    await store.server_limits.set_limits(SERVER, {Limit.FEEDS_PER_SERVER: 0}, user_id=None)
    with pytest.raises(RequestRejected):
        await limits.require_below(await store.subscriptions.count(SERVER), Limit.FEEDS_PER_SERVER, SERVER)
    assert await store.subscriptions.count(SERVER) == 1


async def test_only_one_of_two_concurrent_bookmarks_fits_limit(store):
    feed = await add_feed(store, "feed")
    await write_poll(store, feed, *[make_new_article(feed, str(number)) for number in range(3)])
    articles = await store.articles.list_newest(None, limit=3)
    additions = [store.bookmarks.add(7, article.id, max_bookmarks=1) for article in articles[:2]]
    outcomes = await asyncio.gather(*additions, return_exceptions=True)
    assert sorted(map(str, outcomes))[1] == "True"
    assert await store.bookmarks.count(7) == 1
    # Neither Undo nor a repeated reaction exceeds the limit.
    (article_id,) = [article.id for article, outcome in zip(articles, outcomes, strict=False) if outcome is True]
    removed_bookmark = await store.bookmarks.remove(7, article_id)
    await store.bookmarks.add(7, articles[2].id, max_bookmarks=1)
    with pytest.raises(RequestRejected):
        await store.bookmarks.restore(7, removed_bookmark, max_bookmarks=1)
    assert await store.bookmarks.count(7) == 1
    assert not await store.bookmarks.add(7, articles[2].id, max_bookmarks=0)


async def test_server_has_own_limits_until_reset(store, settings):
    limits = Limits(settings, store)
    await store.server_limits.set_limits(SERVER, parse_limits(["feeds=500", "Watches=0"]), user_id=7)
    assert [usage for usage in await limits.load_usage(SERVER) if usage.has_own_limit] == [
        ("feeds", 0, 500, True),
        ("watches", 0, 0, True),
    ]
    assert await limits.load(Limit.FEEDS_PER_SERVER, SERVER + 1) == 200
    assert await limits.load(Limit.WATCHES_PER_USER) == 25
    await store.server_limits.set_limits(SERVER, parse_limits(["feeds=default"]), user_id=None)
    assert await limits.load(Limit.FEEDS_PER_SERVER, SERVER) == 200
    entries = await store.audit_log.list_entries(server_id=SERVER)
    assert [(entry.user_id, describe_audit_entry(entry)) for entry in entries] == [
        (OPERATOR_USER_ID, "set limits of the server: feeds=default"),
        (7, "set limits of the server: feeds=500 watches=0"),
    ]


@check_cases(
    "text",
    [
        "feeds",
        "feeds=",
        "feeds=-1",
        "feeds=1.5",
        "feeds=٣",
        "cats=1",
        "feeds=1000000",
        "",
        "feeds=2",
        f"feeds={'9' * 5_000}",
    ],
)
def test_invalid_limits_are_refused(text):
    with pytest.raises(ValueError, match=r"is no limit\. Limits look like feeds=500|feeds is there twice"):
        parse_limits(["feeds=1", text])
