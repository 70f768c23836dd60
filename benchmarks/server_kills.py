"""Benchmark of PostgreSQL server failures while the store writes: articles lost or posted twice.

    python -m benchmarks.server_kills [kills] [full] [failover] [--times 30] [--record]

Articles are recorded, claimed and "sent" to a channel that recognizes a message by its nonce, as Discord does, while
the server fails `--times` times in each of these ways (all by default):

- `kills`: all processes of the server are killed, or one of its sessions.
- `full`: its disk is full for a while.
- `failover`: it is killed and its synchronous replica takes over; the store is reopened, as a restarted `telex run`
  does.

Printed are the articles lost and repeated, and the longest time from a failure until the next article was posted.
Exits 1 if an article is lost or repeated. With `--record` the figure is written to docs/PROMISES.md.
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
from tests.support.samples import CHANNEL, add_feed, follow_feed, make_new_article, write_poll
from tests.support.wire.disks import exhaust_disk, free_disk, mount_small_disk
from tests.support.wire.waiting import wait_until

DISK_SIZE = "200m"
SESSION_KILL_SHARE = 0.5  # Share of the kills that hit one session instead of the server.


class SimulatedNewsroom:
    """Recorder and sender of articles that retries after each failure of the database."""

    def __init__(self, server: DatabaseUrl) -> None:
        self._server = server
        self._sent_keys: set[str] = set()
        self.posts: Counter[str] = Counter()
        self.article_count = self.open_count = 0
        self.error_messages: set[str] = set()
        self.store: Store
        self._feed: Feed

    async def open(self) -> None:
        """Open the store, and retry until it succeeds."""
        while True:
            try:
                self.store = await Store.open(self._server, SystemClock())
            except StoreError:
                await asyncio.sleep(0.2)
            else:
                self.open_count += 1
                return

    async def prepare(self) -> None:
        """Open the store and follow a feed in a channel."""
        await self.open()
        self._feed = await add_feed(self.store)
        await follow_feed(self.store, self._feed)

    async def run(self, stop_event: asyncio.Event) -> None:
        """Record and deliver articles until the event is set and all are delivered."""
        while not stop_event.is_set():
            self.article_count += 1
            text = "Text of the article. " * 150
            article = make_new_article(self._feed, str(self.article_count), text=text)
            await self._retry(partial(self._record, article))
            await self._retry(self._deliver)
        await self._retry(self._deliver)

    async def wait_for_next_article(self) -> None:
        """Wait until an article that is recorded from now on was delivered."""
        target = self.article_count + 2
        await wait_until(lambda: self.article_count >= target, within=120)

    async def _retry(self, action: Callable[[], Awaitable[object]]) -> None:
        """Retry until the action succeeds, and reopen the store where the bot would restart."""
        while True:
            try:
                await action()
            except StoreError as error:
                self.error_messages.add(str(error))
                await asyncio.sleep(0.2)
                try:
                    await self.store.check_alive()
                except ProcessMustEnd:
                    await self.store.close()
                    await self.open()
            else:
                return

    async def _record(self, article: NewArticle) -> None:
        await write_poll(self.store, self._feed, article, max_pending_posts=10_000)

    async def _deliver(self) -> None:
        for dispatch in await self.store.dispatches.list_claimed():
            await self._send(dispatch.id, dispatch.dedupe_key)
        while (claimed_dispatch := await self.store.dispatches.claim(CHANNEL)) is not None:
            await self._send(claimed_dispatch.id, claimed_dispatch.dedupe_key)

    async def _send(self, dispatch_id: int, dedupe_key: str) -> None:
        """Send a message, unless its nonce was used before, and record it."""
        if dedupe_key not in self._sent_keys:
            self._sent_keys.add(dedupe_key)
            self.posts[dedupe_key] += 1
        await self.store.dispatches.mark_sent(
            dispatch_id, message_id=1_000 + dispatch_id, thread_id=None, sent_at=self.store.clock.now()
        )


def find_server_processes(data_folder: Path) -> list[int]:
    """Return the IDs of the server's main process and of its children."""
    main_pid = int((data_folder / "postmaster.pid").read_text().split()[0])
    return [main_pid, *map(int, Path(f"/proc/{main_pid}/task/{main_pid}/children").read_text().split())]


