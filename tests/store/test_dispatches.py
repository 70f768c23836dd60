"""Dispatches: claiming, retries, blocked channels, edits and shards."""

from __future__ import annotations

import pytest

from bot.core.models import DispatchKind, DispatchState
from bot.core.preferences import ProcessRole
from bot.core.reasons import Reason, SendProblem
from bot.store import LeaseLost, Store
from bot.store.records.process_records import LeasePool, Process
from tests.store import sql
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
from tests.support.store_probe import enqueue_notice, locate_database


@pytest.fixture
async def store_with_pending_posts(store) -> Store:
    """A store in which two channels have the pending posts a, b and c."""
    feed = await add_followed_feed(store)
    await follow_feed(store, feed, channel=CHANNEL + 1)
    await write_poll(store, feed, *[make_new_article(feed, name, published=ord(name)) for name in "abc"])
    return store


async def test_claim_is_counted_and_listed_for_recovery(store_with_pending_posts, clock):
    claimed = await store_with_pending_posts.dispatches.claim(CHANNEL)
    assert (claimed.state, claimed.attempt_count, claimed.claimed_at) == (DispatchState.CLAIMED, 1, clock.now())
    assert (claimed.server_id, claimed.channel_id, claimed.kind) == (SERVER, CHANNEL, DispatchKind.POST)
    assert await store_with_pending_posts.dispatches.list_claimed() == [claimed]
    assert await store_with_pending_posts.dispatches.get(claimed.id) == claimed


async def test_dispatch_is_claimed_once(store_with_pending_posts, clock):
    claims = [await store_with_pending_posts.dispatches.claim(CHANNEL) for _ in range(4)]
    assert [claim and len(claim.article_ids) for claim in claims] == [1, 1, 1, None]
    assert len({claim.id for claim in claims if claim}) == 3


async def test_retry_keeps_position_and_delays_only_its_channel(store_with_pending_posts, clock):
    first = await store_with_pending_posts.dispatches.claim(CHANNEL)
    later = clock.now() + 60
    await store_with_pending_posts.dispatches.schedule_retry(
        first.id, due_at=later, reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "503"})
    )
    assert await store_with_pending_posts.dispatches.claim(CHANNEL) is None
    assert (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == [
        CHANNEL + 1
    ]
    assert (
        await store_with_pending_posts.dispatches.load_queue_outlook(clock.now(), [CHANNEL + 1])
    ).next_due_at == later
    clock.advance(60)
    assert (await deliver_pending(store_with_pending_posts))[0].id == first.id


async def test_busy_channels_are_excluded_from_outlook(store_with_pending_posts, clock):
    assert (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now(), [CHANNEL])).ready_channel_ids == [
        CHANNEL + 1
    ]
    assert (
        await store_with_pending_posts.dispatches.load_queue_outlook(clock.now(), [CHANNEL, CHANNEL + 1])
    ).next_due_at is None


async def test_sent_dispatch_is_unfinalized_until_marked(store_with_pending_posts, clock):
    claimed = await store_with_pending_posts.dispatches.claim(CHANNEL)
    await store_with_pending_posts.dispatches.mark_sent(claimed.id, message_id=7, thread_id=8, sent_at=clock.now())
    (sent,) = await store_with_pending_posts.dispatches.list_unfinalized()
    assert (sent.state, sent.message_id, sent.thread_id, sent.sent_at) == (
        DispatchState.SENT,
        7,
        8,
        clock.now(),
    )
    assert await store_with_pending_posts.dispatches.get_by_message_id(7) == sent
    assert await store_with_pending_posts.dispatches.get_by_message_id(9) is None
    await store_with_pending_posts.dispatches.mark_finalized(sent.id)
    assert await store_with_pending_posts.dispatches.list_unfinalized() == []
    assert await store_with_pending_posts.dispatches.list_claimed() == []


