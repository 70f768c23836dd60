"""One story, one message: what joins a post of a channel, and that nothing is lost with that post."""

from __future__ import annotations

import pytest

from bot.core import setting_registry
from bot.core.models import Article, Dispatch, DispatchState, Feed, NewArticle
from bot.core.preferences import DigestPlan
from bot.core.reasons import Reason, SendProblem
from bot.store import Store
from bot.store.outbox.story_merging import JOIN_EDIT_INTERVAL_SECONDS, JOIN_WINDOW_SECONDS
from bot.store.records.content_records import SimilarArticle, StoryMatches
from bot.store.records.source_records import ChangedArticle, IntakeResult, PollWrite
from bot.stories.story_membership import MAX_STORY_GAP_SECONDS, compute_post_membership_score
from tests.store import sql
from tests.support.samples import (
    CHANNEL,
    SERVER,
    add_feed,
    deliver,
    follow,
    load_delivery_statuses,
    new_article,
    record,
)
from tests.support.store_probe import place_of

OTHER_CHANNEL = CHANNEL + 1


async def load_article(store: Store, article: NewArticle) -> Article:
    stored_article = await store.articles.get_by_key(article.key)
    assert stored_article is not None
    return stored_article


async def record_similar_article(
    store: Store, feed: Feed, article: NewArticle, *similar_articles: NewArticle, likeness: float = 0.9
) -> Article:
    """A poll that brings an article which seems to tell the same as others."""
    kin = [
        SimilarArticle((await load_article(store, similar_article)).id, likeness)
        for similar_article in similar_articles
    ]
    await store.polls.record(
        PollWrite(feed, IntakeResult([article]), max_pending_posts=10, is_first_poll=False),
        matches=StoryMatches({article.key: kin}, compute_post_membership_score),
    )
    return await load_article(store, article)


async def find_dispatch(store: Store, article: NewArticle, channel: int = CHANNEL) -> Dispatch:
    """The post of an article, or the one it joined."""
    (row,) = sql.run(
        place_of(store),
        "SELECT coalesce(dispatch_id, joined_dispatch_id) FROM delivery_status WHERE channel_id = ? AND page_key = ?",
        (channel, article.page_key),
    )
    return await store.dispatches.get(row[0])


async def add_three_feeds(store: Store) -> tuple[list[Feed], list[NewArticle]]:
    """Three feeds that the channel follows, and an article of each that all tell the same."""
    feeds = [await add_feed(store, name) for name in ("one", "two", "three")]
    for feed in feeds:
        await follow(store, feed)
    return feeds, [new_article(feed, feed.title) for feed in feeds]


async def publish_first_article(store: Store) -> tuple[list[Feed], list[NewArticle]]:
    """The same, and the first has told it."""
    feeds, articles = await add_three_feeds(store)
    await record(store, feeds[0], articles[0])
    return feeds, articles


async def test_what_other_feeds_tell_of_the_same_joins_the_first_post(store, clock):
    feeds, articles = await publish_first_article(store)
    (post,) = await deliver(store)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    joined = [
        await record_similar_article(store, feeds[1], articles[1], articles[0]),
        await record_similar_article(store, feeds[2], articles[2], articles[0]),
    ]
    assert not await deliver(store)
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


async def test_what_joins_before_the_post_is_sent_is_sent_with_it(store):
    feeds, articles = await publish_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    post = await store.dispatches.claim(CHANNEL)
    assert post.joined_article_ids == (joined.id,)
    now = store.clock.now()
    await store.dispatches.mark_sent(
        post.id, message_id=1, thread_id=None, sent_at=now, shown_article_ids=post.joined_article_ids
    )
    assert not await store.dispatches.list_dispatches_to_edit(now + JOIN_WINDOW_SECONDS, 10)


async def test_what_a_message_may_not_name_is_shown_by_an_edit(store):
    """It was found in the channel after a crash: what it named then nobody wrote down."""
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await deliver(store)
    assert await store.dispatches.list_dispatches_to_edit(store.clock.now(), 10)


async def test_a_message_is_edited_at_most_every_few_minutes(store, clock):
    feeds, articles = await publish_first_article(store)
    await deliver(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    assert not await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS - 1, 10)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    await store.dispatches.mark_edited(due.id, due_at=due.edit_due_at, shown_article_ids=due.joined_article_ids)
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert not await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS - 1, 10)
    assert await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS, 10)


async def test_a_join_during_an_edit_is_not_taken_for_shown(store, clock):
    feeds, articles = await publish_first_article(store)
    await deliver(store)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    late = await record_similar_article(store, feeds[2], articles[2], articles[0])
    await store.dispatches.mark_edited(due.id, due_at=due.edit_due_at, shown_article_ids=due.joined_article_ids)
    (again,) = await store.dispatches.list_dispatches_to_edit(clock.now() + JOIN_EDIT_INTERVAL_SECONDS, 10)
    assert late.id in again.joined_article_ids


