"""Alerts about feeds that fail, are gone or recover."""

from __future__ import annotations

from typing import Any

import pytest

from bot.client.services import Services, open_services
from bot.core.models import Dispatch, DispatchKind, Feed
from bot.core.preferences import Preference
from bot.core.reasons import Reason, SendProblem
from bot.store import StoreError
from bot.store.sources.polls import Polls
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import CHANNEL, SERVER, deliver_pending, follow_feed, poll_feed

BROKEN = "The feed “Wire” has been failing for a day. The site is having problems (http-500). I’ll keep trying."
BACK = "The feed “Wire” is back. Articles it published in the meantime are on their way."


async def add_polled_feed(newsroom: Services, server: FeedServer, channel: int = CHANNEL) -> Feed:
    """Follow a feed, poll it once and deliver its newest article."""
    url = server.serve("/", make_rss(make_rss_item(1), title="Wire"))
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url, channel))
    await deliver_pending(newsroom, channel)
    return feed


async def poll_failing_feed(newsroom: Services, server: FeedServer, clock: ManualClock, feed: Feed, hours: int) -> Feed:
    """Poll a feed every hour while its server fails, and return it."""
    server.serve("/", "", status=500)
    for _ in range(hours):
        feed = await poll_feed(newsroom, feed)
        clock.advance(3600)
    return feed


async def recover(newsroom: Services, server: FeedServer, feed: Feed, *new_items: str) -> Feed:
    server.serve("/", make_rss(*new_items, make_rss_item(1), title="Wire"))
    for _ in range(3):
        feed = await poll_feed(newsroom, feed)
    return feed


async def list_sent_alerts(newsroom: Services, channel: int = CHANNEL) -> list[str]:
    """Deliver what a channel has pending and return the texts of its feed alerts."""
    return [
        dispatch.payload
        for dispatch, _ in await deliver_pending(newsroom, channel)
        if dispatch.kind is DispatchKind.FEED_ALERT
    ]


@pytest.mark.parametrize("news", [(), (make_rss_item(2),)], ids=["without new article", "with new article"])
async def test_day_long_failure_and_recovery_send_one_alert_each(newsroom, feed_server, clock, news):
    feed = await add_polled_feed(newsroom, feed_server)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 24)
    assert await list_sent_alerts(newsroom) == []
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 50)
    assert await list_sent_alerts(newsroom) == []
    await recover(newsroom, feed_server, feed, *news)
    assert await list_sent_alerts(newsroom) == [BACK]


async def test_short_failure_sends_no_alert(newsroom, feed_server, clock):
    feed = await poll_failing_feed(newsroom, feed_server, clock, await add_polled_feed(newsroom, feed_server), 20)
    await recover(newsroom, feed_server, feed)
    assert await deliver_pending(newsroom) == []


async def test_second_failure_sends_another_alert(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    for _ in range(2):
        feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
        feed = await recover(newsroom, feed_server, feed)
        clock.advance(3600)
    # The first alert was not sent before the feed recovered, so neither alert is sent.
    assert await list_sent_alerts(newsroom) == []
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]
    feed = await recover(newsroom, feed_server, feed)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BACK, BROKEN]


async def test_gone_feed_sends_alert_with_remedy_at_once(newsroom, feed_server):
    await newsroom.store.servers.mark_joined(SERVER, "fr")
    feed = await add_polled_feed(newsroom, feed_server)
    feed_server.serve("/", "", status=410)
    for _ in range(2):
        await poll_feed(newsroom, feed)
    (alert,) = await list_sent_alerts(newsroom)
    assert alert.startswith("Le flux «\xa0Wire\xa0» a disparu.")
    assert "suivez" in alert


@pytest.mark.parametrize("news", [(), (make_rss_item(2),)], ids=["without new article", "with new article"])
async def test_alert_survives_crash_while_recording_without_duplicate(settings, clock, feed_server, monkeypatch, news):
    async def crash(*_: object, **__: object) -> None:
        raise StoreError("killed before the transaction")

    async with open_services(settings, clock) as newsroom:
        feed = await poll_failing_feed(newsroom, feed_server, clock, await add_polled_feed(newsroom, feed_server), 24)
        with monkeypatch.context() as patched:
            patched.setattr(Polls, "record_unchanged", crash)
            with pytest.raises(StoreError):
                await poll_feed(newsroom, feed)
    async with open_services(settings, clock) as newsroom:
        feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 2)
        assert await list_sent_alerts(newsroom) == [BROKEN]
        feed_server.serve("/", make_rss(*news, make_rss_item(1), title="Wire"))
        with monkeypatch.context() as patched:
            patched.setattr(Polls, "record_unchanged", crash)
            patched.setattr(Polls, "record", crash)
            with pytest.raises(StoreError):
                await poll_feed(newsroom, feed)
    async with open_services(settings, clock) as newsroom:
        await recover(newsroom, feed_server, feed, *news)
        assert await list_sent_alerts(newsroom) == [BACK]


