"""A feed in trouble is told of once, in the right place, and once when it is back, whatever happens."""

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
from tests.support.outbox_scenario import CHANNEL, SERVER, deliver, follow, poll

BROKEN = "The feed “Wire” has been failing for a day. The site is having problems (http-500). I’ll keep trying."
BACK = "The feed “Wire” is back. Articles it published in the meantime are on their way."


async def add_polled_feed(newsroom: Services, server: FeedServer, channel: int = CHANNEL) -> Feed:
    """A feed that was read once, and whose newest article was posted."""
    url = server.serve("/", make_rss(make_rss_item(1), title="Wire"))
    feed = await poll(newsroom, await follow(newsroom, url, channel))
    await deliver(newsroom, channel)
    return feed


async def poll_failing_feed(newsroom: Services, server: FeedServer, clock: ManualClock, feed: Feed, hours: int) -> Feed:
    """The feed after it was asked every hour and could never be read."""
    server.serve("/", "", status=500)
    for _ in range(hours):
        feed = await poll(newsroom, feed)
        clock.advance(3600)
    return feed


async def recover(newsroom: Services, server: FeedServer, feed: Feed, *new_items: str) -> Feed:
    server.serve("/", make_rss(*new_items, make_rss_item(1), title="Wire"))
    for _ in range(3):
        feed = await poll(newsroom, feed)
    return feed


async def list_sent_alerts(newsroom: Services, channel: int = CHANNEL) -> list[str]:
    """The alerts that a channel is owed, now sent."""
    return [
        dispatch.payload for dispatch, _ in await deliver(newsroom, channel) if dispatch.kind is DispatchKind.FEED_ALERT
    ]


@pytest.mark.parametrize("news", [(), (make_rss_item(2),)], ids=["with nothing new", "with news"])
async def test_a_feed_that_fails_for_a_day_and_is_back_is_told_of_once_each(newsroom, feed_server, clock, news):
    feed = await add_polled_feed(newsroom, feed_server)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 24)
    assert await list_sent_alerts(newsroom) == []
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 50)
    assert await list_sent_alerts(newsroom) == []
    await recover(newsroom, feed_server, feed, *news)
    assert await list_sent_alerts(newsroom) == [BACK]


async def test_a_short_failure_is_not_told_to_anybody(newsroom, feed_server, clock):
    feed = await poll_failing_feed(newsroom, feed_server, clock, await add_polled_feed(newsroom, feed_server), 20)
    await recover(newsroom, feed_server, feed)
    assert await deliver(newsroom) == []


async def test_a_second_failure_is_told_of_again(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    for _ in range(2):
        feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
        feed = await recover(newsroom, feed_server, feed)
        clock.advance(3600)
    # Nobody read the first word before the feed was back, so there is nothing to take back.
    assert await list_sent_alerts(newsroom) == []
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]
    feed = await recover(newsroom, feed_server, feed)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BACK, BROKEN]


async def test_a_feed_that_is_gone_is_told_of_at_once_with_what_to_do(newsroom, feed_server):
    await newsroom.store.servers.mark_joined(SERVER, "fr")
    feed = await add_polled_feed(newsroom, feed_server)
    feed_server.serve("/", "", status=410)
    for _ in range(2):
        await poll(newsroom, feed)
    (alert,) = await list_sent_alerts(newsroom)
    assert alert.startswith("Le flux «\xa0Wire\xa0» a disparu.")
    assert "suivez" in alert


@pytest.mark.parametrize("news", [(), (make_rss_item(2),)], ids=["with nothing new", "with news"])
async def test_no_alert_is_lost_or_told_twice_when_the_process_dies_as_it_records(
    settings, clock, feed_server, monkeypatch, news
):
    async def died(*_: object, **__: object) -> None:
        raise StoreError("killed before the transaction")

    async with open_services(settings, clock) as newsroom:
        feed = await poll_failing_feed(newsroom, feed_server, clock, await add_polled_feed(newsroom, feed_server), 24)
        with monkeypatch.context() as patched:
            patched.setattr(Polls, "record_unchanged", died)
            with pytest.raises(StoreError):
                await poll(newsroom, feed)
    async with open_services(settings, clock) as newsroom:
        feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 2)
        assert await list_sent_alerts(newsroom) == [BROKEN]
        feed_server.serve("/", make_rss(*news, make_rss_item(1), title="Wire"))
        with monkeypatch.context() as patched:
            patched.setattr(Polls, "record_unchanged", died)
            patched.setattr(Polls, "record", died)
            with pytest.raises(StoreError):
                await poll(newsroom, feed)
    async with open_services(settings, clock) as newsroom:
        await recover(newsroom, feed_server, feed, *news)
        assert await list_sent_alerts(newsroom) == [BACK]


