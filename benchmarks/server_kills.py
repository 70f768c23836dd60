"""A PostgreSQL server that fails while a store writes to it: what is lost, what is said twice.

`python -m benchmarks.server_kills [kills|full|failover …] [--times 30] [--record]`, all unless said.
`kill_server_or_session`: a server of its own, `kill -9` of all its processes or the end of single sessions at
random. `fill_disk`: its disk has no room for a while. `failover`: it is killed, and a replica that has all
that it confirmed takes its place; the store is opened anew, as `telex run` is by whatever starts it. Articles
come, are claimed and "sent" to a channel that knows a message by its nonce, as Discord does.
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

from benchmarks import promises
from bot.core.clock import SystemClock
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.models import Feed, NewArticle
from bot.store import ProcessMustEnd, Store, StoreError
from tests.support import postgres_server
from tests.support.samples import CHANNEL, add_feed, follow, new_article, record
from tests.support.wire.disks import fill, make_room, small_disk
from tests.support.wire.waiting import until

DISK_SIZE = "200m"
SESSION_KILL_SHARE = 0.5  # part of the kills that hit one session, not the server


class SimulatedNewsroom:
    """Articles come and are told, whatever the database does meanwhile."""

    def __init__(self, server: DatabaseUrl) -> None:
        self._server = server
        self._sent_keys: set[str] = set()
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
            await self._retry(partial(self._record, article))
            await self._retry(self._deliver)
        await self._retry(self._deliver)

    async def wait_for_next_article(self) -> None:
        """Wait until an article that came from now on was told."""
        target = self.articles + 2
        await until(lambda: self.articles >= target, within=120)

    async def _retry(self, action: Callable[[], Awaitable[object]]) -> None:
        """Do something again and again, as the bot does after a fault."""
        while True:
            try:
                await action()
            except StoreError as error:
                self.faults.add(str(error))
                await asyncio.sleep(0.2)
                try:
                    await self.store.check_alive()
                except ProcessMustEnd:
                    await self.store.close()
                    await self.open()
            else:
                return

    async def _record(self, article: NewArticle) -> None:
        await record(self.store, self._feed, article, max_pending_posts=10_000)

    async def _deliver(self) -> None:
        for interrupted in await self.store.dispatches.list_claimed():
            await self._send(interrupted.id, interrupted.dedupe_key)
        while (claimed := await self.store.dispatches.claim(CHANNEL)) is not None:
            await self._send(claimed.id, claimed.dedupe_key)

    async def _send(self, id_: int, dedupe_key: str) -> None:
        """A message with a nonce: the same one again is the same message."""
        if dedupe_key not in self._sent_keys:
            self._sent_keys.add(dedupe_key)
            self.posts[dedupe_key] += 1
        await self.store.dispatches.mark_sent(
            id_, message_id=1_000 + id_, thread_id=None, sent_at=self.store.clock.now()
        )


def find_server_processes(data_folder: Path) -> list[int]:
    """The server's first process, and those it started."""
    first = int((data_folder / "postmaster.pid").read_text().split()[0])
    return [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]


def kill_server(data_folder: Path) -> None:
    """End a server as a machine does that loses its power."""
    for process in find_server_processes(data_folder):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


async def start_server(folder: Path) -> None:
    """Start a server, as soon as the last of the killed is gone."""
    while True:
        try:
            return await asyncio.to_thread(postgres_server.start, folder)
        except subprocess.CalledProcessError:
            await asyncio.sleep(0.2)


async def kill_server_or_session(folder: Path, chance: random.Random) -> None:
    """Kill the server, or one of its sessions."""
    if chance.random() < SESSION_KILL_SHARE:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(find_server_processes(folder / "data")[1:]), signal.SIGTERM)
        return
    kill_server(folder / "data")
    await asyncio.sleep(chance.uniform(0, 1.0))
    await start_server(folder)


async def fill_disk(folder: Path, chance: random.Random) -> None:
    """Let its disk have no room for a while."""
    fill(folder / "disk")
    await asyncio.sleep(chance.uniform(0.5, 3.0))
    make_room(folder / "disk")
    if not (folder / "data" / "postmaster.pid").exists():  # it gave up
        await start_server(folder)


