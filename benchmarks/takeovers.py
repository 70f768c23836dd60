"""How long a shard is without a session when its gateway is killed.

    python -m benchmarks.takeovers [--times 10] [--record]

One of two gateways is killed again and again, at the true speed, with the pauses that Discord wants between sessions:
30 s, and 5 s for each shard of the process, at the most. The killed one is started again and gets its part of the
shards back: how long these are without one is told too.
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
from tests.support.wire.waiting import until

MAX_TAKEOVER_SECONDS = 30.0


async def measure_takeovers(times: int) -> tuple[list[float], list[float]]:
    """Seconds without a session: of a killed gateway's shards, each time the longest; of those that moved."""
    chance, takeover_seconds, moved_seconds = random.Random(1), list[float](), list[float]()
    async with open_fleet(1) as running_fleet:
        for number in (0, 1):
            running_fleet.start(number)
        all_shards = set(range(SHARDS))
        for number in range(times):
            await until(lambda: running_fleet.find_served_shards() == all_shards, within=120)
            await asyncio.sleep(chance.uniform(6, 12))  # a renewal or more
            bot = running_fleet.bots[number % 2]
            assert bot is not None
            bot.kill()
            killed_at = time.monotonic()
            await bot.wait_for_exit()
            await until(lambda: running_fleet.find_served_shards() != all_shards, within=10)
            await until(lambda: running_fleet.find_served_shards() == all_shards, within=120)
            takeover_seconds.append(time.monotonic() - killed_at)
            running_fleet.start(number % 2)
            moved_seconds += await wait_for_balance(running_fleet)
            sys.stderr.write(f"{takeover_seconds[-1]:.1f} s, moved {moved_seconds}\n")
    return takeover_seconds, moved_seconds


async def wait_for_balance(running_fleet: Fleet) -> list[float]:
    """Wait until both gateways have shards again; for how many seconds those that moved had no session.

    0 where that was too short to be seen.
    """
    all_shards, away_since, away_seconds = set(range(SHARDS)), dict[int, float](), list[float]()

    def is_over() -> bool:
        now, served = time.monotonic(), running_fleet.find_served_shards()
        away_seconds.extend(now - away_since.pop(number) for number in served & away_since.keys())
        away_since.update({number: away_since.get(number, now) for number in all_shards - served})
        return not away_since and running_fleet.count_gateways() == ROLES.count("gateway")

    await until(is_over, within=300)
    return away_seconds or [0.0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, started_at = promises.describe_commit(), time.monotonic()
    takeover_seconds, moved_seconds = asyncio.run(measure_takeovers(options.times))
    max_seconds = MAX_TAKEOVER_SECONDS + IDENTIFY_SECONDS * SHARDS
    figure = (
        f"{len(takeover_seconds)} kills of one of two gateways with {SHARDS} shards: all "
        f"served again after "
        f"{statistics.median(takeover_seconds):.0f} s as a rule, {max(takeover_seconds):.0f} "
        f"s at the most (limit {max_seconds:.0f}); "
        f"{len(moved_seconds)} shards moved to the one that was started again, each without a "
        f"session for "
        f"{statistics.median(moved_seconds):.1f} s as a rule, {max(moved_seconds):.1f} s at the most"
    )
    is_good = max(takeover_seconds) <= max_seconds
    Console(highlight=False, soft_wrap=True).print(f"{figure}; {time.monotonic() - started_at:.0f} s")
    if options.record and is_good:
        promises.record("processes-takeovers", figure, commit=commit)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
