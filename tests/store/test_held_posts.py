"""Held posts: minimum of outlets and best of the day."""

from __future__ import annotations

import pytest

from bot.core import local_time, setting_registry
from bot.core.models import Feed, NewArticle
from bot.core.preferences import (
    MAX_OUTLETS_WAIT_SECONDS,
    TOP_STORY_WINDOW_SECONDS,
    DigestPlan,
    Preference,
)
from bot.core.setting_registry import ChannelSetting
from bot.store import Store
from bot.store.records.content_records import SimilarArticle, StoryMatches
from bot.store.records.source_records import IntakeResult, PollWrite
from bot.stories.story_membership import compute_post_membership_score
from tests.store.test_stories import load_article, record_similar_article
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

PERSON = 8_000


async def change_setting(store: Store, setting: ChannelSetting[int | None], limit: int | None) -> None:
    await store.preferences.change_channel(setting, limit, server_id=SERVER, user_id=PERSON, channel_id=CHANNEL)


@pytest.fixture
async def story(store) -> tuple[list[Feed], list[NewArticle]]:
    """Three followed feeds and an article of each on the same event."""
    feeds = [await add_feed(store, name) for name in ("one", "two", "three")]
    for feed in feeds:
        await follow_feed(store, feed)
    urls = [f"https://{feed.title}.example/story" for feed in feeds]
    return feeds, [make_new_article(feed, feed.title, url=url) for feed, url in zip(feeds, urls, strict=True)]


async def test_story_is_posted_once_when_enough_outlets_report_it(store, story):
    feeds, articles = story
    await change_setting(store, setting_registry.MIN_OUTLETS, 3)
    await write_poll(store, feeds[0], articles[0])
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    assert not await deliver_pending(store)
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("waiting", "outlets count=2 least=3")}
    assert await load_delivery_statuses(store, articles[1]) == {CHANNEL: ("joined", "outlets count=2 least=3")}
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    (post,) = await deliver_pending(store)
    assert post.dedupe_key == articles[0].key
    assert post.joined_article_ids == tuple([(await load_article(store, article)).id for article in articles[1:]])
    assert [await load_delivery_statuses(store, article) for article in articles] == [
        {CHANNEL: ("posted", None)},
        {CHANNEL: ("joined", None)},
        {CHANNEL: ("joined", None)},
    ]
    assert not await deliver_pending(store)


async def test_too_many_released_stories_share_catch_up(store, story):
    feeds, _ = story
    await change_setting(store, setting_registry.MIN_OUTLETS, 2)
    here = [make_new_article(feeds[0], f"a{n}", url=f"https://one.example/{n}", published=n) for n in range(5)]
    there = [make_new_article(feeds[1], f"b{n}", url=f"https://two.example/{n}", published=n) for n in range(5)]
    await write_poll(store, feeds[0], *reversed(here))
    similar_by_key = {
        b.key: [SimilarArticle((await load_article(store, a)).id, 0.9)] for a, b in zip(here, there, strict=True)
    }
    story_matches = StoryMatches(similar_by_key, compute_post_membership_score)
    await store.polls.record(
        PollWrite(feeds[1], IntakeResult(there[::-1]), max_pending_posts=2, is_first_poll=False),
        matches=story_matches,
    )
    assert [(dispatch.kind, len(dispatch.article_ids)) for dispatch in await deliver_pending(store)] == [
        ("catch-up", 6),
        ("post", 1),
        ("post", 1),
    ]


async def test_daily_selection_is_due_in_server_time_zone(store, clock):
    await follow_feed(store, await add_feed(store))
    await change_setting(store, setting_registry.TOP_STORIES_PER_DAY, 1)
    for zone in ("UTC", "Asia/Tokyo"):
        await store.preferences.change(Preference.TIME_ZONE, zone, server_id=SERVER, user_id=PERSON)
        due = await store.held_posts.get_next_due_at()
        assert due is not None
        assert local_time.format_local_time(due, zone) == "08:00"


async def test_two_feeds_of_same_site_count_as_one_outlet(store, story):
    feeds, articles = story
    await change_setting(store, setting_registry.MIN_OUTLETS, 2)
    await write_poll(store, feeds[0], articles[0])
    same_site = make_new_article(feeds[1], "again", url="https://www.one.example/again")
    await record_similar_article(store, feeds[1], same_site, articles[0])
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("waiting", "outlets count=1 least=2")}
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    assert len(await deliver_pending(store)) == 1


