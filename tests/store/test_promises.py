"""Whatever people and feeds do: a page has one fate in a channel and is sent there at most once."""

from __future__ import annotations

from collections import Counter
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.store import Store
from bot.words import DigestPlan, Feed
from tests.clocks import ManualClock
from tests.store.samples import add_feed, deliver, new_article, record

RUNS = count(1)
FEEDS, CHANNELS, PAGES = 2, 3, 10

POLLS = st.tuples(
    st.just("poll"), st.integers(0, FEEDS - 1), st.lists(st.integers(0, PAGES - 1), min_size=1, max_size=5)
)
CHANGES = st.tuples(
    st.sampled_from(["follow", "unfollow", "pause", "resume", "move"]),
    st.integers(0, FEEDS - 1),
    st.integers(0, CHANNELS - 1),
)
SERVERS = st.tuples(st.sampled_from(["leave", "join"]), st.just(0), st.just(0))
POSTS = st.tuples(st.sampled_from(["deliver", "retry"]), st.integers(0, CHANNELS - 1), st.integers(1, 3))
DIGESTS = st.tuples(
    st.sampled_from(["digest", "plain", "stop", "make", "make"]), st.integers(0, CHANNELS - 1), st.just(0)
)
ACTS = st.one_of(POLLS, POLLS, CHANGES, CHANGES, POSTS, SERVERS, DIGESTS)


class World:
    """One example: two feeds with common pages, three channels of a server."""

    def __init__(self, store: Store, clock: ManualClock, run: int) -> None:
        self.store, self.clock, self.run = store, clock, run
        self.server = run
        self.channels = [run * 10 + number for number in range(CHANNELS)]
        self.feeds: list[Feed] = []
        self.sent: Counter[tuple[int, str]] = Counter()

    async def act(self, what: str, one: int, two: object) -> None:
        self.clock.advance(60)
        await getattr(self, what)(one, two)

    async def poll(self, one: int, pages: list[int]) -> None:
        feed, now = self.feeds[one], self.clock.now()
        new = [
            new_article(
                feed,
                f"{one}-{page}",
                url=f"https://x.example/{self.run}/{page}",
                published=now - page * 40,
            )
            for page in pages
        ]
        active = [
            subscription
            for subscription in await self.store.subscriptions.of_feed(feed.id)
            if subscription.paused is None
        ]
        known = {article.key for article in await self.store.articles.newest([feed.id], limit=999)}
        recorded = await record(self.store, feed, *new, catch_up_after=2)
        for article in new:
            fates = {row.channel_id for row in await self.store.dispatches.fates(article.page)}
            if article.key not in known:
                assert {subscription.channel_id for subscription in active} <= fates
        assert set(recorded.channel_ids) <= {subscription.channel_id for subscription in active}

    async def follow(self, one: int, two: int) -> None:
        newest = await self.store.articles.newest([self.feeds[one].id], limit=1)
        await self.store.subscriptions.follow(
            server_id=self.server,
            channel_id=self.channels[two],
            feed_id=self.feeds[one].id,
            first_article_id=newest[0].id if newest else None,
        )

    async def unfollow(self, one: int, two: int) -> None:
        await self.store.subscriptions.unfollow(self.channels[two], self.feeds[one].id)

    async def pause(self, one: int, two: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[two], self.feeds[one].id):
            await self.store.subscriptions.pause(subscription.id)

    async def resume(self, one: int, two: int) -> None:
        if subscription := await self.store.subscriptions.find(self.channels[two], self.feeds[one].id):
            await self.store.subscriptions.resume(subscription.id)

    async def move(self, one: int, two: int) -> None:
        other = self.channels[(two + 1) % CHANNELS]
        if subscription := await self.store.subscriptions.find(self.channels[two], self.feeds[one].id):
            await self.store.subscriptions.move(subscription.id, other)

    async def deliver(self, one: int, two: int) -> None:
        for dispatch in await deliver(self.store, self.channels[one], limit=two):
            for article in await self.store.articles.by_ids(dispatch.article_ids):
                self.sent[self.channels[one], article.page] += 1

    async def retry(self, one: int, _two: object) -> None:
        if claimed := await self.store.dispatches.claim(self.channels[one], self.clock.now()):
            await self.store.dispatches.retry(claimed.id, due=self.clock.now(), error="503")

    async def digest(self, one: int, _two: object, *, alone: bool = True) -> None:
        await self.store.digests.save(
            DigestPlan(weekday=None, minute=0, alone=alone),
            server_id=self.server,
            channel_id=self.channels[one],
            person_id=1,
            limit=CHANNELS,
        )

    async def plain(self, one: int, two: object) -> None:
        await self.digest(one, two, alone=False)

    async def stop(self, one: int, _two: object) -> None:
        await self.store.digests.stop(server_id=self.server, channel_id=self.channels[one], person_id=1)

    async def make(self, one: int, _two: object) -> None:
        digest = await self.store.digests.of_channel(self.channels[one])
        if digest is not None:
            await self.store.digests.recall(digest.id)
            now = self.clock.now()
            held = (await self.store.digests.candidates(digest, [], since=0, until=now)).held
            await self.store.digests.make(digest, "{}" if held else None, until=now, held=held, named=held)

    async def leave(self, _one: int, _two: object) -> None:
        await self.store.servers.left(self.server)

    async def join(self, _one: int, _two: object) -> None:
        await self.store.servers.joined(self.server)

    async def check(self) -> None:
        for channel in self.channels:  # what a digest holds is told when it ends
            held = await self.store._database.fetchall(
                "SELECT 1 FROM fate WHERE channel_id = ? AND fate = 'digested'", (channel,)
            )
            assert not held
        assert all(times == 1 for times in self.sent.values()), self.sent
        empty = await self.store._database.fetchall(
            "SELECT id FROM dispatch WHERE id NOT IN (SELECT dispatch_id FROM fate WHERE dispatch_id > 0)"
        )
        assert empty == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=12, max_size=40))
async def test_no_order_of_acts_loses_or_repeats_a_page(store: Store, clock: ManualClock, acts):
    world = World(store, clock, next(RUNS))
    world.feeds = [await add_feed(store, f"{world.run}-{number}") for number in range(FEEDS)]
    for number in range(FEEDS):
        await world.follow(number, 0)
    for act in acts:
        await world.act(*act)
    await world.join(0, 0)
    for channel in range(CHANNELS):
        await world.stop(channel, 0)
        await world.deliver(channel, 999)
    await world.check()
