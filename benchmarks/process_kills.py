"""Several processes on one PostgreSQL server, killed at random: articles lost, repeated, hidden.

    python -m benchmarks.process_kills [--kills 300] [--seed N] [--speed 6] [--record]
    python -m benchmarks.process_kills --takeovers 10 [--record]

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
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec

import psycopg
from rich.console import Console

from benchmarks import campaign, promises
from benchmarks.server_kills import kill_server, start_server
from benchmarks.server_members import ServerMembers
from bot.core.database_url import DatabaseUrl
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.processes.leases import LEASE_SECONDS, SHARD_LEASE_KIND
from tests.store import sql
from tests.support import postgres_server, store_probe
from tests.support.feed_server import FeedServer
from tests.support.shared_data import discord_contract
from tests.support.store_probe import Column
from tests.support.wire.bot_process import BotProcess, Launcher
from tests.support.wire.scene import Scene
from tests.support.wire.waiting import until

ROLES = ("gateway", "gateway", "poller", "poller")
SHARDS = 3
FAULT_SHARE = 0.08
SERVER_KILLS, SESSION_CUTS, STOPS, STANDSTILLS = 0.08, 0.12, 0.1, 0.2  # parts of all kills
KILL_INTERVAL_SECONDS = (1.0, 4.0)  # seconds from one kill to the next
STANDSTILL_FACTORS = (1.1, 2.0)  # times as long as leases last
RESTART_DELAY_SECONDS = (0.0, 3.0)  # until a killed process is started again
BURSTS = (1, 2, 3, 5, 8, 20)
BURST_INTERVAL_SECONDS = 5.0
MAX_UNREAD = 60  # articles of a publisher, whose document has the last hundred
MAX_SETTLE_SECONDS = 900.0
IDENTIFY_SECONDS = 5.0
MAX_TAKEOVER_SECONDS = 30.0
ARTICLES = "https://news.example/articles/"

console = Console(highlight=False, soft_wrap=True)


P = ParamSpec("P")


@dataclass
class Fleet:
    """The processes, the database and what goes on around them."""

    folder: Path
    launcher: Launcher
    discord: DiscordServer
    server: Path
    database: DatabaseUrl
    scenes: list[Scene] = field(default_factory=list)
    members: list[ServerMembers] = field(default_factory=list)
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

    async def publish(self, count: int, numbers_by_scene: list[list[int]]) -> None:
        """Each publisher brings out some articles and one on the muted story, which are due to be fetched."""
        for scene, members, numbers in zip(self.scenes, self.members, numbers_by_scene, strict=True):
            numbers.extend(scene.write(count))
            numbers.extend(members.write_on_muted_story())
        await self.make_due()

    def count_unread(self, numbers_by_scene: list[list[int]]) -> int:
        """How many articles of a publisher, at the most, were not fetched yet; many where nobody can tell."""
        try:
            stored_numbers = self.scenes[0].stored_numbers()
        except psycopg.Error:
            return MAX_UNREAD
        return max(sum(number not in stored_numbers for number in numbers) for numbers in numbers_by_scene)

    async def make_due(self) -> None:
        """Let all feeds be due."""
        await self.change_database(store_probe.set_column, self.database, Column.FEED_NEXT_POLL_AT, 0)

    async def change_database(self, change: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> None:
        """Change something in the database, as soon as it is there."""
        while True:
            try:
                await asyncio.to_thread(change, *arguments, **options)
            except psycopg.Error:
                await asyncio.sleep(0.2)
            else:
                return

    def count_open_dispatches(self) -> int:
        """How many dispatches are not over; one where nobody can tell."""
        try:
            return self.scenes[0].open_dispatches()
        except psycopg.Error:
            return 1

    def count_gateways(self) -> int:
        """How many processes have shards."""
        leases = store_probe.load_rows(self.database, "lease")
        return len({lease["owner"] for lease in leases if lease["kind"] == SHARD_LEASE_KIND})

    def find_served_shards(self) -> set[int]:
        """The shards that have a session."""
        return {session.shard[0] for session, _line in self.discord.gateway.connections if session.shard is not None}

    async def stop(self) -> None:
        """End all processes."""
        for bot in self.bots:
            if bot is not None:
                bot.kill()
                await bot.wait_for_exit()


async def open_database_server(exit_stack: AsyncExitStack) -> tuple[Path, Path, DatabaseUrl]:
    """A server of one's own with an empty database: a folder for other things, the server's, its address."""
    server = Path(postgres_server.prepare_folder())
    exit_stack.callback(shutil.rmtree, server, ignore_errors=True)
    initdb = ("initdb", "-D", str(server / "data"), "--no-sync", "--auth=trust", "--username=postgres")
    postgres_server.run_program(server, *initdb, "--encoding=UTF8", "--locale=C")
    await start_server(server)
    exit_stack.callback(kill_server, server / "data")
    with psycopg.connect(f"postgresql://postgres@/postgres?host={server}", autocommit=True) as admin:
        admin.execute("ALTER ROLE postgres SET synchronous_commit = on")
        admin.execute("CREATE DATABASE telex TEMPLATE template0 ENCODING 'UTF8'")
    folder = Path(exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="telex-processes-")))
    return folder, server, DatabaseUrl(f"postgresql://postgres@/telex?host={server}")


@asynccontextmanager
async def open_fleet(speed: float) -> AsyncIterator[Fleet]:
    """A server with its database, Discord, publishers and channels; no process runs yet."""
    async with AsyncExitStack() as exit_stack:
        folder, server, database = await open_database_server(exit_stack)
        launcher = Launcher()
        exit_stack.callback(launcher.close)
        discord = await DiscordServer(discord_contract()).start()
        exit_stack.push_async_callback(discord.stop)
        discord.shard_count = SHARDS
        discord.gateway.limits.min_start_interval_seconds = IDENTIFY_SECONDS / speed
        new_fleet = Fleet(folder, launcher, discord, server, database)
        exit_stack.push_async_callback(new_fleet.stop)
        for number in range(SHARDS):
            feeds = await FeedServer().start(f"127.0.0.{number + 2}")
            exit_stack.push_async_callback(feeds.stop)
            scene_folder = folder / f"scene-{number}"
            scene_folder.mkdir()
            scene = Scene(
                discord, feeds, launcher, scene_folder, speed=speed, database=database, shard=(number, SHARDS)
            )
            if new_fleet.scenes:
                scene.clock = new_fleet.scenes[0].clock
            scene.first_number(10_000 * number)
            scene.catch_up_after = campaign.CATCH_UP_AFTER
            scene.build(campaign.PLACES)
            await scene.follow()
            new_fleet.scenes.append(scene)
            new_fleet.members.append(members := ServerMembers(scene))
            await members.prepare()
        discord.state.now = new_fleet.scenes[0].clock.time
        await _hasten_database_clock(new_fleet)
        yield new_fleet


async def _hasten_database_clock(fleet: Fleet) -> None:
    """Let the clock of the database run as fast as the others."""
    clock = fleet.scenes[0].clock
    await fleet.change_database(
        sql.run,
        fleet.database,
        "CREATE OR REPLACE FUNCTION database_time() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE AS "
        f"$$ SELECT (1000 * ({clock.epoch!r} + (extract(epoch FROM clock_timestamp()) - {clock.epoch!r}) * "
        f"{clock.speed!r}))::BIGINT $$",
    )


async def kill_randomly(running_fleet: Fleet, chance: random.Random, counts: Counter[str], kills: int) -> None:
    """Kill so often."""
    standstills: list[asyncio.Task[None]] = []
    while counts["kills"] < kills:
        await asyncio.sleep(chance.uniform(*KILL_INTERVAL_SECONDS))
        draw = chance.random()
        if draw < SERVER_KILLS:
            kill_server(running_fleet.server / "data")
            counts["servers"] += 1
            await asyncio.sleep(chance.uniform(0, 1.0))
            await start_server(running_fleet.server)
        elif draw < SERVER_KILLS + SESSION_CUTS:
            await running_fleet.change_database(
                sql.run,
                running_fleet.database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
            )
            counts["cuts"] += 1
        else:
            alive = [bot for bot in running_fleet.bots if bot is not None and bot.status is None]
            if not alive:
                continue
            bot = chance.choice(alive)
            if draw > 1 - STOPS:
                counts["stops"] += 1
                os.kill(bot.pid, signal.SIGTERM)
            elif draw > 1 - STOPS - STANDSTILLS:
                counts["standstills"] += 1
                seconds = chance.uniform(*STANDSTILL_FACTORS) * LEASE_SECONDS / running_fleet.speed
                standstills.append(asyncio.create_task(stand_still(bot, seconds)))
            else:
                bot.kill()
        counts["kills"] += 1
    await asyncio.gather(*standstills)


async def stand_still(bot: BotProcess, seconds: float) -> None:
    """Stop a process without its knowledge, and let it go on."""
    os.kill(bot.pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    if bot.status is None:
        os.kill(bot.pid, signal.SIGCONT)


async def restart_ended(running_fleet: Fleet, chance: random.Random, counts: Counter[str]) -> None:
    """Start again what ended, as a service manager does."""
    due_at: dict[int, float] = {}
    while True:
        await asyncio.sleep(0.1)
        now = time.monotonic()
        for number, bot in enumerate(running_fleet.bots):
            if bot is None or bot.status is None:
                due_at.pop(number, None)
            elif number not in due_at:
                due_at[number] = now + chance.uniform(*RESTART_DELAY_SECONDS)
                counts["ended by themselves"] += bot.status > 0
            elif due_at[number] <= now:
                running_fleet.start(number)


async def run(kills: int, seed: int, speed: float) -> Counter[str]:
    """Kill so often while articles come; the counts."""
    chance, counts = random.Random(seed), Counter[str]()
    async with open_fleet(speed) as running_fleet:
        for number in range(len(ROLES)):
            running_fleet.start(number)
        running_fleet.discord.faults.find_unscripted_fault = campaign.make_fault_source(
            chance, counts, speed, fault_share=FAULT_SHARE
        )
        kill_task = asyncio.create_task(kill_randomly(running_fleet, chance, counts, kills))
        restart_task = asyncio.create_task(restart_ended(running_fleet, chance, counts))
        proposal_tasks = [
            asyncio.create_task(members.propose_until(kill_task, random.Random(f"{seed}:{number}")))
            for number, members in enumerate(running_fleet.members)
        ]
        numbers_by_scene: list[list[int]] = [[] for _ in running_fleet.scenes]
        while not kill_task.done():
            if running_fleet.count_unread(numbers_by_scene) < MAX_UNREAD:
                await running_fleet.publish(chance.choice(BURSTS), numbers_by_scene)
            await asyncio.sleep(BURST_INTERVAL_SECONDS)
            sys.stderr.write(f"{dict(counts)}, owed {running_fleet.count_open_dispatches()}\n")
        await asyncio.gather(kill_task, *proposal_tasks)
        await running_fleet.make_due()
        try:
            await until(
                lambda: not running_fleet.count_open_dispatches() and not running_fleet.count_unread(numbers_by_scene),
                within=MAX_SETTLE_SECONDS,
            )
            await until(lambda: not any(members.list_open_messages() for members in running_fleet.members))
        except TimeoutError:
            counts["unsettled"] += 1
        await asyncio.sleep((campaign.LATEST_ANSWER + campaign.LATEST_EFFECT + 5) / speed)
        restart_task.cancel()
        await running_fleet.stop()
        for scene, members, numbers in zip(running_fleet.scenes, running_fleet.members, numbers_by_scene, strict=True):
            campaign.count_outcomes(scene, [number for number in numbers if not members.is_muted(number)], counts)
            members.count_outcomes(counts)
        for violation in running_fleet.discord.violations[:5]:
            sys.stderr.write(f"not as Discord describes it: {violation}\n")
        counts["doubled shards"] = len(running_fleet.discord.gateway.duplicate_shards)
        counts["early identifies"] = running_fleet.discord.gateway.limits.refused_count
        if is_faulty(counts) or counts["unsettled"]:
            shutil.copytree(running_fleet.folder, f"{tempfile.gettempdir()}/telex-process-kills", dirs_exist_ok=True)
    return counts


def is_faulty(counts: Counter[str]) -> bool:
    """Whether an article or a proposal was lost or repeated, or is not where it should be."""
    return any(counts[name] for name in ("lost", "repeated", "hidden", "unmuted", "wrong mentions", "misdecided"))


async def measure_takeovers(times: int) -> tuple[list[float], list[float]]:
    """Seconds without a session: of a killed gateway's shards, each time the longest; of those that moved."""
    chance, takeover_seconds, moved_seconds = random.Random(1), list[float](), list[float]()
    async with open_fleet(1) as running_fleet:
        for number in (0, 1):
            running_fleet.start(number)
        all_shards = set(range(SHARDS))
        for number in range(times):
            await until(lambda: running_fleet.find_served_shards() == all_shards, within=120)
            await asyncio.sleep(chance.uniform(6, 12))  # a renewal or more
            bot = running_fleet.bots[number % 2]
            assert bot is not None
            bot.kill()
            killed_at = time.monotonic()
            await bot.wait_for_exit()
            await until(lambda: running_fleet.find_served_shards() != all_shards, within=10)
            await until(lambda: running_fleet.find_served_shards() == all_shards, within=120)
            takeover_seconds.append(time.monotonic() - killed_at)
            running_fleet.start(number % 2)
            moved_seconds += await wait_for_balance(running_fleet)
            sys.stderr.write(f"{takeover_seconds[-1]:.1f} s, moved {moved_seconds}\n")
    return takeover_seconds, moved_seconds


