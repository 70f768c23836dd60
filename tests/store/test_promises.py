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
from tests.support.samples import add_feed, new_article
from tests.support.store_probe import place_of

RUNS = count(1)
FEEDS, CHANNELS, PAGES, STORIES = 3, 3, 10, 4

POLLS = st.tuples(
    st.just("poll"), st.integers(0, FEEDS - 1), st.lists(st.integers(0, PAGES - 1), min_size=1, max_size=5)
)
CHANGES = st.tuples(
    st.sampled_from(["follow", "unfollow", "pause", "resume", "move"]),
    st.integers(0, FEEDS - 1),
    st.integers(0, CHANNELS - 1),
)
SERVERS = st.tuples(st.sampled_from(["leave", "join"]), st.just(0), st.just(0))
POSTS = st.tuples(
    st.sampled_from(["deliver", "deliver", "retry", "fail", "claim"]),
    st.integers(0, CHANNELS - 1),
    st.integers(1, 3),
)
EDITS = st.tuples(st.sampled_from(["edit", "refuse"]), st.just(0), st.just(0))
LIMITS = st.tuples(
    st.sampled_from(["filter", "unfilter", "slow", "quick", "apart", "together"]),
    st.integers(0, FEEDS - 1),
    st.integers(0, CHANNELS - 1),
)
DIGESTS = st.tuples(
    st.sampled_from(["digest", "plain", "stop", "make", "make"]), st.integers(0, CHANNELS - 1), st.just(0)
)
HELD = st.tuples(
    st.sampled_from(["several", "best", "all", "choose", "give_up"]),
    st.just(0),
    st.integers(0, CHANNELS - 1),
)
MUTES = st.tuples(st.sampled_from(["mute", "mute", "unmute"]), st.integers(0, FEEDS - 1), st.integers(0, CHANNELS - 1))

T = TypeVar("T")
ACTIONS = st.one_of(POLLS, POLLS, CHANGES, POSTS, EDITS, LIMITS, SERVERS, DIGESTS, HELD, MUTES)


