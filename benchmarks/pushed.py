"""Benchmark of WebSub: seconds from a hub's push to the post of its article.

    python -m benchmarks.pushed [PUSHES]

A real `telex run` with a hub on loopback and the stand-in for Discord. Printed are the median and the maximum;
exits 1 if a post took longer than two seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bot.drill.discord_stand_in.discord_server import DiscordServer
from tests.support.feed_server import FeedServer
from tests.support.shared_data import load_discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.scene import open_scene
from tests.support.wire.waiting import wait_until
from tests.support.wire.websub_hub import WebSubHub

MAX_DELAY_SECONDS = 2.0
"""Limit for the time from a push to its post, in seconds."""
MAX_PAUSE_SECONDS = 3.0
"""Longest random pause between two pushes, in seconds."""


async def measure(pushes: int) -> list[float]:
    """Push articles and return the seconds from each push to its post."""
    launcher, discord, feeds = (
        Launcher(),
        await DiscordServer(load_discord_contract()).start(),
        await FeedServer().start(),
    )
    delays: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(discord, feeds, launcher, Path(folder), speed=1, kinds=("text",)) as scene:
            hub = WebSubHub(feeds)
            await hub.confirm_subscription(scene)
            await scene.wait_until_settled()
            for number in range(2, pushes + 2):
                await asyncio.sleep(random.uniform(0, MAX_PAUSE_SECONDS))
                pushed_at = time.monotonic()
                await hub.push(number)
                await wait_until(lambda expected_number=number: scene.count_posts("text")[expected_number])  # type: ignore[misc]
                delays.append(time.monotonic() - pushed_at)
    await discord.stop()
    await feeds.stop()
    launcher.close()
    return delays


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pushes", type=int, nargs="?", default=20, help="number of pushes")
    seconds = asyncio.run(measure(parser.parse_args().pushes))
    sys.stdout.write(f"{len(seconds)} pushes: median {median(seconds):.3f} s, at most {max(seconds):.3f} s\n")
    sys.exit(max(seconds) > MAX_DELAY_SECONDS)
