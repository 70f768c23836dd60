"""Half a day in the life of a bot, in minutes, with everything going wrong that can.

`python -m benchmarks.soak [--hours 12] [--feeds 2000] [--speed 40] [--seed N] [--record]`: a real
`telex run` on a clock that runs `speed` times as fast polls generated feeds, and the recorded histories of
real ones where they are there. Publishers fail, Discord fails, the gateway is lost, the bot is killed; then
Discord is out of reach for an hour, and the web for two and a half. Counted at the end: articles lost,
repeated, without a fate; feeds forgotten; whether the operator was told of the silence, and how the memory
grew in the second half.
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
from benchmarks.publishers import Publishers
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import ChannelKind, Permission
from tests.support import store_probe
from tests.support.feed_server import FeedServer
from tests.support.shared_data import SHARED, discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.scene import Scene

HOUR = 3600
MIN_HOURS = 12
PUBLISHER_FAILURE_SHARE = 0.03  # of requests to publishers
PLACES = {"text": (16, 112), "announcement": (2, 16), "thread": (3, 40), "forum": (3, 40)}
"""How many channels of each kind, and how many of 2,000 feeds each of them follows."""
MESSAGES = "POST /channels/*/messages"
MAX_OVERDUE_SECONDS = 900  # seconds that a due feed may wait
MAX_MEMORY_GROWTH = 1.15  # of the memory, from the first hour after the last start to the last
EXPECTED_ALARMS = 2  # to the operator: no feed answers, feeds answer again
MAX_SETTLE_SECONDS = 3 * HOUR


@dataclass
class Outcome:
    """What came of it."""

    articles: int = 0
    posts: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    is_unwell: bool = False
    growth: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether all promises were kept."""
        failures = self.lost or self.repeated or self.unknown or self.unfinished or self.forgotten
        return (
            not failures and len(self.alarms) == EXPECTED_ALARMS and self.is_unwell and self.growth <= MAX_MEMORY_GROWTH
        )