async def test_only_what_a_channel_was_sent_decides_there(store):
    """Of a story that another server follows this channel knows nothing: its article is a post."""
    feeds, articles = await add_three_feeds(store)
    elsewhere = await add_feed(store, "elsewhere")
    await follow(store, elsewhere, server=SERVER + 1, channel=OTHER_CHANNEL)
    await follow(store, feeds[1], server=SERVER + 1, channel=OTHER_CHANNEL)
    bridge = new_article(elsewhere, "bridge")
    await record(store, elsewhere, bridge)
    await record_similar_article(store, feeds[1], articles[1], bridge)
    assert await load_delivery_statuses(store, articles[1]) == {
        CHANNEL: ("waiting", None),
        OTHER_CHANNEL: ("joined", None),
    }


async def test_a_channel_may_want_every_article_by_itself(store):
    feeds, articles = await add_three_feeds(store)
    await store.preferences.change_channel(
        setting_registry.JOIN_STORIES, False, server_id=SERVER, user_id=1, channel_id=CHANNEL
    )
    await record(store, feeds[0], articles[0])
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    assert len(await deliver(store)) == 2


async def test_a_feed_that_writes_twice_has_something_new_to_say(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[0], new_article(feeds[0], "more"), articles[0])
    assert len(await deliver(store)) == 2


async def test_what_is_two_days_younger_or_finds_an_old_post_is_news(store, clock):
    feeds, articles = await publish_first_article(store)
    later = new_article(feeds[1], "later", published=articles[0].published + MAX_STORY_GAP_SECONDS + 1)
    await record_similar_article(store, feeds[1], later, articles[0])
    assert len(await deliver(store)) == 2
    clock.advance(JOIN_WINDOW_SECONDS + 1)
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert len(await deliver(store)) == 1


async def test_little_likeness_joins_many_that_share_it_and_no_single_post(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0], likeness=0.4)
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("waiting", None)}
    further_feeds = [await add_feed(store, name) for name in "abc"]
    for feed in further_feeds:
        await follow(store, feed)
    members = [new_article(feed, feed.title) for feed in further_feeds]
    for feed, article in zip(further_feeds[:2], members, strict=False):
        await record_similar_article(store, feed, article, articles[0])
    await record_similar_article(store, further_feeds[2], members[2], articles[0], *members[:2], likeness=0.4)
    assert await load_delivery_statuses(store, members[2]) == {CHANNEL: ("joined", None)}


async def test_a_post_that_fails_leaves_its_story_to_the_next_article(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    third = await record_similar_article(store, feeds[2], articles[2], articles[0])
    claimed = await store.dispatches.claim(CHANNEL)
    await store.dispatches.mark_failed(claimed.id, Reason(SendProblem.REFUSED))
    (post,) = await deliver(store)
    assert post.dedupe_key == articles[1].key
    assert post.joined_article_ids == (third.id,)
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("failed", "refused")}


async def test_a_message_that_takes_no_edit_repeats_only_what_it_never_named(store, clock):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    (post,) = await deliver(store)
    await store.dispatches.mark_edited(post.id, shown_article_ids=post.joined_article_ids)
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert await store.dispatches.abandon_edits(post.id)
    (repeat_post,) = await deliver(store)
    assert repeat_post.dedupe_key == articles[2].key
    assert not await store.dispatches.abandon_edits(post.id)
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("joined", None)}


async def test_unfollowing_the_first_feed_posts_the_next_of_the_story(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await store.subscriptions.unfollow(CHANNEL, feeds[0].id)
    (post,) = await deliver(store)
    assert post.dedupe_key == articles[1].key


async def test_unfollowing_a_feed_takes_what_joined_out_of_a_waiting_post(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await store.subscriptions.unfollow(CHANNEL, feeds[1].id)
    (post,) = await deliver(store)
    assert post.joined_article_ids == ()
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("withheld", "unfollowed")}


async def test_a_feed_that_moves_leaves_what_joined_a_post_with_its_story(store):
    feeds, articles = await publish_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    subscription = await store.subscriptions.find(CHANNEL, feeds[1].id)
    alone = new_article(feeds[1], "alone")
    await record(store, feeds[1], alone)
    await store.subscriptions.move(subscription.id, OTHER_CHANNEL)
    (post,) = await deliver(store)
    assert (post.dedupe_key, post.joined_article_ids) == (articles[0].key, (joined.id,))
    assert [sent.dedupe_key for sent in await deliver(store, OTHER_CHANNEL)] == [alone.key]
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("joined", None)}