async def test_what_is_back_is_known_in_the_same_transaction_as_its_articles(newsroom, feed_server, clock, monkeypatch):
    feed = await poll_failing_feed(newsroom, feed_server, clock, await add_polled_feed(newsroom, feed_server), 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]
    record = Polls.record

    async def died(self: Polls, *arguments: Any, **options: Any) -> None:
        await record(self, *arguments, **options)
        raise StoreError("killed after the transaction")

    feed_server.serve("/", make_rss(make_rss_item(2), make_rss_item(1), title="Wire"))
    with monkeypatch.context() as patched:
        patched.setattr(Polls, "record", died)
        with pytest.raises(StoreError):
            await poll(newsroom, feed)
    assert await list_sent_alerts(newsroom) == [BACK]


async def test_a_server_with_a_channel_for_alerts_gets_one_message_there(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    for channel in (CHANNEL + 1, CHANNEL + 2):
        await follow(newsroom, feed.url, channel)
    await follow(newsroom, feed.url, channel=900, server=SERVER + 1)
    alert_channel = CHANNEL + 9
    await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, alert_channel, server_id=SERVER, user_id=1)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 40)
    assert await list_sent_alerts(newsroom, alert_channel) == [BROKEN]
    assert await list_sent_alerts(newsroom, 900) == [BROKEN]
    assert await list_sent_alerts(newsroom) == await list_sent_alerts(newsroom, CHANNEL + 1) == []
    await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, None, server_id=SERVER, user_id=1)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 2)
    assert await list_sent_alerts(newsroom) == []  # told already
    await recover(newsroom, feed_server, feed)
    assert await list_sent_alerts(newsroom, alert_channel) == [BACK]
    assert await list_sent_alerts(newsroom) == []


async def test_without_one_each_channel_that_follows_the_feed_is_told(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    await follow(newsroom, feed.url, CHANNEL + 1)
    paused = await follow(newsroom, feed.url, CHANNEL + 2)
    subscription = await newsroom.store.subscriptions.find(CHANNEL + 2, paused.id)
    await newsroom.store.subscriptions.pause(subscription.id)
    feed = await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == await list_sent_alerts(newsroom, CHANNEL + 1) == [BROKEN]
    assert await list_sent_alerts(newsroom, CHANNEL + 2) == []


async def test_where_the_chosen_channel_takes_nothing_the_feeds_own_is_told(newsroom, feed_server, clock):
    feed = await add_polled_feed(newsroom, feed_server)
    await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, CHANNEL + 9, server_id=SERVER, user_id=1)
    await newsroom.store.dispatches.block_channel(CHANNEL + 9, Reason(SendProblem.CHANNEL_GONE), None)
    await poll_failing_feed(newsroom, feed_server, clock, feed, 30)
    assert await list_sent_alerts(newsroom) == [BROKEN]


async def test_another_servers_channel_cannot_be_chosen(newsroom, feed_server):
    await add_polled_feed(newsroom, feed_server)
    with pytest.raises(StoreError):
        await newsroom.store.preferences.change(Preference.ALERT_CHANNEL, CHANNEL, server_id=SERVER + 1, user_id=1)
    assert await newsroom.store.servers.get_alert_channel_id(SERVER + 1) is None


async def test_the_name_of_a_feed_in_an_alert_is_short_and_holds_no_secret(newsroom, feed_server):
    url = feed_server.serve("/private/s3cr3tt0ken99/feed", "", status=410)
    await newsroom.poller.poll(await follow(newsroom, url))
    (alert,) = await list_sent_alerts(newsroom)
    assert "s3cr3tt0ken99" not in alert
    assert "***" in alert
    posts: list[tuple[Dispatch, object]] = []
    feed = await follow(newsroom, feed_server.serve("/long", make_rss(make_rss_item(1), title="A" * 5000)))
    feed = await poll(newsroom, feed)
    await deliver(newsroom)
    feed_server.serve("/long", "", status=410)
    await poll(newsroom, feed)
    posts += await deliver(newsroom)
    assert len(posts[0][0].payload) < 300
