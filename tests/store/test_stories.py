"""Articles of one story joining one post."""

from __future__ import annotations

import pytest

from bot.core import setting_registry
from bot.core.models import Article, Dispatch, DispatchState, Feed, NewArticle
from bot.core.preferences import DigestPlan
from bot.core.reasons import Reason, SendProblem
from bot.store import Store
from bot.store.outbox.held_posts import JOIN_EDIT_INTERVAL_SECONDS, JOIN_WINDOW_SECONDS
from bot.store.records.content_records import SimilarArticle, StoryMatches
from bot.store.records.source_records import ChangedArticle, IntakeResult, PollWrite
from bot.stories.story_membership import MAX_STORY_GAP_SECONDS, compute_post_membership_score
from tests.store import sql
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
from tests.support.store_probe import locate_database

OTHER_CHANNEL = CHANNEL + 1


async def load_article(store: Store, article: NewArticle) -> Article:
    stored_article = await store.articles.get_by_key(article.key)
    assert stored_article is not None
    return stored_article


async def record_similar_article(
    store: Store, feed: Feed, article: NewArticle, *similar_articles: NewArticle, similarity: float = 0.9
) -> Article:
    """Record a poll with an article that is similar to others."""
    kin = [
        SimilarArticle((await load_article(store, similar_article)).id, similarity)
        for similar_article in similar_articles
    ]
    await store.polls.record(
        PollWrite(feed, IntakeResult([article]), max_pending_posts=10, is_first_poll=False),
        matches=StoryMatches({article.key: kin}, compute_post_membership_score),
    )
    return await load_article(store, article)


async def find_dispatch(store: Store, article: NewArticle, channel: int = CHANNEL) -> Dispatch:
    """Find the post of an article, or the post that it joined."""
    (row,) = sql.run(
        locate_database(store),
        "SELECT coalesce(dispatch_id, joined_dispatch_id) FROM delivery_status WHERE channel_id = ? AND page_key = ?",
        (channel, article.page_key),
    )
    return await store.dispatches.get(row[0])


async def add_three_feeds(store: Store) -> tuple[list[Feed], list[NewArticle]]:
    """Add three followed feeds, and return them with an article of each on the same story."""
    feeds = [await add_feed(store, name) for name in ("one", "two", "three")]
    for feed in feeds:
        await follow_feed(store, feed)
    return feeds, [make_new_article(feed, feed.title) for feed in feeds]


async def record_first_article(store: Store) -> tuple[list[Feed], list[NewArticle]]:
    """Add three followed feeds and record the article of the first one."""
    feeds, articles = await add_three_feeds(store)
    await write_poll(store, feeds[0], articles[0])
    return feeds, articles


async def test_articles_of_same_story_join_first_post(store, clock):
    feeds, articles = await record_first_article(store)
    (post,) = await deliver_pending(store)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    joined = [
        await record_similar_article(store, feeds[1], articles[1], articles[0]),
        await record_similar_article(store, feeds[2], articles[2], articles[0]),
    ]
    assert not await deliver_pending(store)
    assert [await load_delivery_statuses(store, story_article) for story_article in articles] == [
        {CHANNEL: ("posted", None)},
        {CHANNEL: ("joined", None)},
        {CHANNEL: ("joined", None)},
    ]
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now() + 2, 10)
    assert (due.id, due.joined_article_ids) == (post.id, tuple(article.id for article in joined))
    assert due.article_ids == (post.article_ids[0],)
    (row,) = await store.delivery_statuses.list_by_page_key(articles[1].page_key)
    assert (row.joined_title, row.message_id) == ("Title of one", due.message_id)
    assert [dispatch.id for dispatch in await store.dispatches.list_sent_for_article(joined[0].id)] == [post.id]


