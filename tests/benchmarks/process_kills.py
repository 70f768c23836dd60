"""Several processes on one PostgreSQL server, killed at random: articles lost, repeated, hidden.

    python -m tests.benchmarks.process_kills [--kills 300] [--seed N] [--speed 6] [--record]
    python -m tests.benchmarks.process_kills --takeovers 10 [--record]

Two gateways and two pollers, `telex run` with the roles of the compose file, post what three publishers bring
out into the channels of three servers, one on each of three shards: all kinds of channels of `campaign`, with
its wrong answers, though fewer. Every few seconds something is killed: mostly one of the processes, which is
started again a while later, else all processes of the server with the database, its sessions alone, or a
process is stopped as a service manager does, or stands still, as with its machine, for longer than its leases
last, and goes on. All clocks, that of the database too, run faster. Afterwards
every article is to be in every channel once, as in `campaign`.

`--takeovers` kills gateways at the true speed, with the pauses that Discord wants between sessions, and
measures how long a shard is without a session: 30 s, and 5 s for each shard of the process, at the most. The
killed one is started again and gets its part of the shards back: how long these are without one is told too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from rich.console import Console

from bot.core.database_url import DatabaseUrl
from bot.processes.leases import LASTS
from tests import postgres_server
from tests.benchmarks import campaign, promises
from tests.benchmarks.server_kills import kill_all, start
from tests.feed_server import FeedServer
from tests.wire import direct_access
from tests.wire.bot_process import BotProcess, Launcher
from tests.wire.discord_server import DiscordServer
from tests.wire.scene import Scene
from tests.wire.waiting import until

ROLES = ("gateway", "gateway", "poller", "poller")
SHARDS = 3
WRONG = 0.08
SERVER_KILLS, SESSION_CUTS, STOPS, STANDSTILLS = 0.08, 0.12, 0.1, 0.2  # parts of all kills
BETWEEN = (1.0, 4.0)  # seconds from one kill to the next
STILL = (1.1, 2.0)  # times as long as leases last
AWAY = (0.0, 3.0)  # until a killed process is started again
BURSTS = (1, 2, 3, 5, 8, 20)
BURST_EVERY = 5.0
MOST_UNREAD = 60  # articles of a publisher, whose document has the last hundred
PATIENCE = 900.0
IDENTIFY = 5.0
TAKEN_OVER = 30.0
ARTICLES = "https://news.example/articles/"

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Fleet:
    """The processes, the database and what goes on around them."""

    folder: Path
    launcher: Launcher
    discord: DiscordServer
    server: Path
    database: DatabaseUrl
    scenes: list[Scene] = field(default_factory=list)
    bots: list[BotProcess | None] = field(default_factory=lambda: [None] * len(ROLES))

    @property
    def speed(self) -> float:
        return self.scenes[0].clock.speed

    def start(self, number: int) -> BotProcess:
        """Start one of the processes."""
        folder = self.folder / f"process-{number}"
        folder.mkdir(exist_ok=True)
        environment = self.scenes[0].environment | {
            "TELEX_ROLES": ROLES[number],
            "TELEX_INDEX": str(folder / "index"),
            "WIRE_CLOCK": str(self.scenes[0].clock),
            "WIRE_LEASES": "hastened",
        }
        bot = self.bots[number] = BotProcess(self.launcher, folder, environment)
        return bot

    async def publish(self, count: int, written: list[list[int]]) -> None:
        """Each publisher brings out some articles, which are due to be fetched."""
        for scene, numbers in zip(self.scenes, written, strict=True):
            numbers.extend(scene.write(count))
        await self.insist("UPDATE feed SET next_poll = 0")

    def unread(self, written: list[list[int]]) -> int:
        """How many articles of a publisher, at the most, were not fetched yet; many where nobody can tell."""
        try:
            known = {row[0] for row in self.scenes[0].rows("SELECT url FROM article")}
        except psycopg.Error:
            return MOST_UNREAD
        return max(sum(f"{ARTICLES}{number}" not in known for number in numbers) for numbers in written)

    async def insist(self, sql: str) -> None:
        """Change something in the database, as soon as it is there."""
        while True:
            try:
                await asyncio.to_thread(direct_access.change, self.database, sql)
            except psycopg.Error:
                await asyncio.sleep(0.2)
            else:
                return

    def owed(self) -> int:
        """How many dispatches are not over; one where nobody can tell."""
        try:
            return self.scenes[0].open_dispatches()
        except psycopg.Error:
            return 1

    def gateways(self) -> int:
        """How many processes have shards."""
        return int(self.scenes[0].rows("SELECT count(DISTINCT owner) FROM lease WHERE kind = 'shard'")[0][0])

    def served(self) -> set[int]:
        """The shards that have a session."""
        return {session.shard[0] for session in self.discord.gateway.connected if session.shard is not None}

    async def stop(self) -> None:
        """End all processes."""
        for bot in self.bots:
            if bot is not None:
                bot.kill()
                await bot.ended()


async def database_server(after: AsyncExitStack) -> tuple[Path, Path, DatabaseUrl]:
    """A server of one's own with an empty database: a folder for other things, the server's, its address."""
    server = Path(postgres_server.prepared())
    after.callback(shutil.rmtree, server, ignore_errors=True)
    initdb = ("initdb", "-D", str(server / "data"), "--no-sync", "--auth=trust", "--username=postgres")
    postgres_server.run(server, *initdb, "--encoding=UTF8", "--locale=C")
    await start(server)
    after.callback(kill_all, server / "data")
    with psycopg.connect(f"postgresql://postgres@/postgres?host={server}", autocommit=True) as admin:
        admin.execute("ALTER ROLE postgres SET synchronous_commit = on")
        admin.execute("CREATE DATABASE telex TEMPLATE template0 ENCODING 'UTF8'")
    folder = Path(after.enter_context(tempfile.TemporaryDirectory(prefix="telex-processes-")))
    return folder, server, DatabaseUrl(f"postgresql://postgres@/telex?host={server}")


@asynccontextmanager
async def fleet(speed: float) -> AsyncIterator[Fleet]:
    """A server with its database, Discord, publishers and channels; no process runs yet."""
    async with AsyncExitStack() as after:
        folder, server, database = await database_server(after)
        launcher = Launcher()
        after.callback(launcher.close)
        discord = await DiscordServer().start()
        after.push_async_callback(discord.stop)
        discord.shards = SHARDS
        discord.gateway.limits.period = IDENTIFY / speed
        opened = Fleet(folder, launcher, discord, server, database)
        after.push_async_callback(opened.stop)
        for number in range(SHARDS):
            feeds = await FeedServer().start(f"127.0.0.{number + 2}")
            after.push_async_callback(feeds.stop)
            place = folder / f"scene-{number}"
            place.mkdir()
            scene = Scene(
                discord, feeds, launcher, place, speed=speed, database=database, shard=(number, SHARDS)
            )
            if opened.scenes:
                scene.clock = opened.scenes[0].clock
            scene.first_number(10_000 * number)
            scene.catch_up_after = campaign.CATCH_UP_AFTER
            scene.build(campaign.PLACES)
            await scene.follow()
            opened.scenes.append(scene)
        discord.state.now = opened.scenes[0].clock.time
        await _hasten(opened)
        yield opened


async def _hasten(fleet: Fleet) -> None:
    """Let the clock of the database run as fast as the others."""
    clock = fleet.scenes[0].clock
    await fleet.insist(
        "CREATE OR REPLACE FUNCTION database_time() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE AS "
        f"$$ SELECT (1000 * ({clock.epoch!r} + (extract(epoch FROM clock_timestamp()) - {clock.epoch!r}) * "
        f"{clock.speed!r}))::BIGINT $$"
    )


async def suffer(running: Fleet, chance: random.Random, counts: Counter[str], kills: int) -> None:
    """Kill so often."""
    still: list[asyncio.Task[None]] = []
    while counts["kills"] < kills:
        await asyncio.sleep(chance.uniform(*BETWEEN))
        lot = chance.random()
        if lot < SERVER_KILLS:
            kill_all(running.server / "data")
            counts["servers"] += 1
            await asyncio.sleep(chance.uniform(0, 1.0))
            await start(running.server)
        elif lot < SERVER_KILLS + SESSION_CUTS:
            await running.insist(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            counts["cuts"] += 1
        else:
            alive = [bot for bot in running.bots if bot is not None and bot.status is None]
            if not alive:
                continue
            bot = chance.choice(alive)
            if lot > 1 - STOPS:
                counts["stops"] += 1
                os.kill(bot.pid, signal.SIGTERM)
            elif lot > 1 - STOPS - STANDSTILLS:
                counts["standstills"] += 1
                seconds = chance.uniform(*STILL) * LASTS / running.speed
                still.append(asyncio.create_task(stand_still(bot, seconds)))
            else:
                bot.kill()
        counts["kills"] += 1
    await asyncio.gather(*still)


async def stand_still(bot: BotProcess, seconds: float) -> None:
    """Stop a process without its knowledge, and let it go on."""
    os.kill(bot.pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    if bot.status is None:
        os.kill(bot.pid, signal.SIGCONT)


async def keep(running: Fleet, chance: random.Random, counts: Counter[str]) -> None:
    """Start again what ended, as a service manager does."""
    due: dict[int, float] = {}
    while True:
        await asyncio.sleep(0.1)
        now = time.monotonic()
        for number, bot in enumerate(running.bots):
            if bot is None or bot.status is None:
                due.pop(number, None)
            elif number not in due:
                due[number] = now + chance.uniform(*AWAY)
                counts["ended by themselves"] += bot.status > 0
            elif due[number] <= now:
                running.start(number)


async def run(kills: int, seed: int, speed: float) -> Counter[str]:
    """Kill so often while articles come; the counts."""
    chance, counts = random.Random(seed), Counter[str]()
    async with fleet(speed) as running:
        for number in range(len(ROLES)):
            running.start(number)
        running.discord.faults.weather = campaign.weather(chance, counts, speed, wrong=WRONG)
        suffering = asyncio.create_task(suffer(running, chance, counts, kills))
        keeping = asyncio.create_task(keep(running, chance, counts))
        written: list[list[int]] = [[] for _ in running.scenes]
        while not suffering.done():
            if running.unread(written) < MOST_UNREAD:
                await running.publish(chance.choice(BURSTS), written)
            await asyncio.sleep(BURST_EVERY)
            sys.stderr.write(f"{dict(counts)}, owed {running.owed()}\n")
        await suffering
        await running.insist("UPDATE feed SET next_poll = 0")
        try:
            await until(lambda: not running.owed() and not running.unread(written), within=PATIENCE)
        except TimeoutError:
            counts["unsettled"] += 1
        await asyncio.sleep((campaign.LATEST_ANSWER + campaign.LATEST_EFFECT + 5) / speed)
        keeping.cancel()
        await running.stop()
        for scene, numbers in zip(running.scenes, written, strict=True):
            campaign.count(scene, numbers, counts)
        for violation in running.discord.violations[:5]:
            sys.stderr.write(f"not as Discord describes it: {violation}\n")
        counts["doubled shards"] = len(running.discord.gateway.doubled)
        counts["early identifies"] = running.discord.gateway.limits.refused
        if counts["lost"] or counts["repeated"] or counts["hidden"] or counts["unsettled"]:
            shutil.copytree(
                running.folder, f"{tempfile.gettempdir()}/telex-process-kills", dirs_exist_ok=True
            )
    return counts


async def takeovers(times: int) -> tuple[list[float], list[float]]:
    """Seconds without a session: of a killed gateway's shards, each time the longest; of those that moved."""
    chance, took, moved = random.Random(1), list[float](), list[float]()
    async with fleet(1) as running:
        for number in (0, 1):
            running.start(number)
        everything = set(range(SHARDS))
        for number in range(times):
            await until(lambda: running.served() == everything, within=120)
            await asyncio.sleep(chance.uniform(6, 12))  # a renewal or more
            bot = running.bots[number % 2]
            assert bot is not None
            bot.kill()
            began = time.monotonic()
            await bot.ended()
            await until(lambda: running.served() != everything, within=10)
            await until(lambda: running.served() == everything, within=120)
            took.append(time.monotonic() - began)
            running.start(number % 2)
            moved += await back_in_balance(running)
            sys.stderr.write(f"{took[-1]:.1f} s, moved {moved}\n")
    return took, moved


