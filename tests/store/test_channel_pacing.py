"""Pacing of channels: quiet hours, posts per hour and intervals."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

import pytest

from bot.core import setting_registry
from bot.core.models import Dispatch
from bot.core.preferences import Preference
from bot.core.reasons import Reason, SendProblem, WaitReason
from bot.core.setting_registry import ChannelSetting
from bot.store import Store
from tests.support import store_probe
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
from tests.support.store_probe import enqueue_notice

T = TypeVar("T")

PERSON = 8_000
RANDOM_CHANNELS = range(100, 124)
HOUR = 3600


def parse_utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


async def set_channel_setting(store: Store, setting: ChannelSetting[T], value: T) -> None:
    await store.preferences.change_channel(setting, value, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)


async def record_articles(store: Store, *names: str, max_pending_posts: int = 10) -> None:
    """Record articles of the only feed, each a second newer than the one before."""
    feed = await add_feed(store)
    now = store.clock.now()
    new = [make_new_article(feed, name, published=now - 1000 + place) for place, name in enumerate(names)]
    await write_poll(store, feed, *reversed(new), max_pending_posts=max_pending_posts)


def list_kinds_and_counts(dispatches: list[Dispatch]) -> list[tuple[str, int]]:
    return [(dispatch.kind.value, len(dispatch.article_ids)) for dispatch in dispatches]


@pytest.fixture
async def evening(store, clock) -> Store:
    """A store at 21:30 in Paris with quiet hours from 22:00 to 07:00."""
    clock.advance(parse_utc("2026-11-24 20:30") - clock.now())
    await follow_feed(store, await add_feed(store))
    await store.preferences.change(Preference.TIME_ZONE, "Europe/Paris", server_id=SERVER, user_id=PERSON)
    await set_channel_setting(store, setting_registry.QUIET_HOURS, "22:00-07:00")
    return store


async def test_posts_in_quiet_hours_wait_until_their_end(evening, clock):
    await record_articles(evening, "a")
    assert list_kinds_and_counts(await deliver_pending(evening)) == [("post", 1)]
    clock.advance(HOUR)
    await record_articles(evening, "b", "c")
    assert (await evening.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == []
    assert await evening.dispatches.claim(CHANNEL) is None
    assert (await evening.dispatches.load_queue_outlook(clock.now())).next_due_at == parse_utc("2026-11-25 06:00")
    clock.advance(parse_utc("2026-11-25 06:00") - clock.now() - 1)
    assert await deliver_pending(evening) == []
    clock.advance(1)
    assert (await evening.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == [CHANNEL]
    assert list_kinds_and_counts(await deliver_pending(evening)) == [("post", 1), ("post", 1)]


async def test_posts_of_quiet_hours_above_limit_become_catch_up(evening, clock):
    clock.advance(HOUR)
    for number in range(8):
        await record_articles(evening, f"n{number}", max_pending_posts=3)
        clock.advance(60)
    clock.advance(parse_utc("2026-11-25 06:00") - clock.now())
    sent = await deliver_pending(evening)
    assert list_kinds_and_counts(sent) == [("catch-up", 5), ("post", 1), ("post", 1), ("post", 1)]
    article_ids = [article for dispatch in sent for article in dispatch.article_ids]
    assert article_ids == sorted(article_ids)


async def test_wait_reason_names_end_of_quiet_hours(evening, clock):
    clock.advance(HOUR)
    feed = await add_feed(evening)
    article = make_new_article(feed, "a")
    await write_poll(evening, feed, article)
    until_seven = Reason(WaitReason.QUIET_HOURS, {"until": parse_utc("2026-11-25 06:00"), "time_zone": "Europe/Paris"})
    assert await load_delivery_statuses(evening, article) == {CHANNEL: ("waiting", str(until_seven))}
    assert await evening.dispatches.get_wait_reason(CHANNEL) == until_seven
    clock.advance(12 * HOUR)
    assert await evening.dispatches.get_wait_reason(CHANNEL) is None
    assert await load_delivery_statuses(evening, article) == {CHANNEL: ("waiting", None)}


async def test_alert_waits_in_quiet_hours_of_its_channel_only(evening, clock):
    await follow_feed(evening, await add_feed(evening), channel=CHANNEL + 1)
    clock.advance(HOUR)
    await record_articles(evening, "a")
    assert enqueue_notice(evening, CHANNEL, "broken:1:100", "It broke.")
    assert (await evening.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == [CHANNEL + 1]
    clock.advance(parse_utc("2026-11-25 06:00") - clock.now())
    assert len(await deliver_pending(evening)) == 2


async def test_changed_time_zone_or_quiet_hours_apply_at_once(evening, clock):
    clock.advance(HOUR)
    await record_articles(evening, "a", "b")
    assert await deliver_pending(evening) == []
    await evening.preferences.change(Preference.TIME_ZONE, "UTC", server_id=SERVER, user_id=PERSON)
    assert len(await deliver_pending(evening, limit=1)) == 1
    await set_channel_setting(evening, setting_registry.QUIET_HOURS, "20:00-07:00")
    assert await deliver_pending(evening) == []
    await set_channel_setting(evening, setting_registry.QUIET_HOURS, None)
    assert len(await deliver_pending(evening)) == 1


async def test_interval_separates_posts_but_does_not_delay_notices(store, clock):
    await follow_feed(store, await add_feed(store))
    await set_channel_setting(store, setting_registry.MIN_POST_INTERVAL, 60)
    await record_articles(store, "a", "b", "c")
    started_at = clock.now()
    assert list_kinds_and_counts(await deliver_pending(store)) == [("post", 1)]
    assert (await store.dispatches.load_queue_outlook(clock.now())).next_due_at == started_at + 60
    assert await store.dispatches.get_wait_reason(CHANNEL) is not None
    assert enqueue_notice(store, CHANNEL, "broken:1:100", "It broke.")
    assert list_kinds_and_counts(await deliver_pending(store)) == [("notice", 0)]
    clock.advance(59)
    assert await deliver_pending(store) == []
    clock.advance(1)
    assert list_kinds_and_counts(await deliver_pending(store)) == [("post", 1)]


async def test_posts_above_hourly_limit_become_catch_up(store, clock):
    await follow_feed(store, await add_feed(store))
    await set_channel_setting(store, setting_registry.MAX_POSTS_PER_HOUR, 3)
    started_at = clock.now()
    await record_articles(store, "a", "b")
    assert list_kinds_and_counts(await deliver_pending(store)) == [("post", 1), ("post", 1)]
    clock.advance(600)
    await record_articles(store, *"cdef")
    assert list_kinds_and_counts(await deliver_pending(store)) == [("catch-up", 4)]  # the third message of the hour
    clock.advance(600)
    await record_articles(store, *"ghi")
    assert await deliver_pending(store) == []
    wait_reason = await store.dispatches.get_wait_reason(CHANNEL)
    assert wait_reason is not None
    assert wait_reason.code is WaitReason.HOURLY_LIMIT
    assert (await store.dispatches.load_queue_outlook(clock.now())).next_due_at == started_at + HOUR
    clock.advance(started_at + HOUR - clock.now())
    assert list_kinds_and_counts(await deliver_pending(store)) == [("catch-up", 2), ("post", 1)]


async def test_posts_within_hourly_limit_stay_single(store, clock):
    await follow_feed(store, await add_feed(store))
    await set_channel_setting(store, setting_registry.MAX_POSTS_PER_HOUR, 3)
    await record_articles(store, "a", "b", "c")
    assert list_kinds_and_counts(await deliver_pending(store)) == [("post", 1)] * 3
    await record_articles(store, "d")
    clock.advance(HOUR)
    assert list_kinds_and_counts(await deliver_pending(store)) == [("post", 1)]


async def test_catch_up_is_sent_before_newer_post_of_same_second(store, clock):
    feed = await add_followed_feed(store)
    await set_channel_setting(store, setting_registry.MAX_POSTS_PER_HOUR, 2)
    await write_poll(store, feed, *(make_new_article(feed, name, published=clock.now() - 9) for name in "dcba"))
    assert [len(sent.article_ids) for sent in await deliver_pending(store)] == [3, 1]


async def test_attempted_post_is_not_put_into_catch_up(store, clock):
    await follow_feed(store, await add_feed(store))
    await set_channel_setting(store, setting_registry.MAX_POSTS_PER_HOUR, 2)
    await record_articles(store, "a")
    first = await store.dispatches.claim(CHANNEL)
    await store.dispatches.schedule_retry(
        first.id, due_at=clock.now(), reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "503"})
    )
    await record_articles(store, "b", "c", "d")
    sent = await deliver_pending(store)
    assert sent[0].id == first.id
    assert list_kinds_and_counts(sent) == [("post", 1), ("catch-up", 3)]


async def test_clock_jump_leaves_no_channel_waiting(store, clock):
    await follow_feed(store, await add_feed(store))
    await set_channel_setting(store, setting_registry.MAX_POSTS_PER_HOUR, 1)
    await set_channel_setting(store, setting_registry.MIN_POST_INTERVAL, 3600)
    clock.advance(30 * 86_400)
    await record_articles(store, "a")
    assert len(await deliver_pending(store)) == 1
    clock.advance(-30 * 86_400)  # back to the right time
    await record_articles(store, "b")
    assert len(await deliver_pending(store)) == 1
    await record_articles(store, "c")
    assert (await store.dispatches.load_queue_outlook(clock.now())).next_due_at == clock.now() + HOUR
    clock.advance(90 * 86_400)
    assert len(await deliver_pending(store)) == 1


async def test_combined_settings_lose_and_repeat_nothing(store, clock):
    # Two days of articles with all three settings: each is sent once, in order, at an allowed time
    await follow_feed(store, await add_feed(store))
    clock.advance(parse_utc("2026-11-24 00:00") - clock.now())
    await set_channel_setting(store, setting_registry.QUIET_HOURS, "22:00-07:00")
    await set_channel_setting(store, setting_registry.MAX_POSTS_PER_HOUR, 4)
    await set_channel_setting(store, setting_registry.MIN_POST_INTERVAL, 90)
    article_ids: list[int] = []
    times: list[int] = []
    for step in range(2 * 24 * 12):
        if step < 240 and step % 2 == 0:
            await record_articles(store, f"{step}-a", f"{step}-b", max_pending_posts=3)
        for dispatch in await deliver_pending(store):
            article_ids += dispatch.article_ids
            times.append(clock.now())
            assert 7 <= datetime.fromtimestamp(clock.now(), UTC).hour < 22
        clock.advance(300)
    assert article_ids == sorted(article_ids)
    assert len(article_ids) == len(set(article_ids)) == 240
    assert all(later - earlier >= 90 for earlier, later in pairwise(times))
    assert all(later - earlier >= HOUR for earlier, later in zip(times, times[4:], strict=False))


def insert_random_dispatches(store: Store, random_source: random.Random) -> None:
    """Insert channels with random settings, and dispatches of random kinds and times."""
    place, now = store_probe.locate_database(store), store.clock.now()
    zones = ("UTC", "Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "No/Where")
    hours = (None, "22:00-07:00", "00:00-00:01", "12:00-11:45", "08:30-20:15")
    store_probe.insert_rows(
        place,
        "server",
        [
            {
                "id": server_id,
                "locale": "fr",
                "joined_at": now,
                "time_zone": random_source.choice(zones),
                "left_at": now if server_id == 4 else None,
            }
            for server_id in range(1, 5)
        ],
    )
    for channel_id in RANDOM_CHANNELS:
        server_id, is_paced, is_blocked = (
            random_source.choice([1, 2, 3, 4, None]),
            random_source.random() < 0.5,
            random_source.random() < 0.2,
        )
        channel = {
            "id": channel_id,
            "server_id": server_id,
            "user_id": channel_id if server_id is None else None,
            "quiet_hours": random_source.choice(hours) if is_paced else None,
            "most_an_hour": random_source.choice([None, 1, 2, 3, 7]) if is_paced else None,
            "gap": random_source.choice([None, 10, 900, 9000]) if is_paced else None,
            "problem": "forbidden" if is_blocked else None,
            "problem_since": now if is_blocked else None,
            "retry_at": random_source.choice([None, now - 5, now + 200]) if is_blocked else None,
        }
        store_probe.insert_rows(place, "channel", [channel])
    dispatches: list[dict[str, object]] = []
    for number, channel_id in enumerate(random_source.choices(RANDOM_CHANNELS, k=140)):
        due_at, attempts = random_source.choice([(now, 0), (now - 50, 0), (now - 50, 1), (now + 70, 1)])
        is_sent = number % 2 == 0
        dispatches.append(
            {
                "channel_id": channel_id,
                "kind": random_source.choice(["post", "post", "post", "catch-up", "notice", "digest"]),
                "dedupe_key": f"{number}",
                "state": "sent" if is_sent else "waiting",
                "created_at": now,
                "position": now + random_source.randrange(-3, 3),
                "due_at": due_at,
                "attempts": attempts,
                "sent_at": now - random_source.randrange(-90, 9500) if is_sent else None,
            }
        )
    store_probe.insert_rows(place, "dispatch", dispatches)


@pytest.mark.parametrize("seed", range(5))
async def test_queue_outlook_agrees_with_claims(store, clock, seed):
    # Exactly the ready channels can be claimed, and no others before the next due time
    random_source = random.Random(seed)
    clock.advance(random_source.randrange(0, 10**7))
    insert_random_dispatches(store, random_source)
    for _ in range(4):
        outlook = await store.dispatches.load_queue_outlook(clock.now(), [101])
        if outlook.next_due_at is not None and not outlook.ready_channel_ids:
            clock.advance(outlook.next_due_at - clock.now() - 1)
            assert (await store.dispatches.load_queue_outlook(clock.now(), [101])).ready_channel_ids == []
            clock.advance(1)
            assert (await store.dispatches.load_queue_outlook(clock.now(), [101])).ready_channel_ids
        ready = (await store.dispatches.load_queue_outlook(clock.now())).ready_channel_ids
        claimed = {channel for channel in RANDOM_CHANNELS if await store.dispatches.claim(channel)}
        assert claimed <= set(ready)
        # A catch-up may replace the first post, after one that waits for a retry.
        assert not (set(ready) - claimed) & set(
            (await store.dispatches.load_queue_outlook(clock.now())).ready_channel_ids
        )
        clock.advance(random_source.choice([1, 30, 200, 900, 4000, 20_000]))
