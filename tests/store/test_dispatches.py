"""The outbox: in order, one channel apart from the other, nothing forgotten."""

from __future__ import annotations

import pytest

from bot.core.models import DispatchKind, DispatchState
from bot.core.preferences import ProcessRole
from bot.store import LeaseLost, Store
from bot.store.records.process_records import LeasePool, Process
from tests.store.samples import (
    CHANNEL,
    SERVER,
    add_feed,
    deliver,
    fates,
    follow,
    followed,
    new_article,
    owe_notice,
    record,
)


@pytest.fixture
async def owed(store) -> Store:
    """Two channels that are owed the posts a, b and c."""
    feed = await followed(store)
    await follow(store, feed, channel=CHANNEL + 1)
    await record(store, feed, *[new_article(feed, name, published=ord(name)) for name in "abc"])
    return store


async def test_a_claim_counts_and_is_found_after_a_crash(owed, clock):
    claimed = await owed.dispatches.claim(CHANNEL)
    assert (claimed.state, claimed.attempts, claimed.claimed_at) == (DispatchState.CLAIMED, 1, clock.now())
    assert (claimed.server_id, claimed.channel_id, claimed.kind) == (SERVER, CHANNEL, DispatchKind.POST)
    assert await owed.dispatches.claimed() == [claimed]
    assert await owed.dispatches.get(claimed.id) == claimed


async def test_a_dispatch_is_claimed_by_one_only(owed, clock):
    claims = [await owed.dispatches.claim(CHANNEL) for _ in range(4)]
    assert [claim and len(claim.article_ids) for claim in claims] == [1, 1, 1, None]
    assert len({claim.id for claim in claims if claim}) == 3


async def test_a_retry_keeps_its_place_and_holds_up_its_channel_alone(owed, clock):
    first = await owed.dispatches.claim(CHANNEL)
    later = clock.now() + 60
    await owed.dispatches.schedule_retry(first.id, due=later, error="503")
    assert await owed.dispatches.claim(CHANNEL) is None
    assert await owed.dispatches.channels_ready(clock.now()) == [CHANNEL + 1]
    assert await owed.dispatches.next_due([CHANNEL + 1]) == later
    clock.advance(60)
    assert (await deliver(owed))[0].id == first.id


async def test_channels_that_are_busy_are_left_out(owed, clock):
    assert await owed.dispatches.channels_ready(clock.now(), [CHANNEL]) == [CHANNEL + 1]
    assert await owed.dispatches.next_due([CHANNEL, CHANNEL + 1]) is None


async def test_what_was_sent_waits_to_be_finished(owed, clock):
    claimed = await owed.dispatches.claim(CHANNEL)
    await owed.dispatches.mark_sent(claimed.id, message_id=7, thread_id=8, now=clock.now())
    (sent,) = await owed.dispatches.pending_followups()
    assert (sent.state, sent.message_id, sent.thread_id, sent.sent) == (DispatchState.SENT, 7, 8, clock.now())
    assert await owed.dispatches.by_message_id(7) == sent
    assert await owed.dispatches.by_message_id(9) is None
    await owed.dispatches.mark_followups_done(sent.id)
    assert await owed.dispatches.pending_followups() == []
    assert await owed.dispatches.claimed() == []


async def test_a_blocked_channel_waits_for_its_time_or_to_be_unblocked(owed, clock):
    await owed.dispatches.block_channel(CHANNEL, "forbidden", clock.now() + 60)
    began = clock.now()
    assert await owed.dispatches.channels_ready(clock.now()) == [CHANNEL + 1]
    assert await owed.dispatches.claim(CHANNEL) is None
    assert await owed.dispatches.next_due([CHANNEL + 1]) == began + 60
    clock.advance(60)
    assert CHANNEL in await owed.dispatches.channels_ready(clock.now())
    await owed.dispatches.block_channel(CHANNEL, "gone", None)
    assert await owed.dispatches.problem(CHANNEL) == ("gone", began, None)
    assert await owed.dispatches.next_due([CHANNEL + 1]) is None
    assert await owed.dispatches.claim(CHANNEL) is None
    await owed.dispatches.unblock_channel(CHANNEL)
    assert await owed.dispatches.problem(CHANNEL) is None
    assert await owed.dispatches.claim(CHANNEL) is not None


async def test_every_end_of_a_dispatch_is_a_fate(store, clock):
    feed = await followed(store)
    articles = [new_article(feed, name, published=ord(name)) for name in "abcd"]
    await record(store, feed, *articles)
    for end in ("failed", "uncertain"):
        claimed = await store.dispatches.claim(CHANNEL)
        await getattr(store.dispatches, end)(claimed.id, f"because {end}")
    await store.dispatches.claim(CHANNEL)
    await store.dispatches.block_channel(CHANNEL, "forbidden", None)
    assert [await fates(store, article) for article in articles] == [
        {CHANNEL: ("failed", "because failed")},
        {CHANNEL: ("failed", "because uncertain")},
        {CHANNEL: ("waiting", "forbidden")},
        {CHANNEL: ("waiting", "forbidden")},
    ]


