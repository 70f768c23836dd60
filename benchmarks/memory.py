"""How much memory a bot of middle size takes, with all its processes.

`python -m benchmarks.memory [--feeds 500] [--servers 50] [--hours 2] [--speed 30] [--questions]`: a
real `telex run`, without the extra `semantic`, in so many servers of a stand-in for Discord, following so
many feeds: recorded real ones where they are there, generated ones for the rest, whose articles lead to
pages that it reads too (real ones again where there are any), while people search. It does so for some
simulated hours; printed is what the whole process tree takes, with what its processes share counted once.
With `--questions` people ask as well, and another process reads for the answers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from rich.console import Console
from rich.table import Table

from benchmarks.publishers import Publishers
from bot.client.services import open_services
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Interaction
from tests.support.shared_data import SHARED, discord_contract
from tests.support.wire.quick_clock import QuickClock

LIMIT_MEGABYTES = 130.0
"""Megabytes, so that a small single-board computer is enough."""
HOUR = 3600
FEEDS_PER_SERVER = 20  # feeds that a server follows
SEARCHES = (
    "apple",
    "security update",
    "openai model",
    "intelligence artificielle",
    "battery",
    "climat",
    "xbox game",
)
QUESTIONS = ("Who bought the company?", "How much does it cost?", "Quand sort la mise à jour ?")
QUESTION_INTERVAL_SECONDS = 20  # seconds between two questions
MEGABYTE = 1024**2
MAPPED = re.compile(r"^[\da-f]+-[\da-f]+ \S+ ([\da-f]+) \S+ [1-9]\d* +(\S.*)\n((?:\w+:.*\n)+)", re.MULTILINE)
"""A mapping of a file in `/proc/PID/smaps`: where in it, its name, and the figures."""


class PublishersWithPages(Publishers):
    """Feeds that give teasers of articles whose pages can be read."""

    pages: Sequence[bytes] = (b"<article>" + b"<p>What an article tells, at length. " * 100,)
    pages_read = 0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name == "robots.txt":
            return web.Response(status=404)
        if name.startswith("page-"):
            self.pages_read += 1
            return web.Response(body=self.pages[self.pages_read % len(self.pages)], content_type="text/html")
        return await super()._answer(request)

    def _document(self, name: str) -> tuple[bytes, int | None]:
        body, newest = super()._document(name)
        if newest is None:
            return body, None
        here = self.urls[int(name)].rpartition("/")[0]
        return body.replace(b"https://news.example/articles/", f"{here}/page-".encode()), newest


def find_process_tree(pid: int) -> list[int]:
    """A process and those that it started, and so on."""
    process_ids = [pid]
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    process_ids += find_process_tree(int(child))
    return process_ids


class Weight(NamedTuple):
    """Megabytes of a process tree: what each process has of its own, the first first, and mapped files.

    Memory of their own is what the kernel calls anonymous. Of files (the interpreter, libraries) each page
    counts once, and wholly: PSS would leave out what this benchmark and other programs happen to map too.
    """

    anonymous_megabytes: tuple[float, ...]
    file_megabytes: float

    @property
    def total(self) -> float:
        return sum(self.anonymous_megabytes) + self.file_megabytes


def measure_weight(pid: int) -> Weight:
    """What a process and those that it started take."""
    anonymous_kilobytes: list[int] = []
    file_kilobytes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for process_id in find_process_tree(pid):
        try:
            summary = Path(f"/proc/{process_id}/smaps_rollup").read_text()
            mappings = Path(f"/proc/{process_id}/smaps").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        anonymous_kilobytes += map(int, re.findall(r"^Pss_Anon: +(\d+)", summary, re.MULTILINE))
        for offset, file, counters in MAPPED.findall(mappings):
            figures = {name: int(kilobytes) for name, kilobytes in re.findall(r"(\w+): +(\d+) kB", counters)}
            file_kilobytes[file, offset] = max(file_kilobytes[file, offset], figures["Rss"] - figures["Anonymous"])
    return Weight(tuple(kilobytes / 1024 for kilobytes in anonymous_kilobytes), sum(file_kilobytes.values()) / 1024)


WORKER = "import feedparser, trafilatura; print(flush=True); input()"
MAIN = f"""
import subprocess, sys
import discord.ext.commands, aiosqlite, feedparser, aiohttp, tantivy
worker = subprocess.Popen([sys.executable, "-c", {WORKER!r}], stdin=0, stdout=subprocess.PIPE)
worker.stdout.readline()
print(flush=True)
worker.wait()
"""


def measure_floor() -> Weight:
    """What a process takes that only imports the given packages and the engine, with a worker for feeds."""
    with subprocess.Popen(
        [sys.executable, "-c", MAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        floor_weight = measure_weight(process.pid)
        process.communicate("\n")
    return floor_weight


async def prepare(settings: Settings, clock: QuickClock, discord: DiscordServer, urls: list[str], servers: int) -> None:
    """The servers with their channels, each following some of the feeds, which were never read."""
    chance = random.Random(7)
    async with open_services(settings, clock) as newsroom:
        feeds = [await newsroom.store.feeds.add(url) for url in urls]
        for number in range(servers):
            server = discord.changes.add_server(f"Server {number}")
            await newsroom.store.servers.mark_joined(server.id, "en-US")
            channels = [discord.changes.add_channel(server, f"news-{channel_number}") for channel_number in range(4)]
            share = [
                feeds[(number * len(feeds) // servers + offset) % len(feeds)] for offset in range(FEEDS_PER_SERVER)
            ]
            for feed in share:
                await newsroom.store.subscriptions.follow(
                    server_id=server.id,
                    channel_id=chance.choice(channels).id,
                    feed_id=feed.id,
                    first_article_id=None,
                )


def use_command(discord: DiscordServer, name: str, **options: str) -> list[Interaction]:
    """Somebody uses a command; nothing while the bot has registered none."""
    channel = random.choice(
        [news_channel for news_channel in discord.state.channels.values() if news_channel.name.startswith("news-")]
    )
    try:
        return [discord.people.use_command(discord.state.bot_owner, channel, name, **options)]
    except LookupError:
        return []


async def measure(
    feeds: int, servers: int, hours: float, speed: float, folder: Path, *, questions: bool
) -> list[Weight]:
    """What the tree weighs, second by second."""
    discord = await DiscordServer(discord_contract()).start()
    clock = QuickClock(time.time(), speed)
    discord.state.now = clock.time
    recorded = sorted((SHARED / "feeds" / "real").rglob("*.*"))[:feeds] if SHARED.exists() else []
    publishers = PublishersWithPages(clock, random.Random(7), count=feeds - len(recorded), seconds=hours * HOUR)
    pages = [path.read_bytes() for path in sorted((SHARED / "pages").rglob("*.html"))]
    publishers.pages = pages or publishers.pages
    await publishers.start()
    urls = publishers.urls + [publishers.replay(path.name, [path.read_bytes()]) for path in recorded]
    settings = replace(
        read_settings(),
        database=folder / "telex.db",
        allow_private_addresses=(ip_network("127.0.0.0/8"),),
        semantic=False,
    )
    await prepare(settings, clock, discord, urls, servers)
    environment = {
        **os.environ,
        "DISCORD_TOKEN": discord.token,
        "TELEX_DATABASE": str(settings.database),
        "TELEX_SEMANTIC": "false",
        "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "TELEX_LOG_LEVEL": "warning",
        "WIRE_API": discord.api_url,
        "WIRE_GATEWAY": discord.gateway.url,
        "WIRE_READY": "0.05",
        "WIRE_CLOCK": str(clock),
    }
    with (folder / "log").open("w") as log:
        bot = subprocess.Popen(  # noqa: ASYNC220  # nothing else waits for this loop yet
            [sys.executable, "-m", "tests.support.wire.launch", "run"], env=environment, stderr=log, cwd=Path.cwd()
        )
        weights: list[Weight] = []
        interactions: list[Interaction] = []
        try:
            end = clock.time() + hours * HOUR
            while clock.time() < end and bot.poll() is None:
                await asyncio.sleep(1)
                interactions += use_command(discord, "search", query=random.choice(SEARCHES))
                if questions and len(weights) % QUESTION_INTERVAL_SECONDS == QUESTION_INTERVAL_SECONDS - 1:
                    interactions += use_command(discord, "ask", question=random.choice(QUESTIONS))
                weights.append(measure_weight(bot.pid))
        finally:
            bot.terminate()
            await asyncio.to_thread(bot.wait)
    async with open_services(settings, clock) as newsroom:
        read_count = sum(feed.last_success_at is not None for feed in await newsroom.store.feeds.list_all())
        articles = await newsroom.store.articles.count()
        Console().print(f"{read_count} of {feeds} feeds read, {articles} articles, {publishers.pages_read} pages")
        answered = sum(interaction.answered for interaction in interactions)
        Console().print(f"{answered} of {len(interactions)} searches and questions answered")
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
    parser.add_argument("--questions", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = asyncio.run(
            measure(
                arguments.feeds,
                arguments.servers,
                arguments.hours,
                arguments.speed,
                Path(folder),
                questions=arguments.questions,
            )
        )
    table = Table("megabytes", "median", "highest", "main process", "workers", "files", "most processes")
    imports, second_half = measure_floor(), weights[len(weights) // 2 :]
    add_row(table, "imports alone: the packages given and the engine, a bare worker", [imports])
    add_row(
        table,
        f"{arguments.feeds} feeds, {arguments.servers} servers (limit {LIMIT_MEGABYTES:.0f})",
        second_half,
    )
    Console(width=120).print(table)


def add_row(table: Table, name: str, weights: Sequence[Weight]) -> None:
    """A row: medians, but for the highest."""
    figures = (
        statistics.median(each.total for each in weights),
        max(each.total for each in weights),
        statistics.median(each.anonymous_megabytes[0] for each in weights if each.anonymous_megabytes),
        statistics.median(sum(each.anonymous_megabytes[1:]) for each in weights),
        statistics.median(each.file_megabytes for each in weights),
        max(len(weight.anonymous_megabytes) for weight in weights),
    )
    table.add_row(name, *(f"{figure:.0f}" for figure in figures))


if __name__ == "__main__":
    main()
