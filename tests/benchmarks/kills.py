"""What it costs when the bot is killed: articles lost, repeated, out of order, left unfinished.

`python -m tests.benchmarks.kills [--kills 1000] [--seed N] [--parallel 2] [--record]`: a real `telex run`
against the stand-in for Discord fetches and posts bursts of articles, edits them, sends digests, catch-ups
and notices, and ends by SIGKILL so often or more: once at least at each step from the first byte of a feed to
the recorded message or edit, in each kind of channel, with nonces that Discord still honours or has forgotten
when the bot is back; a kill in twenty comes at random.
`--record` writes the figure into docs/PROMISES.md.
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
from dataclasses import astuple
from itertools import cycle, islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import promises
from tests.feed_server import FeedServer
from tests.wire.bot_process import Launcher
from tests.wire.discord_server import DiscordServer
from tests.wire.kills import AFTER, INSIDE, PLAYS, WATCHERS, Play, Step, Toll, survive, toll
from tests.wire.scene import KINDS, Scene, open_scene

SCENE_KILLS = 20  # before the channels get a history too long to read quickly
LONGEST_MOMENT = 0.8  # seconds from the start of a bot to a kill at random
RANDOM = Step("random moment")
RANDOMLY = Play("posts", (RANDOM,), survive)
PLACES = (*KINDS, *WATCHERS)
WINDOWS = {INSIDE: "nonce honoured", AFTER: "nonce forgotten"}
BESIDE = {"text": "forum", "announcement": "text", "thread": "announcement", "forum": "thread"}
"""The channel that follows the same feed, by the kind of the channel where the bot dies; none for a watch."""
COLUMNS = ("kills", "lost", "repeated", "disordered", "unfinished", "unknown")

Place = tuple[Step, float]
Plan = dict[tuple[Play, str], list[Place]]
Counts = Counter[tuple[str, str]]


def planned(kills: int, chance: random.Random) -> Plan:
    """Where to kill at least so often, by play and kind: every step in both windows, then any again."""
    places = [
        (play, kind, step, window)
        for play in PLAYS
        for step in play.steps
        for kind in step.kinds
        for window in WINDOWS
    ]
    moments = [(RANDOMLY, kind, RANDOM, window) for kind in KINDS for window in WINDOWS]
    plan = [*islice(cycle(moments), kills // 20), *places]
    left = kills - sum(deaths(step) for _, _, step, _ in plan)
    while left > 0:
        again = chance.choice(places)
        plan.append(again)
        left -= deaths(again[2])
    chance.shuffle(plan)
    found: Plan = {}
    for play, kind, step, window in plan:
        found.setdefault((play, kind), []).append((step, window))
    return found


def deaths(step: Step) -> int:
    """How often the bot dies for it."""
    return 1 if step.earlier is None else 2


async def main(kills: int, seed: int, parallel: int) -> Counts:
    """Kill so often and print a table."""
    chance = random.Random(seed)
    plan = planned(kills, chance)
    kills = sum(deaths(step) for places in plan.values() for step, _ in places)
    acts = [
        (play, kind, places[first : first + SCENE_KILLS])
        for (play, kind), places in plan.items()
        for first in range(0, len(places), SCENE_KILLS)
    ]
    chance.shuffle(acts)
    acts_left = iter(acts)
    counts: Counts = Counter()
    began = time.monotonic()

    async def lane(number: int) -> None:
        launcher = Launcher()
        try:
            for play, kind, places in acts_left:
                own = random.Random(f"{seed}:{number}:{play.name}:{kind}")
                await _act(launcher, play, kind, places, own, counts)
                sys.stderr.write(
                    f"{counts['all', 'kills']} of {kills} kills, {counts['all', 'costly']} costly\n"
                )
        finally:
            launcher.close()

    await asyncio.gather(*(lane(number) for number in range(parallel)))
    _print(counts, time.monotonic() - began, seed)
    return counts


async def _act(
    launcher: Launcher,
    play: Play,
    kind: str,
    places: Iterable[Place],
    chance: random.Random,
    counts: Counts,
) -> None:
    """Kill as planned in a scene of its own."""
    discord, feeds = await DiscordServer().start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        kinds = (kind, BESIDE[kind]) if kind in BESIDE else ("text",)
        async with open_scene(discord, feeds, launcher, Path(folder), kinds=kinds) as scene:
            if play.prepare is not None:
                await play.prepare(scene)
            for step, window in places:
                scene.end_quiet()
                burst = chance.randint(1, 5)
                if step is RANDOM:
                    cost = await _at_random(scene, window, burst, chance.uniform(0, LONGEST_MOMENT))
                elif play.survive is survive:
                    cost = await survive(
                        scene, kind, step, window=window, burst=burst, nth=chance.randint(1, burst)
                    )
                else:
                    cost = await play.survive(scene, kind, step, window=window)
                _count(counts, cost, deaths(step), step.name, play.name, kind, WINDOWS[window])
                if cost:
                    sys.stderr.write(
                        f"{play.name}, {step.name} in {kind}, burst {burst}, window {window:.0f}: {cost}\n"
                    )
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"not as Discord describes it: {violation}\n")


async def _at_random(scene: Scene, window: float, burst: int, moment: float) -> Toll:
    scene.discord.acts.nonce_window = INSIDE
    numbers = scene.write(burst)
    await scene.make_due()
    bot = scene.start()
    await asyncio.sleep(moment)
    bot.kill()
    await bot.ended()
    scene.discord.acts.nonce_window = window
    bot = scene.start()
    await scene.posted(numbers)
    await bot.stop()
    return toll(scene, numbers)


def _count(counts: Counts, cost: Toll, kills: int, *names: str) -> None:
    for name in (*names, "all"):
        counts[name, "kills"] += kills
        for column, those in zip(COLUMNS[1:], astuple(cost), strict=True):
            counts[name, column] += len(those)
    counts["all", "costly"] += bool(cost)


def _print(counts: Counts, seconds: float, seed: int) -> None:
    title = f"{counts['all', 'kills']} kills in {seconds:.0f} s, seed {seed}"
    table = Table("", *COLUMNS, title=title)
    steps = dict.fromkeys(step.name for play in (*PLAYS, RANDOMLY) for step in play.steps)
    plays = dict.fromkeys(play.name for play in PLAYS)
    for name in (*steps, *plays, *PLACES, *WINDOWS.values(), "all"):
        if counts[name, "kills"]:
            table.add_row(name, *(str(counts[name, column]) for column in COLUMNS))
    Console().print(table)


def figure(counts: Counts, seed: int) -> str:
    """The run in a line."""
    total = {column: counts["all", column] for column in COLUMNS}
    return (
        f"{total['kills']:,} kills at {sum(len(play.steps) for play in PLAYS)} steps of posts, their edits, "
        f"catch-ups of a limit, digests and daily threads in {len(KINDS)} kinds of channel and of notices of "
        f"watches in {len(WATCHERS)} (seed {seed}): "
        f"lost {total['lost']}, repeated {total['repeated']}, out of order {total['disordered']}, "
        f"without a fate {total['unknown']}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.commit()
    result = asyncio.run(main(options.kills, options.seed, options.parallel))
    if options.record:
        promises.record("kills", figure(result, options.seed), commit=commit)
    sys.exit(1 if result["all", "costly"] else 0)
