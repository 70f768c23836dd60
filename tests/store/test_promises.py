"""Random sequences of actions: a page has one delivery status in a channel and is posted there at most once."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import setting_registry
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.models import Dispatch, Feed
from bot.core.preferences import DigestPlan, FilterMode, FilterPlace
from bot.core.reasons import Reason, SendProblem
from bot.core.setting_registry import ChannelSetting
from bot.store import Store
from bot.store.records.content_records import MuteMatch, SimilarArticle, StoryMatches
from bot.store.records.source_records import IntakeResult, PollWrite
from bot.stories.story_membership import compute_post_membership_score
from tests.store import sql
from tests.support.clocks import ManualClock
from tests.support.samples import add_feed, make_new_article
from tests.support.store_probe import locate_database

RUNS = count(1)
FEEDS, CHANNELS, PAGES, STORIES = 3, 3, 10, 4

POLLS = st.tuples(
    st.just("poll_feed"), st.integers(0, FEEDS - 1), st.lists(st.integers(0, PAGES - 1), min_size=1, max_size=5)
)
CHANGES = st.tuples(
    st.sampled_from(["follow_feed", "unfollow_feed", "pause_feed", "resume_feed", "move_feed"]),
    st.integers(0, FEEDS - 1),
    st.integers(0, CHANNELS - 1),
)
SERVERS = st.tuples(st.sampled_from(["leave_server", "join_server"]), st.just(0), st.just(0))
POSTS = st.tuples(
    st.sampled_from(["deliver_posts", "deliver_posts", "retry_dispatch", "fail_dispatch", "claim_dispatch"]),
    st.integers(0, CHANNELS - 1),
    st.integers(1, 3),
)
EDITS = st.tuples(st.sampled_from(["edit_messages", "abandon_edits"]), st.just(0), st.just(0))
LIMITS = st.tuples(
    st.sampled_from(
        ["add_filter", "remove_filters", "limit_pace", "remove_pace_limits", "post_articles_separately", "join_stories"]
    ),
    st.integers(0, FEEDS - 1),
    st.integers(0, CHANNELS - 1),
)
DIGESTS = st.tuples(
    st.sampled_from(["save_digest", "save_digest_beside_posts", "delete_digest", "enqueue_digest", "enqueue_digest"]),
    st.integers(0, CHANNELS - 1),
    st.just(0),
)
HELD = st.tuples(
    st.sampled_from(
        ["require_outlets", "limit_to_top_stories", "post_all_stories", "select_top_stories", "withhold_expired"]
    ),
    st.just(0),
    st.integers(0, CHANNELS - 1),
)
MUTES = st.tuples(
    st.sampled_from(["mute_story", "mute_story", "unmute_stories"]),
    st.integers(0, FEEDS - 1),
    st.integers(0, CHANNELS - 1),
)

T = TypeVar("T")
ACTIONS = st.one_of(POLLS, POLLS, CHANGES, POSTS, EDITS, LIMITS, SERVERS, DIGESTS, HELD, MUTES)


class World:
    """The state of an example: three feeds with common pages and stories, three channels of a server."""

    def __init__(self, store: Store, clock: ManualClock, run: int, database: Path | DatabaseUrl) -> None:
        self.store, self.clock, self.run, self.database = store, clock, run, database
        self.server = run
        self.channels = [run * 10 + number for number in range(CHANNELS)]
        self.feeds: list[Feed] = []
        self.message_ids_by_page: dict[tuple[int, str], set[int]] = {}  # by channel and page key
        self.stories: dict[str, tuple[int, int]] = {}  # story and feed by article key

        self.muted_stories: dict[int, int] = {}  # story by mute ID, with undone mutes

    async def perform(self, method_name: str, first_argument: int, second_argument: object) -> None:
        self.clock.advance(60)
        await getattr(self, method_name)(first_argument, second_argument)

    async def poll_feed(self, feed_index: int, pages: list[int]) -> None:
        feed, now = self.feeds[feed_index], self.clock.now()
        new = [
            make_new_article(
                feed,
                f"{feed_index}-{page}",
                url=f"https://x.example/{self.run}/{page}",
                tags=("odd",) if page % 2 else (),
                published=now - page * 40,
            )
            for page in pages
        ]
        active = [
            subscription
            for subscription in await self.store.subscriptions.list_by_feed(feed.id)
            if subscription.paused_at is None
        ]
        known_keys = {article.key for article in await self.store.articles.list_newest([feed.id], limit=999)}
        odd_keys = {article.key for article in new if article.tags}
        similar_articles = {
            article.key: await self.find_similar_articles(feed_index, page)
            for article, page in zip(new, pages, strict=True)
        }
        recorded = await self.store.polls.record(
            PollWrite(
                replace(feed, last_poll_at=now, last_success_at=now),
                IntakeResult(new),
                max_pending_posts=2,
                is_first_poll=False,
                filter_matcher=lambda key, filters: filters if key in odd_keys else (),
            ),
            matches=StoryMatches(
                similar_articles,
                compute_post_membership_score,
                mute_matches_by_key={
                    article.key: [
                        MuteMatch(mute_id, extends_story=True)
                        for mute_id, story in self.muted_stories.items()
                        if story == page % STORIES
                    ]
                    for article, page in zip(new, pages, strict=True)
                },
            ),
        )
        for article, page in zip(new, pages, strict=True):
            self.stories.setdefault(article.key, (page % STORIES, feed_index))
            channel_ids = {
                row.channel_id for row in await self.store.delivery_statuses.list_by_page_key(article.page_key)
            }
            if article.key not in known_keys:
                assert {subscription.channel_id for subscription in active} <= channel_ids
        assert set(recorded.channel_ids) <= {subscription.channel_id for subscription in active}

    async def find_similar_articles(self, feed_index: int, page: int) -> list[SimilarArticle]:
        keys = [key for key, (story, feed) in self.stories.items() if story == page % STORIES and feed != feed_index]
        articles = await self.store.articles.list_newest([feed.id for feed in self.feeds], limit=999)
        return [SimilarArticle(article.id, 0.9) for article in articles if article.key in keys]

    async def mute_story(self, feed_index: int, channel_index: int) -> None:
        for article in await self.store.articles.list_newest([self.feeds[feed_index].id], limit=1):
            muted_story = await self.store.muted_stories.mute(
                article.id,
                channel_id=self.channels[channel_index],
                server_id=self.server,
                user_id=1,
                is_personal=False,
                feed_ids=[feed.id for feed in self.feeds],
                muted_until=self.clock.now() + 600,
                lead_length=50,
                limit=9,
            )
            if muted_story is not None:
                self.muted_stories[muted_story.id] = self.stories[article.key][0]

    async def unmute_stories(self, _feed_index: int, channel_index: int) -> None:
        for muted_story in await self.store.muted_stories.list_by_channel(self.channels[channel_index]):
            await self.store.muted_stories.undo(muted_story.id, user_id=1)

    async def record_message(self, dispatch: Dispatch) -> None:
        """Record that the message of a dispatch shows all its articles."""
        for article in await self.store.articles.list_by_ids((*dispatch.article_ids, *dispatch.joined_article_ids)):
            self.message_ids_by_page.setdefault((dispatch.channel_id, article.page_key), set()).add(dispatch.id)

    async def follow_feed(self, feed_index: int, channel_index: int) -> None:
        newest = await self.store.articles.list_newest([self.feeds[feed_index].id], limit=1)
        await self.store.subscriptions.follow(
            server_id=self.server,
            channel_id=self.channels[channel_index],
            feed_id=self.feeds[feed_index].id,
            first_article_id=newest[0].id if newest else None,
        )

    async def unfollow_feed(self, feed_index: int, channel_index: int) -> None:
        await self.store.subscriptions.unfollow(self.channels[channel_index], self.feeds[feed_index].id)

    async def pause_feed(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.subscriptions.pause(subscription.id)

    async def resume_feed(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.subscriptions.resume(subscription.id)

    async def move_feed(self, feed_index: int, channel_index: int) -> None:
        other_channel_id = self.channels[(channel_index + 1) % CHANNELS]
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.subscriptions.move(subscription.id, other_channel_id)

    async def deliver_posts(self, channel_index: int, message_count: int) -> None:
        await self.complete_claimed(0, 0)
        for _ in range(message_count):
            dispatch = await self.store.dispatches.claim(self.channels[channel_index])
            if dispatch is None:
                return
            await self.send_dispatch(dispatch)

    async def send_dispatch(self, dispatch: Dispatch) -> None:
        await self.record_message(dispatch)
        await self.store.dispatches.mark_sent(
            dispatch.id,
            message_id=10_000_000 + dispatch.id,
            thread_id=None,
            sent_at=self.clock.now(),
            shown_article_ids=dispatch.joined_article_ids,
        )

    async def claim_dispatch(self, channel_index: int, _channel_index: object) -> None:
        """Claim a dispatch, so that its message is being sent during the next actions."""
        await self.complete_claimed(0, 0)
        await self.store.dispatches.claim(self.channels[channel_index])

    async def complete_claimed(self, _feed_index: int, _channel_index: object) -> None:
        for dispatch in await self.store.dispatches.list_claimed():
            await self.send_dispatch(replace(dispatch, joined_article_ids=()))  # they may have joined after the claim

    async def retry_dispatch(self, channel_index: int, _channel_index: object) -> None:
        await self.complete_claimed(0, 0)
        if claimed := await self.store.dispatches.claim(self.channels[channel_index]):
            await self.store.dispatches.schedule_retry(
                claimed.id, due_at=self.clock.now(), reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "503"})
            )

    async def fail_dispatch(self, channel_index: int, _channel_index: object) -> None:
        await self.complete_claimed(0, 0)
        if claimed := await self.store.dispatches.claim(self.channels[channel_index]):
            await self.store.dispatches.mark_failed(claimed.id, Reason(SendProblem.REFUSED))

    async def edit_messages(self, _feed_index: int, _channel_index: object) -> None:
        self.clock.advance(240)
        for dispatch in await self.store.dispatches.list_dispatches_to_edit(self.clock.now(), 20):
            await self.record_message(dispatch)
            await self.store.dispatches.mark_edited(
                dispatch.id, due_at=dispatch.edit_due_at, shown_article_ids=dispatch.joined_article_ids
            )

    async def abandon_edits(self, _feed_index: int, _channel_index: object) -> None:
        self.clock.advance(240)
        for dispatch in await self.store.dispatches.list_dispatches_to_edit(self.clock.now(), 20):
            await self.store.dispatches.abandon_edits(dispatch.id)

    async def add_filter(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.filters.add(
                FilterPlace(subscription.id), [(FilterMode.EXCLUDE, "tag:odd")], user_id=1, limit=9
            )

    async def remove_filters(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            rules = await self.store.filters.list_by_place(FilterPlace(subscription.id))
            await self.store.filters.remove(FilterPlace(subscription.id), [rule.id for rule in rules], user_id=1)

    async def limit_pace(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.MAX_POSTS_PER_HOUR, 1)
        await self.change_setting(channel_index, setting_registry.MIN_POST_INTERVAL, 300)

    async def remove_pace_limits(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.MAX_POSTS_PER_HOUR, None)
        await self.change_setting(channel_index, setting_registry.MIN_POST_INTERVAL, None)

    async def post_articles_separately(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.JOIN_STORIES, False)

    async def join_stories(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.JOIN_STORIES, True)

    async def require_outlets(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.MIN_OUTLETS, 2)

    async def limit_to_top_stories(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.TOP_STORIES_PER_DAY, 2)

    async def post_all_stories(self, _feed_index: int, channel_index: int) -> None:
        await self.change_setting(channel_index, setting_registry.MIN_OUTLETS, None)
        await self.change_setting(channel_index, setting_registry.TOP_STORIES_PER_DAY, None)

    async def select_top_stories(self, _feed_index: int, _channel_index: int) -> None:
        self.clock.advance(43_200)
        for choice in await self.store.held_posts.list_due_selections():
            stories = await self.store.held_posts.list_eligible_stories(choice)
            next_due = self.clock.now() + 3600
            assert await self.store.held_posts.release_selected(
                choice, [story.post_id for story in stories[:1]], next_due_at=next_due
            )
            assert not await self.store.held_posts.release_selected(choice, [], next_due_at=next_due)

    async def withhold_expired(self, _feed_index: int, _channel_index: int) -> None:
        self.clock.advance(43_200)
        await self.store.held_posts.withhold_expired()

    async def change_setting(self, channel_index: int, setting: ChannelSetting[T], value: T) -> None:
        await self.store.preferences.change_channel(
            setting,
            value,
            server_id=self.server,
            user_id=1,
            channel_id=self.channels[channel_index],
        )

    async def save_digest(self, channel_index: int, _channel_index: object, *, alone: bool = True) -> None:
        await self.store.digests.save(
            DigestPlan(weekday=None, minute=0, is_digest_only=alone),
            server_id=self.server,
            channel_id=self.channels[channel_index],
            user_id=1,
            limit=CHANNELS,
        )

    async def save_digest_beside_posts(self, channel_index: int, _unused: object) -> None:
        await self.save_digest(channel_index, _unused, alone=False)

    async def delete_digest(self, channel_index: int, _channel_index: object) -> None:
        await self.store.digests.delete(server_id=self.server, channel_id=self.channels[channel_index], user_id=1)

    async def enqueue_digest(self, channel_index: int, _channel_index: object) -> None:
        digest = await self.store.digests.get_by_channel(self.channels[channel_index])
        if digest is not None:
            await self.store.digests.withdraw_pending_dispatches(digest.id)
            now = self.clock.now()
            held_article_ids = (
                await self.store.digests.gather_candidates(digest, [], since=0, until=now)
            ).reserved_article_ids
            await self.store.digests.enqueue_due(
                digest,
                "{}" if held_article_ids else None,
                until=now,
                reserved_article_ids=held_article_ids,
                listed_article_ids=held_article_ids,
            )

    async def leave_server(self, _feed_index: int, _channel_index: object) -> None:
        await self.store.servers.mark_left(self.server)

    async def join_server(self, _feed_index: int, _channel_index: object) -> None:
        await self.store.servers.mark_joined(self.server)

    async def finish(self) -> None:
        """Send everything pending and make all due edits."""
        await self.join_server(0, 0)
        await self.complete_claimed(0, 0)
        for channel in range(CHANNELS):
            await self.remove_pace_limits(0, channel)
            await self.post_all_stories(0, channel)
            await self.delete_digest(channel, 0)
        for _ in range(3):
            for channel in range(CHANNELS):
                await self.deliver_posts(channel, 999)
            await self.edit_messages(0, 0)

    async def check(self) -> None:
        assert all(len(messages) == 1 for messages in self.message_ids_by_page.values()), self.message_ids_by_page
        rows = sql.run(
            self.database,
            "SELECT delivery_status.channel_id, page_key, coalesce(status, state) FROM delivery_status "
            "LEFT JOIN dispatch ON dispatch.id = delivery_status.dispatch_id "
            "WHERE delivery_status.channel_id IN (SELECT id FROM channel WHERE server_id = ?)",
            (self.server,),
        )
        pages_by_status: dict[str, set[tuple[int, str]]] = {}
        for channel, page, status in rows:
            pages_by_status.setdefault(status, set()).add((channel, page))
        assert pages_by_status.keys() <= {"sent", "joined", "withheld", "filtered", "failed"}
        assert (
            pages_by_status.get("sent", set()) | pages_by_status.get("joined", set()) == self.message_ids_by_page.keys()
        )
        empty = sql.run(
            self.database,
            "SELECT id FROM dispatch WHERE id NOT IN (SELECT dispatch_id FROM delivery_status WHERE dispatch_id > 0)",
        )
        assert empty == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTIONS, min_size=12, max_size=40))
async def test_no_sequence_of_actions_loses_or_repeats_a_page(store, clock, acts):
    world = World(store, clock, next(RUNS), locate_database(store))
    world.feeds = [await add_feed(store, f"{world.run}-{number}") for number in range(FEEDS)]
    for number in range(FEEDS):
        await world.follow_feed(number, 0)
    for act in acts:
        await world.perform(*act)
    await world.finish()
    await world.check()
