"""Two gateways and two pollers on one PostgreSQL server, for benchmarks that kill them.

They are `telex run` processes with the roles of the compose file, on the stand-in for Discord. Each of three
publishers is followed in a server on its own shard, in all types of channels of `benchmarks.campaign`. All clocks,
including the database's, can run faster than real time.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec

import psycopg

from benchmarks import campaign
from benchmarks.server_kills import kill_server, start_server
from benchmarks.server_members import ServerMembers
from bot.core.configuration.database_url import DatabaseUrl
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.processes.leases import SHARD_LEASE_KIND
from tests.store import sql
from tests.support import postgres_server, store_probe
from tests.support.feed_server import FeedServer
from tests.support.shared_data import load_discord_contract
from tests.support.store_probe import Column
from tests.support.wire.bot_process import BotProcess, Launcher
from tests.support.wire.scene import Scene

ROLES = ("gateway", "gateway", "poller", "poller")
SHARDS = 3
MAX_UNPOLLED = 60  # A publisher's document has only the last hundred articles.
IDENTIFY_SECONDS = 5.0

P = ParamSpec("P")


@dataclass
class Fleet:
    """The processes with their database, the stand-in for Discord, the publishers and the members."""

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
        """Start the process with this number and return it."""
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
        """Publish articles in each feed, and one on the muted story; add their numbers and make the feeds due."""
        for scene, members, numbers in zip(self.scenes, self.members, numbers_by_scene, strict=True):
            numbers.extend(scene.add_articles(count))
            numbers.extend(members.publish_muted_article())
        await self.make_due()

    def count_unpolled(self, numbers_by_scene: list[list[int]]) -> int:
        """Return the largest number of articles of a publisher not stored yet; the maximum if the database is down."""
        try:
            stored_numbers = self.scenes[0].load_stored_numbers()
        except psycopg.Error:
            return MAX_UNPOLLED
        return max(sum(number not in stored_numbers for number in numbers) for numbers in numbers_by_scene)

    async def make_due(self) -> None:
        """Make all feeds due."""
        await self.change_database(store_probe.set_column, self.database, Column.FEED_NEXT_POLL_AT, 0)

    async def change_database(self, change: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> None:
        """Call `change` with the arguments, and retry while the database is down."""
        while True:
            try:
                await asyncio.to_thread(change, *arguments, **options)
            except psycopg.Error:
                await asyncio.sleep(0.2)
            else:
                return

    def count_open_dispatches(self) -> int:
        """Return the number of unfinished dispatches; 1 if the database is down."""
        try:
            return self.scenes[0].count_open_dispatches()
        except psycopg.Error:
            return 1

    def count_gateways(self) -> int:
        """Return the number of processes that hold shard leases."""
        leases = store_probe.load_rows(self.database, "lease")
        return len({lease["owner"] for lease in leases if lease["kind"] == SHARD_LEASE_KIND})

    def find_connected_shards(self) -> set[int]:
        """Return the shards that have a session."""
        return {session.shard[0] for session, _line in self.discord.gateway.connections if session.shard is not None}

    async def stop(self) -> None:
        """Kill all processes."""
        for bot in self.bots:
            if bot is not None:
                bot.kill()
                await bot.wait_for_exit()


async def open_database_server(exit_stack: AsyncExitStack) -> tuple[Path, Path, DatabaseUrl]:
    """Start a PostgreSQL server with an empty database; return a folder, the server's folder and the address."""
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
    """Open a database server, the stand-in, publishers and channels; yield the fleet before any process starts."""
    async with AsyncExitStack() as exit_stack:
        folder, server, database = await open_database_server(exit_stack)
        launcher = Launcher()
        exit_stack.callback(launcher.close)
        discord = await DiscordServer(load_discord_contract()).start()
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
            scene.skip_numbers(10_000 * number)
            scene.catch_up_after = campaign.CATCH_UP_AFTER
            scene.create_channels(campaign.PLACES)
            await scene.follow_feed()
            new_fleet.scenes.append(scene)
            new_fleet.members.append(members := ServerMembers(scene))
            await members.prepare()
        discord.state.now = new_fleet.scenes[0].clock.time
        await _hasten_database_clock(new_fleet)
        yield new_fleet


async def _hasten_database_clock(fleet: Fleet) -> None:
    """Make the clock of the database run as fast as the others."""
    clock = fleet.scenes[0].clock
    await fleet.change_database(
        sql.run,
        fleet.database,
        "CREATE OR REPLACE FUNCTION database_time() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE AS "
        f"$$ SELECT (1000 * ({clock.epoch!r} + (extract(epoch FROM clock_timestamp()) - {clock.epoch!r}) * "
        f"{clock.speed!r}))::BIGINT $$",
    )
