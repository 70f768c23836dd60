"""Benchmark of half a simulated day in which publishers, Discord and the bot fail in every way.

    python -m benchmarks.soak [--hours 12] [--feeds 2000] [--speed 40] [--seed N] [--record]

A real `telex run`, on a clock that runs `--speed` times faster than real time, polls generated feeds and recorded
histories of real ones, as far as they are available. Publishers fail, requests to Discord fail, the gateway connection
is lost and the bot is killed; then Discord can't be reached for an hour, and the web for two and a half.

Printed are the posted articles and the faults by type; the articles that were lost, repeated, or left without a final
state; the feeds that are overdue; the alarms to the operator about the outage of the web; and the growth of memory
from the seventh hour to the last. Exits 1 if an article or a feed is wrong, an alarm is missing or memory grew by
more than 15 %. With `--record` the figure is written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from benchmarks import promises
from benchmarks.memory import find_process_tree
from benchmarks.publishers import Publishers
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import ChannelKind, Permission
from tests.support import store_probe
from tests.support.feed_server import FeedServer
from tests.support.shared_data import SHARED, load_discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.scene import Scene

HOUR = 3600
MIN_HOURS = 12
PUBLISHER_FAILURE_SHARE = 0.03  # Share of the requests to publishers that fail.
CHANNELS_BY_KIND = {"text": (16, 112), "announcement": (2, 16), "thread": (3, 40), "forum": (3, 40)}
"""Number of channels by kind, and number of feeds that each of them follows if there are 2,000."""
MESSAGE_ROUTE = "POST /channels/*/messages"
MAX_OVERDUE_SECONDS = 900  # A feed that is due for longer counts as forgotten.
MAX_MEMORY_GROWTH = 1.15  # Factor from the first hour after the last start to the last hour.
EXPECTED_ALARMS = 2  # To the operator: no feed can be polled; feeds can be polled again.
MAX_SETTLE_SECONDS = 3 * HOUR


@dataclass
class SoakFigures:
    """Counts, failures and memory growth of a run; failures name the channel and the article."""

    article_count: int = 0
    message_count: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    has_failed_health_check: bool = False
    growth: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether there is no failure."""
        failures = self.lost or self.repeated or self.unknown or self.unfinished or self.forgotten
        return (
            not failures
            and len(self.alarms) == EXPECTED_ALARMS
            and self.has_failed_health_check
            and self.growth <= MAX_MEMORY_GROWTH
        )


