"""Digests of channels: schedule, content, changes and crashes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core import setting_registry
from bot.core.models import Digest, Feed
from bot.core.preferences import DigestPlan, Preference
from bot.core.setting_registry import ChannelSetting
from bot.store import Store, StoreError
from tests.store.crashing import END, crash_before_statements
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

PERSON = 8_000
DAY = 86_400
EIGHT = 8 * 60


def parse_utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


async def save(store: Store, plan: DigestPlan, *, channel: int = CHANNEL, limit: int = 5) -> Digest | None:
    return await store.digests.save(plan, server_id=SERVER, channel_id=channel, user_id=PERSON, limit=limit)


async def make_digest(store: Store, digest: Digest) -> bool:
    """Enqueue a due digest with all its candidates, as the digest task does."""
    now = store.clock.now()
    feeds = await store.subscriptions.load_feed_ids([digest.channel_id])
    since = digest.covered_until if digest.covered_until is not None else digest.due_at - DAY
    gathered = await store.digests.gather_candidates(digest, feeds, since=since, until=now)
    article_ids = [candidate.article_id for candidate in gathered.candidates]
    payload = f'{{"since": {since}}}' if article_ids else None
    return await store.digests.enqueue_due(
        digest,
        payload,
        until=now,
        reserved_article_ids=gathered.reserved_article_ids,
        listed_article_ids=article_ids,
    )


@pytest.fixture
async def feed(store, clock) -> Feed:
    clock.advance(parse_utc("2026-11-24 09:00") - clock.now())
    added = await add_feed(store)
    await follow_feed(store, added)
    return added


async def test_digest_is_due_at_its_hour_in_server_time_zone(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT))
    assert digest.due_at == parse_utc("2026-11-25 08:00")
    assert await store.digests.get_next_due_at() == digest.due_at
    await store.preferences.change(Preference.TIME_ZONE, "Europe/Paris", server_id=SERVER, user_id=PERSON)
    assert await store.digests.get_next_due_at() == parse_utc("2026-11-25 07:00")
    assert await store.digests.list_due(parse_utc("2026-11-25 06:59")) == []
    assert len(await store.digests.list_due(parse_utc("2026-11-25 07:00"))) == 1


async def test_digest_lists_posted_article_without_changing_its_status(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT))
    article = make_new_article(feed, "a", published=clock.now() - 60)
    await write_poll(store, feed, article)
    await deliver_pending(store)
    clock.advance(digest.due_at - clock.now())
    assert await make_digest(store, digest)
    (sent,) = await deliver_pending(store)
    assert (sent.kind, sent.dedupe_key, len(sent.article_ids)) == (
        "digest",
        f"digest:{digest.id}:{digest.due_at}:{store.clock.now()}",
        1,
    )
    assert (await load_delivery_statuses(store, article))[CHANNEL][0] == "posted"


async def test_digest_only_channel_gets_digest_instead_of_posts(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    articles = [make_new_article(feed, name, published=clock.now() - 60) for name in "abc"]
    recorded = await write_poll(store, feed, *articles)
    assert recorded.channel_ids == ()
    assert await deliver_pending(store) == []
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("digested", None)}
    clock.advance(digest.due_at - clock.now())
    assert await make_digest(store, digest)
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("waiting", None)}
    (sent,) = await deliver_pending(store)
    assert len(sent.article_ids) == 3
    (delivery_status,) = await store.delivery_statuses.list_by_page_key(articles[0].page_key)
    assert (delivery_status.status, delivery_status.message_id) == ("digested", 10_000_000 + sent.id)


async def test_digest_is_enqueued_once_when_tried_twice(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    await write_poll(store, feed, make_new_article(feed, "a", published=clock.now() - 60))
    clock.advance(digest.due_at - clock.now())
    assert await make_digest(store, digest)
    assert not await make_digest(store, digest)
    assert len(await deliver_pending(store)) == 1
    again = await store.digests.get_by_channel(CHANNEL)
    assert again.due_at == digest.due_at + DAY
    assert again.covered_until == clock.now()


async def test_digest_changed_meanwhile_is_not_enqueued(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    article = make_new_article(feed, "a", published=clock.now() - 60)
    await write_poll(store, feed, article)
    clock.advance(digest.due_at - clock.now())
    await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True, has_chart=True))
    assert not await make_digest(store, digest)
    assert await load_delivery_statuses(store, article) == {CHANNEL: ("digested", None)}


async def test_empty_digest_is_skipped_until_next_day(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT))
    clock.advance(digest.due_at - clock.now())
    assert not await make_digest(store, digest)
    assert await deliver_pending(store) == []
    assert await store.digests.get_next_due_at() == digest.due_at + DAY


async def test_pending_digest_is_withdrawn_and_merged_into_next(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    articles = [make_new_article(feed, name, published=clock.now() - 60) for name in "ab"]
    await write_poll(store, feed, articles[0])
    clock.advance(digest.due_at - clock.now())
    assert await make_digest(store, digest)
    await write_poll(store, feed, articles[1])
    clock.advance(DAY)
    again = await store.digests.get_by_channel(CHANNEL)
    assert await store.digests.withdraw_pending_dispatches(again.id) == digest.due_at - DAY
    assert await store.digests.withdraw_pending_dispatches(again.id) is None
    assert await make_digest(store, again)
    (sent,) = await deliver_pending(store)
    assert len(sent.article_ids) == 2


@pytest.mark.parametrize("ending", ["stop", "single posts"])
async def test_reserved_articles_are_posted_when_digest_ends(store, feed, clock, ending):
    assert await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    articles = [make_new_article(feed, name, published=clock.now() - 60) for name in "abc"]
    await write_poll(store, feed, *articles)
    if ending == "stop":
        assert await store.digests.delete(server_id=SERVER, channel_id=CHANNEL, user_id=PERSON)
        assert not await store.digests.delete(server_id=SERVER, channel_id=CHANNEL, user_id=PERSON)
    else:
        await save(store, DigestPlan(weekday=None, minute=EIGHT))
    (sent,) = await deliver_pending(store)
    assert (sent.kind, len(sent.article_ids)) == ("catch-up", 3)
    await write_poll(store, feed, make_new_article(feed, "d", published=clock.now() - 60))
    assert [dispatch.kind for dispatch in await deliver_pending(store)] == ["post"]


async def test_reserved_article_follows_its_subscription(store, feed, clock):
    assert await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    article = make_new_article(feed, "a", published=clock.now() - 60)
    await write_poll(store, feed, article)
    subscription = await store.subscriptions.find(CHANNEL, feed.id)
    await store.subscriptions.move(subscription.id, CHANNEL + 1)
    assert await load_delivery_statuses(store, article) == {CHANNEL + 1: ("waiting", None)}
    assert [dispatch.kind for dispatch in await deliver_pending(store, CHANNEL + 1)] == ["catch-up"]
    await store.subscriptions.move(subscription.id, CHANNEL)
    other_article = make_new_article(feed, "b", published=clock.now() - 60)
    await write_poll(store, feed, other_article)
    await store.subscriptions.unfollow(CHANNEL, feed.id)
    assert await load_delivery_statuses(store, other_article) == {CHANNEL: ("withheld", "unfollowed")}


async def test_server_that_removed_bot_gets_no_digest_of_that_time(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    article = make_new_article(feed, "a", published=clock.now() - 60)
    await write_poll(store, feed, article)
    await store.servers.mark_left(SERVER)
    assert await load_delivery_statuses(store, article) == {CHANNEL: ("withheld", "away")}
    clock.advance(digest.due_at - clock.now())
    assert await store.digests.list_due(clock.now()) == []
    assert await store.digests.get_next_due_at() is None
    await store.servers.mark_joined(SERVER)
    assert not await make_digest(store, digest)


async def test_digest_can_include_feeds_of_other_channels(store, feed, clock):
    other_feed = await add_feed(store, "other")
    await follow_feed(store, other_feed, channel=CHANNEL + 1)
    now = clock.now()
    await write_poll(store, other_feed, make_new_article(other_feed, "a", published=now - 60))
    for wide, feeds, expected_count in (
        (False, {other_feed.id}, 0),
        (True, {other_feed.id}, 1),
        (True, {feed.id}, 0),
    ):
        digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, includes_other_channels=wide))
        assert digest is not None
        gathered = await store.digests.gather_candidates(digest, feeds, since=now - DAY, until=now + 1)
        assert len(gathered.candidates) == expected_count


async def test_bookmarks_of_other_servers_are_not_counted(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT))
    assert digest is not None
    (article_id,) = (
        await write_poll(store, feed, make_new_article(feed, "a", published=clock.now() - 9))
    ).new_article_ids
    await deliver_pending(store)
    await store.bookmarks.add(1, article_id, server_id=SERVER)
    await store.bookmarks.add(2, article_id, server_id=SERVER + 1)
    await store.bookmarks.add(3, article_id, server_id=None)
    now = clock.now() + 1
    (candidate,) = (await store.digests.gather_candidates(digest, [feed.id], since=0, until=now)).candidates
    assert candidate.bookmark_count == 1


async def test_digests_are_limited_and_bound_to_own_server(store, feed):
    plan = DigestPlan(weekday=4, minute=EIGHT)
    assert await save(store, plan, limit=2)
    assert await save(store, plan, channel=CHANNEL + 1, limit=2)
    assert await save(store, plan, channel=CHANNEL + 2, limit=2) is None
    assert await save(store, DigestPlan(weekday=None, minute=EIGHT), limit=2)
    with pytest.raises(StoreError):
        await store.digests.save(plan, server_id=SERVER + 1, channel_id=CHANNEL, user_id=1, limit=5)
    assert not await store.digests.delete(server_id=SERVER + 1, channel_id=CHANNEL, user_id=1)
    assert [digest.channel_id for digest in await store.digests.list_by_server(SERVER)] == [
        CHANNEL,
        CHANNEL + 1,
    ]


async def test_changes_of_digest_are_in_history(store, feed, clock):
    await save(store, DigestPlan(weekday=None, minute=EIGHT))
    await save(store, DigestPlan(weekday=None, minute=EIGHT))
    await save(store, DigestPlan(weekday=0, minute=9 * 60, is_digest_only=True))
    await store.digests.delete(server_id=SERVER, channel_id=CHANNEL, user_id=PERSON)
    changes = await store.preferences.list_changes(SERVER, limit=9)
    digest_changes = [change for change in changes if change.setting == "digest"]
    assert [(change.setting, change.old_value, change.new_value) for change in digest_changes] == [
        ("digest", "monday 09:00 alone", None),
        ("digest", "daily 08:00", "monday 09:00 alone"),
        ("digest", None, "daily 08:00"),
    ]


async def test_digest_ignores_pacing_of_channel(store, feed, clock):
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT))
    limits: tuple[tuple[ChannelSetting[Any], str | int], ...] = (
        (setting_registry.QUIET_HOURS, "07:00-12:00"),
        (setting_registry.MAX_POSTS_PER_HOUR, 1),
        (setting_registry.MIN_POST_INTERVAL, 3600),
    )
    for setting, limit in limits:
        await store.preferences.change_channel(setting, limit, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)
    clock.advance(parse_utc("2026-11-24 13:00") - clock.now())
    await write_poll(store, feed, make_new_article(feed, "a", published=clock.now() - 60))
    await deliver_pending(store)
    clock.advance(digest.due_at - clock.now() - 600)
    await write_poll(store, feed, make_new_article(feed, "b", published=clock.now() - 60))
    clock.advance(600)
    assert await make_digest(store, digest)
    assert [dispatch.kind for dispatch in await deliver_pending(store)] == ["digest"]


async def test_killed_digest_is_enqueued_completely_or_not_at_all(tmp_path, clock):
    # An earlier digest is pending and withdrawn: at the end one digest covers both articles
    path = tmp_path / "telex.db"
    store = await Store.open(path, clock)
    feed = await add_followed_feed(store)
    digest = await save(store, DigestPlan(weekday=None, minute=EIGHT, is_digest_only=True))
    articles = [make_new_article(feed, name, published=clock.now() - 60) for name in "ab"]
    await write_poll(store, feed, articles[0])
    clock.advance(digest.due_at - clock.now())
    assert await make_digest(store, digest)
    await write_poll(store, feed, articles[1])
    clock.advance(DAY)
    await store.close()
    for statement, copy in crash_before_statements(path, "replace_digest", clock.now(), [*range(1, 23, 2), END]):
        store = await Store.open(copy, clock)
        await store.check()
        for again in await store.digests.list_due(clock.now()):  # as the next start does
            await store.digests.withdraw_pending_dispatches(again.id)
            assert await make_digest(store, again)
        (sent,) = await deliver_pending(store)
        assert len(sent.article_ids) == 2, statement
        assert [(await load_delivery_statuses(store, article))[CHANNEL][0] for article in articles] == ["digested"] * 2
        await store.close()
