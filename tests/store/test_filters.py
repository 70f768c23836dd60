"""Filters of subscriptions, channels and servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.models import Feed, NewArticle
from bot.core.preferences import Filter, FilterMode, FilterPlace, FilterScope, SettingChange
from bot.store import Store
from bot.store.records.source_records import FilterMatcher, IntakeResult, PollWrite
from bot.watches.subscription_filters import select_blocking_filters
from tests.support.samples import (
    CHANNEL,
    SERVER,
    add_feed,
    deliver_pending,
    follow_feed,
    load_delivery_statuses,
    make_new_article,
    write_poll,
)

PERSON = 8_000
ONLY, NEVER = FilterMode.INCLUDE, FilterMode.EXCLUDE


async def add_filters(store: Store, subscription: int, *rules: tuple[FilterMode, str]) -> None:
    assert await store.filters.add(FilterPlace(subscription), rules, user_id=PERSON, limit=10)


def match_by_words(words: dict[str, set[str]]) -> FilterMatcher:
    """Build a matcher from the queries that each article matches."""
    return lambda key, filters: select_blocking_filters(filters, lambda query: query in words[key])


async def record_poll(
    store: Store,
    feed: Feed,
    *new: NewArticle,
    words: dict[NewArticle, set[str]] | None = None,
    first: bool = False,
    max_pending_posts: int = 10,
) -> None:
    """Record a poll of articles that match only their queries in `words`."""
    queries_by_key = {article.key: set[str]() for article in new}
    queries_by_key |= {article.key: queries for article, queries in (words or {}).items()}
    now = store.clock.now()
    await store.polls.record(
        PollWrite(
            replace(feed, last_poll_at=now, last_success_at=now),
            IntakeResult(new),
            max_pending_posts=max_pending_posts,
            is_first_poll=first,
            filter_matcher=match_by_words(queries_by_key),
        )
    )


async def deliver_titles(store: Store, channel: int = CHANNEL) -> list[list[str]]:
    """Deliver what is pending in a channel and return the titles of each message."""
    return [
        [article.title.removeprefix("Title of ") for article in await store.articles.list_by_ids(sent.article_ids)]
        for sent in await deliver_pending(store, channel)
    ]


async def test_filtered_article_has_filter_as_reason_and_others_are_posted(store, feed):
    await add_filters(store, await follow_feed(store, feed), (NEVER, "sponsored"))
    first_article, second_article = (
        make_new_article(feed, "a", published=100),
        make_new_article(feed, "b", published=200),
    )
    await record_poll(store, feed, second_article, first_article, words={first_article: {"sponsored"}})
    assert await load_delivery_statuses(store, first_article) == {
        CHANNEL: ("filtered", "filtered modes=never queries=sponsored")
    }
    assert await deliver_titles(store) == [["b"]]
    assert await load_delivery_statuses(store, second_article) == {CHANNEL: ("posted", None)}


async def test_filter_applies_to_one_subscription(store, feed):
    await add_filters(store, await follow_feed(store, feed), (ONLY, "chips"))
    await follow_feed(store, feed, channel=CHANNEL + 1)
    article = make_new_article(feed, "a")
    await record_poll(store, feed, article)
    assert await load_delivery_statuses(store, article) == {
        CHANNEL: ("filtered", "filtered modes=only queries=chips"),
        CHANNEL + 1: ("waiting", None),
    }


@pytest.mark.parametrize("filtered_first", [True, False])
async def test_page_filtered_for_one_feed_is_posted_for_another(store, filtered_first):
    strict, free = await add_feed(store, "strict"), await add_feed(store, "free")
    await add_filters(store, await follow_feed(store, strict), (NEVER, "a"))
    await follow_feed(store, free)
    url = "https://news.example/same"
    mine, theirs = make_new_article(strict, "strict", url=url), make_new_article(free, "free", url=url)
    for feed, article in [(strict, mine), (free, theirs)][:: 1 if filtered_first else -1]:
        await record_poll(store, feed, article, words={article: {"a"}})
    assert await deliver_titles(store) == [["free"]]
    assert await load_delivery_statuses(store, mine) == {CHANNEL: ("posted", None)}
    await record_poll(store, strict, make_new_article(strict, "again", url=url), words={})
    assert await deliver_titles(store) == []


@pytest.mark.parametrize("filtered_first", [True, False])
@pytest.mark.parametrize("end", ["unfollow", "pause", "move"])
async def test_pending_page_with_filtered_other_feed_ends_with_its_feed(store, filtered_first, end):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    subscription = await follow_feed(store, first_feed)
    await add_filters(store, await follow_feed(store, second_feed), (NEVER, "paris"))
    url = "https://news.example/same"
    by_one, by_two = make_new_article(first_feed, "a", url=url), make_new_article(second_feed, "b", url=url)
    for feed, article in [(first_feed, by_one), (second_feed, by_two)][:: -1 if filtered_first else 1]:
        await record_poll(store, feed, article, words={article: {"paris"}})
    if end == "unfollow":
        await store.subscriptions.unfollow(CHANNEL, first_feed.id)
    elif end == "pause":
        await store.subscriptions.pause(subscription)
    else:
        await store.subscriptions.move(subscription, CHANNEL + 1)
    assert await deliver_titles(store) == []
    assert await deliver_titles(store, CHANNEL + 1) == ([["a"]] if end == "move" else [])


async def test_filtered_page_of_paused_feed_stays_filtered(store):
    strict, resting = await add_feed(store, "strict"), await add_feed(store, "resting")
    await add_filters(store, await follow_feed(store, strict), (NEVER, "a"))
    await store.subscriptions.pause(await follow_feed(store, resting))
    url = "https://news.example/same"
    mine = make_new_article(strict, "strict", url=url)
    await record_poll(store, strict, mine, words={mine: {"a"}})
    await record_poll(store, resting, make_new_article(resting, "resting", url=url))
    assert await load_delivery_statuses(store, mine) == {CHANNEL: ("filtered", "filtered modes=never queries=a")}


async def test_newest_article_of_backlog_that_passes_filter_is_posted(store, feed):
    await add_filters(store, await follow_feed(store, feed), (ONLY, "x"))
    articles = [make_new_article(feed, name, published=number) for number, name in enumerate("abc")]
    await record_poll(store, feed, *articles, words={articles[0]: {"x"}, articles[1]: {"x"}}, first=True)
    assert await deliver_titles(store) == [["b"]]


async def test_catch_up_contains_no_filtered_article(store, feed):
    await add_filters(store, await follow_feed(store, feed), (NEVER, "x"))
    articles = [make_new_article(feed, name, published=number) for number, name in enumerate("abcdef")]
    await record_poll(store, feed, *articles, words={articles[1]: {"x"}, articles[5]: {"x"}}, max_pending_posts=2)
    assert await deliver_titles(store) == [["a", "c"], ["d"], ["e"]]


async def test_article_after_pause_is_filtered_and_earlier_one_withheld(store, feed, clock):
    subscription = await follow_feed(store, feed)
    await record_poll(store, feed)
    await store.subscriptions.pause(subscription)
    await add_filters(store, subscription, (NEVER, "x"))
    clock.advance(100)
    early = make_new_article(feed, "early", published=clock.now() - 50)
    await store.subscriptions.resume(subscription)
    clock.advance(100)
    late, fine = (make_new_article(feed, name, published=clock.now() - 50) for name in ("late", "fine"))
    await record_poll(store, feed, fine, late, early, words={early: {"x"}, late: {"x"}})
    assert await load_delivery_statuses(store, early) == {CHANNEL: ("withheld", "paused")}
    assert await load_delivery_statuses(store, late) == {CHANNEL: ("filtered", "filtered modes=never queries=x")}
    assert await deliver_titles(store) == [["fine"]]


async def test_new_filter_does_not_change_pending_or_filtered_articles(store, feed):
    subscription = await follow_feed(store, feed)
    waiting, later = make_new_article(feed, "waiting"), make_new_article(feed, "later")
    await record_poll(store, feed, waiting)
    await add_filters(store, subscription, (NEVER, "x"))
    await record_poll(store, feed, later, words={later: {"x"}})
    assert await deliver_titles(store) == [["waiting"]]
    (subscription_filter,) = await store.filters.list_by_place(FilterPlace(subscription))
    assert await store.filters.remove(FilterPlace(subscription), [subscription_filter.id], user_id=PERSON) == 1
    await write_poll(store, feed, later)
    assert await deliver_titles(store) == []
    assert await load_delivery_statuses(store, later) == {CHANNEL: ("filtered", "filtered modes=never queries=x")}


async def test_filtered_article_is_posted_when_feed_is_followed_again(store, feed):
    await add_filters(store, await follow_feed(store, feed), (NEVER, "x"))
    article = make_new_article(feed, "a")
    await record_poll(store, feed, article, words={article: {"x"}})
    await store.subscriptions.unfollow(CHANNEL, feed.id)
    (first,) = await store.articles.list_newest([feed.id], limit=1)
    await store.subscriptions.follow(server_id=SERVER, channel_id=CHANNEL, feed_id=feed.id, first_article_id=first.id)
    assert await deliver_titles(store) == [["a"]]


async def test_filters_are_limited_unique_and_in_history(store, feed, clock):
    subscription = await follow_feed(store, feed)
    add = store.filters.add
    assert await add(FilterPlace(subscription), [(NEVER, "a"), (ONLY, "b")], user_id=PERSON, limit=3)
    assert await add(FilterPlace(subscription), [(NEVER, "a")], user_id=PERSON, limit=3)
    assert await add(FilterPlace(subscription), [(NEVER, "c"), (NEVER, "d")], user_id=PERSON, limit=3) is False
    assert await add(FilterPlace(subscription + 1), [(NEVER, "a")], user_id=PERSON, limit=3) is None
    subscription_filters = await store.filters.list_by_place(FilterPlace(subscription))
    assert [(subscription_filter.mode, subscription_filter.query) for subscription_filter in subscription_filters] == [
        (NEVER, "a"),
        (ONLY, "b"),
    ]
    assert await store.filters.list_queries(feed.id) == ["a", "b"]
    assert await store.filters.remove(FilterPlace(subscription), [subscription_filters[0].id, 999], user_id=PERSON) == 1
    assert await store.filters.remove(FilterPlace(subscription), [subscription_filters[0].id], user_id=PERSON) == 0

    def change(old: str | None, new: str | None) -> SettingChange:
        return SettingChange(clock.now(), PERSON, "filter", CHANNEL, feed.id, old, new)

    assert await store.preferences.list_changes(SERVER, limit=9) == [
        change("never a", None),
        change(None, "only b"),
        change(None, "never a"),
    ]


async def test_filter_of_other_subscription_is_not_removed(store, feed):
    mine, theirs = (
        await follow_feed(store, feed),
        await follow_feed(store, feed, server=SERVER + 1, channel=CHANNEL + 1),
    )
    await add_filters(store, theirs, (NEVER, "a"))
    (other_filter,) = await store.filters.list_by_place(FilterPlace(theirs))
    assert await store.filters.remove(FilterPlace(mine), [other_filter.id], user_id=PERSON) == 0
    assert await store.filters.list_by_place(FilterPlace(theirs)) == [other_filter]


async def test_filters_move_and_are_deleted_with_subscription(store, feed):
    subscription = await follow_feed(store, feed)
    await add_filters(store, subscription, (NEVER, "a"))
    await store.subscriptions.move(subscription, CHANNEL + 1)
    assert len(await store.filters.list_by_place(FilterPlace(subscription))) == 1
    await store.subscriptions.unfollow(CHANNEL + 1, feed.id)
    assert await store.filters.list_queries(feed.id) == []


CHANNEL_WIDE, SERVER_WIDE = FilterPlace(CHANNEL, FilterScope.CHANNEL), FilterPlace(SERVER, FilterScope.SERVER)


async def test_channel_or_server_filter_applies_to_all_feeds_there(store):
    places = [(SERVER, CHANNEL), (SERVER, CHANNEL + 1), (SERVER + 1, CHANNEL + 2)]
    feed = await add_feed(store)
    for server, channel in places:
        await follow_feed(store, feed, server=server, channel=channel)
    assert await store.filters.add(CHANNEL_WIDE, [(NEVER, "cup")], user_id=PERSON, limit=9)
    assert await store.filters.add(SERVER_WIDE, [(NEVER, "vote")], user_id=PERSON, limit=9)
    assert sorted(await store.filters.list_queries(feed.id)) == ["cup", "vote"]
    cup, vote = make_new_article(feed, "a", published=100), make_new_article(feed, "b", published=200)
    await record_poll(store, feed, vote, cup, words={cup: {"cup"}, vote: {"vote"}})
    assert await load_delivery_statuses(store, cup) == {
        CHANNEL: ("filtered", "filtered modes=never queries=cup scopes=channel"),
        CHANNEL + 1: ("waiting", None),
        CHANNEL + 2: ("waiting", None),
    }
    assert await load_delivery_statuses(store, vote) == {
        CHANNEL: ("filtered", "filtered modes=never queries=vote scopes=server"),
        CHANNEL + 1: ("filtered", "filtered modes=never queries=vote scopes=server"),
        CHANNEL + 2: ("waiting", None),
    }
    changes = await store.preferences.list_changes(SERVER, limit=9)
    assert [(change.channel_id, change.feed_id, change.new_value) for change in changes[:2]] == [
        (None, None, "never vote"),
        (CHANNEL, None, "never cup"),
    ]


async def test_channel_filter_applies_in_its_threads(store, feed):
    thread, other_thread = CHANNEL + 1, CHANNEL + 2
    subscriptions = [await follow_feed(store, feed, channel=channel) for channel in (CHANNEL, thread, other_thread)]
    await store.servers.record_threads(SERVER, {thread: CHANNEL, other_thread: CHANNEL + 3})
    assert await store.servers.list_thread_ids(CHANNEL) == [thread]
    assert await store.filters.add(CHANNEL_WIDE, [(NEVER, "cup")], user_id=PERSON, limit=9)
    assert [
        [query_filter.scope for query_filter in await store.filters.list_applying(FilterPlace(subscription))]
        for subscription in subscriptions
    ] == [[FilterScope.CHANNEL], [FilterScope.PARENT], []]
    cup = make_new_article(feed, "a")
    await record_poll(store, feed, cup, words={cup: {"cup"}})
    assert await load_delivery_statuses(store, cup) == {
        CHANNEL: ("filtered", "filtered modes=never queries=cup scopes=channel"),
        thread: ("filtered", "filtered modes=never queries=cup scopes=parent"),
        other_thread: ("waiting", None),
    }


async def test_ended_filter_blocks_nothing_and_stays_listed_for_a_week(store, feed, clock):
    subscription = await follow_feed(store, feed)
    ends_at = clock.now() + 100
    assert await store.filters.add(SERVER_WIDE, [(NEVER, "cup")], user_id=PERSON, limit=1, ends_at=ends_at)
    before, after = make_new_article(feed, "before"), make_new_article(feed, "after")
    await record_poll(store, feed, before, words={before: {"cup"}})
    assert [query_filter.ends_at for query_filter in await store.filters.list_applying(FilterPlace(subscription))] == [
        ends_at
    ]
    clock.advance(100)
    assert await store.filters.list_applying(FilterPlace(subscription)) == []
    await record_poll(store, feed, after, words={after: {"cup"}})
    assert await deliver_titles(store) == [["after"]]
    clock.advance(7 * 86_400 - 1)
    await store.filters.purge(clock.now())
    (ended_filter,) = await store.filters.list_by_place(SERVER_WIDE)
    assert ended_filter.has_ended(clock.now())
    assert await store.filters.add(SERVER_WIDE, [(NEVER, "vote")], user_id=PERSON, limit=1)  # ended filters don't count
    clock.advance(1)
    assert [query_filter.query for query_filter in await store.filters.list_by_place(SERVER_WIDE)] == ["vote"]
    await store.filters.purge(clock.now())
    clock.advance(-100)
    assert [query_filter.query for query_filter in await store.filters.list_by_place(SERVER_WIDE)] == ["vote"]


async def test_end_of_filter_can_be_changed(store, clock):
    await follow_feed(store, await add_feed(store))
    for ends_at in (None, clock.now() + 50, clock.now() + 90, clock.now() + 90):
        assert await store.filters.add(CHANNEL_WIDE, [(NEVER, "cup")], user_id=PERSON, limit=1, ends_at=ends_at)
    (changed_filter,) = await store.filters.list_by_place(CHANNEL_WIDE)
    assert changed_filter.ends_at == clock.now() + 90
    changes = await store.preferences.list_changes(SERVER, limit=9)
    texts = ["never cup", f"never@{clock.now() + 50} cup", f"never@{clock.now() + 90} cup"]
    assert [change.new_value for change in changes[:3]] == texts[::-1]
    assert [Filter.parse(text).ends_at for text in texts] == [None, clock.now() + 50, clock.now() + 90]
    clock.advance(1_000)
    assert await store.filters.add(CHANNEL_WIDE, [(NEVER, "cup")], user_id=PERSON, limit=1)
    assert [old_filter.ends_at for old_filter in await store.filters.list_applying(CHANNEL_WIDE)] == [None]
    assert await store.filters.add(FilterPlace(999, FilterScope.CHANNEL), [(NEVER, "x")], user_id=1, limit=9) is None


@pytest.mark.parametrize("place", [CHANNEL_WIDE, SERVER_WIDE])
async def test_first_article_of_followed_feed_is_filtered(store, place):
    other_feed, feed = await add_feed(store, "other"), await add_feed(store)
    await follow_feed(store, other_feed)
    assert await store.filters.add(place, [(NEVER, "cup")], user_id=PERSON, limit=9)
    article = make_new_article(feed, "a")
    await write_poll(store, feed, article)
    (stored_article,) = await store.articles.list_newest([feed.id], limit=1)
    await store.subscriptions.follow(
        server_id=SERVER,
        channel_id=CHANNEL,
        feed_id=feed.id,
        first_article_id=stored_article.id,
        make_matcher=lambda _articles, _now: match_by_words({article.key: {"cup"}}),
    )
    assert await load_delivery_statuses(store, article) == {
        CHANNEL: ("filtered", f"filtered modes=never queries=cup scopes={place.scope}")
    }


async def test_articles_moved_into_channel_are_filtered(store):
    feed, other_feed = await add_feed(store), await add_feed(store, "other")
    subscription = await follow_feed(store, feed, channel=CHANNEL + 1)
    await follow_feed(store, other_feed)
    assert await store.filters.add(CHANNEL_WIDE, [(NEVER, "cup")], user_id=PERSON, limit=9)
    cup, news = make_new_article(feed, "cup", published=100), make_new_article(feed, "news", published=200)
    await record_poll(store, feed, news, cup)
    matcher = match_by_words({cup.key: {"cup"}, news.key: set()})
    await store.subscriptions.move(subscription, CHANNEL, make_matcher=lambda _articles, _now: matcher)
    assert await deliver_titles(store) == [["news"]]
    assert await load_delivery_statuses(store, cup) == {
        CHANNEL: ("filtered", "filtered modes=never queries=cup scopes=channel")
    }


async def test_filters_are_deleted_with_channel_or_server(store, feed, clock):
    await follow_feed(store, feed)
    for place in (CHANNEL_WIDE, SERVER_WIDE):
        assert await store.filters.add(place, [(NEVER, "cup")], user_id=PERSON, limit=9)
    await store.servers.mark_left(SERVER)
    clock.advance(100)
    assert await store.servers.purge(clock.now()) == 1
    assert await store.filters.list_by_place(CHANNEL_WIDE) == await store.filters.list_by_place(SERVER_WIDE) == []