async def test_article_that_joins_before_sending_is_sent_with_post(store):
    feeds, articles = await record_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    post = await store.dispatches.claim(CHANNEL)
    assert post.joined_article_ids == (joined.id,)
    now = store.clock.now()
    await store.dispatches.mark_sent(
        post.id, message_id=1, thread_id=None, sent_at=now, shown_article_ids=post.joined_article_ids
    )
    assert not await store.dispatches.list_dispatches_to_edit(now + JOIN_WINDOW_SECONDS, 10)


async def test_joined_article_of_recovered_message_is_shown_by_edit(store):
    # A message found in the channel after a crash: which articles it names was not recorded
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await deliver_pending(store)
    assert await store.dispatches.list_dispatches_to_edit(store.clock.now(), 10)


async def test_message_is_edited_at_most_once_per_interval(store, clock):
    feeds, articles = await record_first_article(store)
    await deliver_pending(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    assert not await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS - 1, 10)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    await store.dispatches.mark_edited(due.id, due_at=due.edit_due_at, shown_article_ids=due.joined_article_ids)
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert not await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS - 1, 10)
    assert await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS, 10)


async def test_article_that_joins_during_edit_is_shown_by_next_edit(store, clock):
    feeds, articles = await record_first_article(store)
    await deliver_pending(store)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    late = await record_similar_article(store, feeds[2], articles[2], articles[0])
    await store.dispatches.mark_edited(due.id, due_at=due.edit_due_at, shown_article_ids=due.joined_article_ids)
    (again,) = await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS, 10)
    assert late.id in again.joined_article_ids


async def test_story_of_other_channel_does_not_join_article(store):
    # The story was posted only on another server, so that its article is a post here
    feeds, articles = await add_three_feeds(store)
    elsewhere = await add_feed(store, "elsewhere")
    await follow_feed(store, elsewhere, server=SERVER + 1, channel=OTHER_CHANNEL)
    await follow_feed(store, feeds[1], server=SERVER + 1, channel=OTHER_CHANNEL)
    bridge = make_new_article(elsewhere, "bridge")
    await write_poll(store, elsewhere, bridge)
    await record_similar_article(store, feeds[1], articles[1], bridge)
    assert await load_delivery_statuses(store, articles[1]) == {
        CHANNEL: ("waiting", None),
        OTHER_CHANNEL: ("joined", None),
    }


async def test_articles_are_posted_separately_when_joining_is_off(store):
    feeds, articles = await add_three_feeds(store)
    await store.preferences.change_channel(
        setting_registry.JOIN_STORIES, False, server_id=SERVER, user_id=1, channel_id=CHANNEL
    )
    await write_poll(store, feeds[0], articles[0])
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    assert len(await deliver_pending(store)) == 2


async def test_second_article_of_same_feed_does_not_join(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[0], make_new_article(feeds[0], "more"), articles[0])
    assert len(await deliver_pending(store)) == 2


async def test_later_article_or_old_post_does_not_join(store, clock):
    feeds, articles = await record_first_article(store)
    later = make_new_article(feeds[1], "later", published=articles[0].published + MAX_STORY_GAP_SECONDS + 1)
    await record_similar_article(store, feeds[1], later, articles[0])
    assert len(await deliver_pending(store)) == 2
    clock.advance(JOIN_WINDOW_SECONDS + 1)
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert len(await deliver_pending(store)) == 1


async def test_low_similarity_joins_only_post_with_many_similar_articles(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0], similarity=0.4)
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("waiting", None)}
    further_feeds = [await add_feed(store, name) for name in "abc"]
    for feed in further_feeds:
        await follow_feed(store, feed)
    members = [make_new_article(feed, feed.title) for feed in further_feeds]
    for feed, article in zip(further_feeds[:2], members, strict=False):
        await record_similar_article(store, feed, article, articles[0])
    await record_similar_article(store, further_feeds[2], members[2], articles[0], *members[:2], similarity=0.4)
    assert await load_delivery_statuses(store, members[2]) == {CHANNEL: ("joined", None)}