async def test_story_without_enough_outlets_is_withheld_after_wait(store, story, clock):
    feeds, articles = story
    await change_setting(store, setting_registry.MIN_OUTLETS, 3)
    await write_poll(store, feeds[0], articles[0])
    clock.advance(1000)
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    clock.advance(MAX_OUTLETS_WAIT_SECONDS - 1001)
    await store.held_posts.withhold_expired()
    assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("waiting", "outlets count=2 least=3")}
    assert await store.held_posts.get_next_due_at() == clock.now() + 1
    clock.advance(1)
    await store.held_posts.withhold_expired()
    for article in articles[:2]:
        assert await load_delivery_statuses(store, article) == {CHANNEL: ("withheld", "few-outlets count=2 least=3")}
    await record_similar_article(store, feeds[2], articles[2], articles[0])
    await change_setting(store, setting_registry.MIN_OUTLETS, None)
    (post,) = await deliver_pending(store)  # the third article, which was held separately
    assert [post.article_ids, post.joined_article_ids] == [((await load_article(store, articles[2])).id,), ()]


async def test_selected_stories_are_posted_and_others_withheld(store, story, clock):
    feeds, articles = story
    await change_setting(store, setting_registry.TOP_STORIES_PER_DAY, 2)
    await write_poll(store, feeds[0], articles[0])
    await record_similar_article(store, feeds[1], articles[1], articles[0])
    await write_poll(store, feeds[2], other_article := make_new_article(feeds[2], "other"))
    assert not await deliver_pending(store)
    assert not await store.held_posts.list_due_selections()
    due = await store.held_posts.get_next_due_at()
    assert due is not None
    clock.advance(due - clock.now())
    (choice,) = await store.held_posts.list_due_selections()
    first, second = await store.held_posts.list_eligible_stories(choice)
    assert {(first.outlet_count, len(first.articles)), (second.outlet_count, len(second.articles))} == {
        (2, 2),
        (1, 1),
    }
    candidate_with_most_outlets = max(first, second, key=lambda candidate: candidate.outlet_count)
    assert await store.held_posts.release_selected(
        choice, [candidate_with_most_outlets.post_id], next_due_at=due + 25_200
    )
    assert not await store.held_posts.release_selected(
        choice, [first.post_id, second.post_id], next_due_at=due + 25_200
    )
    (post,) = await deliver_pending(store)
    assert post.dedupe_key == articles[0].key
    (reason,) = (await load_delivery_statuses(store, other_article)).values()
    assert reason[1] is not None
    assert reason[1].startswith("best ")
    clock.advance(TOP_STORY_WINDOW_SECONDS)
    await store.held_posts.withhold_expired()
    assert await load_delivery_statuses(store, other_article) == {CHANNEL: ("withheld", "not-best")}


async def test_story_is_eligible_for_selection_with_enough_outlets(store, story, clock):
    feeds, articles = story
    await change_setting(store, setting_registry.MIN_OUTLETS, 2)
    await change_setting(store, setting_registry.TOP_STORIES_PER_DAY, 1)
    await write_poll(store, feeds[0], articles[0])
    clock.advance(MAX_OUTLETS_WAIT_SECONDS - 3600)
    (choice,) = await store.held_posts.list_due_selections()
    assert not await store.held_posts.list_eligible_stories(choice)
    late = make_new_article(feeds[1], "late", published=articles[0].published)
    await record_similar_article(store, feeds[1], late, articles[0])
    clock.advance(TOP_STORY_WINDOW_SECONDS - 1)
    await store.held_posts.withhold_expired()
    (only,) = await store.held_posts.list_eligible_stories(choice)
    assert await store.held_posts.release_selected(choice, [only.post_id], next_due_at=clock.now() + 3600)
    assert len(await deliver_pending(store)) == 1


@pytest.mark.parametrize("digest", [False, True])
async def test_held_stories_share_catch_up_when_setting_is_removed(store, story, *, digest):
    # With a digest instead of single posts, they are left to the digest until it is deleted
    feeds, articles = story
    await change_setting(store, setting_registry.MIN_OUTLETS, 5)
    for feed, article in zip(feeds, articles, strict=True):
        await write_poll(store, feed, article)
    if digest:
        await store.digests.save(
            DigestPlan(weekday=None, minute=0, is_digest_only=True),
            server_id=SERVER,
            channel_id=CHANNEL,
            user_id=PERSON,
            limit=9,
        )
        assert await load_delivery_statuses(store, articles[0]) == {CHANNEL: ("digested", None)}
        assert await store.held_posts.count(CHANNEL) == 0
        return
    await change_setting(store, setting_registry.MIN_OUTLETS, 2)
    assert await store.held_posts.count(CHANNEL) == 3
    await change_setting(store, setting_registry.MIN_OUTLETS, None)
    (together,) = await deliver_pending(store)
    assert (together.kind, len(together.article_ids)) == ("catch-up", 3)