async def test_a_posted_article_tells_where_and_when(owed, clock):
    clock.advance(30)
    (first, *_) = await deliver(owed)
    (article,) = await owed.articles.by_ids(first.article_ids)
    posted, waiting = await owed.delivery_statuses.by_page_key(article.page)
    assert (posted.channel_id, posted.fate, posted.since) == (CHANNEL, "posted", clock.now())
    assert posted.message_id == 10_000_000 + first.id
    assert (waiting.fate, waiting.since, waiting.message_id) == ("waiting", clock.now() - 30, None)
    assert [sent.id for sent in await owed.dispatches.sent_for_article(article.id)] == [first.id]


async def test_a_post_is_found_by_another_feeds_article_of_its_page(store):
    one, two = await add_feed(store, "one"), await add_feed(store, "two")
    await follow(store, one)
    url = "https://news.example/same"
    await record(store, one, new_article(one, "a", url=url))
    (other,) = (await record(store, two, new_article(two, "b", url=url))).new_ids
    (sent,) = await deliver(store)
    assert [post.id for post in await store.dispatches.sent_for_article(other)] == [sent.id]


async def test_recent_posts_come_newest_first(owed, clock):
    began = clock.now()
    await deliver(owed, limit=2)
    clock.advance(10)
    await deliver(owed)
    recent = await owed.dispatches.recent(began, 10)
    assert [post.sent_at for post in recent] == [began + 10, began, began]
    assert recent == await owed.dispatches.recent(began, 3)
    assert len(await owed.dispatches.recent(began + 1, 10)) == 1
    await owed.servers.mark_left(SERVER)
    assert await owed.dispatches.recent(began, 10) == []


async def test_a_notice_is_owed_once_and_in_turn(owed, clock):
    assert await owe_notice(owed, CHANNEL, "broken:1:100", "It broke.")
    assert not await owe_notice(owed, CHANNEL, "broken:1:100", "It broke.")
    assert not await owe_notice(owed, 999, "broken:1:100", "Of a channel that follows nothing.")
    notice = (await deliver(owed))[-1]
    assert (notice.kind, notice.dedupe_key, notice.payload) == (
        DispatchKind.FEED_ALERT,
        "broken:1:100",
        "It broke.",
    )
    assert notice.article_ids == ()


async def test_an_edit_may_be_put_off_and_given_up(owed, clock):
    (first, *_) = await deliver(owed)
    await owed.dispatches.postpone_edit(first.id, clock.now() + 60)
    assert await owed.dispatches.edits_due(clock.now(), 10) == []
    assert [edit.id for edit in await owed.dispatches.edits_due(clock.now() + 60, 10)] == [first.id]
    await owed.dispatches.mark_edited(first.id)
    assert await owed.dispatches.edits_due(clock.now() + 60, 10) == []


async def test_a_process_sees_what_is_to_be_done_for_the_servers_of_its_shards_alone(owed, clock):
    other = SERVER + (1 << 22)  # on the next shard
    await owed.servers.mark_joined(other)
    count, mine = 2, (SERVER >> 22) % 2
    claimed = await owed.dispatches.claim(CHANNEL)
    assert claimed is not None
    owed.shards.reset(count, owner=None)
    assert await owed.dispatches.channels_ready(clock.now()) == []
    owed.shards.set_served({1 - mine})
    assert await owed.dispatches.channels_ready(clock.now()) == []
    assert await owed.dispatches.next_due() is None
    assert await owed.dispatches.claimed() == []
    assert await owed.dispatches.claimed(mine) == [claimed]
    await owed.servers.sync({other: None}, 1 - mine)  # SERVER is not there, and not gone
    owed.shards.set_served({mine})
    assert CHANNEL in await owed.dispatches.channels_ready(clock.now())
    assert await owed.dispatches.claimed() == [claimed]
    await owed.servers.sync({}, mine)
    assert await owed.servers.sample_joined([], 9) == [other]


async def test_what_is_recorded_for_a_shard_that_another_process_has_is_refused(owed, clock, database_engine):
    if database_engine == "sqlite":
        pytest.skip("a file has one process")
    processes, share = (
        owed.processes,
        LeasePool("shard", ProcessRole.GATEWAY, frozenset({0}), rebalances=False),
    )
    one, two = (Process(name, "here", (ProcessRole.GATEWAY,), "1") for name in ("one", "two"))
    assert await owed.shards.agree_on_count(1) == 1
    assert await processes.keep(one, [share], 60) == {"shard": frozenset({0})}
    assert await owed.shards.agree_on_count(2) == 1  # those who live have agreed
    owed.shards.reset(1, owner="one")
    owed.shards.set_served({0})
    claimed = await owed.dispatches.claim(CHANNEL)
    await processes.leave("one")
    assert await processes.keep(two, [share], 60) == {"shard": frozenset({0})}
    with pytest.raises(LeaseLost):
        await owed.dispatches.schedule_retry(claimed.id, due=clock.now(), error="too late")
    with pytest.raises(LeaseLost):
        await owed.dispatches.claim(CHANNEL + 1)
    assert await owed.dispatches.claimed() == [claimed]
    turns = [await owed.shards.request_identify(bucket) for bucket in (0, 0, 1)]
    assert [0 < turn.wait <= 6 for turn in turns] == [False, True, False]
