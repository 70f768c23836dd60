"""A PostgreSQL server that fails while a store writes to it: what is lost, what is said twice.

`python -m tests.benchmarks.server_kills [kills|full|failover …] [--times 30] [--record]`, all unless said.
`kills`: a server of its own, `kill -9` of all its processes or the end of single sessions at random. `full`:
its disk has no room for a while. `failover`: it is killed, and a replica that has all that it confirmed takes
its place; the store is opened anew, as `telex run` is by whatever starts it. Articles come, are claimed and
"sent" to a channel that knows a message by its nonce, as Discord does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import psycopg

from bot.core.clock import SystemClock
from bot.core.database_url import DatabaseUrl
from bot.core.models import Feed, NewArticle
from bot.store import AlreadyRunning, Store, StoreError
from tests import postgres_server
from tests.benchmarks import promises
from tests.store.samples import CHANNEL, add_feed, follow, new_article, record
from tests.wire.disks import fill, make_room, small_disk
from tests.wire.waiting import until

ROOM = "200m"
SESSION_KILLS = 0.5  # part of the kills that hit one session, not the server


class Newsroom:
    """Articles come and are told, whatever the database does meanwhile."""

    def __init__(self, server: DatabaseUrl) -> None:
        self._server = server
        self._told: set[str] = set()
        self.posts: Counter[str] = Counter()
        self.articles = self.starts = 0
        self.faults: set[str] = set()
        self.store: Store
        self._feed: Feed

    async def open(self) -> None:
        """Open the database, as often as it takes."""
        while True:
            try:
                self.store = await Store.open(self._server, SystemClock())
            except StoreError:
                await asyncio.sleep(0.2)
            else:
                self.starts += 1
                return

    async def begin(self) -> None:
        """A feed and a channel that follows it."""
        await self.open()
        self._feed = await add_feed(self.store)
        await follow(self.store, self._feed)

    async def run(self, done: asyncio.Event) -> None:
        """Until it is done, and all is told."""
        while not done.is_set():
            self.articles += 1
            text = "What it tells. " * 200
            article = new_article(self._feed, str(self.articles), text=text)
            await self._insist(partial(self._record, article))
            await self._insist(self._deliver)
        await self._insist(self._deliver)

    async def goes_on(self) -> None:
        """Wait until an article that came from now on was told."""
        enough = self.articles + 2
        await until(lambda: self.articles >= enough, within=120)

    async def _insist(self, act: Callable[[], Awaitable[object]]) -> None:
        """Do something again and again, as the bot does after a fault."""
        while True:
            try:
                await act()
            except StoreError as error:
                self.faults.add(str(error))
                await asyncio.sleep(0.2)
                try:
                    await self.store.check_alive()
                except AlreadyRunning:
                    await self.store.close()
                    await self.open()
            else:
                return

    async def _record(self, article: NewArticle) -> None:
        await record(self.store, self._feed, article, catch_up_after=10_000)

    async def _deliver(self) -> None:
        for left in await self.store.dispatches.claimed():
            await self._send(left.id, left.dedupe_key)
        while (claimed := await self.store.dispatches.claim(CHANNEL)) is not None:
            await self._send(claimed.id, claimed.dedupe_key)

    async def _send(self, id_: int, what: str) -> None:
        """A message with a nonce: the same one again is the same message."""
        if what not in self._told:
            self._told.add(what)
            self.posts[what] += 1
        await self.store.dispatches.mark_sent(
            id_, message_id=1_000 + id_, thread_id=None, now=self.store.clock.now()
        )


def processes(data: Path) -> list[int]:
    """The server's first process, and those it started."""
    first = int((data / "postmaster.pid").read_text().split()[0])
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]


def kill_all(data: Path) -> None:
    """End a server as a machine does that loses its power."""
    for process in processes(data):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


async def start(folder: Path) -> None:
    """Start a server, as soon as the last of the killed is gone."""
    while True:
        try:
            return await asyncio.to_thread(postgres_server.start, folder)
        except subprocess.CalledProcessError:
            await asyncio.sleep(0.2)


async def kills(folder: Path, chance: random.Random) -> None:
    """Kill the server, or one of its sessions."""
    if chance.random() < SESSION_KILLS:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(processes(folder / "data")[1:]), signal.SIGTERM)
        return
    kill_all(folder / "data")
    await asyncio.sleep(chance.uniform(0, 1.0))
    await start(folder)


async def full(folder: Path, chance: random.Random) -> None:
    """Let its disk have no room for a while."""
    fill(folder / "disk")
    await asyncio.sleep(chance.uniform(0.5, 3.0))
    make_room(folder / "disk")
    if not (folder / "data" / "postmaster.pid").exists():  # it gave up
        await start(folder)