class Failover:
    """Two servers, of which the second has all that the first confirmed; they take turns."""

    def __init__(self, first: Path, second: Path) -> None:
        self._primary, self._replica = first, second

    async def replicate(self) -> None:
        """Make the other one a replica anew."""
        replica_data = self._replica / "data"
        shutil.rmtree(replica_data)
        connection_options = ("-h", str(self._primary), "-U", "postgres")
        await asyncio.to_thread(
            postgres_server.run_program,
            self._replica,
            "pg_basebackup",
            "-D",
            str(replica_data),
            "-R",
            "-c",
            "fast",
            "--no-sync",
            *connection_options,
        )
        await start_server(self._replica)
        with _connect(self._primary) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            state = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            await until(lambda: connection.execute(state).fetchone(), within=60)

    async def __call__(self, _folder: Path, chance: random.Random) -> None:
        """Kill one, let the other take its place, and make the first its replica."""
        kill_server(self._primary / "data")
        await asyncio.sleep(chance.uniform(0, 1.0))
        self._primary, self._replica = self._replica, self._primary
        primary_data = self._primary / "data"
        (primary_data / "postgresql.auto.conf").open("a").write("synchronous_standby_names = ''\n")
        await asyncio.to_thread(
            postgres_server.run_program, self._primary, "pg_ctl", "-D", str(primary_data), "-w", "promote"
        )
        await asyncio.sleep(chance.uniform(0, 2.0))
        await self.replicate()


def _connect(folder: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True)


async def main(name: str, times: int) -> tuple[bool, str]:
    """Let it fail so often, and print what came of it; whether all is well."""
    chance = random.Random(3)
    with ExitStack() as exit_stack:
        folders = [Path(exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="telex-faults-")))]
        address, fail = await _prepare_server(name, folders, exit_stack)
        newsroom, done = SimulatedNewsroom(DatabaseUrl(address)), asyncio.Event()
        await newsroom.begin()
        newsroom_task, longest = asyncio.create_task(newsroom.run(done)), 0.0
        for _ in range(times):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            failed_at = time.monotonic()
            await fail(folders[0], chance)
            await newsroom.wait_for_next_article()
            longest = max(longest, time.monotonic() - failed_at)
        done.set()
        await newsroom_task
        lost = newsroom.articles - len(newsroom.posts)
        repeated = sum(count - 1 for count in newsroom.posts.values())
        article_count = await newsroom.store.articles.count()
        await newsroom.store.check()
        await newsroom.store.close()
    figure = (
        f"{name} {times} times, {newsroom.articles} articles: lost {lost}, repeated {repeated}, "
        f"the next one told after {longest:.1f} s at the most"
    )
    sys.stdout.write(
        f"{figure}; kept {article_count}, opened {newsroom.starts} times\n"
        f"  said: {'; '.join(sorted(newsroom.faults))[:600]}\n"
    )
    return not (lost or repeated) and article_count == newsroom.articles, figure


async def _prepare_server(
    name: str, folders: list[Path], exit_stack: ExitStack
) -> tuple[str, Callable[[Path, random.Random], Awaitable[None]]]:
    """A server with what is to befall it; its folder is the first of `folders` then."""
    first = Path(postgres_server.prepare_folder())
    exit_stack.callback(shutil.rmtree, first, ignore_errors=True)
    exit_stack.callback(_kill_if_running, first)
    data_folder, initdb_options = first / "data", []
    if name == "full":  # the log of what is written lies elsewhere, so that the server lives on
        disk = exit_stack.enter_context(small_disk(first, size=DISK_SIZE))
        shutil.move(data_folder, disk / "data")
        shutil.chown(disk / "data", "nobody")  # who may mount a disk is root
        data_folder.symlink_to(disk / "data")
        initdb_options = ["--waldir", str(first / "log-of-writes")]
    run = ("initdb", "-D", str(data_folder), "--no-sync", "--auth=trust", "--username=postgres")
    postgres_server.run_program(first, *run, "--encoding=UTF8", "--locale=C", *initdb_options)
    await start_server(first)
    with _connect(first) as connection:  # what is confirmed is to be on the disk
        connection.execute("ALTER ROLE postgres SET synchronous_commit = on")
        connection.execute("CREATE DATABASE telex TEMPLATE template0 ENCODING 'UTF8'")
    folders.insert(0, first)
    hosts = str(first)
    fail: Callable[[Path, random.Random], Awaitable[None]] = kill_server_or_session if name == "kills" else fill_disk
    if name == "failover":
        second = Path(postgres_server.prepare_folder())
        exit_stack.callback(shutil.rmtree, second, ignore_errors=True)
        exit_stack.callback(_kill_if_running, second)
        hosts = f"{first},{second}"
        failover = Failover(first, second)
        await failover.replicate()
        fail = failover
    return f"postgresql://postgres@/telex?host={hosts}", fail


def _kill_if_running(folder: Path) -> None:
    with suppress(FileNotFoundError):
        kill_server(folder / "data")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["kills", "full", "failover"])
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    outcomes = [asyncio.run(main(name, options.times)) for name in options.names]
    good = all(held for held, _told in outcomes)
    if options.record and good:
        promises.record("servers", "; ".join(told for _held, told in outcomes), commit=commit)
    sys.exit(not good)
