"""Sources that an operator blocks and unblocks."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from bot.core.configuration.settings import Secret
from bot.core.reasons import WithheldReason
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.opml import FeedList, Outline
from bot.operating.audit_follower import AUDIT_EVENT
from bot.polling.following.opml_plan import plan_import
from bot.posting.wording.alert_texts import build_source_block_texts
from bot.store import url_encryption
from bot.store.records.source_records import PushSubscription, SourceRejection
from bot.text.source_patterns import SourcePattern
from tests.support.feed_server import make_rss, make_rss_item
from tests.support.outbox_scenario import CHANNEL, SERVER, deliver_pending, deliver_titles, follow_feed, poll_feed
from tests.support.samples import add_feed


async def change_block(newsroom, text, *, is_blocked=True):
    """Block or unblock a source while the bot runs, and return the counts of feeds and servers concerned."""
    pattern = SourcePattern.parse(text)
    repository = newsroom.store.blocked_sources
    change = repository.block if is_blocked else repository.unblock
    texts = build_source_block_texts(str(pattern), newsroom.settings, is_blocked=is_blocked)
    counts = await change(pattern, texts, user_id=None)
    newsroom.cluster_events.announce(AUDIT_EVENT)
    return counts


async def list_alerts(newsroom, channel=CHANNEL):
    return [dispatch.payload for dispatch, articles in await deliver_pending(newsroom, channel) if not articles]


async def test_blocked_feeds_stop_with_one_alert_until_unblocked(newsroom, feed_server, clock):
    store, urls = newsroom.store, [feed_server.serve(f"/bad/{n}", make_rss(make_rss_item(n))) for n in range(2)]
    other_url = feed_server.serve("/good", make_rss(make_rss_item(8)))
    feeds = [await poll_feed(newsroom, await follow_feed(newsroom, url)) for url in (*urls, other_url)]
    await follow_feed(newsroom, urls[0], channel=CHANNEL + 1, server=SERVER + 1)
    await deliver_pending(newsroom)
    await deliver_pending(newsroom, CHANNEL + 1)
    feed_server.serve("/bad/0", make_rss(make_rss_item(3), make_rss_item(0)))
    clock.advance(3600)
    await poll_feed(newsroom, feeds[0])

    counts = await change_block(newsroom, "127.0.0.1/bad")
    assert (counts.feed_count, counts.server_ids) == (2, {SERVER, SERVER + 1})
    assert await change_block(newsroom, "http://127.0.0.1:1/BAD/") is None
    # Pending posts are withheld, and the server gets one alert for two blocked feeds.
    alert = "Whoever runs this bot has blocked 127.0.0.1/bad. Its feeds aren’t posted here anymore."
    assert await list_alerts(newsroom) == [alert]
    assert await list_alerts(newsroom, CHANNEL + 1) == [alert]
    (article,) = await store.articles.list_newest([feeds[0].id], limit=1)
    statuses = await store.delivery_statuses.list_by_page_key(article.page_key)
    assert {status.reason.code for status in statuses} == {WithheldReason.SOURCE_BLOCKED}
    # Neither the schedule nor a manager's check fetches it.
    clock.advance(86_400)
    assert [feed.id for feed in await store.feeds.list_due(clock.now(), 9)] == [feeds[2].id]
    assert await store.feeds.count_followed(failing_since_at_latest=clock.now()) == (1, 0)
    assert [feed.id for feed in await store.feeds.list_due_for_polling(clock.now(), 9)] == [feeds[2].id]
    request_count = feed_server.count("/bad/0")
    assert (await newsroom.poller.poll(feeds[0])).error_code == fetch_errors.SOURCE_BLOCKED
    assert feed_server.count("/bad/0") == request_count
    assert (await store.feeds.get(feeds[0].id)).error is None

    feed_server.serve("/bad/0", make_rss(make_rss_item(5, published=clock.now() - 9), make_rss_item(3)))
    counts = await change_block(newsroom, "127.0.0.1/bad", is_blocked=False)
    assert counts.feed_count == 2
    assert await change_block(newsroom, "127.0.0.1/bad", is_blocked=False) is None
    await poll_feed(newsroom, feeds[0])
    dispatches = await deliver_pending(newsroom)
    assert [articles[0].title if articles else dispatch.payload for dispatch, articles in dispatches] == [
        "Article 5",
        "Whoever runs this bot has unblocked 127.0.0.1/bad. Its feeds are posted here again.",
    ]


async def test_blocked_source_cannot_be_followed_imported_or_saved(newsroom, feed_server):
    store = newsroom.store
    url = feed_server.serve("/bad", make_rss(make_rss_item(1)))
    discovery = await newsroom.follow_service.resolve(url, SERVER)
    stored_feed = await store.feeds.add(url)
    redirecting_feed = await follow_feed(newsroom, feed_server.redirect("/moved", "/bad"))
    await change_block(newsroom, "127.0.0.1/bad")
    request_count = feed_server.count("/bad")

    async def save_page():
        async def find_none(_url):
            return None

        await newsroom.page_saver.save(url, user_id=7, find_readable_article=find_none)

    form = {"hub.mode": "subscribe"}
    for attempt in (
        newsroom.follow_service.resolve(url, SERVER),
        save_page(),
        newsroom.fetcher.post(url, form),
        newsroom.fetcher.post(feed_server.redirect("/hub", "/bad", status=307), form),
    ):
        with pytest.raises(FeedError) as error:
            await attempt
        assert error.value.code == fetch_errors.SOURCE_BLOCKED
    for attempt in (
        newsroom.follow_service.follow(discovery, server_id=SERVER, channel_id=CHANNEL),
        store.feeds.add(f"{url}/new"),
        store.subscriptions.follow(server_id=SERVER, channel_id=CHANNEL, feed_id=stored_feed.id, first_article_id=None),
    ):
        with pytest.raises(RequestRejected) as rejection:
            await attempt
        assert rejection.value.reason.code is SourceRejection.BLOCKED
        assert rejection.value.reason.values == {"source": "127.0.0.1/bad"}
    assert (await newsroom.poller.poll(redirecting_feed)).error_code == fetch_errors.SOURCE_BLOCKED
    assert feed_server.count("/bad") == request_count
    plan = plan_import(
        {},
        FeedList((Outline("Bad", f"{url}/2", None, None), Outline("Good", "https://good.example/", None, None))),
        chosen_channel_id=CHANNEL,
        usable_channel_ids=(),
        max_feeds=9,
        now=newsroom.clock.now(),
        blocked_sources=await newsroom.blocked_sources.load(),
    )
    assert (len(plan.blocked_labels), len(plan.added_labels)) == (1, 1)


async def test_poll_during_which_source_is_blocked_records_nothing(newsroom, feed_server):
    url = feed_server.serve("/feed", make_rss(make_rss_item(1)))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    feed_server.serve("/feed", make_rss(make_rss_item(2), make_rss_item(1)))
    response = await newsroom.fetcher.get(url)
    push_subscription = PushSubscription(feed.id, "https://hub.example/", url, "token", "secret", due_at=0)
    await newsroom.store.push_subscriptions.save(push_subscription)
    await change_block(newsroom, "127.0.0.1")
    # The feed is neither pushed nor polled, and does not count as overdue.
    assert await newsroom.store.push_subscriptions.list_unfollowed_feed_ids() == [feed.id]
    assert await newsroom.store.feeds.get_next_due_at() is None
    assert not await newsroom.store.feeds.has_attempted_or_overdue(attempted_after=0, due_before=2**40)
    await newsroom.poller.ingest_pushed_document(feed, response)
    assert await newsroom.store.articles.count() == 1
    assert await deliver_titles(newsroom) == []
    throttle = newsroom.poller.hosts.select_throttle(wait_for_host=False)
    with pytest.raises(FeedError, match=fetch_errors.SOURCE_BLOCKED):
        await newsroom.poller.page_fetcher.require_robots_allowed(url, throttle)
    await change_block(newsroom, "127.0.0.1", is_blocked=False)
    await newsroom.poller.page_fetcher.require_robots_allowed(url, throttle)
    await newsroom.poller.ingest_pushed_document(feed, response)
    assert await deliver_titles(newsroom) == ["Article 2"]


async def test_unblocking_keeps_feeds_of_other_block(newsroom):
    store = newsroom.store
    feeds = [await add_feed(store, name) for name in ("a.news", "b.news", "other")]
    for text in ("news.example", "a.news.example"):
        await change_block(newsroom, text)
    await change_block(newsroom, "news.example", is_blocked=False)
    blocked_times = [(await store.feeds.get(feed.id)).blocked_since for feed in feeds]
    assert [blocked_since is not None for blocked_since in blocked_times] == [True, False, False]
    assert [str(source.pattern) for source in await store.blocked_sources.list_all()] == ["a.news.example"]


async def test_ipv6_address_is_blocked_in_any_notation(newsroom):
    addresses = ("[2001:DB8:0::1]:8080", "[2001:db8::1]", "[2001:db8::2]")
    feeds = [await newsroom.store.feeds.add(f"http://{address}/feed") for address in addresses]
    await change_block(newsroom, "2001:db8::0:1")
    blocked_times = [(await newsroom.store.feeds.get(feed.id)).blocked_since for feed in feeds]
    assert [blocked_since is not None for blocked_since in blocked_times] == [True, True, False]
    assert await newsroom.blocked_sources.covers("http://[2001:db8:0:0:0:0:0:1]/other")


async def test_feed_with_encrypted_url_is_blocked(newsroom):
    url_encryption.set_encryption_keys(Secret(Fernet.generate_key().decode()))
    try:
        feed = await newsroom.store.feeds.add("https://reader:hunter2@www.news.example:8443/feed", server_id=SERVER)
        await change_block(newsroom, "news.example")
        assert (await newsroom.store.feeds.get(feed.id)).blocked_since is not None
    finally:
        url_encryption.set_encryption_keys(None)
