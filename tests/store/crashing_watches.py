"""A process that finds out whom to tell until it is killed: `… DATABASE STATEMENT`, as `crashing` does."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sqlite3
import sys
from pathlib import Path

from bot.store import Store
from bot.watches.watch_matching import Watchman
from tests.clocks import ManualClock


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
    await Watchman(store).look()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
