"""Muted stories of channels and users."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bot.core.models import Feed, NewArticle
from bot.core.preferences import DigestPlan, PersonalDigestPlan
from bot.core.user_models import MutedStory
from bot.store import Store
from bot.store.people import muted_stories
from bot.store.people.muted_stories import MAX_STORY_ARTICLES, RESTORE_WINDOW_SECONDS
from bot.store.records.content_records import MuteMatch, StoryMatches
from bot.store.records.source_records import IntakeResult, PollWrite
from bot.stories.story_membership import compute_post_membership_score
from tests.store import sql
from tests.store.test_stories import load_article, record_similar_article
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
from tests.support.store_probe import locate_database

DAY = 86_400
OTHER_SERVER, OTHER_CHANNEL = SERVER + 1, CHANNEL + 1
ADA, DIRECT = 77, 7_700
"""A user, and the channel of their direct messages."""


async def mute(store: Store, article: NewArticle, *, channel: int = CHANNEL, **options: Any) -> MutedStory | None:
    """Mute the story of an article in a channel, or personally for Ada."""
    stored_article = await load_article(store, article)
    arguments: dict[str, Any] = {
        "server_id": SERVER,
        "user_id": ADA,
        "is_personal": channel == DIRECT,
        "feed_ids": await store.subscriptions.load_feed_ids([CHANNEL, OTHER_CHANNEL]),
        "muted_until": store.clock.now() + 7 * DAY,
        "lead_length": 100,
        "limit": 10,
    }
    return await store.muted_stories.mute(stored_article.id, channel_id=channel, **arguments | options)


async def record_muted_article(
    store: Store, feed: Feed, article: NewArticle, *mutes: MutedStory, extends_story: bool = True, **matches: Any
) -> None:
    """Record a poll with an article that belongs to muted stories."""
    mute_matches_by_key = {article.key: [MuteMatch(muted.id, extends_story) for muted in mutes]}
    await store.polls.record(
        PollWrite(feed, IntakeResult([article]), max_pending_posts=10, is_first_poll=False),
        matches=StoryMatches({}, compute_post_membership_score, mute_matches_by_key=mute_matches_by_key, **matches),
    )


async def load_mute_members(store: Store) -> dict[int, list[str]]:
    """Load the titles with which new articles are compared, by mute ID."""
    changes = await store.muted_stories.load_changes(after_mute_id=0, after_article_id=0, lead_length=50)
    return {mute_id: sorted(brief.title for brief in briefs) for mute_id, briefs in changes.articles_by_mute_id.items()}


@pytest.fixture
async def feed(store: Store) -> Feed:
    """A followed feed with one posted article."""
    feed = await add_followed_feed(store)
    await write_poll(store, feed, make_new_article(feed, "cut"))
    await deliver_pending(store)
    return feed


async def test_muted_story_is_withheld_only_in_muting_channel(store, feed):
    await follow_feed(store, feed, channel=OTHER_CHANNEL)
    muted = await mute(store, make_new_article(feed, "cut"))
    assert muted is not None
    later_article = make_new_article(feed, "later")
    await record_muted_article(store, feed, later_article, muted)
    assert await load_delivery_statuses(store, later_article) == {
        CHANNEL: ("withheld", f"muted user={ADA} until={muted.muted_until}"),
        OTHER_CHANNEL: ("waiting", None),
    }
    assert await load_mute_members(store) == {muted.id: ["Title of cut", "Title of later"]}


async def test_story_just_muted_by_other_process_is_not_posted(store, feed):
    later_article = make_new_article(feed, "later")
    muted: list[MutedStory | None] = [await mute(store, make_new_article(feed, "cut"))]

    def refresh() -> StoryMatches:
        return StoryMatches(
            {}, compute_post_membership_score, mute_matches_by_key={later_article.key: [MuteMatch(muted[0].id, True)]}
        )

    last_article_id = (await load_article(store, make_new_article(feed, "cut"))).id
    await record_muted_article(store, feed, later_article, last_article_id=last_article_id, refresh=refresh)
    assert (await load_delivery_statuses(store, later_article))[CHANNEL][0] == "withheld"


async def test_article_of_ended_mute_is_posted(store, feed, clock):
    undone = await mute(store, make_new_article(feed, "cut"))
    await store.muted_stories.undo(undone.id, user_id=1)
    await record_muted_article(store, feed, make_new_article(feed, "later"), undone)
    expired = await mute(store, make_new_article(feed, "later"), muted_until=clock.now() + 5)
    clock.advance(6)
    await record_muted_article(store, feed, make_new_article(feed, "latest"), expired)
    assert len(await deliver_pending(store)) == 1  # The second mute had withdrawn the article before.
    assert await store.muted_stories.list_by_channel(CHANNEL) == []


async def test_undo_restores_withdrawn_posts_but_no_later_article(store, clock):
    feeds = [await add_followed_feed(store, name) for name in ("one", "two")]
    first_article, joined_article, reserved = (
        make_new_article(feeds[0], "first"),
        make_new_article(feeds[1], "joined"),
        make_new_article(feeds[0], "other"),
    )
    await write_poll(store, feeds[0], first_article, reserved)
    await record_similar_article(store, feeds[1], joined_article, first_article)
    muted = await mute(store, first_article)
    for article in (first_article, joined_article):
        assert (await load_delivery_statuses(store, article))[CHANNEL][0] == "withheld"
    assert (await load_delivery_statuses(store, reserved))[CHANNEL][0] == "waiting"
    clock.advance(60)
    later_article = make_new_article(feeds[0], "later")
    await record_muted_article(store, feeds[0], later_article, muted)
    await store.muted_stories.undo(muted.id, user_id=1)
    await store.muted_stories.undo(muted.id, user_id=1)
    assert len(await deliver_pending(store)) == 3
    assert (await load_delivery_statuses(store, later_article))[CHANNEL][0] == "withheld"


async def test_undo_after_restore_window_posts_nothing(store, feed, clock):
    await write_poll(store, feed, make_new_article(feed, "waiting"))
    muted = await mute(store, make_new_article(feed, "waiting"))
    clock.advance(RESTORE_WINDOW_SECONDS)
    await store.muted_stories.undo(muted.id, user_id=1)
    assert await deliver_pending(store) == []
    assert "muted" in str(await load_delivery_statuses(store, make_new_article(feed, "waiting")))


async def test_muted_story_is_left_out_of_digest(store, feed, clock):
    digest = await store.digests.save(
        server_id=SERVER,
        channel_id=CHANNEL,
        plan=DigestPlan(weekday=None, minute=480, is_digest_only=True),
        user_id=ADA,
        limit=5,
    )
    await write_poll(store, feed, make_new_article(feed, "reserved"), make_new_article(feed, "other"))

    async def list_candidates() -> list[str]:
        clock.advance(60)
        gathered = await store.digests.gather_candidates(digest, [feed.id], since=0, until=clock.now())
        return sorted(candidate.title for candidate in gathered.candidates)

    assert await list_candidates() == ["Title of cut", "Title of other", "Title of reserved"]
    await mute(store, make_new_article(feed, "cut"))
    await mute(store, make_new_article(feed, "reserved"))
    assert await list_candidates() == ["Title of other"]
    assert (await load_delivery_statuses(store, make_new_article(feed, "reserved")))[CHANNEL][0] == "withheld"


async def test_pending_digest_is_rebuilt_without_muted_story(store, feed, clock):
    digest = await store.digests.save(
        server_id=SERVER,
        channel_id=CHANNEL,
        plan=DigestPlan(weekday=None, minute=480, is_digest_only=True),
        user_id=ADA,
        limit=5,
    )
    personal = await store.personal_digests.save(
        PersonalDigestPlan(weekday=None, minute=480),
        user_id=ADA,
        channel_id=DIRECT,
        server_id=SERVER,
        language="en",
    )
    since = clock.now() - 60
    await write_poll(store, feed, make_new_article(feed, "listed"), make_new_article(feed, "other"))
    ids = [(await load_article(store, make_new_article(feed, name))).id for name in ("listed", "other")]
    clock.advance(DAY)
    payload = json.dumps({"sections": [], "since": since})
    options = {"until": clock.now(), "listed_article_ids": ids}
    assert await store.digests.enqueue_due(digest, payload, reserved_article_ids=ids, **options)
    assert await store.personal_digests.enqueue_due(personal, payload, **options)
    await mute(store, make_new_article(feed, "cut"))
    await mute(store, make_new_article(feed, "cut"), channel=DIRECT)
    assert {state for state, *_ in await store.dispatches.count_by_state()} == {
        "sent",
        "waiting",
    }  # Both digests lack the story.
    await mute(store, make_new_article(feed, "listed"))
    await mute(store, make_new_article(feed, "listed"), channel=DIRECT)
    assert [state for state, *_ in await store.dispatches.count_by_state()] == ["sent"]
    (due_digest,) = await store.digests.list_due(clock.now())
    (due_personal,) = await store.personal_digests.list_due(clock.now())
    assert (due_digest.covered_until, due_personal.covered_until) == (since, since)
    gathered = await store.digests.gather_candidates(due_digest, [feed.id], since, clock.now() + 1)
    assert [candidate.title for candidate in gathered.candidates] == ["Title of other"]
    assert (await load_delivery_statuses(store, make_new_article(feed, "listed")))[CHANNEL][0] == "withheld"


async def test_personal_digest_leaves_out_own_muted_stories(store, feed, clock):
    await mute(store, make_new_article(feed, "cut"), channel=DIRECT)
    clock.advance(60)
    for user, titles in ((ADA, []), (ADA + 1, ["Title of cut"])):
        gathered = await store.personal_digests.gather_candidates(
            [feed.id], None, (), since=0, until=clock.now(), user_id=user
        )
        assert [candidate.title for candidate in gathered.candidates] == titles
    cut = await load_article(store, make_new_article(feed, "cut"))
    assert await store.muted_stories.load_article_ids_muted_for(ADA) == {cut.id}
    assert await store.muted_stories.load_article_ids_muted_for(ADA + 1) == set()


async def test_user_who_muted_story_gets_no_notification_of_it(store, feed):
    watches = [
        (await store.watches.add(server_id=SERVER, channel_id=place, user_id=user, query="x", language="en", limit=5))[
            0
        ]
        for place, user in ((DIRECT, ADA), (DIRECT + 1, ADA + 1), (CHANNEL, None))
    ]
    await write_poll(store, feed, make_new_article(feed, "waiting"))
    waiting = await load_article(store, make_new_article(feed, "waiting"))
    await store.watches.enqueue_notifications([(watch.id, waiting.id) for watch in watches], [waiting.id])
    muted = await mute(store, make_new_article(feed, "waiting"), channel=DIRECT)
    later_article = make_new_article(feed, "later")
    await record_muted_article(store, feed, later_article, muted)
    later = await load_article(store, later_article)
    await store.watches.enqueue_notifications([(watch.id, later.id) for watch in watches], [later.id])
    sent_counts = [
        sum(len(dispatch.article_ids) for dispatch in await deliver_pending(store, place) if dispatch.watch_id)
        for place in (DIRECT, DIRECT + 1, CHANNEL)
    ]
    assert sent_counts == [0, 2, 2]
    assert (await load_delivery_statuses(store, later_article))[CHANNEL][0] == "posted"


async def test_feed_of_other_server_does_not_extend_muted_story(store, feed):
    foreign_feed = await add_followed_feed(store, "foreign", server=OTHER_SERVER, channel=OTHER_CHANNEL)
    of_channel = await mute(store, make_new_article(feed, "cut"))
    personal = await mute(store, make_new_article(feed, "cut"), channel=DIRECT)
    bridge = make_new_article(foreign_feed, "bridge")
    await record_muted_article(store, foreign_feed, bridge, of_channel, personal)
    assert await load_mute_members(store) == {of_channel.id: ["Title of cut"], personal.id: ["Title of cut"]}
    bridge_id = (await load_article(store, bridge)).id
    assert bridge_id in await store.muted_stories.load_article_ids_muted_for(ADA)
    assert (await load_delivery_statuses(store, bridge))[OTHER_CHANNEL][0] == "waiting"


async def test_muted_story_excludes_feeds_hidden_from_user(store, feed):
    hidden_feed = await add_followed_feed(store, "hidden", channel=OTHER_CHANNEL)
    await record_similar_article(
        store, hidden_feed, make_new_article(hidden_feed, "secret"), make_new_article(feed, "cut")
    )
    cut = await load_article(store, make_new_article(feed, "cut"))
    assert tuple(await store.muted_stories.measure_story(cut.id, SERVER, [feed.id])) == (1, 1)
    assert tuple(await store.muted_stories.measure_story(cut.id, SERVER, [feed.id, hidden_feed.id])) == (2, 2)
    muted = await mute(store, make_new_article(feed, "cut"), feed_ids=[feed.id])
    assert await load_mute_members(store) == {muted.id: ["Title of cut"]}


async def test_first_article_of_followed_feed_is_withheld_if_muted(store, feed):
    muted = await mute(store, make_new_article(feed, "cut"))
    newcomer = await add_followed_feed(store, "newcomer", channel=OTHER_CHANNEL)
    article = make_new_article(newcomer, "late")
    await record_muted_article(store, newcomer, article, muted)
    stored_article = await load_article(store, article)
    await store.subscriptions.follow(
        server_id=SERVER, channel_id=CHANNEL, feed_id=newcomer.id, first_article_id=stored_article.id
    )
    assert (await load_delivery_statuses(store, article))[CHANNEL][0] == "withheld"


async def test_feed_moved_into_channel_posts_no_muted_story(store, feed):
    muted = await mute(store, make_new_article(feed, "cut"))
    mover = await add_feed(store, "mover")
    subscription_id = await follow_feed(store, mover, channel=OTHER_CHANNEL)
    article = make_new_article(mover, "late")
    await record_muted_article(store, mover, article, muted)
    await store.subscriptions.move(subscription_id, CHANNEL)
    assert {place: status for place, (status, _) in (await load_delivery_statuses(store, article)).items()} == {
        CHANNEL: "withheld"
    }


async def test_mutes_are_limited_and_muting_again_changes_end(store, feed, clock):
    articles = [make_new_article(feed, f"n{number}") for number in range(11)]
    await write_poll(store, feed, *articles)
    muted = [await mute(store, article, channel=DIRECT) for article in articles[:10]]
    assert await mute(store, articles[10], channel=DIRECT) is None
    again = await mute(store, articles[3], channel=DIRECT, muted_until=None)
    assert again.id == muted[3].id
    assert [story.muted_until is None for story in await store.muted_stories.list_by_user(ADA)].count(True) == 1
    clock.advance(8 * DAY)
    assert [story.id for story in await store.muted_stories.list_by_user(ADA)] == [again.id]
    assert await mute(store, articles[10], channel=DIRECT) is not None


async def test_mute_outlives_its_articles_and_is_purged_later(store, feed, clock):
    muted = await mute(store, make_new_article(feed, "cut"))
    later_article = make_new_article(feed, "later")
    await record_muted_article(store, feed, later_article, muted)
    location = locate_database(store)
    sql.run(location, "DELETE FROM muted_article")  # As if its articles had been deleted.
    changes = await store.muted_stories.load_changes(after_mute_id=0, after_article_id=0, lead_length=50)
    ((brief,),) = changes.articles_by_mute_id.values()
    assert (brief.article_id, brief.title) == (-muted.id, "Title of cut")
    clock.advance(8 * DAY)
    await store.muted_stories.purge(clock.now() - 30 * DAY)
    assert "Title" not in str(sql.run(location, "SELECT title, lead FROM story_mute"))
    assert f"user={ADA}" in str(await load_delivery_statuses(store, later_article))
    clock.advance(30 * DAY)
    await store.muted_stories.purge(clock.now() - 30 * DAY)
    assert sql.run(location, "SELECT id FROM story_mute") == []
    assert (await load_delivery_statuses(store, later_article))[CHANNEL] == ("withheld", "muted")


async def test_articles_of_muted_story_are_limited(store, feed, monkeypatch):
    monkeypatch.setattr(muted_stories, "MAX_STORY_ARTICLES", 20)
    assert MAX_STORY_ARTICLES == 500
    other_feed = await add_followed_feed(store, "other")
    articles: Sequence[NewArticle] = [make_new_article(other_feed, f"n{number}") for number in range(30)]
    for article in articles:
        await record_similar_article(store, other_feed, article, make_new_article(feed, "cut"))
    muted = await mute(store, make_new_article(feed, "cut"))
    (members,) = (await load_mute_members(store)).values()
    assert len(members) == 20
    assert "Title of cut" in members
    assert muted is not None


async def test_erasure_deletes_personal_mutes_and_anonymizes_others(store, feed):
    personal = await mute(store, make_new_article(feed, "cut"), channel=DIRECT)
    of_channel = await mute(store, make_new_article(feed, "cut"))
    await store.watches.purge(store.clock.now())
    assert [story.id for story in await store.muted_stories.list_made_by_user(ADA)] == [personal.id, of_channel.id]
    report = await store.erase_user(ADA)
    assert report.muted_story_count == 2
    (remaining,) = await store.muted_stories.list_by_channel(CHANNEL)
    assert (remaining.id, remaining.user_id) == (of_channel.id, None)
    assert await store.muted_stories.list_made_by_user(ADA) == []