async def test_a_story_whose_first_feed_moves_is_told_in_both_channels_once(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    subscription = await store.subscriptions.find(CHANNEL, feeds[0].id)
    await store.subscriptions.move(subscription.id, OTHER_CHANNEL)
    assert [(sent.dedupe_key, sent.joined_article_ids) for sent in await deliver(store)] == [(articles[1].key, ())]
    assert [(sent.dedupe_key, sent.joined_article_ids) for sent in await deliver(store, OTHER_CHANNEL)] == [
        (articles[0].key, ())
    ]


async def test_what_a_post_never_named_is_told_where_its_feed_has_moved_to(store):
    later, post, followed = await join_unnamed_article(store)
    await store.subscriptions.move(followed, OTHER_CHANNEL)
    assert await deliver(store, OTHER_CHANNEL) == []
    assert await store.dispatches.abandon_edits(post.id)
    assert [sent.dedupe_key for sent in await deliver(store, OTHER_CHANNEL)] == [later.key]
    assert await deliver(store) == []
    assert await load_delivery_statuses(store, later) == {
        CHANNEL: ("withheld", "unfollowed"),
        OTHER_CHANNEL: ("posted", None),
    }
    assert not await store.dispatches.abandon_edits(post.id)


async def test_what_a_post_never_named_is_not_told_in_a_channel_that_began_later(store, clock):
    later, post, followed = await join_unnamed_article(store)
    subscription = await store.subscriptions.get(followed)
    feed = await store.feeds.get(subscription.feed_id) if subscription is not None else None
    clock.advance(60)
    await follow(store, feed, channel=OTHER_CHANNEL)
    await store.subscriptions.unfollow(CHANNEL, feed.id)
    assert not await store.dispatches.abandon_edits(post.id)
    assert await deliver(store, OTHER_CHANNEL) == []
    assert await load_delivery_statuses(store, later) == {CHANNEL: ("withheld", "unfollowed")}


async def test_what_joined_a_post_goes_with_it_into_a_catch_up(store):
    feeds, articles = await publish_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    newer = [new_article(feeds[2], name, published=1_779_100_000) for name in "abcdef"]
    await record(store, feeds[2], *newer, max_pending_posts=3)
    sent = await deliver(store)
    assert joined.id in sent[0].article_ids
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("caught up", None)}
    assert sum(len(dispatch.article_ids) for dispatch in sent) == 8


async def test_a_server_that_sends_the_bot_away_gets_none_of_it_later(store):
    feeds, articles = await publish_first_article(store)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await store.servers.mark_left(SERVER)
    await store.servers.mark_joined(SERVER, None)
    assert not await deliver(store)
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("withheld", "away")}


async def test_a_joined_article_that_moves_is_still_joined(store):
    feeds, articles = await publish_first_article(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    moved = new_article(feeds[1], "two", url="https://news.example/elsewhere")
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
    (post,) = await deliver(store)
    assert (post.state, post.joined_article_ids) == (DispatchState.CLAIMED, (joined.id,))


async def join_unnamed_article(store: Store) -> tuple[NewArticle, Dispatch, int]:
    """An article that joined a post whose message does not name it, and the subscription of its feed."""
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    await follow(store, first_feed)
    subscription_id = await follow(store, second_feed)
    first, later = new_article(first_feed, "a"), new_article(second_feed, "b")
    await record(store, first_feed, first)
    await deliver(store)
    await record_similar_article(store, second_feed, later, first)
    return later, await find_dispatch(store, first), subscription_id


@pytest.mark.parametrize("end", ["paused", "unfollowed", "away", "digested"])
async def test_what_a_lost_message_never_named_is_not_posted_after_an_end(store, clock, end):
    """Where a digest came instead of single posts it waits for that."""
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
    fate = ("digested", None) if end == "digested" else ("withheld", end)
    assert await load_delivery_statuses(store, later) == {CHANNEL: fate}
    assert await deliver(store) == []


async def test_a_joined_article_that_changes_has_the_post_it_joined_edited(store, clock):
    """Else its line goes on leading to an address that its publisher took away."""
    feeds, articles = await publish_first_article(store)
    (post,) = await deliver(store)
    joined = await record_similar_article(store, feeds[1], articles[1], articles[0])
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    (due,) = await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    await store.dispatches.mark_edited(due.id, due_at=due.edit_due_at, shown_article_ids=due.joined_article_ids)
    clock.advance(JOIN_EDIT_INTERVAL_SECONDS)
    assert not await store.dispatches.list_dispatches_to_edit(clock.now(), 10)
    moved = new_article(feeds[1], feeds[1].title, url="https://news.example/moved")
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
