"""Benchmark of delivery while the bot is killed: articles lost, repeated, out of order or left unfinished.

    python -m benchmarks.kills [--kills 1000] [--seed N] [--parallel 2] [--only SCENARIO] [--record]

A real `telex run` on the stand-in for Discord posts bursts of articles, edits them, and sends digests, catch-ups
and notices, and is killed by SIGKILL `--kills` times or more: at least once at each step from the first byte of a
feed to the recorded message or edit, in each type of channel, with nonces that Discord still honours when the bot
is back or has forgotten by then. One kill in twenty comes at a random moment. `--only` runs the steps of one
scenario, such as "filters of channels".

Printed by step, scenario, type of channel and nonce are the kills and the articles that were lost (never posted),
repeated (posted twice), disordered (posted out of order), unfinished (left in a state that isn't final) and unknown
(without a recorded state). Exits 1 if there is any such article. With `--record` the figure is written to
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
from tests.support.shared_data import load_discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.kills import (
    CRASH_SCENARIOS,
    NONCE_FORGOTTEN,
    NONCE_HONOURED,
    WATCH_KINDS,
    CrashScenario,
    DeliveryFaults,
    Step,
    crash_in_post,
    find_delivery_faults,
)
from tests.support.wire.scene import KINDS, Scene, open_scene

SCENE_KILLS = 20  # More would give the channels a history that takes long to read.
MAX_MOMENT_SECONDS = 0.8  # Longest time from the bot's start to a random kill.
RANDOM_STEP = Step("random moment")
RANDOM_SCENARIO = CrashScenario("posts", (RANDOM_STEP,), crash_in_post)
RECIPIENTS = (*KINDS, *WATCH_KINDS)
WINDOWS = {NONCE_HONOURED: "nonce honoured", NONCE_FORGOTTEN: "nonce forgotten"}
COMPANION_KINDS = {"text": "forum", "announcement": "text", "thread": "announcement", "forum": "thread"}
"""Type of a second channel that follows the feed, by the type of the channel under test; none for a watch."""
COLUMNS = ("kills", "lost", "repeated", "disordered", "unfinished", "unknown")

KillPoint = tuple[Step, float]
Plan = dict[tuple[CrashScenario, str], list[KillPoint]]
Counts = Counter[tuple[str, str]]


def plan_kills(kills: int, chance: random.Random, only: str | None = None) -> Plan:
    """Plan at least `kills` kills, by scenario and recipient: every step in both nonce windows, then random steps.

    With `only`, the steps are those of the scenario with this name.
    """
    points = [
        (scenario, recipient, step, window)
        for scenario in CRASH_SCENARIOS
        if only in {None, scenario.name}
        for step in scenario.steps
        for recipient in step.kinds
        for window in WINDOWS
    ]
    random_points = [(RANDOM_SCENARIO, kind, RANDOM_STEP, window) for kind in KINDS for window in WINDOWS]
    plan = [*islice(cycle(random_points), 0 if only else kills // 20), *points]
    remaining = kills - sum(count_deaths(step) for _, _, step, _ in plan)
    while remaining > 0:
        extra_point = chance.choice(points)
        plan.append(extra_point)
        remaining -= count_deaths(extra_point[2])
    chance.shuffle(plan)
    points_by_scenario: Plan = {}
    for scenario, recipient, step, window in plan:
        points_by_scenario.setdefault((scenario, recipient), []).append((step, window))
    return points_by_scenario


def count_deaths(step: Step) -> int:
    """Return the number of kills that the step takes."""
    return 1 if step.earlier is None else 2


async def main(kills: int, seed: int, parallel: int, only: str | None = None) -> Counts:
    """Kill the bot at least `kills` times, print the table and return the counts."""
    chance = random.Random(seed)
    plan = plan_kills(kills, chance, only)
    kills = sum(count_deaths(step) for points in plan.values() for step, _ in points)
    batches = [
        (scenario, recipient, points[first : first + SCENE_KILLS])
        for (scenario, recipient), points in plan.items()
        for first in range(0, len(points), SCENE_KILLS)
    ]
    chance.shuffle(batches)
    remaining_batches = iter(batches)
    counts: Counts = Counter()
    started_at = time.monotonic()

    async def run_batches(number: int) -> None:
        launcher = Launcher()
        try:
            for scenario, recipient, points in remaining_batches:
                batch_chance = random.Random(f"{seed}:{number}:{scenario.name}:{recipient}")
                await _run_scene(launcher, scenario, recipient, points, batch_chance, counts)
                sys.stderr.write(f"{counts['all', 'kills']} of {kills} kills, {counts['all', 'faulty']} faulty\n")
        finally:
            launcher.close()

    await asyncio.gather(*(run_batches(number) for number in range(parallel)))
    _print_table(counts, time.monotonic() - started_at, seed)
    return counts


async def _run_scene(
    launcher: Launcher,
    scenario: CrashScenario,
    recipient: str,
    points: Iterable[KillPoint],
    chance: random.Random,
    counts: Counts,
) -> None:
    """Kill the bot at each point in a new scene, and count the delivery faults."""
    discord, feeds = await DiscordServer(load_discord_contract()).start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        kinds = (recipient, COMPANION_KINDS[recipient]) if recipient in COMPANION_KINDS else ("text",)
        async with open_scene(discord, feeds, launcher, Path(folder), kinds=kinds) as scene:
            if scenario.prepare is not None:
                await scenario.prepare(scene)
            for step, window in points:
                scene.end_watch_cooldowns()
                burst = chance.randint(1, 5)
                if step is RANDOM_STEP:
                    moment = chance.uniform(0, MAX_MOMENT_SECONDS)
                    delivery_faults = await _kill_after(scene, window, burst, moment)
                elif scenario.crash is crash_in_post:
                    nth = chance.randint(1, burst)
                    delivery_faults = await crash_in_post(scene, recipient, step, window=window, burst=burst, nth=nth)
                else:
                    delivery_faults = await scenario.crash(scene, recipient, step, window=window)
                names = (step.name, scenario.name, recipient, WINDOWS[window])
                _count_delivery_faults(counts, delivery_faults, count_deaths(step), *names)
                if delivery_faults:
                    point = f"{scenario.name}, {step.name} in {recipient}, burst {burst}, window {window:.0f}"
                    sys.stderr.write(f"{point}: {delivery_faults}\n")
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"violates Discord's API description: {violation}\n")


async def _kill_after(scene: Scene, window: float, burst: int, seconds: float) -> DeliveryFaults:
    scene.discord.changes.nonce_window_seconds = NONCE_HONOURED
    numbers = scene.add_articles(burst)
    await scene.make_feeds_due()
    bot = scene.start()
    await asyncio.sleep(seconds)
    bot.kill()
    await bot.wait_for_exit()
    scene.discord.changes.nonce_window_seconds = window
    bot = scene.start()
    await scene.wait_until_posted(numbers)
    await bot.stop()
    return find_delivery_faults(scene, numbers)


def _count_delivery_faults(counts: Counts, delivery_faults: DeliveryFaults, kills: int, *names: str) -> None:
    for name in (*names, "all"):
        counts[name, "kills"] += kills
        for column, article_numbers in zip(COLUMNS[1:], astuple(delivery_faults), strict=True):
            counts[name, column] += len(article_numbers)
    counts["all", "faulty"] += bool(delivery_faults)


def _print_table(counts: Counts, seconds: float, seed: int) -> None:
    title = f"{counts['all', 'kills']} kills in {seconds:.0f} s, seed {seed}"
    table = Table("", *COLUMNS, title=title)
    steps = dict.fromkeys(step.name for scenario in (*CRASH_SCENARIOS, RANDOM_SCENARIO) for step in scenario.steps)
    scenarios = dict.fromkeys(scenario.name for scenario in CRASH_SCENARIOS)
    for name in (*steps, *scenarios, *RECIPIENTS, *WINDOWS.values(), "all"):
        if counts[name, "kills"]:
            table.add_row(name, *(str(counts[name, column]) for column in COLUMNS))
    Console().print(table)


def format_figure(counts: Counts, seed: int) -> str:
    """Return the figure of the run for docs/PROMISES.md."""
    total = {column: counts["all", column] for column in COLUMNS}
    return (
        f"{total['kills']:,} kills at {sum(len(scenario.steps) for scenario in CRASH_SCENARIOS)} steps of posts, "
        f"edits, catch-ups, digests and daily threads in {len(KINDS)} types of channel and of notifications of "
        f"watches in {len(WATCH_KINDS)} (seed {seed}): lost {total['lost']}, repeated {total['repeated']}, "
        f"out of order {total['disordered']}, without a state {total['unknown']}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--only", choices=[scenario.name for scenario in CRASH_SCENARIOS])
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    kill_counts = asyncio.run(main(options.kills, options.seed, options.parallel, options.only))
    if options.record:
        promises.record("kills", format_figure(kill_counts, options.seed), commit=commit)
    sys.exit(1 if kill_counts["all", "faulty"] else 0)
