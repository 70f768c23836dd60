"""Benchmark of a bot in 10,000 servers: start, post rate, response times and memory of several processes.

    python -m benchmarks.many_servers [--servers 10000] [--shards 16] [--processes 4] [--paced 2000]
                                      [--seconds 120] [--record]

`telex run` processes, each a gateway and a poller, share a PostgreSQL server and the stand-in for Discord, which
limits their requests together to 50 in any window of a second and lets a session start every five seconds. Two
posts are due in each server and five in each of the paced channels, where quiet hours or an hourly limit hold them
back. Meanwhile 3,000 feeds are polled (unchanged, without TLS) and a command is used four times a second. At the
end one process is stopped, the remaining posts are dropped, and a post becomes due in a server of each of its
shards.

Printed are the seconds until all shards were connected; posts and polls per second; responses with status 429; the
time until commands were acknowledged; megabytes and cores of each process; and for the stopped process the seconds
that its shards had no session, and until they posted. Exits 1 if there were fewer than 46 posts per second, a
paced channel got a post, the global limit was exceeded, or commands were acknowledged after more than a second at
p99.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path

from rich.console import Console

from benchmarks import many_feeds, promises
from benchmarks.discord_pace import PACED_POSTS, read_cpu_seconds
from benchmarks.memory import measure_memory
from benchmarks.process_fleet import open_database_server
from bot.core.models import Feed
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, Interaction
from tests.store import sql
from tests.support import store_probe
from tests.support.wire.bot_process import Launcher
from tests.support.wire.crowd import POST_ROUTE, REACTION_ROUTE, LoadScene, open_load_scene
from tests.support.wire.waiting import wait_until

MIN_POSTS_A_SECOND = 46.0
FEEDS, INTERVAL = 3_000, 600
POSTS_PER_SERVER = 2
COMMAND_INTERVAL_SECONDS = 0.25
COMMANDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("latest", {}),
    ("about", {}),
    ("search", {"query": "title"}),
    ("feed list", {}),
)
SESSION_PERIOD_SECONDS = 5.0  # Shortest time between two session starts of one bucket.
MAX_ACKNOWLEDGE_SECONDS = 1.0
MAX_WAIT_SECONDS = 900.0

_POST = re.compile(r"POST /channels/\d+/messages 200")

console = Console(highlight=False, soft_wrap=True)


@dataclass
class HandoverFigures:
    """Figures of a stopped process: seconds without a session by shard, and until all shards had posted."""

    sessionless_seconds: dict[int, float] = field(default_factory=dict)
    new_sessions: int = 0
    max_delay_seconds: float = 0.0

    def __str__(self) -> str:
        durations = ", ".join(f"{seconds:.1f}" for seconds in sorted(self.sessionless_seconds.values()))
        return (
            f"one process stopped: its {len(self.sessionless_seconds)} shards without a session for {durations} s, "
            f"{self.new_sessions} new sessions, "
            f"posts due after its end sent after at most {self.max_delay_seconds:.1f} s"
        )


@dataclass
class RunFigures:
    """Figures of a run; `cpu` is in cores by process, and `early_posts` are those in paced channels."""

    ready_seconds: float
    measured_seconds: float
    posts: int
    early_posts: int
    status_counts: Counter[int]
    global_limits: int
    acknowledge_seconds: list[float]
    unacknowledged_count: int
    megabytes: list[float]
    cpu: list[float]
    polls: int
    handover: HandoverFigures

    @property
    def p99_acknowledge_seconds(self) -> float:
        return sorted(self.acknowledge_seconds)[int(len(self.acknowledge_seconds) * 0.99)]

    @property
    def is_good(self) -> bool:
        return (
            self.posts / self.measured_seconds >= MIN_POSTS_A_SECOND
            and not self.early_posts
            and not self.global_limits
            and self.p99_acknowledge_seconds <= MAX_ACKNOWLEDGE_SECONDS
        )

    def __str__(self) -> str:
        delays = sorted(self.acknowledge_seconds)
        return (
            f"all shards connected after {self.ready_seconds:.0f} s; "
            f"{self.posts / self.measured_seconds:.1f} posts per second, {self.early_posts} in paced channels, "
            f"{self.status_counts[429]} responses 429, {self.global_limits} of them global; {len(delays)} commands "
            f"acknowledged after {delays[len(delays) // 2] * 1000:.0f} ms at the median, "
            f"{self.p99_acknowledge_seconds * 1000:.0f} ms at p99, {self.unacknowledged_count} never; "
            f"{self.polls / self.measured_seconds:.1f} polls per second; "
            f"{', '.join(f'{process_megabytes:.0f}' for process_megabytes in self.megabytes)} MB; "
            f"{', '.join(f'{process_cores:.2f}' for process_cores in self.cpu)} cores; {self.handover}"
        )


async def follow_feeds(crowd: LoadScene, channels: list[Channel], port: int) -> None:
    """Let the channels follow feeds of the publisher whose polls are always unchanged."""
    now = int(time.time())
    template = Feed(id=0, url="", added_at=now - 10**7, next_poll_at=0, interval=INTERVAL, last_success_at=now)
    feeds = [
        replace(
            template,
            id=1_000 + number,
            url=f"http://127.{1 + number // 250}.1.{number % 250 + 1}:{port}/304/{number}",
            next_poll_at=now + random.randrange(INTERVAL),
            last_poll_at=now,
            last_article_at=now - 10**6,
        )
        for number in range(FEEDS)
    ]
    with store_probe.open_connection(crowd.database) as connection:
        many_feeds.insert_followed_feeds(connection, feeds, [channel.id for channel in channels], now)


async def measure(servers: int, shards: int, processes: int, paced: int, seconds: float) -> RunFigures:
    """Start the processes, wait until all shards are connected, and measure them for some seconds."""
    async with AsyncExitStack() as exit_stack:
        folder, _server, database = await open_database_server(exit_stack)
        discord = await DiscordServer().start()
        exit_stack.push_async_callback(discord.stop)
        discord.limit_everything(50, 1.0)
        discord.limits.update({POST_ROUTE: (5, 5.0), REACTION_ROUTE: (1, 0.25)})
        discord.shard_count, discord.gateway.limits.min_start_interval_seconds = shards, SESSION_PERIOD_SECONDS
        publisher = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.publisher", stdout=asyncio.subprocess.PIPE
        )
        exit_stack.callback(publisher.kill)
        assert publisher.stdout is not None
        port = int(await publisher.stdout.readline())
        launcher = Launcher()
        exit_stack.callback(launcher.close)
        crowd = await exit_stack.enter_async_context(open_load_scene(discord, launcher, folder, database))
        server_channels = [crowd.server(1 + (number < paced), (number % shards, shards)) for number in range(servers)]
        channels = [channels_of_server[0] for channels_of_server in server_channels]
        paced_channels = [channels_of_server[1] for channels_of_server in server_channels[:paced]]
        if paced_channels:
            await crowd.owe("paced", paced_channels, PACED_POSTS)
            crowd.hold_back(paced_channels)
        await crowd.owe("busy", channels, POSTS_PER_SERVER)
        await follow_feeds(crowd, channels[:: max(1, servers // 1_000)], port)
        started_at = time.monotonic()
        bots = [_start_process(crowd, number, exit_stack) for number in range(processes)]
        await wait_until(lambda: _find_connected_shards(discord).keys() == set(range(shards)), within=MAX_WAIT_SECONDS)
        await wait_until(lambda: discord.state.commands, within=MAX_WAIT_SECONDS)
        ready_seconds = time.monotonic() - started_at
        await asyncio.sleep(20)  # Until the servers of the last shard are processed.
        call_count, cpu_at_start = len(discord.calls), [read_cpu_seconds(bot.pid) for bot in bots]
        started_at = time.monotonic()
        interactions: list[Interaction] = []
        while time.monotonic() - started_at < seconds:
            name, options = random.choice(COMMANDS)
            interactions.append(
                discord.people.use_command(discord.state.bot_owner, random.choice(channels), name, **options)
            )
            await asyncio.sleep(COMMAND_INTERVAL_SECONDS)
        measured_seconds, new_calls = time.monotonic() - started_at, discord.calls[call_count:]
        cores = [
            (read_cpu_seconds(bot.pid) - bot_cpu_at_start) / measured_seconds
            for bot, bot_cpu_at_start in zip(bots, cpu_at_start, strict=True)
        ]
        await asyncio.sleep(3)
        acknowledged_at = {
            int(call.path_parameters["interaction"]): call.called_at
            for call in discord.calls[call_count:]
            if call.path.endswith("/callback")
        }
        polls = sql.run(
            database,
            "SELECT count(*) FROM feed WHERE last_poll >= ? AND id >= 1000",
            (int(time.time() - measured_seconds - 3),),
        )
        return RunFigures(
            ready_seconds=ready_seconds,
            measured_seconds=measured_seconds,
            posts=sum(call.status == HTTPStatus.OK and _POST.fullmatch(str(call)) is not None for call in new_calls),
            early_posts=crowd.posts(paced_channels),
            status_counts=Counter(call.status or 0 for call in new_calls),
            global_limits=sum(
                call.status == HTTPStatus.TOO_MANY_REQUESTS and bool(call.answer.get("global"))
                for call in discord.calls
            ),
            acknowledge_seconds=[
                acknowledged_at[interaction.id] - interaction.created_at
                for interaction in interactions
                if interaction.id in acknowledged_at
            ],
            unacknowledged_count=sum(interaction.id not in acknowledged_at for interaction in interactions),
            megabytes=[measure_memory(bot.pid).total for bot in bots],
            cpu=cores,
            polls=polls[0][0],
            handover=await stop_process(crowd, bots[0], channels[:shards]),
        )


async def stop_process(crowd: LoadScene, process: subprocess.Popen[bytes], channels: list[Channel]) -> HandoverFigures:
    """Stop the first process, and make a post due in the channel of each of its shards."""
    figures, disconnected_at = HandoverFigures(), dict[int, float]()
    shard_numbers = {
        number for number, process_number in _find_connected_shards(crowd.discord).items() if process_number == "0"
    }

    def is_handover_complete() -> bool:
        now, connected_shards = time.monotonic(), _find_connected_shards(crowd.discord)
        for number in shard_numbers:
            if number not in connected_shards:
                disconnected_at.setdefault(number, now)
            elif connected_shards[number] != "0":
                figures.sessionless_seconds.setdefault(number, now - disconnected_at.get(number, now))
        return len(figures.sessionless_seconds) == len(shard_numbers)

    session_count = len(crowd.discord.gateway.identify_payloads)
    process.terminate()
    handover = asyncio.create_task(wait_until(is_handover_complete, within=MAX_WAIT_SECONDS))
    await asyncio.to_thread(process.wait)
    # In a thread, because a blocked stand-in would then count the requests of many seconds in one.
    await asyncio.to_thread(sql.run, crowd.database, "UPDATE dispatch SET state = 'failed' WHERE state = 'waiting'")
    due_channels, started_at = [channels[number] for number in shard_numbers], time.monotonic()
    (title,) = await crowd.owe("stop", due_channels, 1)
    await wait_until(
        lambda: all(any(message.title == title for message in channel.history()) for channel in due_channels),
        within=MAX_WAIT_SECONDS,
    )
    figures.max_delay_seconds = time.monotonic() - started_at
    await handover
    figures.new_sessions = len(crowd.discord.gateway.identify_payloads) - session_count
    return figures


def _find_connected_shards(discord: DiscordServer) -> dict[int, str]:
    """Return the number of the process that is connected with each shard."""
    return {
        session.shard[0]: session.connection.process_name
        for session, _line in discord.gateway.connections
        if session.shard is not None and session.connection is not None
    }


def _start_process(crowd: LoadScene, number: int, exit_stack: AsyncExitStack) -> subprocess.Popen[bytes]:
    """Start a bot process that isn't forked, so that it shares no memory with this one."""
    environment = crowd.environment(number) | {
        "PATH": os.environ["PATH"],
        "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "TELEX_SEED_REACTION": "false",
    }
    with (crowd.folder / f"process-{number}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.wire.launch", "run"], env=environment, stderr=log, cwd=Path.cwd()
        )
    exit_stack.callback(process.wait)
    exit_stack.callback(process.kill)
    return process


def main() -> None:
    """Measure the bot, print the figure and exit with 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--paced", type=int, default=2_000, help="number of channels with posts that are held back")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    commit = promises.describe_commit()
    run = asyncio.run(
        measure(arguments.servers, arguments.shards, arguments.processes, arguments.paced, arguments.seconds)
    )
    figure = (
        f"{arguments.servers:,} servers, {arguments.paced:,} paced channels, {arguments.shards} shards, "
        f"{arguments.processes} processes: {run}"
    )
    console.print(figure)
    if arguments.record and run.is_good:
        promises.record("many-servers", figure, commit=commit)
    sys.exit(0 if run.is_good else 1)


if __name__ == "__main__":
    main()
