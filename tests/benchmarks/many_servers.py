"""A bot in very many servers, over several processes: its start, memory, posts a second, and who waits.

    python -m tests.benchmarks.many_servers [--servers 10000] [--shards 16] [--processes 4] [--seconds 120]
                                            [--record]

`telex run` processes on a PostgreSQL server, each gateway and poller, against the stand-in, which counts the
requests of all of them in any window of a second (50) and lets a session begin every five seconds. Two posts
wait in each server, three thousand feeds are polled ("unchanged", no TLS), and somebody uses a command four
times a second. At the end one process is stopped, and then a post owed in a server of each of its shards.
Exits 1 where fewer than 45 posts a second came, the limit for all requests was broken, or the hundredth part
of commands was acknowledged after more than a second.
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

from bot.core.models import Feed
from tests.benchmarks import many_feeds, promises
from tests.benchmarks.discord_pace import LEAST, processor_time
from tests.benchmarks.memory import weight
from tests.benchmarks.process_kills import database_server
from tests.store import sql
from tests.wire import direct_access
from tests.wire.bot_process import Launcher
from tests.wire.crowd import POSTING, REACTING, Crowd, open_crowd
from tests.wire.discord_server import DiscordServer
from tests.wire.state import Channel, Interaction
from tests.wire.waiting import until

FEEDS, INTERVAL = 3_000, 600
POSTS = 2  # that wait in each server
ASKED = 0.25  # seconds between two commands
COMMANDS: tuple[tuple[str, dict[str, str]], ...] = (
    ("latest", {}),
    ("about", {}),
    ("search", {"query": "title"}),
    ("feed list", {}),
)
PERIOD = 5.0  # seconds between two sessions of one bucket
ACKNOWLEDGED = 1.0
PATIENCE = 900.0

_POST = re.compile(r"POST /channels/\d+/messages 200")

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Stop:
    """What a stop cost: seconds without a session by shard, and until each had the next post."""

    away: dict[int, float] = field(default_factory=dict)
    late: float = 0.0

    def __str__(self) -> str:
        away = ", ".join(f"{seconds:.1f}" for seconds in sorted(self.away.values()))
        return (
            f"one process stopped: its {len(self.away)} shards without a session for {away} s, "
            f"what was owed when it had ended posted after {self.late:.1f} s at the most"
        )


@dataclass
class Run:
    """What was measured."""

    ready: float
    took: float
    posts: int
    answers: Counter[int]
    everywhere: int
    acknowledged: list[float]
    unanswered: int
    memory: list[float]
    cpu: list[float]
    polls: int
    stop: Stop

    @property
    def p99(self) -> float:
        return sorted(self.acknowledged)[int(len(self.acknowledged) * 0.99)]

    @property
    def is_good(self) -> bool:
        return self.posts / self.took >= LEAST and not self.everywhere and self.p99 <= ACKNOWLEDGED

    def __str__(self) -> str:
        late = sorted(self.acknowledged)
        return (
            f"all shards served after {self.ready:.0f} s; {self.posts / self.took:.1f} posts a second, "
            f"{self.answers[429]} answers 429, {self.everywhere} of them global; {len(late)} commands "
            f"acknowledged after {late[len(late) // 2] * 1000:.0f} ms as a rule, {self.p99 * 1000:.0f} p99, "
            f"{self.unanswered} not at all; {self.polls / self.took:.1f} polls a second; "
            f"{', '.join(f'{one:.0f}' for one in self.memory)} MB; "
            f"{', '.join(f'{one:.2f}' for one in self.cpu)} cores; {self.stop}"
        )


async def follow(crowd: Crowd, channels: list[Channel], port: int) -> None:
    """Let channels follow so many feeds of the publisher that are polled and have nothing new."""
    now = int(time.time())
    kind = Feed(id=0, url="", added=now - 10**7, next_poll=0, interval=INTERVAL, last_success=now)
    feeds = [
        replace(
            kind,
            id=1_000 + number,
            url=f"http://127.{1 + number // 250}.1.{number % 250 + 1}:{port}/304/{number}",
            next_poll=now + random.randrange(INTERVAL),
            last_poll=now,
            last_article=now - 10**6,
        )
        for number in range(FEEDS)
    ]
    with direct_access.connected(crowd.database) as connection:
        many_feeds.insert(connection, feeds, [channel.id for channel in channels], now)


async def measure(servers: int, shards: int, processes: int, seconds: float) -> Run:
    """Start, wait until all is served, measure for a while."""
    async with AsyncExitStack() as after:
        folder, _server, database = await database_server(after)
        discord = await DiscordServer(checks=False).start()
        after.push_async_callback(discord.stop)
        discord.limit_everything(50, 1.0)
        discord.limits.update({POSTING: (5, 5.0), REACTING: (1, 0.25)})
        discord.shards, discord.gateway.limits.period = shards, PERIOD
        publisher = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.publisher", stdout=asyncio.subprocess.PIPE
        )
        after.callback(publisher.kill)
        assert publisher.stdout is not None
        port = int(await publisher.stdout.readline())
        launcher = Launcher()
        after.callback(launcher.close)
        crowd = await after.enter_async_context(open_crowd(discord, launcher, folder, database))
        channels = [crowd.server(1, (number % shards, shards))[0] for number in range(servers)]
        await crowd.owe("busy", channels, POSTS)
        await follow(crowd, channels[:: max(1, servers // 1_000)], port)
        began = time.monotonic()
        running = [_started(crowd, number, after) for number in range(processes)]
        await until(lambda: _served(discord).keys() == set(range(shards)), within=PATIENCE)
        await until(lambda: discord.state.commands, within=PATIENCE)
        ready = time.monotonic() - began
        await asyncio.sleep(20)  # what came with the last shard is known
        calls, cpu = len(discord.calls), [processor_time(one.pid) for one in running]
        began = time.monotonic()
        asked: list[Interaction] = []
        while time.monotonic() - began < seconds:
            name, options = random.choice(COMMANDS)
            asked.append(
                discord.people.command(discord.state.owner, random.choice(channels), name, **options)
            )
            await asyncio.sleep(ASKED)
        took, made = time.monotonic() - began, discord.calls[calls:]
        spent = [(processor_time(one.pid) - then) / took for one, then in zip(running, cpu, strict=True)]
        await asyncio.sleep(3)
        answered = {
            int(call.ids["interaction"]): call.at
            for call in discord.calls[calls:]
            if call.path.endswith("/callback")
        }
        polls = sql.run(
            database,
            "SELECT count(*) FROM feed WHERE last_poll >= ? AND id >= 1000",
            (int(time.time() - took - 3),),
        )
        return Run(
            ready=ready,
            took=took,
            posts=sum(
                call.status == HTTPStatus.OK and _POST.fullmatch(str(call)) is not None for call in made
            ),
            answers=Counter(call.status or 0 for call in made),
            everywhere=sum(
                call.status == HTTPStatus.TOO_MANY_REQUESTS and bool(call.answer.get("global"))
                for call in discord.calls
            ),
            acknowledged=[answered[one.id] - one.created for one in asked if one.id in answered],
            unanswered=sum(one.id not in answered for one in asked),
            memory=[weight(one.pid).total for one in running],
            cpu=spent,
            polls=polls[0][0],
            stop=await stop(crowd, running[0], channels[:shards]),
        )


async def stop(crowd: Crowd, one: subprocess.Popen[bytes], channels: list[Channel]) -> Stop:
    """Stop the first process, and owe a post in one of these channels for each of its shards."""
    cost, since = Stop(), dict[int, float]()
    mine = {number for number, who in _served(crowd.discord).items() if who == "0"}

    def is_over() -> bool:
        now, served = time.monotonic(), _served(crowd.discord)
        for number in mine:
            if number not in served:
                since.setdefault(number, now)
            elif served[number] != "0":
                cost.away.setdefault(number, now - since.get(number, now))
        return len(cost.away) == len(mine)

    one.terminate()
    moving = asyncio.create_task(until(is_over, within=PATIENCE))
    await asyncio.to_thread(one.wait)
    owed, began = [channels[number] for number in mine], time.monotonic()
    (title,) = await crowd.owe("stop", owed, 1)
    await until(
        lambda: all(any(each.title == title for each in channel.history()) for channel in owed),
        within=PATIENCE,
    )
    cost.late = time.monotonic() - began
    await moving
    return cost


def _served(discord: DiscordServer) -> dict[int, str]:
    """The shards that have a session, each with the number of its process."""
    return {
        session.shard[0]: session.line.who
        for session in discord.gateway.connected
        if session.shard is not None and session.line is not None
    }


def _started(crowd: Crowd, number: int, after: AsyncExitStack) -> subprocess.Popen[bytes]:
    """A process of its own, not forked, whose memory is its own."""
    environment = crowd.environment(number) | {
        "PATH": os.environ["PATH"],
        "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "TELEX_SEED_REACTION": "false",
    }
    with (crowd.folder / f"process-{number}.log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.wire.launch", "run"], env=environment, stderr=log, cwd=Path.cwd()
        )
    after.callback(started.wait)
    after.callback(started.kill)
    return started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    commit = promises.commit()
    run = asyncio.run(measure(chosen.servers, chosen.shards, chosen.processes, chosen.seconds))
    figure = f"{chosen.servers:,} servers, {chosen.shards} shards, {chosen.processes} processes: {run}"
    console.print(figure)
    if chosen.record and run.is_good:
        promises.record("many-servers", figure, commit=commit)
    sys.exit(0 if run.is_good else 1)


if __name__ == "__main__":
    main()
