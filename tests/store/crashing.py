"""A process that records polls until it is killed: `python -m tests.store.crashing DATABASE STATEMENT`.

It kills itself before it runs the statement of that number since the database was opened, or at the end.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

from bot.core.models import Validators
from bot.store import Store
from bot.store.records import ChangedArticle
from tests.clocks import ManualClock
from tests.store.samples import new_article


async def main(path: Path, last: int) -> None:
    store = await Store.open(path, ManualClock())
    numbers = itertools.count(1)

    def count(_statement: str) -> None:
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(count)

    async with store._database.write() as transaction:
        await transaction.run(watch)
    feed = await store.feeds.get(1)
    assert feed is not None
    await store.polls.record(
        replace(feed, validators=Validators(etag="second"), last_success=store.clock.now()),
        new=[new_article(feed, f"new-{number}", published=number) for number in range(6)],
        changed=[ChangedArticle(1, new_article(feed, "old", title="Changed"))],
        aliases=[(b"alias", 1)],
        catch_up_after=3,
        first=False,
    )
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
