"""A process that makes a digest until it is killed: `… DATABASE STATEMENT`, as `crashing` does."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sqlite3
import sys
from pathlib import Path

from bot.store import Store
from tests.clocks import ManualClock


async def main(path: Path, now: int, last: int) -> None:
    store = await Store.open(path, ManualClock(now))
    numbers = itertools.count(1)

    def count(_statement: str) -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(count)

    async with store._database.write() as transaction:
        await transaction.run(watch)
    (digest,) = await store.digests.due(now)
    await store.digests.recall(digest.id)
    gathered = await store.digests.candidates(digest, [], since=0, until=now)
    named = [one.article_id for one in gathered.candidates]
    await store.digests.make(digest, "{}", until=now, held=gathered.held, named=named)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