class Town(Scene):
    """Many channels that follow many feeds."""

    publishers: Publishers

    def build_channels(self) -> None:
        for kind, (count, _) in PLACES.items():
            for number in range(count):
                name = f"{kind}-{number}"
                if kind == "thread":
                    parent = self.discord.changes.add_channel(self.server, f"talk-{number}")
                    owner = self.discord.state.bot_owner.id
                    self.channels[name] = self.discord.changes.open_thread(parent, owner, name)
                else:
                    sort = {
                        "text": ChannelKind.TEXT,
                        "announcement": ChannelKind.ANNOUNCEMENT,
                        "forum": ChannelKind.FORUM,
                    }[kind]
                    self.channels[name] = self.discord.changes.add_channel(self.server, name, sort)

    async def follow_all(self, replays: dict[str, str]) -> None:
        """Every feed is known with its first article and followed in a channel, some in two."""
        urls = self.publishers.urls
        self.followers: dict[int, list[str]] = {number: [] for number in range(len(urls))}
        self.backlog: dict[int, int] = {}  # the newest article from before a feed was followed
        feed_number = 0
        for kind, (count, feeds) in PLACES.items():
            for number in range(count):
                for _ in range(feeds * len(urls) // 2000):
                    self.followers[feed_number % len(urls)].append(f"{kind}-{number}")
                    feed_number += 1
        async with self.newsroom() as newsroom:
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

    def let_write(self, *, allowed: bool) -> None:
        """Give the bot's role, and everybody, the permission to write, or take it."""
        for role in self.server.roles.values():
            permission, permissions = Permission.SEND_MESSAGES, Permission(role.permissions)
            new_permissions = permissions | permission if allowed else permissions & ~permission
            self.discord.changes.change_role(self.server, role, int(new_permissions))


class Soak:
    """The run."""

    def __init__(self, town: Town, chance: random.Random, *, hours: float, port: int) -> None:
        self._town, self._chance, self._port = town, chance, port
        self._hours = hours
        self._started_at = town.clock.time()
        self.outcome = Outcome()
        self._memory: list[tuple[float, float]] = []

    def simulated_hours(self) -> float:
        """How many simulated hours have passed."""
        return (self._town.clock.time() - self._started_at) / HOUR

    async def run(self) -> Outcome:
        """All of it."""
        town, time_scale = self._town, self._hours / MIN_HOURS
        self._start()
        town.publishers.failure_share = PUBLISHER_FAILURE_SHARE
        tasks = [asyncio.create_task(work()) for work in (self._inject_faults, self._measure)]
        while self.simulated_hours() < 5 * time_scale:
            await town.clock.sleep(HOUR * self._chance.uniform(0.3, 0.9))
            town.kill()
            self.outcome.faults["SIGKILL"] += 1
            await self._wait_for_exit()
            self._start()
        await self._sleep_until(5.5 * time_scale)
        town.discord.cut_off()
        self.outcome.faults["an hour without Discord"] += 1
        await town.clock.sleep(HOUR)
        town.discord.is_offline = False
        await self._sleep_until(7 * time_scale)
        town.publishers.is_silent = True
        self.outcome.faults["hours without the web"] += 1
        await town.clock.sleep(2.6 * HOUR)
        self.outcome.is_unwell = await self._status("/healthz") == HTTPStatus.SERVICE_UNAVAILABLE
        town.publishers.is_silent = False
        await self._sleep_until(self._hours)
        for task in tasks:
            task.cancel()
        town.discord.faults.clear()
        town.publishers.failure_share = 0
        await self._settle()
        self._count(first=7 * time_scale)
        return self.outcome

    def _start(self) -> None:
        self._town.start(TELEX_HEALTH_ADDRESS=f"127.0.0.1:{self._port}", TELEX_LOG_LEVEL="warning")

    async def _wait_for_exit(self) -> None:
        assert self._town.bot is not None
        await self._town.bot.wait_for_exit()

    async def _sleep_until(self, hour: float) -> None:
        await self._town.clock.sleep(max(0.0, hour - self.simulated_hours()) * HOUR)

    async def _inject_faults(self) -> None:
        """Something goes wrong at Discord, again and again."""
        town, faults, gateway = self._town, self._town.discord.faults, self._town.discord.gateway
        changes = town.discord.changes
        threads = [channel for name, channel in town.channels.items() if name.startswith("thread")]
        faults_by_name: dict[str, Callable[[], object]] = {
            "500 before the effect": lambda: faults.fail(MESSAGES),
            "500 after the effect": lambda: faults.fail(MESSAGES, after_effect=True),
            "502": lambda: faults.fail(MESSAGES, 502),
            "503": lambda: faults.fail(MESSAGES, 503),
            "cut before the effect": lambda: faults.drop(MESSAGES),
            "cut after the effect": lambda: faults.drop(MESSAGES, after_effect=True),
            "429 of a route": lambda: faults.rate_limit(MESSAGES, 2),
            "429 of everything": lambda: faults.rate_limit("* /channels/*", 2, is_global=True),
            "cut reaction": lambda: faults.drop("PUT *reactions*"),
            "cut forum post": lambda: faults.drop("POST /channels/*/threads", after_effect=True),
            "gateway cut": gateway.cut,
            "session invalid": gateway.invalidate,
            "reconnect": gateway.request_reconnect,
            "403": lambda: faults.refuse(MESSAGES, 403, 50013),
            "404": lambda: faults.refuse(MESSAGES, 404, 10003),
            "thread archived": lambda: changes.set_archived(self._chance.choice(threads)),
            "role taken away": lambda: town.let_write(allowed=False),
            "server not available": lambda: changes.begin_outage(town.server),
            "clock an hour ahead": lambda: town.set_clock(HOUR),
            "clock an hour behind": lambda: town.set_clock(-HOUR),
        }
        recoveries_by_name: dict[str, Callable[[], object]] = {
            "role taken away": lambda: town.let_write(allowed=True),
            "server not available": lambda: changes.end_outage(town.server),
            "clock an hour ahead": lambda: town.set_clock(0),
            "clock an hour behind": lambda: town.set_clock(0),
        }
        while True:
            await town.clock.sleep(self._chance.uniform(30, 180))
            faults.clear()  # what nothing met
            name = self._chance.choice(tuple(faults_by_name))
            faults_by_name[name]()
            self.outcome.faults[name] += 1
            try:
                if name in recoveries_by_name:
                    await town.clock.sleep(self._chance.uniform(30, 180))
            finally:
                recoveries_by_name.get(name, faults.clear)()

    async def _measure(self) -> None:
        """The memory of the bot and its workers, every five simulated minutes."""
        while True:
            await self._town.clock.sleep(300)
            if self._town.bot is not None and self._town.bot.status is None:
                self._memory.append((self.simulated_hours(), measure_memory(self._town.bot.pid)))
                sys.stderr.write(
                    f"hour {self.simulated_hours():.1f}: {self._memory[-1][1]:.0f} MB, "
                    f"{self._town.open_dispatches()} owed\n"
                )

    async def _status(self, path: str) -> int:
        url = f"http://127.0.0.1:{self._port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status

    async def _settle(self) -> None:
        """Until everything is posted that was given, or for some hours."""
        end = self.simulated_hours() + MAX_SETTLE_SECONDS / HOUR
        while self.simulated_hours() < end and (any(self._find_missing()) or self._town.open_dispatches()):
            await self._town.clock.sleep(120)

    def _find_missing(self) -> Iterator[str]:
        """Articles that a feed gave and a channel that follows it has not got."""
        town = self._town
        posts = {name: town.posts(name) for name in town.channels}
        for number, names in town.followers.items():
            for article in range(town.backlog[number] + 1, town.publishers.newest_served[number] + 1):
                for name in names:
                    if not posts[name][article]:
                        yield f"{name}: {article}"

    def _count(self, *, first: float) -> None:
        town, outcome = self._town, self.outcome
        outcome.lost = list(self._find_missing())
        for name in town.channels:
            posts = town.posts(name)
            keys = Counter(key for message in town.messages(name) for key in set(message.list_custom_ids()))
            outcome.posts += len(town.messages(name))
            outcome.articles += len(posts)
            outcome.repeated += [f"{name}: {article}" for article, times in posts.items() if times > 1]
            outcome.repeated += [
                f"{name}: {key}" for key, times in keys.items() if times > 1 and key.startswith("telex:save:")
            ]
        outcome.unknown = [str(dispatch) for dispatch in town.outbox() if dispatch.state != "sent"]
        outcome.unfinished = town.unfinished()
        now = town.clock.now()
        outcome.forgotten = store_probe.list_overdue_feeds(town.database, now - MAX_OVERDUE_SECONDS)
        owner = town.discord.changes.open_direct_channel(town.discord.state.bot_owner)
        outcome.alarms = [str(message.parts.get("content")) for message in owner.history()]
        outcome.faults.update({f"feed {kind}": count for kind, count in town.publishers.faults.items()})
        early = [size for hour, size in self._memory if first <= hour < first + 1]
        late = [size for hour, size in self._memory if hour >= self._hours - 1]
        outcome.growth = statistics.median(late) / statistics.median(early)


def measure_memory(pid: int) -> float:
    """Megabytes that a process and its children have in memory (VmRSS of proc(5))."""
    total = 0
    for process in _process_tree(pid):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return total / 1024


def _process_tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _process_tree(int(child))


async def main(hours: float, feeds: int, speed: float, seed: int) -> Outcome:
    """Run it."""
    chance = random.Random(seed)
    discord, unused_feeds = await DiscordServer(discord_contract()).start(), await FeedServer().start()
    launcher = Launcher()
    with tempfile.TemporaryDirectory() as folder:
        town = Town(discord, unused_feeds, launcher, Path(folder), speed=speed)
        town.build_channels()
        town.publishers = Publishers(town.clock, chance, count=feeds, seconds=hours * HOUR)
        await town.publishers.start()
        histories = sorted((SHARED / "feeds/replay").glob("*/")) if SHARED.exists() else []
        replays = {
            path.name: town.publishers.replay(
                path.name, [version.read_bytes() for version in sorted(path.glob("*.xml"))]
            )
            for path in histories
        }
        await town.follow_all(replays)
        try:
            return await Soak(town, chance, hours=hours, port=_free_port()).run()
        finally:
            if town.bot is not None:
                sys.stderr.write(town.bot.log[-3000:])
                town.bot.kill()
                await town.bot.wait_for_exit()
            launcher.close()
            await town.publishers.stop()
            await discord.stop()
            await unused_feeds.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def format_figure(outcome: Outcome, hours: float, feeds: int, seed: int) -> str:
    """The run in a line."""
    return (
        f"{hours:.0f} simulated hours of {feeds:,} feeds (seed {seed}): {outcome.articles:,} articles "
        f"posted, {sum(outcome.faults.values()):,} faults; lost {len(outcome.lost)}, "
        f"repeated {len(outcome.repeated)}, feeds forgotten {len(outcome.forgotten)}, "
        f"memory in the second half x {outcome.growth:.2f}"
    )


def print_outcome(outcome: Outcome, title: str) -> None:
    """Print what came of it."""
    table = Table("", "", title=title)
    table.add_row("articles posted", str(outcome.articles))
    table.add_row("messages", str(outcome.posts))
    for name in ("lost", "repeated", "unknown", "unfinished", "forgotten"):
        failures = getattr(outcome, name)
        table.add_row(name, f"{len(failures)} {failures[:3] if failures else ''}")
    table.add_row("the owner was told", "\n".join(outcome.alarms) or "nothing")
    table.add_row("health check failed meanwhile", str(outcome.is_unwell))
    table.add_row("memory, last hour to seventh", f"x {outcome.growth:.2f}")
    for name, count in sorted(outcome.faults.items()):
        table.add_row(name, str(count))
    Console(width=110).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=MIN_HOURS)
    parser.add_argument("--feeds", type=int, default=2000)
    parser.add_argument("--speed", type=float, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if options.hours < MIN_HOURS:
        parser.error(f"a day of less than {MIN_HOURS} hours has no room for its troubles")
    commit = promises.describe_commit()
    soak_outcome = asyncio.run(main(options.hours, options.feeds, options.speed, options.seed))
    line = format_figure(soak_outcome, options.hours, options.feeds, options.seed)
    print_outcome(soak_outcome, line)
    if options.record:
        promises.record("soak", line, commit=commit)
    sys.exit(0 if soak_outcome.is_good else 1)