class World:
    """The state of an example: three feeds with common pages and stories, three channels of a server."""

    def __init__(self, store: Store, clock: ManualClock, run: int, database: Path | DatabaseUrl) -> None:
        self.store, self.clock, self.run, self.database = store, clock, run, database
        self.server = run
        self.channels = [run * 10 + number for number in range(CHANNELS)]
        self.feeds: list[Feed] = []
        self.message_ids_by_page: dict[tuple[int, str], set[int]] = {}  # the messages that told of a page in a channel
        self.stories: dict[str, tuple[int, int]] = {}  # the story and the feed of an article's key

        self.muted_stories: dict[int, int] = {}  # the story of each mute, undone ones included

    async def act(self, method_name: str, first_argument: int, second_argument: object) -> None:
        self.clock.advance(60)
        await getattr(self, method_name)(first_argument, second_argument)

    async def poll(self, feed_index: int, pages: list[int]) -> None:
        feed, now = self.feeds[feed_index], self.clock.now()
        new = [
            new_article(
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
        odd = {article.key for article in new if article.tags}
        kin = {article.key: await self.kin(feed_index, page) for article, page in zip(new, pages, strict=True)}
        recorded = await self.store.polls.record(
            PollWrite(
                replace(feed, last_poll_at=now, last_success_at=now),
                IntakeResult(new),
                max_pending_posts=2,
                is_first_poll=False,
                filter_matcher=lambda key, filters: filters if key in odd else (),
            ),
            matches=StoryMatches(
                kin,
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
            fates = {row.channel_id for row in await self.store.delivery_statuses.list_by_page_key(article.page_key)}
            if article.key not in known_keys:
                assert {subscription.channel_id for subscription in active} <= fates
        assert set(recorded.channel_ids) <= {subscription.channel_id for subscription in active}

    async def kin(self, feed_index: int, page: int) -> list[SimilarArticle]:
        keys = [key for key, (story, feed) in self.stories.items() if story == page % STORIES and feed != feed_index]
        articles = await self.store.articles.list_newest([feed.id for feed in self.feeds], limit=999)
        return [SimilarArticle(article.id, 0.9) for article in articles if article.key in keys]

    async def mute(self, feed_index: int, channel_index: int) -> None:
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

    async def unmute(self, _feed_index: int, channel_index: int) -> None:
        for muted_story in await self.store.muted_stories.list_by_channel(self.channels[channel_index]):
            await self.store.muted_stories.undo(muted_story.id, user_id=1)

    async def record_message(self, dispatch: Dispatch) -> None:
        """A message shows all that its dispatch covers."""
        for article in await self.store.articles.list_by_ids((*dispatch.article_ids, *dispatch.joined_article_ids)):
            self.message_ids_by_page.setdefault((dispatch.channel_id, article.page_key), set()).add(dispatch.id)

    async def follow(self, feed_index: int, channel_index: int) -> None:
        newest = await self.store.articles.list_newest([self.feeds[feed_index].id], limit=1)
        await self.store.subscriptions.follow(
            server_id=self.server,
            channel_id=self.channels[channel_index],
            feed_id=self.feeds[feed_index].id,
            first_article_id=newest[0].id if newest else None,
        )

    async def unfollow(self, feed_index: int, channel_index: int) -> None:
        await self.store.subscriptions.unfollow(self.channels[channel_index], self.feeds[feed_index].id)

    async def pause(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.subscriptions.pause(subscription.id)

    async def resume(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.subscriptions.resume(subscription.id)

    async def move(self, feed_index: int, channel_index: int) -> None:
        other_channel_id = self.channels[(channel_index + 1) % CHANNELS]
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.subscriptions.move(subscription.id, other_channel_id)

    async def deliver(self, channel_index: int, message_count: int) -> None:
        await self.land(0, 0)
        for _ in range(message_count):
            dispatch = await self.store.dispatches.claim(self.channels[channel_index])
            if dispatch is None:
                return
            await self.send(dispatch)

    async def send(self, dispatch: Dispatch) -> None:
        await self.record_message(dispatch)
        await self.store.dispatches.mark_sent(
            dispatch.id,
            message_id=10_000_000 + dispatch.id,
            thread_id=None,
            sent_at=self.clock.now(),
            shown_article_ids=dispatch.joined_article_ids,
        )

    async def claim(self, channel_index: int, _channel_index: object) -> None:
        """A message that is on its way while other things happen."""
        await self.land(0, 0)
        await self.store.dispatches.claim(self.channels[channel_index])

    async def land(self, _feed_index: int, _channel_index: object) -> None:
        for dispatch in await self.store.dispatches.list_claimed():
            await self.send(replace(dispatch, joined_article_ids=()))  # which came since, perhaps

    async def retry(self, channel_index: int, _channel_index: object) -> None:
        await self.land(0, 0)
        if claimed := await self.store.dispatches.claim(self.channels[channel_index]):
            await self.store.dispatches.schedule_retry(
                claimed.id, due_at=self.clock.now(), reason=Reason(SendProblem.ERROR_RESPONSE, {"text": "503"})
            )

    async def fail(self, channel_index: int, _channel_index: object) -> None:
        await self.land(0, 0)
        if claimed := await self.store.dispatches.claim(self.channels[channel_index]):
            await self.store.dispatches.mark_failed(claimed.id, Reason(SendProblem.REFUSED))

    async def edit(self, _feed_index: int, _channel_index: object) -> None:
        self.clock.advance(240)
        for dispatch in await self.store.dispatches.list_dispatches_to_edit(self.clock.now(), 20):
            await self.record_message(dispatch)
            await self.store.dispatches.mark_edited(
                dispatch.id, due_at=dispatch.edit_due_at, shown_article_ids=dispatch.joined_article_ids
            )

    async def refuse(self, _feed_index: int, _channel_index: object) -> None:
        self.clock.advance(240)
        for dispatch in await self.store.dispatches.list_dispatches_to_edit(self.clock.now(), 20):
            await self.store.dispatches.abandon_edits(dispatch.id)

    async def filter(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            await self.store.filters.add(
                FilterPlace(subscription.id), [(FilterMode.EXCLUDE, "tag:odd")], user_id=1, limit=9
            )

    async def unfilter(self, feed_index: int, channel_index: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[channel_index], self.feeds[feed_index].id):
            rules = await self.store.filters.list_by_place(FilterPlace(subscription.id))
            await self.store.filters.remove(FilterPlace(subscription.id), [rule.id for rule in rules], user_id=1)

    async def slow(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.MAX_POSTS_PER_HOUR, 1)
        await self.prefer(channel_index, setting_registry.MIN_POST_INTERVAL, 300)

    async def quick(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.MAX_POSTS_PER_HOUR, None)
        await self.prefer(channel_index, setting_registry.MIN_POST_INTERVAL, None)

    async def apart(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.JOIN_STORIES, False)

    async def together(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.JOIN_STORIES, True)

    async def several(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.MIN_OUTLETS, 2)

    async def best(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.TOP_STORIES_PER_DAY, 2)

    async def all(self, _feed_index: int, channel_index: int) -> None:
        await self.prefer(channel_index, setting_registry.MIN_OUTLETS, None)
        await self.prefer(channel_index, setting_registry.TOP_STORIES_PER_DAY, None)

    async def choose(self, _feed_index: int, _channel_index: int) -> None:
        self.clock.advance(43_200)
        for choice in await self.store.held_posts.list_due_selections():
            stories = await self.store.held_posts.list_eligible_stories(choice)
            next_due = self.clock.now() + 3600
            assert await self.store.held_posts.release_selected(
                choice, [story.post_id for story in stories[:1]], next_due_at=next_due
            )
            assert not await self.store.held_posts.release_selected(choice, [], next_due_at=next_due)

    async def give_up(self, _feed_index: int, _channel_index: int) -> None:
        self.clock.advance(43_200)
        await self.store.held_posts.withhold_expired()

    async def prefer(self, channel_index: int, setting: ChannelSetting[T], value: T) -> None:
        await self.store.preferences.change_channel(
            setting,
            value,
            server_id=self.server,
            user_id=1,
            channel_id=self.channels[channel_index],
        )

    async def digest(self, channel_index: int, _channel_index: object, *, alone: bool = True) -> None:
        await self.store.digests.save(
            DigestPlan(weekday=None, minute=0, is_digest_only=alone),
            server_id=self.server,
            channel_id=self.channels[channel_index],
            user_id=1,
            limit=CHANNELS,
        )

    async def plain(self, channel_index: int, _unused: object) -> None:
        await self.digest(channel_index, _unused, alone=False)

    async def stop(self, channel_index: int, _channel_index: object) -> None:
        await self.store.digests.delete(server_id=self.server, channel_id=self.channels[channel_index], user_id=1)

    async def make(self, channel_index: int, _channel_index: object) -> None:
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

    async def leave(self, _feed_index: int, _channel_index: object) -> None:
        await self.store.servers.mark_left(self.server)

    async def join(self, _feed_index: int, _channel_index: object) -> None:
        await self.store.servers.mark_joined(self.server)

    async def end(self) -> None:
        """Everything that waits is sent, everything that is to be edited is."""
        await self.join(0, 0)
        await self.land(0, 0)
        for channel in range(CHANNELS):
            await self.quick(0, channel)
            await self.all(0, channel)
            await self.stop(channel, 0)
        for _ in range(3):
            for channel in range(CHANNELS):
                await self.deliver(channel, 999)
            await self.edit(0, 0)

    async def check(self) -> None:
        assert all(len(messages) == 1 for messages in self.message_ids_by_page.values()), self.message_ids_by_page
        rows = sql.run(
            self.database,
            "SELECT delivery_status.channel_id, page_key, coalesce(status, state) FROM delivery_status "
            "LEFT JOIN dispatch ON dispatch.id = delivery_status.dispatch_id "
            "WHERE delivery_status.channel_id IN (SELECT id FROM channel WHERE server_id = ?)",
            (self.server,),
        )
        by_fate: dict[str, set[tuple[int, str]]] = {}
        for channel, page, fate in rows:
            by_fate.setdefault(fate, set()).add((channel, page))
        assert by_fate.keys() <= {"sent", "joined", "withheld", "filtered", "failed"}
        assert by_fate.get("sent", set()) | by_fate.get("joined", set()) == self.message_ids_by_page.keys()
        empty = sql.run(
            self.database,
            "SELECT id FROM dispatch WHERE id NOT IN (SELECT dispatch_id FROM delivery_status WHERE dispatch_id > 0)",
        )
        assert empty == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTIONS, min_size=12, max_size=40))
async def test_no_sequence_of_actions_loses_or_repeats_a_page(store, clock, acts):
    world = World(store, clock, next(RUNS), place_of(store))
    world.feeds = [await add_feed(store, f"{world.run}-{number}") for number in range(FEEDS)]
    for number in range(FEEDS):
        await world.follow(number, 0)
    for act in acts:
        await world.act(*act)
    await world.end()
    await world.check()