async def test_blocked_channel_waits_for_retry_time_or_unblocking(store_with_pending_posts, clock):
    await store_with_pending_posts.dispatches.block_channel(CHANNEL, Reason(SendProblem.FORBIDDEN), clock.now() + 60)
    blocked_at = clock.now()
    assert (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == [
        CHANNEL + 1
    ]
    assert await store_with_pending_posts.dispatches.claim(CHANNEL) is None
    assert (
        await store_with_pending_posts.dispatches.load_queue_outlook(clock.now(), [CHANNEL + 1])
    ).next_due_at == blocked_at + 60
    clock.advance(60)
    assert CHANNEL in (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).ready_channel_ids
    await store_with_pending_posts.dispatches.block_channel(CHANNEL, Reason(SendProblem.CHANNEL_GONE), None)
    assert await store_with_pending_posts.dispatches.get_problem(CHANNEL) == (
        Reason(SendProblem.CHANNEL_GONE),
        blocked_at,
        None,
    )
    assert (
        await store_with_pending_posts.dispatches.load_queue_outlook(clock.now(), [CHANNEL + 1])
    ).next_due_at is None
    assert await store_with_pending_posts.dispatches.claim(CHANNEL) is None
    await store_with_pending_posts.dispatches.unblock_channel(CHANNEL)
    assert await store_with_pending_posts.dispatches.get_problem(CHANNEL) is None
    assert await store_with_pending_posts.dispatches.claim(CHANNEL) is not None


async def test_reasons_of_earlier_version_are_parsed(store_with_pending_posts):
    store = store_with_pending_posts
    claimed = await store.dispatches.claim(CHANNEL)
    database = locate_database(store)
    sql.run(database, "UPDATE channel SET problem = 'forbidden view_channel', problem_since = 5")
    sql.run(database, "UPDATE dispatch SET last_error = 'trying no answer: reset' WHERE state = 'claimed'")
    assert await store.dispatches.get_problem(CHANNEL) == (
        Reason(SendProblem.FORBIDDEN, {"permissions": ("view_channel",)}),
        5,
        None,
    )
    no_answer = Reason(SendProblem.NO_ANSWER, {"text": "reset"})
    assert await store.dispatches.get_first_pending_error(CHANNEL) == no_answer
    assert [dispatch.last_error for dispatch in await store.dispatches.list_claimed()] == [no_answer]
    assert claimed.last_error is None


async def test_failed_uncertain_and_blocked_dispatches_have_delivery_status(store, clock):
    feed = await add_followed_feed(store)
    articles = [make_new_article(feed, name, published=ord(name)) for name in "abcd"]
    await write_poll(store, feed, *articles)
    dispatches = store.dispatches
    for mark, problem in ((dispatches.mark_failed, "fault"), (dispatches.mark_uncertain, "unreadable")):
        claimed = await dispatches.claim(CHANNEL)
        await mark(claimed.id, Reason(SendProblem(problem)))
    await store.dispatches.claim(CHANNEL)
    await store.dispatches.block_channel(CHANNEL, Reason(SendProblem.FORBIDDEN), None)
    assert [await load_delivery_statuses(store, article) for article in articles] == [
        {CHANNEL: ("failed", "fault")},
        {CHANNEL: ("failed", "unreadable")},
        {CHANNEL: ("waiting", "forbidden")},
        {CHANNEL: ("waiting", "forbidden")},
    ]


async def test_delivery_status_has_message_and_time(store_with_pending_posts, clock):
    clock.advance(30)
    (first, *_) = await deliver_pending(store_with_pending_posts)
    (article,) = await store_with_pending_posts.articles.list_by_ids(first.article_ids)
    posted, waiting = await store_with_pending_posts.delivery_statuses.list_by_page_key(article.page_key)
    assert (posted.channel_id, posted.status, posted.since) == (CHANNEL, "posted", clock.now())
    assert posted.message_id == 10_000_000 + first.id
    assert (waiting.status, waiting.since, waiting.message_id) == ("waiting", clock.now() - 30, None)
    assert [sent.id for sent in await store_with_pending_posts.dispatches.list_sent_for_article(article.id)] == [
        first.id
    ]


async def test_post_is_found_by_article_of_other_feed_on_same_page(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow_feed(store, first_feed)
    url = "https://news.example/same"
    await write_poll(store, first_feed, make_new_article(first_feed, "a", url=url))
    (second_article_id,) = (
        await write_poll(store, second_feed, make_new_article(second_feed, "b", url=url))
    ).new_article_ids
    (sent,) = await deliver_pending(store)
    assert [post.id for post in await store.dispatches.list_sent_for_article(second_article_id)] == [sent.id]


async def test_recent_posts_are_listed_newest_first(store_with_pending_posts, clock):
    first_posted_at = clock.now()
    await deliver_pending(store_with_pending_posts, limit=2)
    clock.advance(10)
    await deliver_pending(store_with_pending_posts)
    recent = await store_with_pending_posts.dispatches.list_recent(first_posted_at, 10)
    assert [post.sent_at for post in recent] == [first_posted_at + 10, first_posted_at, first_posted_at]
    assert recent == await store_with_pending_posts.dispatches.list_recent(first_posted_at, 3)
    assert len(await store_with_pending_posts.dispatches.list_recent(first_posted_at + 1, 10)) == 1
    await store_with_pending_posts.servers.mark_left(SERVER)
    assert await store_with_pending_posts.dispatches.list_recent(first_posted_at, 10) == []


async def test_notice_is_enqueued_once_in_order(store_with_pending_posts, clock):
    assert enqueue_notice(store_with_pending_posts, CHANNEL, "broken:1:100", "It broke.")
    assert not enqueue_notice(store_with_pending_posts, CHANNEL, "broken:1:100", "It broke.")
    assert not enqueue_notice(store_with_pending_posts, 999, "broken:1:100", "Of a channel that follows nothing.")
    notice = (await deliver_pending(store_with_pending_posts))[-1]
    assert (notice.kind, notice.dedupe_key, notice.payload) == (
        DispatchKind.FEED_ALERT,
        "broken:1:100",
        "It broke.",
    )
    assert notice.article_ids == ()


async def test_edit_can_be_postponed_and_marked_done(store_with_pending_posts, clock):
    (first, *_) = await deliver_pending(store_with_pending_posts)
    await store_with_pending_posts.dispatches.postpone_edit(first.id, clock.now() + 60)
    assert await store_with_pending_posts.dispatches.list_dispatches_to_edit(clock.now(), 10) == []
    assert [
        edit.id for edit in await store_with_pending_posts.dispatches.list_dispatches_to_edit(clock.now() + 60, 10)
    ] == [first.id]
    await store_with_pending_posts.dispatches.mark_edited(first.id)
    assert await store_with_pending_posts.dispatches.list_dispatches_to_edit(clock.now() + 60, 10) == []


async def test_process_sees_only_dispatches_of_its_shards(store_with_pending_posts, clock):
    other_server_id = SERVER + (1 << 22)  # on the next shard
    await store_with_pending_posts.servers.mark_joined(other_server_id)
    count, mine = 2, (SERVER >> 22) % 2
    claimed = await store_with_pending_posts.dispatches.claim(CHANNEL)
    assert claimed is not None
    store_with_pending_posts.shards.reset(count, owner_id=None)
    assert (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == []
    store_with_pending_posts.shards.set_served({1 - mine})
    assert (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).ready_channel_ids == []
    assert (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).next_due_at is None
    assert await store_with_pending_posts.dispatches.list_claimed() == []
    assert await store_with_pending_posts.dispatches.list_claimed(mine) == [claimed]
    # SERVER is on the other shard, so that this does not mark it as left.
    await store_with_pending_posts.servers.sync({other_server_id: None}, 1 - mine)
    store_with_pending_posts.shards.set_served({mine})
    assert CHANNEL in (await store_with_pending_posts.dispatches.load_queue_outlook(clock.now())).ready_channel_ids
    assert await store_with_pending_posts.dispatches.list_claimed() == [claimed]
    await store_with_pending_posts.servers.sync({}, mine)
    assert await store_with_pending_posts.servers.sample_server_ids([], 9) == [other_server_id]


async def test_write_for_shard_of_other_process_is_refused(store_with_pending_posts, clock, database_engine):
    if database_engine == "sqlite":
        pytest.skip("a file has one process")
    processes, share = (
        store_with_pending_posts.processes,
        LeasePool("shard", ProcessRole.GATEWAY, frozenset({0}), rebalances=False),
    )
    first_process, second_process = (Process(name, "here", (ProcessRole.GATEWAY,), "1") for name in ("one", "two"))
    assert await store_with_pending_posts.shards.agree_on_count(1) == 1
    assert await processes.heartbeat_and_rebalance(first_process, [share], 60) == {"shard": frozenset({0})}
    assert await store_with_pending_posts.shards.agree_on_count(2) == 1  # the live processes have agreed on 1
    store_with_pending_posts.shards.reset(1, owner_id="one")
    store_with_pending_posts.shards.set_served({0})
    claimed = await store_with_pending_posts.dispatches.claim(CHANNEL)
    await processes.deregister("one")
    assert await processes.heartbeat_and_rebalance(second_process, [share], 60) == {"shard": frozenset({0})}
    with pytest.raises(LeaseLost):
        await store_with_pending_posts.dispatches.schedule_retry(
            claimed.id, due_at=clock.now(), reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "too late"})
        )
    with pytest.raises(LeaseLost):
        await store_with_pending_posts.dispatches.claim(CHANNEL + 1)
    assert await store_with_pending_posts.dispatches.list_claimed() == [claimed]
    permits = [await store_with_pending_posts.shards.request_identify(bucket) for bucket in (0, 0, 1)]
    assert [0 < permit.wait_seconds <= 6 for permit in permits] == [False, True, False]
