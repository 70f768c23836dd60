"""Benchmark of a process that hangs during a transaction on PostgreSQL: seconds that other writers wait.

    python -m benchmarks.standstills [--times 20] [--record]

A process that writes articles without a pause is suspended (SIGSTOP) at a random moment, most often in a
transaction. Printed are the median and the maximum of the seconds that the slowest of three writes of another process
takes. Exits 1 if one takes longer than 30 s. With `--record` the figure is written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import promises
from benchmarks.server_kills import kill_server, start_server
from bot.core.clock import SystemClock
from bot.core.configuration.database_url import DatabaseUrl
from bot.store import Store
from tests.support import postgres_server
from tests.support.samples import add_feed, make_new_article, write_poll

MAX_WAIT_SECONDS = 30.0
"""Limit for the time that a writer waits, in seconds."""
_ARTICLES_PER_WRITE = 200


async def write_forever(server: DatabaseUrl) -> None:
    """Write articles until the process is killed."""
    store = await Store.open(server, SystemClock())
    feed, number = await add_feed(store), 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        articles = [make_new_article(feed, f"{os.getpid()} {number + offset}") for offset in range(_ARTICLES_PER_WRITE)]
        await write_poll(store, feed, *articles, max_pending_posts=10_000)
        number += _ARTICLES_PER_WRITE


async def measure(times: int) -> list[float]:
    """Suspend `times` writing processes; return the longest wait of another writer in seconds, for each."""
    chance, waits = random.Random(4), []
    with ExitStack() as exit_stack:
        folder = Path(postgres_server.prepare_folder())
        exit_stack.callback(shutil.rmtree, folder, ignore_errors=True)
        initdb = ("initdb", "-D", str(folder / "data"), "--no-sync", "--auth=trust", "--username=postgres")
        postgres_server.run_program(folder, *initdb, "--encoding=UTF8", "--locale=C")
        await start_server(folder)
        exit_stack.callback(kill_server, folder / "data")
        address = f"postgresql://postgres@/postgres?host={folder}"
        store = await Store.open(DatabaseUrl(address), SystemClock())
        for _ in range(times):
            command = [sys.executable, "-m", "benchmarks.standstills", "--write", address]
            writer = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            assert writer.stdout is not None
            await writer.stdout.readline()
            await asyncio.sleep(chance.uniform(0.5, 1.5))
            writer.send_signal(signal.SIGSTOP)
            longest = 0.0
            for number in range(3):
                started_at = time.monotonic()
                await store.meta.set("written", str(number))
                longest = max(longest, time.monotonic() - started_at)
            waits.append(longest)
            writer.kill()
            await writer.wait()
        await store.close()
    return waits


def main() -> None:
    """Measure the waits, print the figure and exit with 1 if one is too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--write", help=argparse.SUPPRESS)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if options.write:
        asyncio.run(write_forever(DatabaseUrl(options.write)))
    commit = promises.describe_commit()
    waits = asyncio.run(measure(options.times))
    figure = (
        f"{len(waits)} processes suspended during a write: another writer waited {statistics.median(waits):.1f} s at "
        f"the median, {max(waits):.1f} s at most (limit {MAX_WAIT_SECONDS:.0f})"
    )
    sys.stdout.write(f"{figure}\n")
    is_good = max(waits) <= MAX_WAIT_SECONDS
    if options.record and is_good:
        promises.record("standstills", figure, commit=commit)
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