def kill_server(data_folder: Path) -> None:
    """Kill all processes of a server, as if its machine lost power."""
    for pid in find_server_processes(data_folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def start_server(folder: Path) -> None:
    """Start a server, and retry until its killed processes are gone."""
    while True:
        try:
            return await asyncio.to_thread(postgres_server.start_postgres, folder)
        except subprocess.CalledProcessError:
            await asyncio.sleep(0.2)


async def kill_server_or_session(folder: Path, chance: random.Random) -> None:
    """Kill the server and restart it, or kill one of its sessions."""
    if chance.random() < SESSION_KILL_SHARE:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(find_server_processes(folder / "data")[1:]), signal.SIGTERM)
        return
    kill_server(folder / "data")
    await asyncio.sleep(chance.uniform(0, 1.0))
    await start_server(folder)


async def fill_disk(folder: Path, chance: random.Random) -> None:
    """Fill the server's disk for a while, and restart the server if it stopped."""
    exhaust_disk(folder / "disk")
    await asyncio.sleep(chance.uniform(0.5, 3.0))
    free_disk(folder / "disk")
    if not (folder / "data" / "postmaster.pid").exists():
        await start_server(folder)


class Failover:
    """A primary server and its synchronous replica, which swap their roles at each call."""

    def __init__(self, first: Path, second: Path) -> None:
        self._primary, self._replica = first, second

    async def replicate(self) -> None:
        """Copy the primary to the replica's folder and start the replica."""
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
            await wait_until(lambda: connection.execute(state).fetchone(), within=60)

    async def __call__(self, _folder: Path, chance: random.Random) -> None:
        """Kill the primary, promote the replica, and make the killed server its replica."""
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
    """Let the server fail `times` times and print the figures; return whether all is well, and the figure."""
    chance = random.Random(3)
    with ExitStack() as exit_stack:
        folders = [Path(exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="telex-faults-")))]
        address, fail = await _prepare_server(name, folders, exit_stack)
        newsroom, stop_event = SimulatedNewsroom(DatabaseUrl(address)), asyncio.Event()
        await newsroom.prepare()
        newsroom_task, max_seconds = asyncio.create_task(newsroom.run(stop_event)), 0.0
        for _ in range(times):
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            failed_at = time.monotonic()
            await fail(folders[0], chance)
            await newsroom.wait_for_next_article()
            max_seconds = max(max_seconds, time.monotonic() - failed_at)
        stop_event.set()
        await newsroom_task
        lost_count = newsroom.article_count - len(newsroom.posts)
        repeated_count = sum(count - 1 for count in newsroom.posts.values())
        stored_count = await newsroom.store.articles.count()
        await newsroom.store.check()
        await newsroom.store.close()
    figure = (
        f"{name} {times} times, {newsroom.article_count} articles: lost {lost_count}, repeated {repeated_count}, "
        f"next article posted after at most {max_seconds:.1f} s"
    )
    sys.stdout.write(
        f"{figure}; {stored_count} articles stored, store opened {newsroom.open_count} times\n"
        f"  errors: {'; '.join(sorted(newsroom.error_messages))[:600]}\n"
    )
    return not (lost_count or repeated_count) and stored_count == newsroom.article_count, figure


async def _prepare_server(
    name: str, folders: list[Path], exit_stack: ExitStack
) -> tuple[str, Callable[[Path, random.Random], Awaitable[None]]]:
    """Start a server, put its folder first in `folders`; return its address and the function that makes it fail."""
    first = Path(postgres_server.prepare_folder())
    exit_stack.callback(shutil.rmtree, first, ignore_errors=True)
    exit_stack.callback(_kill_if_running, first)
    data_folder, initdb_options = first / "data", []
    if name == "full":  # The write-ahead log is on another disk, so that the server survives.
        disk = exit_stack.enter_context(mount_small_disk(first, size=DISK_SIZE))
        shutil.move(data_folder, disk / "data")
        shutil.chown(disk / "data", "nobody")  # Only root may mount a disk, and the server runs as nobody.
        data_folder.symlink_to(disk / "data")
        initdb_options = ["--waldir", str(first / "write-ahead-log")]
    run = ("initdb", "-D", str(data_folder), "--no-sync", "--auth=trust", "--username=postgres")
    postgres_server.run_program(first, *run, "--encoding=UTF8", "--locale=C", *initdb_options)
    await start_server(first)
    with _connect(first) as connection:  # A confirmed transaction must be on the disk.
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
    parser.add_argument(
        "names", nargs="*", metavar="FAILURE", default=["kills", "full", "failover"], help="kills, full or failover"
    )
    parser.add_argument("--times", type=int, default=30, help="number of failures of each type")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    outcomes = [asyncio.run(main(name, options.times)) for name in options.names]
    is_good = all(is_well for is_well, _figure in outcomes)
    if options.record and is_good:
        promises.record("servers", "; ".join(figure for _is_well, figure in outcomes), commit=commit)
    sys.exit(not is_good)
