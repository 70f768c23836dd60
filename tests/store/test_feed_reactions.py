"""How people react to each feed's posts: counted once, per channel, in bounded time."""

from __future__ import annotations

import pytest

from bot.store import Store
from bot.store.people import feed_reactions
from bot.store.records.people_records import FeedReactionCounts, ReactionCount
from tests.support.posted_feeds import PostHistory
from tests.support.samples import CHANNEL, SERVER, add_followed_feed, deliver, new_article, record

DAY = 86_400
ADA, BOB, CAROL, DAN = 71, 72, 73, 74


@pytest.fixture
def history(store: Store) -> PostHistory:
    return PostHistory(store, SERVER)


async def count(store: Store, days: int = 30) -> dict[int, FeedReactionCounts]:
    counts = await store.feed_reactions.count_by_feed(SERVER, store.clock.now() - days * DAY)
    return {feed_counts.feed_id: feed_counts for feed_counts in counts}


async def test_each_kind_is_counted_with_its_people_and_a_post_saved_and_liked_is_kept_once(store, history):
    feed = await history.add_feed("Daily", CHANNEL, [f"Title {number}" for number in range(10)])
    history.react(feed, "saved", [[ADA, BOB], [CAROL]])
    history.react(feed, "liked", [[ADA], [], [ADA, BOB, CAROL]])
    history.react(feed, "disliked", [[], [], [], [DAN]])
    history.react(feed, "opened", [[], [], [], [], [DAN, ADA]])
    await history.mute(feed, [ADA, DAN])
    assert (await count(store))[feed.id] == FeedReactionCounts(
        CHANNEL,
        feed.id,
        10,
        saves=ReactionCount(3, 3, 2),
        likes=ReactionCount(4, 3, 2),
        dislikes=ReactionCount(1, 1, 1),
        kept_count=3,
        muter_count=2,
    )


async def test_what_was_taken_back_ended_or_is_of_another_server_or_time_does_not_count(store, clock, history):
    feed = await history.add_feed("Daily", CHANNEL, ["Recent", "Old"], span_days=80)
    other_history = PostHistory(store, SERVER + 1, last_id=2_000_000)
    other_feed = await other_history.add_feed("Other", CHANNEL + 1, ["Elsewhere"])
    other_history.react(other_feed, "saved", [[ADA]])
    history.react(feed, "saved", [[ADA, BOB], [ADA, BOB, CAROL]])
    await store.bookmarks.remove(BOB, history.article_ids_by_feed[feed.id][0])
    await history.mute(feed, [ADA, BOB])
    (mute,) = await store.muted_stories.list_by_user(BOB)
    await store.muted_stories.undo(mute.id, user_id=1)
    counts = await count(store)
    assert set(counts) == {feed.id}
    assert (counts[feed.id].post_count, counts[feed.id].saves, counts[feed.id].muter_count) == (
        1,
        ReactionCount(1, 1, 1),
        1,
    )
    assert (await count(store, 90))[feed.id].saves == ReactionCount(4, 3, 2)


async def test_real_posts_count_where_they_were_sent_and_pending_ones_do_not(store):
    feed = await add_followed_feed(store)
    await record(store, feed, new_article(feed, "one"), new_article(feed, "two"))
    await deliver(store)
    await record(store, feed, new_article(feed, "pending"))
    assert (await count(store))[feed.id].post_count == 2
    arguments = {"server_id": SERVER, "channel_id": CHANNEL, "feed_id": feed.id, "since": 0}
    posts = await store.feed_reactions.list_posts(**arguments, limit=9)
    assert {post.title for post in posts} == {"Title of one", "Title of two"}
    await store.bookmarks.add(ADA, posts[0].article_id, server_id=SERVER)
    (newest_post,) = await store.feed_reactions.list_posts(**arguments, limit=1)
    assert (newest_post.article_id, newest_post.is_saved, newest_post.is_liked) == (posts[0].article_id, True, False)
    times = await store.feed_reactions.list_post_times([CHANNEL], 0)
    assert [channel_id for channel_id, _sent_at in times] == [CHANNEL, CHANNEL]


async def test_of_too_many_posts_only_the_newest_are_counted(store, history, monkeypatch):
    newest_feed = await history.add_feed("Newest", CHANNEL, [f"Post {number}" for number in range(30)], span_days=1)
    oldest_feed = await history.add_feed("Oldest", CHANNEL + 1, ["Post", "Old post"], span_days=20)
    assert {feed_id: counts.post_count for feed_id, counts in (await count(store)).items()} == {
        newest_feed.id: 30,
        oldest_feed.id: 2,
    }
    monkeypatch.setattr(feed_reactions, "MAX_REPORTED_ROWS", 31)
    assert (await count(store))[oldest_feed.id].post_count == 1
