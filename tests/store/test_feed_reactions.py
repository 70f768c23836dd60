"""Counts of reactions to the posts of feeds."""

from __future__ import annotations

from random import Random

import pytest

from bot.store import Store
from bot.store.people import feed_reactions
from bot.store.records.people_records import FeedReactionCounts
from tests.support.posted_feeds import PostHistory
from tests.support.samples import CHANNEL, SERVER, add_followed_feed, deliver_pending, make_new_article, write_poll

DAY = 86_400
ADA, BOB, CAROL, DAN = 71, 72, 73, 74


@pytest.fixture
def history(store: Store) -> PostHistory:
    return PostHistory(store, SERVER)


async def load_counts(store: Store, days: int = 30) -> dict[int, FeedReactionCounts]:
    until = await store.feed_reactions.add_batches_until_midnight(SERVER)
    counts = await store.feed_reactions.count_by_feed(SERVER, since=until - days * DAY, until=until)
    return {feed_counts.feed_id: feed_counts for feed_counts in counts}


async def test_reactions_are_counted_by_kind_and_kept_posts_once(store, history):
    feed = await history.add_feed("Daily", CHANNEL, [f"Title {number}" for number in range(10)])
    history.react(feed, "saved", [[ADA, BOB], [CAROL]])
    history.react(feed, "liked", [[ADA], [], [ADA, BOB, CAROL]])
    history.react(feed, "disliked", [[], [], [], [DAN]])
    history.react(feed, "opened", [[], [], [], [], [DAN, ADA]])
    await history.mute(feed, [ADA, DAN, BOB])
    article_ids = history.article_ids_by_feed[feed.id]
    assert (await load_counts(store))[feed.id] == FeedReactionCounts(
        feed.id,
        10,
        {CHANNEL: 10},
        bookmark_count=3,
        like_count=4,
        dislike_count=0,
        mute_count=3,
        kept_article_ids=frozenset(article_ids[:3]),
    )


async def test_removed_old_or_foreign_reactions_are_not_counted(store, history):
    feed = await history.add_feed("Daily", CHANNEL, ["Recent", "Old"], span_days=80)
    other_history = PostHistory(store, SERVER + 1, last_id=2_000_000)
    other_feed = await other_history.add_feed("Other", CHANNEL + 1, ["Elsewhere"])
    other_history.react(other_feed, "saved", [[ADA, BOB, CAROL]])
    history.react(feed, "saved", [[ADA, BOB, CAROL]])
    await store.bookmarks.remove(BOB, history.article_ids_by_feed[feed.id][0])
    await history.mute(feed, [ADA, BOB, CAROL])
    (mute,) = await store.muted_stories.list_by_user(BOB)
    await store.muted_stories.undo(mute.id, user_id=1)
    counts = await load_counts(store)
    assert set(counts) == {feed.id}
    assert (counts[feed.id].article_count, counts[feed.id].bookmark_count, counts[feed.id].mute_count) == (1, 0, 0)
    assert (await load_counts(store, 90))[feed.id].article_count == 2


async def test_reports_never_differ_by_reactions_of_one_or_two_people(store, clock, history):
    # Each person saves 1, 2, 4… posts, so that a count reveals whose reactions are in it
    people = range(10)
    feed = await history.add_feed("Daily", CHANNEL, [f"Post {n}" for n in range(2 ** len(people) - 1)], span_days=1)
    chance = Random(34)
    days = {person: chance.randrange(1, 70) for person in people}
    days[1] = days[0]  # Two people on one day are not enough, either.
    shown_people: set[frozenset[int]] = set()
    for day in range(100):
        for person in people:
            posts = slice(2**person - 1, 2 ** (person + 1) - 1)
            if days[person] == day:
                saved_posts: list[list[int]] = [[]] * (2 ** len(people) - 1)
                saved_posts[posts] = [[100 + person]] * 2**person
                history.react(feed, "saved", saved_posts)
            if days[person] + 9 == day and person % 3 == 0:
                for article_id in history.article_ids_by_feed[feed.id][posts]:
                    await store.bookmarks.remove(100 + person, article_id)
            if days[person] + 12 == day and person % 3 == 1:
                await store.erase_user(100 + person)
        for period in (30, 60, 90):
            counts = (await load_counts(store, period)).get(feed.id, FeedReactionCounts(feed.id))
            shown_people.add(frozenset(person for person in people if counts.bookmark_count >> person & 1))
            assert len(counts.kept_article_ids) == counts.bookmark_count
        clock.advance(DAY)
    assert len(shown_people) > 3
    for some_people in shown_people:
        for other_people in shown_people:
            assert len(some_people - other_people) not in {1, 2}, (some_people, other_people)


async def test_feed_in_two_channels_has_one_count(store, history):
    # Separate counts would reveal who reacted to a post of only one channel
    feed = await history.add_feed("Daily", CHANNEL, ["Here"])
    await history.add_feed("Daily", CHANNEL + 1, ["There"])
    history.react(feed, "saved", [[ADA, BOB], [CAROL]])
    counts = (await load_counts(store))[feed.id]
    assert (counts.bookmark_count, counts.post_count_by_channel) == (3, {CHANNEL: 1, CHANNEL + 1: 1})


async def test_only_sent_posts_are_counted(store, clock):
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "one"), make_new_article(feed, "two"))
    await deliver_pending(store)
    await write_poll(store, feed, make_new_article(feed, "pending"))
    clock.advance(DAY)
    assert (await load_counts(store))[feed.id].article_count == 2
    posts = await store.feed_reactions.list_posts(channel_id=CHANNEL, feed_id=feed.id, since=0, limit=9)
    assert {post.title for post in posts} == {"Title of one", "Title of two"}
    channel_posts = await store.feed_reactions.list_channel_posts([CHANNEL], since=0, until=clock.now())
    assert [(post.feed_id, post.outlet_count) for post in channel_posts] == [(feed.id, 1)] * 2


async def test_only_newest_posts_are_counted_above_limit(store, history, monkeypatch):
    newest_feed = await history.add_feed("Newest", CHANNEL, [f"Post {number}" for number in range(30)], span_days=1)
    oldest_feed = await history.add_feed("Oldest", CHANNEL + 1, ["Post", "Old post"], span_days=20)
    assert {feed_id: counts.article_count for feed_id, counts in (await load_counts(store)).items()} == {
        newest_feed.id: 30,
        oldest_feed.id: 2,
    }
    monkeypatch.setattr(feed_reactions, "MAX_REPORTED_ROWS", 31)
    assert (await load_counts(store))[oldest_feed.id].article_count == 1
