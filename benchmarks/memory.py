"""Benchmark of the memory of a medium-sized bot with all its processes.

    python -m benchmarks.memory [--feeds 500] [--servers 50] [--hours 2] [--speed 30] [--questions]

A real `telex run` without the extra `semantic`, in the servers of a stand-in for Discord, follows recorded feeds,
as far as they are available, and generated ones whose articles lead to pages that it fetches too, while people
search. It runs for some simulated hours, `--speed` times faster than real time. With `--questions`, people also ask
questions, which starts the process that answers them.

Printed are the megabytes of the whole process tree in the second half of the run, with shared pages counted once,
compared with processes that only import the libraries.
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
from tests.support.shared_data import SHARED, load_discord_contract
from tests.support.wire.quick_clock import QuickClock

LIMIT_MEGABYTES = 130.0
"""Limit for the memory of the bot, in megabytes, so that it runs on a small single-board computer."""
HOUR = 3600
FEEDS_PER_SERVER = 20
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
QUESTION_INTERVAL_SECONDS = 20
MEGABYTE = 1024**2
FILE_MAPPING = re.compile(r"^[\da-f]+-[\da-f]+ \S+ ([\da-f]+) \S+ [1-9]\d* +(\S.*)\n((?:\w+:.*\n)+)", re.MULTILINE)
"""Mapping of a file in `/proc/PID/smaps`, with the groups offset, file name and counters."""


class PublishersWithPages(Publishers):
    """Publishers of feeds with teasers, and of the pages of their articles."""

    pages: Sequence[bytes] = (b"<article>" + b"<p>The full text of an article. " * 100,)
    served_page_count = 0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name == "robots.txt":
            return web.Response(status=404)
        if name.startswith("page-"):
            self.served_page_count += 1
            return web.Response(body=self.pages[self.served_page_count % len(self.pages)], content_type="text/html")
        return await super()._answer(request)

    def _document(self, name: str) -> tuple[bytes, int | None]:
        body, newest = super()._document(name)
        if newest is None:
            return body, None
        origin = self.urls[int(name)].rpartition("/")[0]
        return body.replace(b"https://news.example/articles/", f"{origin}/page-".encode()), newest


def find_process_tree(pid: int) -> list[int]:
    """Return the IDs of a process and all its descendants."""
    process_ids = [pid]
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # The process has just ended.
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    process_ids += find_process_tree(int(child))
    return process_ids


class MemoryUse(NamedTuple):
    """Megabytes of a process tree: anonymous memory of each process, beginning with the root, and mapped files.

    Each page of a mapped file (the interpreter, libraries) counts once and in full; PSS would leave out the share
    of this benchmark and of other programs that map the same file.
    """

    anonymous_megabytes: tuple[float, ...]
    file_megabytes: float

    @property
    def total(self) -> float:
        return sum(self.anonymous_megabytes) + self.file_megabytes


def measure_memory(pid: int) -> MemoryUse:
    """Return the memory of a process and all its descendants."""
    anonymous_kilobytes: list[int] = []
    file_kilobytes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for process_id in find_process_tree(pid):
        try:
            summary = Path(f"/proc/{process_id}/smaps_rollup").read_text()
            mappings = Path(f"/proc/{process_id}/smaps").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # The process has just ended.
        anonymous_kilobytes += map(int, re.findall(r"^Pss_Anon: +(\d+)", summary, re.MULTILINE))
        for offset, file, counters in FILE_MAPPING.findall(mappings):
            figures = {name: int(kilobytes) for name, kilobytes in re.findall(r"(\w+): +(\d+) kB", counters)}
            file_kilobytes[file, offset] = max(file_kilobytes[file, offset], figures["Rss"] - figures["Anonymous"])
    return MemoryUse(tuple(kilobytes / 1024 for kilobytes in anonymous_kilobytes), sum(file_kilobytes.values()) / 1024)


WORKER_CODE = "import feedparser, trafilatura; print(flush=True); input()"
MAIN_CODE = f"""
import subprocess, sys
import discord.ext.commands, aiosqlite, feedparser, aiohttp, tantivy
worker = subprocess.Popen([sys.executable, "-c", {WORKER_CODE!r}], stdin=0, stdout=subprocess.PIPE)
worker.stdout.readline()
print(flush=True)
worker.wait()
"""


def measure_imports() -> MemoryUse:
    """Return the memory of a process that only imports the bot's libraries, and of its parsing worker."""
    with subprocess.Popen(
        [sys.executable, "-c", MAIN_CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        memory_use = measure_memory(process.pid)
        process.communicate("\n")
    return memory_use


async def prepare(settings: Settings, clock: QuickClock, discord: DiscordServer, urls: list[str], servers: int) -> None:
    """Add servers with channels to Discord, and let each follow some of the feeds, which were never polled."""
    chance = random.Random(7)
    async with open_services(settings, clock) as newsroom:
        feeds = [await newsroom.store.feeds.add(url) for url in urls]
        for number in range(servers):
            server = discord.changes.add_server(f"Server {number}")
            await newsroom.store.servers.mark_joined(server.id, "en-US")
            channels = [discord.changes.add_channel(server, f"news-{channel_number}") for channel_number in range(4)]
            server_feeds = [
                feeds[(number * len(feeds) // servers + offset) % len(feeds)] for offset in range(FEEDS_PER_SERVER)
            ]
            for feed in server_feeds:
                await newsroom.store.subscriptions.follow(
                    server_id=server.id,
                    channel_id=chance.choice(channels).id,
                    feed_id=feed.id,
                    first_article_id=None,
                )


def use_command(discord: DiscordServer, name: str, **options: str) -> list[Interaction]:
    """Use a command in a random channel; return its interaction, or nothing before commands are registered."""
    channel = random.choice(
        [news_channel for news_channel in discord.state.channels.values() if news_channel.name.startswith("news-")]
    )
    try:
        return [discord.people.use_command(discord.state.bot_owner, channel, name, **options)]
    except LookupError:
        return []


async def measure(
    feeds: int, servers: int, hours: float, speed: float, folder: Path, *, questions: bool
) -> list[MemoryUse]:
    """Run the bot and return its memory at each second."""
    discord = await DiscordServer(load_discord_contract()).start()
    clock = QuickClock(time.time(), speed)
    discord.state.now = clock.time
    recorded_paths = sorted((SHARED / "feeds" / "real").rglob("*.*"))[:feeds] if SHARED.exists() else []
    publishers = PublishersWithPages(clock, random.Random(7), count=feeds - len(recorded_paths), seconds=hours * HOUR)
    pages = [path.read_bytes() for path in sorted((SHARED / "pages").rglob("*.html"))]
    publishers.pages = pages or publishers.pages
    await publishers.start()
    urls = publishers.urls + [publishers.replay(path.name, [path.read_bytes()]) for path in recorded_paths]
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
        bot = subprocess.Popen(  # noqa: ASYNC220  # nothing else runs in this loop yet
            [sys.executable, "-m", "tests.support.wire.launch", "run"], env=environment, stderr=log, cwd=Path.cwd()
        )
        samples: list[MemoryUse] = []
        interactions: list[Interaction] = []
        try:
            deadline = clock.time() + hours * HOUR
            while clock.time() < deadline and bot.poll() is None:
                await asyncio.sleep(1)
                interactions += use_command(discord, "search", query=random.choice(SEARCHES))
                if questions and len(samples) % QUESTION_INTERVAL_SECONDS == QUESTION_INTERVAL_SECONDS - 1:
                    interactions += use_command(discord, "ask", question=random.choice(QUESTIONS))
                samples.append(measure_memory(bot.pid))
        finally:
            bot.terminate()
            await asyncio.to_thread(bot.wait)
    async with open_services(settings, clock) as newsroom:
        polled_count = sum(feed.last_success_at is not None for feed in await newsroom.store.feeds.list_all())
        article_count = await newsroom.store.articles.count()
        Console().print(
            f"{polled_count} of {feeds} feeds polled, {article_count} articles, {publishers.served_page_count} pages"
        )
        answered_count = sum(interaction.answered for interaction in interactions)
        Console().print(f"{answered_count} of {len(interactions)} searches and questions answered")
    await publishers.stop()
    await discord.stop()
    return samples


def main() -> None:
    """Measure the bot and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--servers", type=int, default=50)
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--speed", type=float, default=30)
    parser.add_argument("--questions", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = asyncio.run(
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
    second_half = samples[len(samples) // 2 :]
    add_row(table, "imports of libraries alone, with a worker", [measure_imports()])
    add_row(
        table,
        f"{arguments.feeds} feeds, {arguments.servers} servers (limit {LIMIT_MEGABYTES:.0f})",
        second_half,
    )
    Console(width=120).print(table)


def add_row(table: Table, name: str, samples: Sequence[MemoryUse]) -> None:
    """Add the medians and the maxima of the samples to the table, in megabytes."""
    figures = (
        statistics.median(sample.total for sample in samples),
        max(sample.total for sample in samples),
        statistics.median(sample.anonymous_megabytes[0] for sample in samples if sample.anonymous_megabytes),
        statistics.median(sum(sample.anonymous_megabytes[1:]) for sample in samples),
        statistics.median(sample.file_megabytes for sample in samples),
        max(len(sample.anonymous_megabytes) for sample in samples),
    )
    table.add_row(name, *(f"{figure:.0f}" for figure in figures))


if __name__ == "__main__":
    main()