class Failover:
    """Two servers, of which the second has all that the first confirmed; they take turns."""

    def __init__(self, first: Path, second: Path) -> None:
        self._main, self._other = first, second

    async def replicate(self) -> None:
        """Make the other one a replica anew."""
        data = self._other / "data"
        shutil.rmtree(data)
        at = ("-h", str(self._main), "-U", "postgres")
        await asyncio.to_thread(
            postgres_server.run,
            self._other,
            "pg_basebackup",
            "-D",
            str(data),
            "-R",
            "-c",
            "fast",
            "--no-sync",
            *at,
        )
        await start(self._other)
        with _connected(self._main) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            state = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            await until(lambda: connection.execute(state).fetchone(), within=60)

    async def __call__(self, _folder: Path, chance: random.Random) -> None:
        """Kill one, let the other take its place, and make the first its replica."""
        kill_all(self._main / "data")
        await asyncio.sleep(chance.uniform(0, 1.0))
        self._main, self._other = self._other, self._main
        data = self._main / "data"
        (data / "postgresql.auto.conf").open("a").write("synchronous_standby_names = ''\n")
        await asyncio.to_thread(postgres_server.run, self._main, "pg_ctl", "-D", str(data), "-w", "promote")
        await asyncio.sleep(chance.uniform(0, 2.0))
        await self.replicate()


def _connected(folder: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True)


async def main(name: str, times: int) -> tuple[bool, str]:
    """Let it fail so often, and print what came of it; whether all is well."""
    chance = random.Random(3)
    with ExitStack() as after:
        folders = [Path(after.enter_context(tempfile.TemporaryDirectory(prefix="telex-faults-")))]
        address, act = await _prepared(name, folders, after)
        newsroom, done = Newsroom(DatabaseUrl(address)), asyncio.Event()
        await newsroom.begin()
        running, longest = asyncio.create_task(newsroom.run(done)), 0.0
        for _ in range(times):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            began = time.monotonic()
            await act(folders[0], chance)
            await newsroom.goes_on()
            longest = max(longest, time.monotonic() - began)
        done.set()
        await running
        lost = newsroom.articles - len(newsroom.posts)
        repeated = sum(count - 1 for count in newsroom.posts.values())
        kept = await newsroom.store.articles.count()
        await newsroom.store.check()
        await newsroom.store.close()
    told = (
        f"{name} {times} times, {newsroom.articles} articles: lost {lost}, repeated {repeated}, "
        f"the next one told after {longest:.1f} s at the most"
    )
    sys.stdout.write(
        f"{told}; kept {kept}, opened {newsroom.starts} times\n"
        f"  said: {'; '.join(sorted(newsroom.faults))[:600]}\n"
    )
    return not (lost or repeated) and kept == newsroom.articles, told


async def _prepared(
    name: str, folders: list[Path], after: ExitStack
) -> tuple[str, Callable[[Path, random.Random], Awaitable[None]]]:
    """A server with what is to befall it; its folder is the first of `folders` then."""
    first = Path(postgres_server.prepared())
    after.callback(shutil.rmtree, first, ignore_errors=True)
    after.callback(_stop, first)
    data, more = first / "data", []
    if name == "full":  # the log of what is written lies elsewhere, so that the server lives on
        disk = after.enter_context(small_disk(first, size=ROOM))
        shutil.move(data, disk / "data")
        shutil.chown(disk / "data", "nobody")  # who may mount a disk is root
        data.symlink_to(disk / "data")
        more = ["--waldir", str(first / "log-of-writes")]
    run = ("initdb", "-D", str(data), "--no-sync", "--auth=trust", "--username=postgres")
    postgres_server.run(first, *run, "--encoding=UTF8", "--locale=C", *more)
    await start(first)
    with _connected(first) as connection:  # what is confirmed is to be on the disk
        connection.execute("ALTER ROLE postgres SET synchronous_commit = on")
        connection.execute("CREATE DATABASE telex TEMPLATE template0 ENCODING 'UTF8'")
    folders.insert(0, first)
    hosts = str(first)
    act: Callable[[Path, random.Random], Awaitable[None]] = kills if name == "kills" else full
    if name == "failover":
        second = Path(postgres_server.prepared())
        after.callback(shutil.rmtree, second, ignore_errors=True)
        after.callback(_stop, second)
        hosts = f"{first},{second}"
        failover = Failover(first, second)
        await failover.replicate()
        act = failover
    return f"postgresql://postgres@/telex?host={hosts}", act


def _stop(folder: Path) -> None:
    with suppress(FileNotFoundError):
        kill_all(folder / "data")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["kills", "full", "failover"])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    commit = promises.commit()
    found = [asyncio.run(main(name, chosen.times)) for name in chosen.names]
    good = all(held for held, _told in found)
    if chosen.record and good:
        promises.record("servers", "; ".join(told for _held, told in found), commit=commit)
    sys.exit(not good)
