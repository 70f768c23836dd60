"""A PostgreSQL server that is killed at random while a store writes to it: what is lost, what is said twice.

`python -m tests.benchmarks.server_kills [KILLS]` (30 unless said): a server of its own, `kill -9` of all its
processes or the end of single sessions at random moments. Articles come, are claimed and "sent" to a channel
that knows a message by its nonce, as Discord does.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg

from bot.core.clock import SystemClock
from bot.core.database_server import DatabaseServer
from bot.store import Store, StoreError
from tests import postgres_server
from tests.store.samples import CHANNEL, add_feed, follow, new_article, record


async def insist(store: Store, act) -> object:
    """Do something again and again, as the bot does after a fault."""
    while True:
        try:
            return await act()
        except StoreError:
            await asyncio.sleep(0.2)


def processes(data: Path) -> tuple[int, list[int]]:
    """The server's first process, and those it started."""
    first = int((data / "postmaster.pid").read_text().split()[0])
    return first, list(map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split()))


async def kill(data: Path, chance: random.Random, kills: int, done: asyncio.Event) -> float:
    """Kill the server, or one of its sessions; how long it took to be there again, at the most."""
    longest = 0.0
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        postmaster, children = processes(data)
        if chance.random() < 0.5:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(children), signal.SIGTERM)
            continue
        began = time.monotonic()
        for process in (postmaster, *children):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        await asyncio.sleep(chance.uniform(0, 1.0))
        while True:
            try:
                await asyncio.to_thread(postgres_server.start, data.parent)
            except subprocess.CalledProcessError:  # the last of the killed is not gone yet
                await asyncio.sleep(0.2)
            else:
                break
        longest = max(longest, time.monotonic() - began)
    done.set()
    return longest


async def main(kills: int) -> None:
    """Run it and print what came of it."""
    run = Path(tempfile.mkdtemp(prefix="telex-kills-"))
    address = postgres_server.join(run)
    data = Path(address.partition("host=")[2]) / "data"
    with psycopg.connect(address, autocommit=True) as connection:  # what is confirmed is to be on the disk
        connection.execute("ALTER ROLE postgres SET synchronous_commit = on")
    store = await Store.open(DatabaseServer(address), SystemClock())
    feed = await add_feed(store)
    await follow(store, feed)
    done = asyncio.Event()
    killing = asyncio.create_task(kill(data, random.Random(3), kills, done))
    told: dict[str, str] = {}
    posts: Counter[str] = Counter()
    number = 0
    while not done.is_set():
        number += 1
        article = new_article(feed, str(number))
        await insist(store, lambda article=article: record(store, feed, article, catch_up_after=10_000))
        while True:
            with suppress(StoreError):
                for left in await store.dispatches.interrupted():
                    await send(store, left.id, left.what, told, posts)
                claimed = await store.dispatches.claim(CHANNEL, store.clock.now())
                if claimed is None:
                    break
                await send(store, claimed.id, claimed.what, told, posts)
    longest = await killing
    rows = await store.articles.count()
    sys.stdout.write(
        f"{kills} kills, {number} articles: lost {number - len(posts)}, "
        f"repeated {sum(count - 1 for count in posts.values())}, kept {rows}; "
        f"back after {longest:.1f} s at the most\n"
    )
    await store.check()
    await store.close()
    postgres_server.leave(run)


async def send(store: Store, id_: int, what: str, told: dict[str, str], posts: Counter[str]) -> None:
    """A message with a nonce: the same one again is the same message."""
    if what not in told:
        told[what] = what
        posts[what] += 1
    await store.insist(
        lambda: store.dispatches.sent(id_, message_id=1_000 + id_, thread_id=None, now=store.clock.now())
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
