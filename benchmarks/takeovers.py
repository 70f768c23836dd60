"""Benchmark of shard takeover: seconds that shards have no session after their gateway was killed.

    python -m benchmarks.takeovers [--times 10] [--record]

One of two gateways is killed repeatedly, in real time, with the pauses that Discord requires between sessions.
Printed are the seconds until all shards had a session again, and, after the killed gateway was restarted, the
seconds that the shards that moved back to it had none. Exits 1 if a takeover took longer than 30 s plus 5 s per
shard. With `--record` the figure is written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time

from rich.console import Console

from benchmarks import promises
from benchmarks.process_fleet import IDENTIFY_SECONDS, ROLES, SHARDS, Fleet, open_fleet
from tests.support.wire.waiting import wait_until

MAX_TAKEOVER_SECONDS = 30.0


async def measure_takeovers(times: int) -> tuple[list[float], list[float]]:
    """Kill a gateway `times` times; return the seconds of each takeover and of each later move without a session."""
    chance, takeover_seconds, moved_seconds = random.Random(1), list[float](), list[float]()
    async with open_fleet(1) as running_fleet:
        for number in (0, 1):
            running_fleet.start(number)
        all_shards = set(range(SHARDS))
        for number in range(times):
            await wait_until(lambda: running_fleet.find_connected_shards() == all_shards, within=120)
            await asyncio.sleep(chance.uniform(6, 12))  # At least one renewal of the leases.
            bot = running_fleet.bots[number % 2]
            assert bot is not None
            bot.kill()
            killed_at = time.monotonic()
            await bot.wait_for_exit()
            await wait_until(lambda: running_fleet.find_connected_shards() != all_shards, within=10)
            await wait_until(lambda: running_fleet.find_connected_shards() == all_shards, within=120)
            takeover_seconds.append(time.monotonic() - killed_at)
            running_fleet.start(number % 2)
            moved_seconds += await wait_for_balance(running_fleet)
            sys.stderr.write(f"{takeover_seconds[-1]:.1f} s, moved {moved_seconds}\n")
    return takeover_seconds, moved_seconds


async def wait_for_balance(running_fleet: Fleet) -> list[float]:
    """Wait until both gateways have shards again; return the seconds that each moved shard had no session.

    A single 0.0 is returned if no interruption was long enough to be observed.
    """
    all_shards, disconnected_at, sessionless_seconds = set(range(SHARDS)), dict[int, float](), list[float]()

    def is_balanced() -> bool:
        now, connected_shards = time.monotonic(), running_fleet.find_connected_shards()
        sessionless_seconds.extend(
            now - disconnected_at.pop(number) for number in connected_shards & disconnected_at.keys()
        )
        disconnected_at.update({number: disconnected_at.get(number, now) for number in all_shards - connected_shards})
        return not disconnected_at and running_fleet.count_gateways() == ROLES.count("gateway")

    await wait_until(is_balanced, within=300)
    return sessionless_seconds or [0.0]


def main() -> None:
    """Measure the takeovers, print the figure and exit with 1 if one took too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, started_at = promises.describe_commit(), time.monotonic()
    takeover_seconds, moved_seconds = asyncio.run(measure_takeovers(options.times))
    max_seconds = MAX_TAKEOVER_SECONDS + IDENTIFY_SECONDS * SHARDS
    figure = (
        f"{len(takeover_seconds)} kills of one of two gateways with {SHARDS} shards: all connected again after "
        f"{statistics.median(takeover_seconds):.0f} s at the median, {max(takeover_seconds):.0f} s at most "
        f"(limit {max_seconds:.0f}); {len(moved_seconds)} shards moved to the restarted gateway, without a session "
        f"for {statistics.median(moved_seconds):.1f} s at the median, {max(moved_seconds):.1f} s at most"
    )
    is_good = max(takeover_seconds) <= max_seconds
    Console(highlight=False, soft_wrap=True).print(f"{figure}; {time.monotonic() - started_at:.0f} s")
    if options.record and is_good:
        promises.record("processes-takeovers", figure, commit=commit)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
