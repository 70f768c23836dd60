"""What it costs when the bot is killed: articles lost, repeated, out of order, left unfinished.

`python -m tests.benchmarks.kills [--kills 200] [--seed 1]`: a real `telex run` against the stand-in for
Discord posts bursts of articles and ends by SIGKILL, spread evenly over kinds of channel, steps of a post and
nonces that Discord still honours or has forgotten when the bot is back; a kill in twenty comes at random.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.feed_server import FeedServer
from tests.wire.bot_process import Launcher
from tests.wire.discord_server import DiscordServer
from tests.wire.kills import AFTER, INSIDE, STEPS, Step, Toll, survive, toll
from tests.wire.scene import KINDS, Scene, open_scene

SCENE_KILLS = 20  # before the channels get a history too long to read quickly
LONGEST_MOMENT = 0.5  # seconds from the start of a bot to a kill at random
RANDOM = Step("random moment")
WINDOWS = {INSIDE: "nonce honoured", AFTER: "nonce forgotten"}
COLUMNS = ("kills", "lost", "repeated", "disordered", "unfinished")


async def main(kills: int, seed: int) -> int:
    """Kill so often and print a table. Returns how many deaths cost something."""
    chance = random.Random(seed)
    places = [(step, kind, window) for step in STEPS for kind in step.kinds for window in (INSIDE, AFTER)]
    chance.shuffle(places)
    moments = [(RANDOM, kind, window) for kind in KINDS for window in (INSIDE, AFTER)]
    plan = list(islice(cycle(places), kills - kills // 20)) + list(islice(cycle(moments), kills // 20))
    chance.shuffle(plan)
    counts: Counter[tuple[str, str]] = Counter()
    launcher = Launcher()
    began = time.monotonic()
    try:
        for first in range(0, len(plan), SCENE_KILLS):
            await _act(launcher, plan[first : first + SCENE_KILLS], chance, counts)
            sys.stderr.write(f"{min(first + SCENE_KILLS, len(plan))} of {len(plan)} kills\n")
    finally:
        launcher.close()
    _print(counts, time.monotonic() - began)
    return sum(count for (_, what), count in counts.items() if what == "costly")


async def _act(
    launcher: Launcher,
    plan: Iterable[tuple[Step, str, float]],
    chance: random.Random,
    counts: Counter[tuple[str, str]],
) -> None:
    """Kill as planned in a scene of its own."""
    discord, feeds = await DiscordServer().start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(discord, feeds, launcher, Path(folder)) as scene:
            for step, kind, window in plan:
                burst = chance.randint(1, 5)
                if step is RANDOM:
                    cost = await _at_random(scene, window, burst, chance.uniform(0, LONGEST_MOMENT))
                else:
                    cost = await survive(
                        scene, kind, step, window=window, burst=burst, nth=chance.randint(1, burst)
                    )
                _count(counts, cost, step.name, kind, WINDOWS[window])
                if cost:
                    sys.stderr.write(f"{step.name} in {kind}, burst {burst}, window {window:.0f}: {cost}\n")
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"not as Discord describes it: {violation}\n")


async def _at_random(scene: Scene, window: float, burst: int, moment: float) -> Toll:
    scene.discord.acts.nonce_window = INSIDE
    numbers = await scene.publish(burst)
    bot = scene.start()
    await asyncio.sleep(moment)
    bot.kill()
    await bot.ended()
    scene.discord.acts.nonce_window = window
    bot = scene.start()
    await scene.settled()
    await bot.stop()
    return toll(scene, numbers)


def _count(counts: Counter[tuple[str, str]], cost: Toll, *names: str) -> None:
    found = (cost.lost, cost.repeated, cost.disordered, cost.unfinished)
    for name in (*names, "all"):
        counts[name, "kills"] += 1
        for column, those in zip(COLUMNS[1:], found, strict=True):
            counts[name, column] += len(those)
    counts["all", "costly"] += bool(cost)


def _print(counts: Counter[tuple[str, str]], seconds: float) -> None:
    table = Table("", *COLUMNS, title=f"{counts['all', 'kills']} kills in {seconds:.0f} s")
    for name in (*dict.fromkeys(step.name for step in (*STEPS, RANDOM)), *KINDS, *WINDOWS.values(), "all"):
        if counts[name, "kills"]:
            table.add_row(name, *(str(counts[name, column]) for column in COLUMNS))
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(1 if asyncio.run(main(options.kills, options.seed)) else 0)