async def test_recovery_is_recorded_in_transaction_of_articles(newsroom, feed_server, clock, monkeypatch):
    feed = await poll_failing_feed(newsroom, feed_server, clock, await add_polled_feed(newsroom, feed_server), 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]
    record = Polls.record

    async def crash(self: Polls, *arguments: Any, **options: Any) -> None:
        await record(self, *arguments, **options)
        raise StoreError("killed after the transaction")

    feed_server.serve("/", make_rss(make_rss_item(2), make_rss_item(1), title="Wire"))
    with monkeypatch.context() as patched:
        patched.setattr(Polls, "record", crash)
        with pytest.raises(StoreError):
            await poll_feed(newsroom, feed)
    assert await list_sent_alerts(newsroom) == [BACK]


async def test_alert_channel_gets_single_alert_of_server(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    for channel in (CHANNEL + 1, CHANNEL + 2):
        await follow_feed(newsroom, feed.url, channel)
    await follow_feed(newsroom, feed.url, channel=900, server=SERVER + 1)
    alert_channel = CHANNEL + 9
    await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, alert_channel, server_id=SERVER, user_id=1)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 40)
    assert await list_sent_alerts(newsroom, alert_channel) == [BROKEN]
    assert await list_sent_alerts(newsroom, 900) == [BROKEN]
    assert await list_sent_alerts(newsroom) == await list_sent_alerts(newsroom, CHANNEL + 1) == []
    await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, None, server_id=SERVER, user_id=1)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 2)
    assert await list_sent_alerts(newsroom) == []  # already alerted
    await recover(newsroom, feed_server, feed)
    assert await list_sent_alerts(newsroom, alert_channel) == [BACK]
    assert await list_sent_alerts(newsroom) == []


async def test_alert_goes_to_each_following_channel_without_alert_channel(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    await follow_feed(newsroom, feed.url, CHANNEL + 1)
    paused = await follow_feed(newsroom, feed.url, CHANNEL + 2)
    subscription = await newsroom.store.subscriptions.find(CHANNEL + 2, paused.id)
    await newsroom.store.subscriptions.pause(subscription.id)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == await list_sent_alerts(newsroom, CHANNEL + 1) == [BROKEN]
    assert await list_sent_alerts(newsroom, CHANNEL + 2) == []


async def test_alert_goes_to_feed_channel_when_alert_channel_is_blocked(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, CHANNEL + 9, server_id=SERVER, user_id=1)
    await newsroom.store.dispatches.block_channel(CHANNEL + 9, Reason(SendProblem.CHANNEL_GONE), None)
    await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]


async def test_channel_of_other_server_is_refused_as_alert_channel(newsroom, feed_server):
    await add_polled_feed(newsroom, feed_server)
    with pytest.raises(StoreError):
        await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, CHANNEL, server_id=SERVER + 1, user_id=1)
    assert await newsroom.store.servers.get_alert_channel_id(SERVER + 1) is None


async def test_feed_name_in_alert_is_short_without_secrets(newsroom, feed_server):
    url = feed_server.serve("/private/s3cr3tt0ken99/feed", "", status=410)
    await newsroom.poller.poll(await follow_feed(newsroom, url))
    (alert,) = await list_sent_alerts(newsroom)
    assert "s3cr3tt0ken99" not in alert
    assert "***" in alert
    posts: list[tuple[Dispatch, object]] = []
    feed = await follow_feed(newsroom, feed_server.serve("/long", make_rss(make_rss_item(1), title="A" * 5000)))
    feed = await poll_feed(newsroom, feed)
    await deliver_pending(newsroom)
    feed_server.serve("/long", "", status=410)
    await poll_feed(newsroom, feed)
    posts += await deliver_pending(newsroom)
    assert len(posts[0][0].payload) < 300
