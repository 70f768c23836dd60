"""How much memory a bot of middle size takes, with all its processes.

`python -m tests.benchmarks.memory [--feeds 500] [--servers 50] [--hours 2] [--speed 30]`: a real `telex run`,
without the extra `semantic`, in so many servers of a stand-in for Discord, following so many feeds: recorded
real ones where they are there, generated ones for the rest. It polls them for some simulated hours; printed
is the proportional set size (PSS: shared pages are counted once) of the whole process tree.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from ipaddress import ip_network
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.news.newsroom import open_newsroom
from bot.settings import Settings
from tests.benchmarks.publishers import Publishers
from tests.shared import SHARED
from tests.wire.discord_server import DiscordServer
from tests.wire.quick import QuickClock

LIMIT = 150.0
"""Megabytes, so that a small single-board computer is enough."""
HOUR = 3600
FOLLOWED = 20  # feeds that a server follows
MEGABYTE = 1024**2


def tree(pid: int) -> list[int]:
    """A process and those that it started, and so on."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        children = (task / "children").read_text().split()
        for child in children:
            found += tree(int(child))
    return found


def weight(pid: int) -> tuple[float, int]:
    """The PSS of a process tree in megabytes, and how many processes it has."""
    total, count = 0.0, 0
    for each in tree(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / MEGABYTE
        count += 1
    return total, count


async def prepare(
    settings: Settings, clock: QuickClock, discord: DiscordServer, urls: list[str], servers: int
) -> None:
    """The servers with their channels, each following some of the feeds, which were never read."""
    chance = random.Random(7)
    async with open_newsroom(settings, clock) as newsroom:
        feeds = [await newsroom.store.feeds.add(url) for url in urls]
        for number in range(servers):
            server = discord.acts.add_server(f"Server {number}")
            await newsroom.store.servers.joined(server.id, "en-US")
            channels = [discord.acts.add_channel(server, f"news-{each}") for each in range(4)]
            share = [feeds[(number * len(feeds) // servers + each) % len(feeds)] for each in range(FOLLOWED)]
            for feed in share:
                await newsroom.store.subscriptions.follow(
                    server_id=server.id,
                    channel_id=chance.choice(channels).id,
                    feed_id=feed.id,
                    first_article_id=None,
                )


async def measure(
    feeds: int, servers: int, hours: float, speed: float, folder: Path
) -> list[tuple[float, int]]:
    """What the tree weighs, second by second."""
    discord = await DiscordServer().start()
    clock = QuickClock(time.time(), speed)
    discord.state.now = clock.time
    recorded = sorted((SHARED / "feeds" / "real").rglob("*.*"))[:feeds] if SHARED.exists() else []
    publishers = await Publishers(
        clock, random.Random(7), count=feeds - len(recorded), seconds=hours * HOUR
    ).start()
    urls = publishers.urls + [publishers.replay(path.name, [path.read_bytes()]) for path in recorded]
    settings = Settings(
        database=folder / "telex.db", allow_private_addresses=(ip_network("127.0.0.0/8"),), semantic=False
    )
    await prepare(settings, clock, discord, urls, servers)
    environment = {
        **os.environ,
        "DISCORD_TOKEN": discord.token,
        "TELEX_DATABASE": str(settings.database),
        "TELEX_SEMANTIC": "false",
        "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "TELEX_LOG_LEVEL": "warning",
        "WIRE_API": discord.api,
        "WIRE_GATEWAY": discord.gateway.url,
        "WIRE_READY": "0.05",
        "WIRE_CLOCK": str(clock),
    }
    with (folder / "log").open("w") as log:
        bot = subprocess.Popen(  # noqa: ASYNC220  # nothing else waits for this loop yet
            [sys.executable, "-m", "tests.wire.launch", "run"], env=environment, stderr=log, cwd=Path.cwd()
        )
        weights = []
        try:
            end = clock.time() + hours * HOUR
            while clock.time() < end and bot.poll() is None:
                await asyncio.sleep(1)
                weights.append(weight(bot.pid))
        finally:
            bot.terminate()
            await asyncio.to_thread(bot.wait)
    async with open_newsroom(settings, clock) as newsroom:
        read = sum(feed.last_success is not None for feed in await newsroom.store.feeds.all())
        Console().print(f"{read} of {feeds} feeds read, {await newsroom.store.articles.count()} articles")
    await publishers.stop()
    await discord.stop()
    return weights


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--servers", type=int, default=50)
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--speed", type=float, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = asyncio.run(measure(chosen.feeds, chosen.servers, chosen.hours, chosen.speed, Path(folder)))
    table = Table("megabytes", "median", "highest", "processes at most", "limit")
    half = [megabytes for megabytes, _count in weights[len(weights) // 2 :]]
    highest = max(megabytes for megabytes, _count in weights)
    table.add_row(
        f"{chosen.feeds} feeds, {chosen.servers} servers",
        f"{statistics.median(half):.0f}",
        f"{highest:.0f}",
        str(max(count for _megabytes, count in weights)),
        f"{LIMIT:.0f}: {'met' if highest < LIMIT else 'missed'}",
    )
    Console().print(table)


if __name__ == "__main__":
    main()
