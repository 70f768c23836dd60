"""What it costs when the bot is killed: articles lost, repeated, out of order, left unfinished.

`python -m benchmarks.kills [--kills 1000] [--seed N] [--parallel 2] [--only NAME] [--record]`: a real `telex run`
against the stand-in for Discord fetches and posts bursts of articles, edits them, sends digests, catch-ups
and notices, and ends by SIGKILL so often or more: once at least at each step from the first byte of a feed to
the recorded message or edit, in each kind of channel, with nonces that Discord still honours or has forgotten
when the bot is back; a kill in twenty comes at random.
`--only` kills at the steps of one scenario, such as "filters of channels". `--record` writes the figure into
docs/PROMISES.md.
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

from benchmarks import promises
from bot.drill.discord_stand_in.discord_server import DiscordServer
from tests.support.feed_server import FeedServer
from tests.support.shared_data import discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.kills import (
    AFTER,
    CRASH_SCENARIOS,
    INSIDE,
    WATCHERS,
    CrashScenario,
    DeliveryFaults,
    Step,
    find_delivery_faults,
    survive,
)
from tests.support.wire.scene import KINDS, Scene, open_scene

SCENE_KILLS = 20  # before the channels get a history too long to read quickly
MAX_MOMENT_SECONDS = 0.8  # seconds from the start of a bot to a kill at random
RANDOM_STEP = Step("random moment")
RANDOM_PLAY = CrashScenario("posts", (RANDOM_STEP,), survive)
PLACES = (*KINDS, *WATCHERS)
WINDOWS = {INSIDE: "nonce honoured", AFTER: "nonce forgotten"}
COMPANION_KINDS = {"text": "forum", "announcement": "text", "thread": "announcement", "forum": "thread"}
"""The channel that follows the same feed, by the kind of the channel where the bot dies; none for a watch."""
COLUMNS = ("kills", "lost", "repeated", "disordered", "unfinished", "unknown")

Place = tuple[Step, float]
Plan = dict[tuple[CrashScenario, str], list[Place]]
Counts = Counter[tuple[str, str]]


def plan_kills(kills: int, chance: random.Random, only: str | None = None) -> Plan:
    """Where to kill at least so often, by play and kind: every step in both windows, then any again.

    With `only`, the steps are those of the play with this name.
    """
    places = [
        (play, kind, step, window)
        for play in CRASH_SCENARIOS
        if only in {None, play.name}
        for step in play.steps
        for kind in step.kinds
        for window in WINDOWS
    ]
    moments = [(RANDOM_PLAY, kind, RANDOM_STEP, window) for kind in KINDS for window in WINDOWS]
    plan = [*islice(cycle(moments), 0 if only else kills // 20), *places]
    remaining = kills - sum(count_deaths(step) for _, _, step, _ in plan)
    while remaining > 0:
        extra_place = chance.choice(places)
        plan.append(extra_place)
        remaining -= count_deaths(extra_place[2])
    chance.shuffle(plan)
    plan_by_play: Plan = {}
    for play, kind, step, window in plan:
        plan_by_play.setdefault((play, kind), []).append((step, window))
    return plan_by_play


def count_deaths(step: Step) -> int:
    """How often the bot dies for it."""
    return 1 if step.earlier is None else 2


async def main(kills: int, seed: int, parallel: int, only: str | None = None) -> Counts:
    """Kill so often and print a table."""
    chance = random.Random(seed)
    plan = plan_kills(kills, chance, only)
    kills = sum(count_deaths(step) for places in plan.values() for step, _ in places)
    batches = [
        (play, kind, places[first : first + SCENE_KILLS])
        for (play, kind), places in plan.items()
        for first in range(0, len(places), SCENE_KILLS)
    ]
    chance.shuffle(batches)
    remaining_batches = iter(batches)
    counts: Counts = Counter()
    started_at = time.monotonic()

    async def lane(number: int) -> None:
        launcher = Launcher()
        try:
            for play, kind, places in remaining_batches:
                batch_chance = random.Random(f"{seed}:{number}:{play.name}:{kind}")
                await _run_scene(launcher, play, kind, places, batch_chance, counts)
                sys.stderr.write(f"{counts['all', 'kills']} of {kills} kills, {counts['all', 'costly']} costly\n")
        finally:
            launcher.close()

    await asyncio.gather(*(lane(number) for number in range(parallel)))
    _print_table(counts, time.monotonic() - started_at, seed)
    return counts


async def _run_scene(
    launcher: Launcher,
    play: CrashScenario,
    kind: str,
    places: Iterable[Place],
    chance: random.Random,
    counts: Counts,
) -> None:
    """Kill as planned in a scene of its own."""
    discord, feeds = await DiscordServer(discord_contract()).start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        kinds = (kind, COMPANION_KINDS[kind]) if kind in COMPANION_KINDS else ("text",)
        async with open_scene(discord, feeds, launcher, Path(folder), kinds=kinds) as scene:
            if play.prepare is not None:
                await play.prepare(scene)
            for step, window in places:
                scene.end_quiet()
                burst = chance.randint(1, 5)
                if step is RANDOM_STEP:
                    cost = await _kill_at_random(scene, window, burst, chance.uniform(0, MAX_MOMENT_SECONDS))
                elif play.survive is survive:
                    cost = await survive(scene, kind, step, window=window, burst=burst, nth=chance.randint(1, burst))
                else:
                    cost = await play.survive(scene, kind, step, window=window)
                _add_cost(counts, cost, count_deaths(step), step.name, play.name, kind, WINDOWS[window])
                if cost:
                    sys.stderr.write(
                        f"{play.name}, {step.name} in {kind}, burst {burst}, window {window:.0f}: {cost}\n"
                    )
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"not as Discord describes it: {violation}\n")


async def _kill_at_random(scene: Scene, window: float, burst: int, moment: float) -> DeliveryFaults:
    scene.discord.changes.nonce_window_seconds = INSIDE
    numbers = scene.write(burst)
    await scene.make_due()
    bot = scene.start()
    await asyncio.sleep(moment)
    bot.kill()
    await bot.wait_for_exit()
    scene.discord.changes.nonce_window_seconds = window
    bot = scene.start()
    await scene.wait_until_posted(numbers)
    await bot.stop()
    return find_delivery_faults(scene, numbers)


def _add_cost(counts: Counts, cost: DeliveryFaults, kills: int, *names: str) -> None:
    for name in (*names, "all"):
        counts[name, "kills"] += kills
        for column, article_numbers in zip(COLUMNS[1:], astuple(cost), strict=True):
            counts[name, column] += len(article_numbers)
    counts["all", "costly"] += bool(cost)


def _print_table(counts: Counts, seconds: float, seed: int) -> None:
    title = f"{counts['all', 'kills']} kills in {seconds:.0f} s, seed {seed}"
    table = Table("", *COLUMNS, title=title)
    steps = dict.fromkeys(step.name for play in (*CRASH_SCENARIOS, RANDOM_PLAY) for step in play.steps)
    plays = dict.fromkeys(play.name for play in CRASH_SCENARIOS)
    for name in (*steps, *plays, *PLACES, *WINDOWS.values(), "all"):
        if counts[name, "kills"]:
            table.add_row(name, *(str(counts[name, column]) for column in COLUMNS))
    Console().print(table)


def format_figure(counts: Counts, seed: int) -> str:
    """The run in a line."""
    total = {column: counts["all", column] for column in COLUMNS}
    return (
        f"{total['kills']:,} kills at {sum(len(play.steps) for play in CRASH_SCENARIOS)} steps of "
        f"posts, their edits, "
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
    parser.add_argument("--only", choices=[play.name for play in CRASH_SCENARIOS])
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    kill_counts = asyncio.run(main(options.kills, options.seed, options.parallel, options.only))
    if options.record:
        promises.record("kills", format_figure(kill_counts, options.seed), commit=commit)
    sys.exit(1 if kill_counts["all", "costly"] else 0)
