"""Benchmark of fairness between servers: how much one server's extreme feeds delay another server's articles.

    python -m benchmarks.fairness [flood] [drip] [restless] [host] [--seconds 120] [--record]

One server follows the feeds of a scenario, while a feed of another, quiet server has a new article every ten
seconds; printed is how long after the poll was due such an article was stored. The scenarios:

- `flood`: 40 feeds with 1,990 new entries at each poll. Then an hour of simulated time, to measure how much the
  database and the index grow.
- `drip`: 400 feeds that take 28 seconds to answer.
- `host`: 10,000 feeds of one host.
- `restless`: two feeds in a simulated day, without the quiet server. One gives all entries new GUIDs at each poll,
  the other alternates all titles; printed are the posts, edits and notices.

Exits 1 if a scenario exceeds its limits. With `--record` the figures are written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path

from aiohttp import web
from rich.console import Console

from benchmarks import promises
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import DispatchKind, Feed
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import deliver_pending, poll_feed

FLOODING_FEEDS, ENTRIES = 40, 1_990
SLOW_FEEDS, SLOW_ANSWER_SECONDS = 400, 28.0
FEEDS_AT_ONE_HOST = 10_000
FEEDS_PER_SERVER = 200
NEWS_INTERVAL_SECONDS = 10.0
LOUD_SERVER_ID, QUIET_SERVER_ID, QUIET_CHANNEL_ID = 1, 100_000, 500_000
MAX_FLOOD_DELAY_SECONDS, MAX_DRIP_DELAY_SECONDS, MAX_HOST_DELAY_SECONDS = 30.0, 10.0, 10.0
MAX_GROWTH_MEGABYTES = 50.0  # Growth in an hour of the flood.
MAX_WAIT_SECONDS = 300.0  # An article that is later than this is no longer waited for.
MAX_RESTLESS_POSTS = 200  # Posts in a day of the feed whose GUIDs change.
MAX_RESTLESS_EDITS = 20 * 12  # Edits in a day of the feed whose titles change: twelve per entry.

out = Console(highlight=False)


async def run_publisher() -> None:
    """Serve the feeds of all scenarios on every loopback address; print the port first."""
    counter = itertools.count()
    words = "The council met in the old hall and agreed to look at the plans again in spring. " * 3

    async def flood(_request: web.Request) -> web.Response:
        first = next(counter) * ENTRIES
        rss_items = [
            make_rss_item(first + number, title=f"Entry {first + number}", body=words) for number in range(ENTRIES)
        ]
        return web.Response(text=make_rss(*rss_items), content_type="application/rss+xml")

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/rss+xml"})
        await response.prepare(request)
        with suppress(ConnectionError):  # The poller gave up waiting.
            for _ in range(int(SLOW_ANSWER_SECONDS)):
                await asyncio.sleep(1)
                await response.write(b" ")
        return response

    async def news(_request: web.Request) -> web.Response:
        number = next(counter)
        return web.Response(text=make_rss(make_rss_item(10**9 + number)), content_type="application/rss+xml")

    async def still(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.02)
        return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

    app = web.Application()
    app.add_routes(
        [
            web.get("/flood/{number}", flood),
            web.get("/drip/{number}", drip),
            web.get("/news", news),
            web.get("/still/{number}", still),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 0).start()  # Every loopback address counts as a host.
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@dataclass
class DelayProbe:
    """Poller of both servers' feeds that measures the delays of the quiet server's articles, in seconds."""

    newsroom: Services
    port: int
    delays: list[float] = field(default_factory=list)

    async def follow(self, path: str, host_number: int, server_id: int, channel_id: int) -> Feed:
        """Add the feed at a path of a numbered host and follow it in a channel."""
        store = self.newsroom.store
        host = f"127.{host_number // 62_500 + 1}.{host_number // 250 % 250}.{host_number % 250 + 1}"
        feed = await store.feeds.add(f"http://{host}:{self.port}{path}")
        await store.subscriptions.follow(
            server_id=server_id, channel_id=channel_id, feed_id=feed.id, first_article_id=None
        )
        return feed

    async def run(self, seconds: float) -> None:
        """Poll all feeds for some seconds, with a new article of the quiet server every ten seconds."""
        poller = self.newsroom.poller
        feed = await self.follow("/news", 0, QUIET_SERVER_ID, QUIET_CHANNEL_ID)
        await poller.poll(feed)
        poller_task = asyncio.create_task(poller.run())
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                await asyncio.sleep(NEWS_INTERVAL_SECONDS)
                count_before = await self._count_articles(feed)
                await self.newsroom.store.feeds.make_due(feed.id)
                due_at = time.monotonic()
                poller.wake()
                while await self._count_articles(feed) == count_before:
                    await asyncio.sleep(0.05)
                    if time.monotonic() - due_at > MAX_WAIT_SECONDS:
                        break
                self.delays.append(time.monotonic() - due_at)
        finally:
            poller_task.cancel()
            await asyncio.wait([poller_task])

    async def _count_articles(self, feed: Feed) -> int:
        return len(await self.newsroom.store.articles.list_newest([feed.id], limit=10_000))


@asynccontextmanager
async def open_probe(clock: ManualClock | None = None) -> AsyncIterator[DelayProbe]:
    """Start a publisher process and open services on an empty database; yield the probe on both."""
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.fairness", "publisher", stdout=asyncio.subprocess.PIPE
    )
    assert publisher.stdout is not None
    port = int(await publisher.stdout.readline())
    try:
        with tempfile.TemporaryDirectory(prefix="telex-benchmark-") as folder:
            settings = replace(
                read_settings(),
                database=Path(folder) / "telex.db",
                allow_private_addresses=(ip_network("127.0.0.0/8"),),
                semantic=False,
            )
            async with open_services(settings, clock) as newsroom:
                yield DelayProbe(newsroom, port)
    finally:
        publisher.kill()
        await publisher.wait()


def measure_megabytes(newsroom: Services) -> float:
    """Return the size of the files of the database and the index, in megabytes."""
    folder = newsroom.settings.index_folder.parent
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


async def run_flood(seconds: float) -> tuple[bool, str]:
    """Flood one server for some seconds, then for a simulated hour; return whether limits hold, and the figure."""
    async with open_probe() as probe:
        for number in range(FLOODING_FEEDS):
            await probe.follow(f"/flood/{number}", number + 1, LOUD_SERVER_ID, LOUD_SERVER_ID)
        await probe.run(seconds)
    async with open_probe(clock := ManualClock()) as hour_probe:
        feeds = [
            await hour_probe.follow(f"/flood/{number}", number + 1, LOUD_SERVER_ID, LOUD_SERVER_ID)
            for number in range(FLOODING_FEEDS)
        ]
        megabytes_before = measure_megabytes(hour_probe.newsroom)
        started_at, poll_count = clock.now(), 0
        while clock.now() < started_at + 3_600:
            for feed in feeds:
                current_feed = await hour_probe.newsroom.store.feeds.get(feed.id)
                if current_feed is not None and current_feed.next_poll_at <= clock.now():
                    await hour_probe.newsroom.poller.poll(current_feed, wait_for_host=False)
                    poll_count += 1
            clock.advance(300)
        growth_megabytes = measure_megabytes(hour_probe.newsroom) - megabytes_before
        article_count = await hour_probe.newsroom.store.articles.count()
    figure = (
        f"{FLOODING_FEEDS} feeds with {ENTRIES:,} new entries per poll: {len(probe.delays)} articles of another "
        f"server at most {max(probe.delays):.1f} s late; {poll_count} polls in a simulated hour stored "
        f"{article_count:,} articles and {growth_megabytes:.0f} MB"
    )
    return max(probe.delays) <= MAX_FLOOD_DELAY_SECONDS and growth_megabytes <= MAX_GROWTH_MEGABYTES, figure


async def run_drip(seconds: float) -> tuple[bool, str]:
    """Poll feeds that answer slowly for some seconds; return whether the limit holds, and the figure."""
    async with open_probe() as probe:
        for number in range(SLOW_FEEDS):
            await probe.follow(f"/drip/{number}", number + 1, LOUD_SERVER_ID, LOUD_SERVER_ID)
        await probe.run(seconds)
    figure = (
        f"{SLOW_FEEDS} feeds that take {SLOW_ANSWER_SECONDS:.0f} s to answer: {len(probe.delays)} articles of "
        f"another server at most {max(probe.delays):.1f} s late"
    )
    return max(probe.delays) <= MAX_DRIP_DELAY_SECONDS, figure


async def run_host(seconds: float) -> tuple[bool, str]:
    """Poll the feeds of one host for some seconds; return whether the limit holds, and the figure."""
    async with open_probe() as probe:
        store = probe.newsroom.store
        for number in range(FEEDS_AT_ONE_HOST):
            server_id = LOUD_SERVER_ID + number // FEEDS_PER_SERVER
            feed = await probe.follow(f"/still/{number}", 1, server_id, server_id)
        await probe.run(seconds)
        feed_host = probe.newsroom.poller.hosts.get(feed.url)
        round_seconds = max(
            feed_host.get_backlog_seconds(LOUD_SERVER_ID + number)
            for number in range(FEEDS_AT_ONE_HOST // FEEDS_PER_SERVER)
        )
        polled_feeds = [
            polled_feed
            for polled_feed in await store.feeds.list_all()
            if polled_feed.last_poll_at and "/still/" in polled_feed.url
        ]
    figure = (
        f"{FEEDS_AT_ONE_HOST:,} feeds of one host: {len(polled_feeds) / seconds:.1f} requests per second to it, one "
        f"at a time with pauses; each feed is shown as polled about every {round_seconds / 60:.0f} min; "
        f"{len(probe.delays)} articles of another server at most {max(probe.delays):.1f} s late"
    )
    return max(probe.delays) <= MAX_HOST_DELAY_SECONDS and round_seconds > 0, figure


async def run_restless(_seconds: float) -> tuple[bool, str]:
    """Poll a feed with changing GUIDs and one with changing titles for a simulated day; return as `run_flood` does."""
    counts: dict[str, int] = {}
    async with open_probe(clock := ManualClock()) as probe:
        newsroom = probe.newsroom
        documents: dict[str, Callable[[int], str]] = {
            "GUIDs": lambda poll_number: make_rss(
                *(
                    make_rss_item(poll_number * 1_000 + number, title=f"Story {number} {poll_number}")
                    for number in range(20)
                )
            ),
            "titles": lambda poll_number: make_rss(
                *(make_rss_item(number, title=f"Title {number} {'AB'[poll_number % 2]}") for number in range(20))
            ),
        }
        server = await _serve_documents(documents)
        for channel_id, name in enumerate(documents, 1):
            feed = await probe.newsroom.store.feeds.add(f"{server.origin}/{name}")
            await newsroom.store.subscriptions.follow(
                server_id=channel_id, channel_id=channel_id, feed_id=feed.id, first_article_id=None
            )
            for _ in range(288):
                feed = await poll_feed(newsroom, feed)
                for dispatch, articles in await deliver_pending(newsroom, channel_id):
                    is_notice = dispatch.kind is DispatchKind.FEED_ALERT
                    key = f"{name} notices" if is_notice else f"{name} posts"
                    counts[key] = counts.get(key, 0) + (1 if is_notice else len(articles))
                for dispatch in await newsroom.store.dispatches.list_dispatches_to_edit(clock.now(), 1_000):
                    await newsroom.store.dispatches.mark_edited(dispatch.id, due_at=dispatch.edit_due_at)
                    counts[f"{name} edits"] = counts.get(f"{name} edits", 0) + 1
                clock.advance(300)
        await server.stop()
    figure = "288 polls of 20 entries whose GUIDs or titles change: "
    figure += ", ".join(f"{key} {count}" for key, count in counts.items())
    is_bounded = counts["GUIDs posts"] <= MAX_RESTLESS_POSTS and counts["titles edits"] <= MAX_RESTLESS_EDITS
    return is_bounded and counts["GUIDs notices"] == counts["titles notices"] == 1, figure


async def _serve_documents(documents: dict[str, Callable[[int], str]]) -> FeedServer:
    server = await FeedServer().start()
    for name, render in documents.items():
        server.handle(f"/{name}", _make_handler(render))
    return server


def _make_handler(render: Callable[[int], str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    polls = itertools.count()

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=render(next(polls)), content_type="application/rss+xml")

    return answer


SCENARIOS = {"flood": run_flood, "drip": run_drip, "restless": run_restless, "host": run_host}


def main() -> int:
    """Run the scenarios of the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="SCENARIO", help="flood, drip, restless or host")
    parser.add_argument("--seconds", type=float, default=120, help="seconds of each scenario")
    parser.add_argument("--record", action="store_true", help="write the figures to docs/PROMISES.md")
    arguments = parser.parse_args()
    if arguments.names == ["publisher"]:
        asyncio.run(run_publisher())
    commit = promises.describe_commit()
    is_good, figures = True, []
    for name in arguments.names or SCENARIOS:
        is_within_limits, figure = asyncio.run(SCENARIOS[name](arguments.seconds))
        out.print(f"{'ok' if is_within_limits else 'TOO HIGH'}: {figure}", soft_wrap=True)
        figures.append(figure)
        is_good &= is_within_limits
    if arguments.record and is_good and not arguments.names:
        promises.record("fairness", "; ".join(figures), commit=commit)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