async def test_failed_post_is_replaced_by_next_article_of_story(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    third = await record_similar_article(store, feeds[2], articles[2], articles[0])
    claimed = await store.dispatches.claim(CHANNEL)
    await store.dispatches.mark_failed(claimed.id, Reason(SendProblem.REFUSED))
    (post,) = await deliver_pending(store)
    assert post.dedupe_key == articles[1].key
    assert post.joined_article_ids == (third.id,)
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("failed", "refused")}


async def test_abandoned_edit_posts_only_unnamed_articles(store, clock):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    (post,) = await deliver_pending(store)
    await store.dispatches.mark_edited(post.id, shown_article_ids=post.joined_article_ids)
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert await store.dispatches.abandon_edits(post.id)
    (repeat_post,) = await deliver_pending(store)
    assert repeat_post.dedupe_key == articles[2].key
    assert not await store.dispatches.abandon_edits(post.id)
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("joined", None)}


async def test_unfollowing_first_feed_posts_next_article_of_story(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await store.subscriptions.unfollow(CHANNEL, feeds[0].id)
    (post,) = await deliver_pending(store)
    assert post.dedupe_key == articles[1].key


async def test_unfollowing_feed_removes_joined_article_from_pending_post(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await store.subscriptions.unfollow(CHANNEL, feeds[1].id)
    (post,) = await deliver_pending(store)
    assert post.joined_article_ids == ()
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("withheld", "unfollowed")}


async def test_joined_article_stays_when_its_feed_moves(store):
    feeds, articles = await record_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    subscription = await store.subscriptions.find(CHANNEL, feeds[1].id)
    alone = make_new_article(feeds[1], "alone")
    await write_poll(store, feeds[1], alone)
    await store.subscriptions.move(subscription.id, OTHER_CHANNEL)
    (post,) = await deliver_pending(store)
    assert (post.dedupe_key, post.joined_article_ids) == (articles[0].key, (joined.id,))
    assert [sent.dedupe_key for sent in await deliver_pending(store, OTHER_CHANNEL)] == [alone.key]
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("joined", None)}


async def test_story_is_posted_in_both_channels_when_first_feed_moves(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    subscription = await store.subscriptions.find(CHANNEL, feeds[0].id)
    await store.subscriptions.move(subscription.id, OTHER_CHANNEL)
    assert [(sent.dedupe_key, sent.joined_article_ids) for sent in await deliver_pending(store)] == [
        (articles[1].key, ())
    ]
    assert [(sent.dedupe_key, sent.joined_article_ids) for sent in await deliver_pending(store, OTHER_CHANNEL)] == [
        (articles[0].key, ())
    ]


async def test_unnamed_article_is_posted_where_its_feed_moved(store):
    later, post, followed = await join_unnamed_article(store)
    await store.subscriptions.move(followed, OTHER_CHANNEL)
    assert await deliver_pending(store, OTHER_CHANNEL) == []
    assert await store.dispatches.abandon_edits(post.id)
    assert [sent.dedupe_key for sent in await deliver_pending(store, OTHER_CHANNEL)] == [later.key]
    assert await deliver_pending(store) == []
    assert await load_delivery_statuses(store, later) == {
        CHANNEL: ("withheld", "unfollowed"),
        OTHER_CHANNEL: ("posted", None),
    }
    assert not await store.dispatches.abandon_edits(post.id)


async def test_unnamed_article_is_not_posted_in_later_following_channel(store, clock):
    later, post, followed = await join_unnamed_article(store)
    subscription = await store.subscriptions.get(followed)
    feed = await store.feeds.get(subscription.feed_id) if subscription is not None else None
    clock.advance(60)
    await follow_feed(store, feed, channel=OTHER_CHANNEL)
    await store.subscriptions.unfollow(CHANNEL, feed.id)
    assert not await store.dispatches.abandon_edits(post.id)
    assert await deliver_pending(store, OTHER_CHANNEL) == []
    assert await load_delivery_statuses(store, later) == {CHANNEL: ("withheld", "unfollowed")}


async def test_joined_article_moves_into_catch_up_with_its_post(store):
    feeds, articles = await record_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    newer = [make_new_article(feeds[2], name, published=1_779_100_000) for name in "abcdef"]
    await write_poll(store, feeds[2], *newer, max_pending_posts=3)
    sent = await deliver_pending(store)
    assert joined.id in sent[0].article_ids
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("caught up", None)}
    assert sum(len(dispatch.article_ids) for dispatch in sent) == 8


