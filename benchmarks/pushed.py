"""How long after a hub's call its article stands in the channel: `python -m benchmarks.pushed [TIMES]`.

The running bot in a process of its own, a hub on loopback, the stand-in for Discord. At most two seconds.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bot.drill.discord_stand_in.discord_server import DiscordServer
from tests.support.feed_server import FeedServer
from tests.support.shared_data import discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.scene import open_scene
from tests.support.wire.waiting import until
from tests.support.wire.websub_hub import WebSubHub

MAX_SECONDS = 2.0
"""Seconds."""
MAX_PAUSE_SECONDS = 3.0
"""Seconds between two calls at the most."""


async def measure(pushes: int) -> list[float]:
    """Seconds from each call to the post."""
    launcher, discord, feeds = Launcher(), await DiscordServer(discord_contract()).start(), await FeedServer().start()
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(discord, feeds, launcher, Path(folder), speed=1, kinds=("text",)) as scene:
            hub = WebSubHub(feeds)
            await hub.confirm_subscription(scene)
            await scene.wait_until_settled()
            for number in range(2, pushes + 2):
                await asyncio.sleep(random.uniform(0, MAX_PAUSE_SECONDS))
                pushed_at = time.monotonic()
                await hub.push(number)
                await until(lambda expected_number=number: scene.posts("text")[expected_number])  # type: ignore[misc]
                waits.append(time.monotonic() - pushed_at)
    await discord.stop()
    await feeds.stop()
    launcher.close()
    return waits


if __name__ == "__main__":
    seconds = asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
    sys.stdout.write(f"{len(seconds)} pushes: median {median(seconds):.3f} s, at most {max(seconds):.3f} s\n")
    sys.exit(max(seconds) > MAX_SECONDS)