class ManyChannelsScene(Scene):
    """Scene with many channels that follow many feeds."""

    publishers: Publishers

    def build_channels(self) -> None:
        """Create the channels of all kinds."""
        for kind, (count, _) in CHANNELS_BY_KIND.items():
            for number in range(count):
                name = f"{kind}-{number}"
                if kind == "thread":
                    parent = self.discord.changes.add_channel(self.server, f"talk-{number}")
                    owner = self.discord.state.bot_owner.id
                    self.channels[name] = self.discord.changes.open_thread(parent, owner, name)
                else:
                    channel_kind = {
                        "text": ChannelKind.TEXT,
                        "announcement": ChannelKind.ANNOUNCEMENT,
                        "forum": ChannelKind.FORUM,
                    }[kind]
                    self.channels[name] = self.discord.changes.add_channel(self.server, name, channel_kind)

    async def follow_all(self, replays: dict[str, str]) -> None:
        """Poll every feed once and follow it in one or two channels."""
        urls = self.publishers.urls
        self.followers: dict[int, list[str]] = {number: [] for number in range(len(urls))}
        self.backlog: dict[int, int] = {}  # Number of the newest article before the feed was followed.
        feed_number = 0
        for kind, (count, feeds) in CHANNELS_BY_KIND.items():
            for number in range(count):
                for _ in range(feeds * len(urls) // 2000):
                    self.followers[feed_number % len(urls)].append(f"{kind}-{number}")
                    feed_number += 1
        async with self.open_newsroom() as newsroom:
            await newsroom.store.servers.mark_joined(self.server.id, "en-US")

            async def follow(url: str, names: list[str]) -> None:
                self.url = url
                feed = await newsroom.store.feeds.add(url)
                report = await newsroom.poller.poll(feed, wait_for_host=False)
                assert report.error_code is None, report
                for name in names:
                    await newsroom.store.subscriptions.follow(
                        server_id=self.server.id,
                        channel_id=self.channels[name].id,
                        feed_id=feed.id,
                        first_article_id=None,
                    )

            for number, url in enumerate(urls):
                await follow(url, self.followers[number])
                self.backlog[number] = self.publishers.newest_served[number]
            for url in replays.values():
                await follow(url, ["text-0", "forum-0"])

    def set_write_permission(self, *, allowed: bool) -> None:
        """Grant or revoke the permission to send messages in all roles."""
        for role in self.server.roles.values():
            permission, permissions = Permission.SEND_MESSAGES, Permission(role.permissions)
            new_permissions = permissions | permission if allowed else permissions & ~permission
            self.discord.changes.change_role(self.server, role, int(new_permissions))


class SoakRun:
    """A run of the bot through all faults, with its figures."""

    def __init__(self, scene: ManyChannelsScene, chance: random.Random, *, hours: float, port: int) -> None:
        self._scene, self._chance, self._port = scene, chance, port
        self._hours = hours
        self._started_at = scene.clock.time()
        self.figures = SoakFigures()
        self._memory: list[tuple[float, float]] = []

    def simulated_hours(self) -> float:
        """Return the simulated hours since the start."""
        return (self._scene.clock.time() - self._started_at) / HOUR

    async def run(self) -> SoakFigures:
        """Run the bot through all faults, and return the figures."""
        scene, time_scale = self._scene, self._hours / MIN_HOURS
        self._start()
        scene.publishers.failure_share = PUBLISHER_FAILURE_SHARE
        tasks = [asyncio.create_task(run_task()) for run_task in (self._inject_faults, self._sample_memory)]
        while self.simulated_hours() < 5 * time_scale:
            await scene.clock.sleep(HOUR * self._chance.uniform(0.3, 0.9))
            scene.kill()
            self.figures.faults["SIGKILL"] += 1
            await self._wait_for_exit()
            self._start()
        await self._sleep_until(5.5 * time_scale)
        scene.discord.cut_off()
        self.figures.faults["an hour without Discord"] += 1
        await scene.clock.sleep(HOUR)
        scene.discord.is_offline = False
        await self._sleep_until(7 * time_scale)
        scene.publishers.is_silent = True
        self.figures.faults["hours without the web"] += 1
        await scene.clock.sleep(2.6 * HOUR)
        self.figures.has_failed_health_check = await self._fetch_status("/healthz") == HTTPStatus.SERVICE_UNAVAILABLE
        scene.publishers.is_silent = False
        await self._sleep_until(self._hours)
        for task in tasks:
            task.cancel()
        scene.discord.faults.clear()
        scene.publishers.failure_share = 0
        await self._settle()
        self._collect_figures(first_hour=7 * time_scale)
        return self.figures

    def _start(self) -> None:
        self._scene.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{self._port}", TELEX_LOG_LEVEL="warning")

    async def _wait_for_exit(self) -> None:
        assert self._scene.bot is not None
        await self._scene.bot.wait_for_exit()

    async def _sleep_until(self, hour: float) -> None:
        await self._scene.clock.sleep(max(0.0, hour - self.simulated_hours()) * HOUR)

    async def _inject_faults(self) -> None:
        """Inject a random fault of Discord, the channels or the clock every few simulated seconds."""
        scene, faults, gateway = self._scene, self._scene.discord.faults, self._scene.discord.gateway
        changes = scene.discord.changes
        threads = [channel for name, channel in scene.channels.items() if name.startswith("thread")]
        faults_by_name: dict[str, Callable[[], object]] = {
            "500 before the effect": lambda: faults.fail(MESSAGE_ROUTE),
            "500 after the effect": lambda: faults.fail(MESSAGE_ROUTE, after_effect=True),
            "502": lambda: faults.fail(MESSAGE_ROUTE, 502),
            "503": lambda: faults.fail(MESSAGE_ROUTE, 503),
            "dropped before the effect": lambda: faults.drop(MESSAGE_ROUTE),
            "dropped after the effect": lambda: faults.drop(MESSAGE_ROUTE, after_effect=True),
            "429 of a route": lambda: faults.rate_limit(MESSAGE_ROUTE, 2),
            "429 of everything": lambda: faults.rate_limit("* /channels/*", 2, is_global=True),
            "dropped reaction": lambda: faults.drop("PUT *reactions*"),
            "dropped forum post": lambda: faults.drop("POST /channels/*/threads", after_effect=True),
            "gateway cut": gateway.cut,
            "session invalid": gateway.invalidate,
            "reconnect": gateway.request_reconnect,
            "403": lambda: faults.refuse(MESSAGE_ROUTE, 403, 50013),
            "404": lambda: faults.refuse(MESSAGE_ROUTE, 404, 10003),
            "thread archived": lambda: changes.set_archived(self._chance.choice(threads)),
            "permission revoked": lambda: scene.set_write_permission(allowed=False),
            "server unavailable": lambda: changes.begin_outage(scene.server),
            "clock an hour ahead": lambda: scene.shift_clock(HOUR),
            "clock an hour behind": lambda: scene.shift_clock(-HOUR),
        }
        recoveries_by_name: dict[str, Callable[[], object]] = {
            "permission revoked": lambda: scene.set_write_permission(allowed=True),
            "server unavailable": lambda: changes.end_outage(scene.server),
            "clock an hour ahead": lambda: scene.shift_clock(0),
            "clock an hour behind": lambda: scene.shift_clock(0),
        }
        while True:
            await scene.clock.sleep(self._chance.uniform(30, 180))
            faults.clear()  # A fault may not have been met by any request.
            name = self._chance.choice(tuple(faults_by_name))
            faults_by_name[name]()
            self.figures.faults[name] += 1
            try:
                if name in recoveries_by_name:
                    await scene.clock.sleep(self._chance.uniform(30, 180))
            finally:
                recoveries_by_name.get(name, faults.clear)()

    async def _sample_memory(self) -> None:
        """Record the memory of the bot and its workers every five simulated minutes."""
        while True:
            await self._scene.clock.sleep(300)
            if self._scene.bot is not None and self._scene.bot.status is None:
                self._memory.append((self.simulated_hours(), measure_resident_memory(self._scene.bot.pid)))
                sys.stderr.write(
                    f"hour {self.simulated_hours():.1f}: {self._memory[-1][1]:.0f} MB, "
                    f"{self._scene.count_open_dispatches()} open dispatches\n"
                )

    async def _fetch_status(self, path: str) -> int:
        url = f"http://127.0.0.1:{self._port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status

    async def _settle(self) -> None:
        """Wait until all served articles are posted, for some simulated hours at most."""
        last_hour = self.simulated_hours() + MAX_SETTLE_SECONDS / HOUR
        while self.simulated_hours() < last_hour and (any(self._find_missing()) or self._scene.count_open_dispatches()):
            await self._scene.clock.sleep(120)

    def _find_missing(self) -> Iterator[str]:
        """Yield each served article that is missing in a channel that follows its feed."""
        scene = self._scene
        posts = {name: scene.count_posts(name) for name in scene.channels}
        for number, names in scene.followers.items():
            for article in range(scene.backlog[number] + 1, scene.publishers.newest_served[number] + 1):
                for name in names:
                    if not posts[name][article]:
                        yield f"{name}: {article}"

    def _collect_figures(self, *, first_hour: float) -> None:
        scene, figures = self._scene, self.figures
        figures.lost = list(self._find_missing())
        for name in scene.channels:
            posts = scene.count_posts(name)
            keys = Counter(key for message in scene.list_messages(name) for key in set(message.list_custom_ids()))
            figures.message_count += len(scene.list_messages(name))
            figures.article_count += len(posts)
            figures.repeated += [f"{name}: {article}" for article, count in posts.items() if count > 1]
            figures.repeated += [
                f"{name}: {key}" for key, count in keys.items() if count > 1 and key.startswith("telex:save:")
            ]
        figures.unknown = [str(dispatch) for dispatch in scene.load_outbox() if dispatch.state != "sent"]
        figures.unfinished = scene.find_unfinished_posts()
        now = scene.clock.now()
        figures.forgotten = store_probe.list_overdue_feeds(scene.database, now - MAX_OVERDUE_SECONDS)
        owner = scene.discord.changes.open_direct_channel(scene.discord.state.bot_owner)
        figures.alarms = [str(message.parts.get("content")) for message in owner.history()]
        figures.faults.update({f"feed {fault}": count for fault, count in scene.publishers.faults.items()})
        early_sizes = [size for hour, size in self._memory if first_hour <= hour < first_hour + 1]
        late_sizes = [size for hour, size in self._memory if hour >= self._hours - 1]
        figures.growth = statistics.median(late_sizes) / statistics.median(early_sizes)


def measure_resident_memory(pid: int) -> float:
    """Return the resident memory (VmRSS in proc(5)) of a process and its descendants, in megabytes."""
    total = 0
    for process_id in find_process_tree(pid):
        try:
            status = Path(f"/proc/{process_id}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return total / 1024


async def main(hours: float, feeds: int, speed: float, seed: int) -> SoakFigures:
    """Run the bot and return the figures."""
    chance = random.Random(seed)
    discord, unused_feeds = await DiscordServer(load_discord_contract()).start(), await FeedServer().start()
    launcher = Launcher()
    with tempfile.TemporaryDirectory() as folder:
        scene = ManyChannelsScene(discord, unused_feeds, launcher, Path(folder), speed=speed)
        scene.build_channels()
        scene.publishers = Publishers(scene.clock, chance, count=feeds, seconds=hours * HOUR)
        await scene.publishers.start()
        histories = sorted((SHARED / "feeds/replay").glob("*/")) if SHARED.exists() else []
        replays = {
            path.name: scene.publishers.replay(
                path.name, [version.read_bytes() for version in sorted(path.glob("*.xml"))]
            )
            for path in histories
        }
        await scene.follow_all(replays)
        try:
            return await SoakRun(scene, chance, hours=hours, port=_find_free_port()).run()
        finally:
            if scene.bot is not None:
                sys.stderr.write(scene.bot.log[-3000:])
                scene.bot.kill()
                await scene.bot.wait_for_exit()
            launcher.close()
            await scene.publishers.stop()
            await discord.stop()
            await unused_feeds.stop()


def _find_free_port() -> int:
    with socket.socket() as free_socket:
        free_socket.bind(("127.0.0.1", 0))
        return int(free_socket.getsockname()[1])


def format_figure(figures: SoakFigures, hours: float, feeds: int, seed: int) -> str:
    """Return the figure of the run for docs/PROMISES.md."""
    return (
        f"{hours:.0f} simulated hours of {feeds:,} feeds (seed {seed}): {figures.article_count:,} articles "
        f"posted, {sum(figures.faults.values()):,} faults; lost {len(figures.lost)}, "
        f"repeated {len(figures.repeated)}, feeds forgotten {len(figures.forgotten)}, "
        f"memory growth in the second half × {figures.growth:.2f}"
    )


def print_figures(figures: SoakFigures, title: str) -> None:
    """Print the table of counts, failures and faults."""
    table = Table("", "", title=title)
    table.add_row("articles posted", str(figures.article_count))
    table.add_row("messages", str(figures.message_count))
    for name in ("lost", "repeated", "unknown", "unfinished", "forgotten"):
        failures = getattr(figures, name)
        table.add_row(name, f"{len(failures)} {failures[:3] if failures else ''}")
    table.add_row("alarms to the operator", "\n".join(figures.alarms) or "none")
    table.add_row("health check failed during the outage", str(figures.has_failed_health_check))
    table.add_row("memory growth from the seventh hour to the last", f"× {figures.growth:.2f}")
    for name, count in sorted(figures.faults.items()):
        table.add_row(name, str(count))
    Console(width=110).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=MIN_HOURS)
    parser.add_argument("--feeds", type=int, default=2000)
    parser.add_argument("--speed", type=float, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if options.hours < MIN_HOURS:
        parser.error(f"the faults need at least {MIN_HOURS} hours")
    commit = promises.describe_commit()
    soak_figures = asyncio.run(main(options.hours, options.feeds, options.speed, options.seed))
    summary = format_figure(soak_figures, options.hours, options.feeds, options.seed)
    print_figures(soak_figures, summary)
    if options.record:
        promises.record("soak", summary, commit=commit)
    sys.exit(0 if soak_figures.is_good else 1)