async def back_in_balance(running: Fleet) -> list[float]:
    """Wait until both gateways have shards again; for how many seconds those that moved had no session.

    0 where that was too short to be seen.
    """
    everything, since, took = set(range(SHARDS)), dict[int, float](), list[float]()

    def is_over() -> bool:
        now, served = time.monotonic(), running.served()
        took.extend(now - since.pop(number) for number in served & since.keys())
        since.update({number: since.get(number, now) for number in everything - served})
        return not since and running.gateways() == ROLES.count("gateway")

    await until(is_over, within=300)
    return took or [0.0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--takeovers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--speed", type=float, default=6)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, began = promises.commit(), time.monotonic()
    if options.takeovers:
        took, moved = asyncio.run(takeovers(options.takeovers))
        most = TAKEN_OVER + IDENTIFY * SHARDS
        figure = (
            f"{len(took)} kills of one of two gateways with {SHARDS} shards: all served again after "
            f"{statistics.median(took):.0f} s as a rule, {max(took):.0f} s at the most (limit {most:.0f}); "
            f"{len(moved)} shards moved to the one that was started again, each without a session for "
            f"{statistics.median(moved):.1f} s as a rule, {max(moved):.1f} s at the most"
        )
        part, good = "takeovers", max(took) <= most
    else:
        counts = asyncio.run(run(options.kills, options.seed, options.speed))
        figure = (
            f"{counts['kills']:,} kills of two gateways and two pollers, {counts['servers']} of them of "
            f"the database server, {counts['cuts']} of all its sessions, {counts['stops']} orderly stops and "
            f"{counts['standstills']} standstills for longer than a lease; {counts['faults']:,} wrong "
            f"answers, {counts['articles']:,} posts in {len(campaign.PLACES)} kinds of channel on {SHARDS} "
            f"shards (seed {options.seed}): "
            f"lost {counts['lost']}, repeated {counts['repeated']}, hidden {counts['hidden']}"
        )
        part, good = "kills", not (counts["lost"] or counts["repeated"] or counts["hidden"])
        console.print(dict(counts))
    console.print(f"{figure}; {time.monotonic() - began:.0f} s")
    if options.record and good:
        promises.record(f"processes-{part}", figure, commit=commit)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
