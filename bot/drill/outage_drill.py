"""Outage drill: the real bot runs in a scratch folder while Discord, feeds and its own process fail as planned.

A stand-in for Discord and the feeds are in this process. After the faults everything works again, and the posts in
the channels are compared with the articles in the feeds.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from random import Random

from bot.client.services import open_services
from bot.core.clock import SystemClock
from bot.core.configuration.settings import Settings
from bot.core.models import DispatchState
from bot.drill import drilled_bot, post_comparison
from bot.drill.bot_restarter import BotRestarter, build_bot_environment
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.faults import Fault
from bot.drill.discord_stand_in.state import Channel, ChannelKind
from bot.drill.drill_publisher import DrillPublisher
from bot.drill.fault_plan import FaultKind, PlannedFault, plan_faults
from bot.store import Store

CHANNEL_KINDS = (ChannelKind.TEXT, ChannelKind.ANNOUNCEMENT, ChannelKind.FORUM)
"""Kinds of the Discord channels that the bot posts to in a drill; each channel follows a feed of its own."""
PUBLISH_INTERVAL_SECONDS = 2.0
"""Number of seconds between two articles that a drill publishes."""
MAX_UNPOSTED_ARTICLES = 20
"""Number of a feed's articles still without a post at which the feed publishes no more until some are posted.