async def test_joined_articles_are_withheld_when_bot_leaves(store):
    feeds, articles = await record_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await store.servers.mark_left(SERVER)
    await store.servers.mark_joined(SERVER, None)
    assert not await deliver_pending(store)
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("withheld", "away")}


async def test_joined_article_with_new_url_stays_joined(store):
    feeds, articles = await record_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    moved = make_new_article(feeds[1], "two", url="https://news.example/elsewhere")
    await store.polls.record(
        PollWrite(
            feeds[1],
            IntakeResult(changed_articles=[ChangedArticle(joined.id, moved)]),
            max_pending_posts=10,
            is_first_poll=False,
        )
    )
    assert await load_delivery_statuses(store, moved) == {CHANNEL: ("joined", None)}
    assert (await find_dispatch(store, articles[1])).joined_article_ids == (joined.id,)
    (post,) = await deliver_pending(store)
    assert (post.state, post.joined_article_ids) == (DispatchState.CLAIMED, (joined.id,))


async def join_unnamed_article(store: Store) -> tuple[NewArticle, Dispatch, int]:
    """Record an article that joins a post whose message does not name it.

    Returns the article, the dispatch of the post, and the ID of the subscription of its feed.
    """
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow_feed(store, first_feed)
    subscription_id = await follow_feed(store, second_feed)
    first, later = make_new_article(first_feed, "a"), make_new_article(second_feed, "b")
    await write_poll(store, first_feed, first)
    await deliver_pending(store)
    await record_similar_article(store, second_feed, later, first)
    return later, await find_dispatch(store, first), subscription_id


@pytest.mark.parametrize("end", ["paused", "unfollowed", "away", "digested"])
async def test_unnamed_article_is_not_posted_after_its_subscription_ends(store, clock, end):
    # When a digest replaces single posts, the article waits for the digest
    later, post, followed = await join_unnamed_article(store)
    clock.advance(60)
    match end:
        case "paused":
            await store.subscriptions.pause(followed)
        case "unfollowed":
            subscription = await store.subscriptions.get(followed)
            await store.subscriptions.unfollow(CHANNEL, subscription.feed_id)
        case "away":
            await store.servers.mark_left(SERVER)
            clock.advance(60)
            await store.servers.mark_joined(SERVER)
        case "digested":
            plan, place = DigestPlan(weekday=None, minute=0, is_digest_only=True), {"server_id": SERVER}
            await store.digests.save(plan, **place, channel_id=CHANNEL, user_id=1, limit=1)
    assert not await store.dispatches.abandon_edits(post.id)
    expected_status = ("digested", None) if end == "digested" else ("withheld", end)
    assert await load_delivery_statuses(store, later) == {CHANNEL: expected_status}
    assert await deliver_pending(store) == []


async def test_changed_joined_article_edits_its_post(store, clock):
    # Otherwise its line in the message would link to a URL that no longer exists
    feeds, articles = await record_first_article(store)
    (post,) = await deliver_pending(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    await store.dispatches.mark_edited(due.id, due_at=due.edit_due_at, shown_article_ids=due.joined_article_ids)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    assert not await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    moved = make_new_article(feeds[1], feeds[1].title, url="https://news.example/moved")
    await store.polls.record(
        PollWrite(
            feeds[1],
            IntakeResult(changed_articles=[ChangedArticle(joined.id, moved)]),
            max_pending_posts=10,
            is_first_poll=False,
        )
    )
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    assert due.id == post.id