async def wait_for_balance(running_fleet: Fleet) -> list[float]:
    """Wait until both gateways have shards again; for how many seconds those that moved had no session.

    0 where that was too short to be seen.
    """
    all_shards, away_since, away_seconds = set(range(SHARDS)), dict[int, float](), list[float]()

    def is_over() -> bool:
        now, served = time.monotonic(), running_fleet.find_served_shards()
        away_seconds.extend(now - away_since.pop(number) for number in served & away_since.keys())
        away_since.update({number: away_since.get(number, now) for number in all_shards - served})
        return not away_since and running_fleet.count_gateways() == ROLES.count("gateway")

    await until(is_over, within=300)
    return away_seconds or [0.0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--takeovers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--speed", type=float, default=6)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, started_at = promises.describe_commit(), time.monotonic()
    if options.takeovers:
        takeover_seconds, moved_seconds = asyncio.run(measure_takeovers(options.takeovers))
        max_seconds = MAX_TAKEOVER_SECONDS + IDENTIFY_SECONDS * SHARDS
        figure = (
            f"{len(takeover_seconds)} kills of one of two gateways with {SHARDS} shards: all "
            f"served again after "
            f"{statistics.median(takeover_seconds):.0f} s as a rule, {max(takeover_seconds):.0f} "
            f"s at the most (limit {max_seconds:.0f}); "
            f"{len(moved_seconds)} shards moved to the one that was started again, each without a "
            f"session for "
            f"{statistics.median(moved_seconds):.1f} s as a rule, {max(moved_seconds):.1f} s at the most"
        )
        figure_name, is_good = "takeovers", max(takeover_seconds) <= max_seconds
    else:
        counts = asyncio.run(run(options.kills, options.seed, options.speed))
        figure = (
            f"{counts['kills']:,} kills of two gateways and two pollers, {counts['servers']} of them of "
            f"the database server, {counts['cuts']} of all its sessions, {counts['stops']} orderly stops and "
            f"{counts['standstills']} standstills for longer than a lease; {counts['faults']:,} wrong "
            f"answers, {counts['articles']:,} posts in {len(campaign.PLACES)} kinds of channel on {SHARDS} "
            f"shards (seed {options.seed}): "
            f"lost {counts['lost']}, repeated {counts['repeated']}, hidden {counts['hidden']}; "
            f"{counts['muted']:,} times an article of a muted story: not withheld once {counts['unmuted']}; "
            f"{counts['mentions']:,} mentions of a role: not notified once {counts['wrong mentions']}; "
            f"{counts['proposals']:,} proposals, each decided by two managers at once ({counts['approved']} accepted): "
            f"not shown, decided and announced once {counts['misdecided']}"
        )
        figure_name, is_good = "kills", not is_faulty(counts)
        console.print(dict(counts))
    console.print(f"{figure}; {time.monotonic() - started_at:.0f} s")
    if options.record and is_good:
        promises.record(f"processes-{figure_name}", figure, commit=commit)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