The bot searches a forum for minutes for a post that may have arrived. If more articles waited meanwhile, it would sum
them up in one message (a catch-up) instead of posting each.
"""
MAX_START_SECONDS = 60.0
"""Maximum number of seconds until the bot has posted the first articles, before any fault."""
MAX_SETTLE_SECONDS = 400.0
"""Maximum number of seconds after the last fault until the bot has sent all that waits in its outbox."""
LATE_ANSWER_SECONDS = 3.0
"""Number of seconds by which a late answer of Discord is delayed, and to wait at the end for repeated posts."""
_RATE_LIMIT_SECONDS = 2.0
_SETTLE_CHECK_SECONDS = 0.5
_POST_ROUTE = "POST /channels/*s"  # ends in messages, or threads in a forum
_RESUMABLE_CLOSE_CODE = 4000
_UNSETTLED_STATES = frozenset({DispatchState.HELD, DispatchState.PENDING, DispatchState.CLAIMED})


class DrillFailed(Exception):
    """Error raised when an outage drill cannot begin; the message says why."""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """Outcome of an outage drill: number of faults that took effect, by kind, and of posts compared with articles.

    `is_settled` is False if posts still waited to be sent after `MAX_SETTLE_SECONDS`; `bot_failure_count` is how often
    the bot ended by a failure of its own, not by a signal of the drill.
    """

    fault_counts: Counter[FaultKind]
    comparison: post_comparison.PostComparison
    is_settled: bool
    bot_failure_count: int


class OutageDrill:
    """Outage drill with a publisher of feeds, the real bot, and the Discord server (in a stand-in) that it posts to."""

    def __init__(
        self, discord: DiscordServer, publisher: DrillPublisher, settings: Settings, restarter: BotRestarter
    ) -> None:
        self._discord, self._publisher = discord, publisher
        self._settings, self._restarter = settings, restarter
        self._process_faults: Counter[FaultKind] = Counter()
        self._post_faults: list[tuple[FaultKind, Fault]] = []
        self._channels: list[Channel] = []
        self._backlog_numbers: set[int] = set()
        """Numbers of the articles that were published before the channels followed the feeds."""

    async def follow_feeds(self) -> None:
        """Create the drill's channels before the bot starts; each follows a feed of its own, with one article.

        Raises DrillFailed if a feed cannot be read, and StoreError if the database cannot be opened.
        """
        server = self._discord.changes.add_server("Drill")
        async with open_services(self._settings) as services:
            store = services.store
            await store.servers.mark_joined(server.id, server.locale)
            for feed_index, (kind, url) in enumerate(zip(CHANNEL_KINDS, self._publisher.list_feed_urls(), strict=True)):
                channel = self._discord.changes.add_channel(server, f"drill-{feed_index + 1}", kind)
                self._channels.append(channel)
                self._publisher.publish_article(feed_index)
                report = await services.poller.poll(await store.feeds.add(url), wait_for_host=False)
                if report.error_code is not None:
                    raise DrillFailed(f"The drill's own feed can't be read: {report.error_code}")
                await store.subscriptions.follow(
                    server_id=server.id, channel_id=channel.id, feed_id=report.feed.id, first_article_id=None
                )
                await store.feeds.make_due(report.feed.id)
        self._backlog_numbers = set(self._publisher.published_at_by_number)

    async def wait_until_ready(self) -> None:
        """Wait until the bot has posted a first article in each channel. Raises DrillFailed."""
        for feed_index in range(len(self._channels)):
            self._publisher.publish_article(feed_index)
        try:
            await self._discord.wait_until(self._is_all_posted, within=MAX_START_SECONDS)
        except TimeoutError:
            raise DrillFailed("The bot posted nothing before the first fault.") from None

    async def publish_until_cancelled(self, random: Random) -> None:
        """Publish an article every `PUBLISH_INTERVAL_SECONDS`, in a random feed with few articles left to post."""
        while True:
            unposted_numbers = self._list_unposted_numbers()
            feed_indexes = [
                feed_index
                for feed_index, numbers in enumerate(self._publisher.numbers_by_feed)
                if len(unposted_numbers.intersection(numbers)) < MAX_UNPOSTED_ARTICLES
            ]
            if feed_indexes:
                self._publisher.publish_article(random.choice(feed_indexes))
            await asyncio.sleep(PUBLISH_INTERVAL_SECONDS)

    async def run_faults(self, planned_faults: list[PlannedFault], on_fault: Callable[[PlannedFault], None]) -> None:
        """Cause each planned fault at its moment; `on_fault` is called with it just before."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        for planned_fault in planned_faults:
            await asyncio.sleep(max(0, started_at + planned_fault.at_seconds - loop.time()))
            on_fault(planned_fault)
            await self._begin_fault(planned_fault)

    async def _begin_fault(self, planned_fault: PlannedFault) -> None:
        kind, faults = planned_fault.kind, self._discord.faults
        match kind:
            case FaultKind.BOT_KILLED | FaultKind.BOT_STOPPED:
                await self._restarter.send_signal(signal.SIGKILL if kind is FaultKind.BOT_KILLED else signal.SIGTERM)
                self._process_faults[kind] += 1
            case FaultKind.GATEWAY_CLOSED:
                connections = self._discord.gateway.connections
                for _session, connection in connections:
                    connection.close(_RESUMABLE_CLOSE_CODE)
                self._process_faults[kind] += bool(connections)
            case FaultKind.DISCORD_REFUSED:
                self._post_faults.append((kind, faults.fail(_POST_ROUTE, 503)))
            case FaultKind.DISCORD_LIMITED:
                self._post_faults.append((kind, faults.rate_limit(_POST_ROUTE, _RATE_LIMIT_SECONDS)))
            case FaultKind.DISCORD_LATE:
                self._post_faults.append((kind, faults.delay(_POST_ROUTE, LATE_ANSWER_SECONDS)))
            case FaultKind.CONNECTION_DROPPED:
                self._post_faults.append((kind, faults.drop(_POST_ROUTE, after_effect=True)))
            case _:
                self._publisher.add_fault(planned_fault.feed_index, kind)

    async def settle(self) -> bool:
        """End all faults and wait until all articles are posted and messages sent; return False if it takes long."""
        self._discord.faults.clear()
        self._publisher.restore()
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_SETTLE_SECONDS):
                while not (self._is_all_posted() and await self._is_outbox_settled()):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(_SETTLE_CHECK_SECONDS)
                await asyncio.sleep(LATE_ANSWER_SECONDS)
                return True
        return False

    def _is_all_posted(self) -> bool:
        return not self._list_unposted_numbers()

    def _list_unposted_numbers(self) -> set[int]:
        posted_times_by_number = post_comparison.read_posted_times(self._discord.state, self._channels)
        return self._list_followed_numbers() - posted_times_by_number.keys()

    def _list_followed_numbers(self) -> set[int]:
        """Return the numbers of the articles that were published after the channels followed the feeds."""
        return self._publisher.published_at_by_number.keys() - self._backlog_numbers

    async def _is_outbox_settled(self) -> bool:
        store = await Store.open(self._settings.database, SystemClock(), create=False)
        try:
            return not any(state in _UNSETTLED_STATES for state, *_ in await store.dispatches.count_by_state())
        finally:
            await store.close()

    def build_report(self, *, is_settled: bool, hides_post: bool) -> DrillReport:
        """Return the drill's report; with `hides_post` a post is removed first, which the report must call lost."""
        followed_numbers = self._list_followed_numbers()
        if hides_post:
            post_comparison.hide_post(self._discord.state, self._channels, followed_numbers)
        fault_counts = self._process_faults + self._publisher.fault_counts
        for kind, fault in self._post_faults:
            fault_counts[kind] += fault.hit_count
        published_at_by_number = {
            number: published_at
            for number, published_at in self._publisher.published_at_by_number.items()
            if number in followed_numbers
        }
        return DrillReport(
            fault_counts,
            post_comparison.compare_posts(
                published_at_by_number, post_comparison.read_posted_times(self._discord.state, self._channels)
            ),
            is_settled,
            self._restarter.failure_count,
        )


async def run_drill(
    folder: Path,
    duration_seconds: float,
    seed: int,
    *,
    on_fault: Callable[[PlannedFault], None],
    hides_post: bool = False,
) -> DrillReport:
    """Run an outage drill in a folder: the real bot, with planned faults for `duration_seconds`.

    `on_fault` is called with each fault. Raises DrillFailed and StoreError if the drill cannot begin.
    """
    random = Random(f"articles {seed}")  # noqa: S311 - the seed has to repeat the drill
    planned_faults = plan_faults(duration_seconds, seed, feed_count=len(CHANNEL_KINDS))
    async with _open_drill(folder, random) as (drill, restarter):
        await drill.follow_feeds()
        async with _run_in_background(restarter.run()):
            await drill.wait_until_ready()
            async with _run_in_background(drill.publish_until_cancelled(random)):
                await drill.run_faults(planned_faults, on_fault)
            is_settled = await drill.settle()
        return drill.build_report(is_settled=is_settled, hides_post=hides_post)


@asynccontextmanager
async def _open_drill(folder: Path, random: Random) -> AsyncIterator[tuple[OutageDrill, BotRestarter]]:
    """Start the stand-in for Discord and the publisher of feeds within the block; prepare the bot, but don't run it."""
    settings = Settings(
        database=folder / "telex.db",
        allow_private_addresses=(ip_network("127.0.0.0/8"),),
        full_text="never",
        semantic=False,
    )
    discord = await DiscordServer().start()
    try:
        async with DrillPublisher(len(CHANNEL_KINDS), random) as publisher:
            environment = build_bot_environment(
                {
                    "DISCORD_TOKEN": discord.token,
                    "TELEX_DATABASE": str(settings.database),
                    "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
                    "TELEX_FULL_TEXT": settings.full_text,
                    "TELEX_SEMANTIC": "false",
                    "TELEX_CATCH_UP_AFTER": "100",  # each article in a post of its own
                    "TELEX_FETCH_TIMEOUT": "2",  # seconds, less than a feed hangs
                    drilled_bot.API_VARIABLE: discord.api_url,
                    drilled_bot.GATEWAY_VARIABLE: discord.gateway.url,
                }
            )
            restarter = BotRestarter(folder, environment)
            yield OutageDrill(discord, publisher, settings, restarter), restarter
    finally:
        await discord.stop()


@asynccontextmanager
async def _run_in_background(coroutine: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run a coroutine as a task within the `with` block; at the end cancel it, or raise the error that ended it."""
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
