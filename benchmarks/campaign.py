"""Benchmark of kills at random times while Discord answers late or with errors.

    python -m benchmarks.campaign [--kills 500] [--seed N] [--parallel 2] [--speed 40] [--record]

A real `telex run` fetches bursts of articles and posts them, singly and as catch-ups, into a text channel, an
announcement channel, a thread and a forum, and into a text channel, a thread and a forum where a webhook posts them
under their outlet's name. SIGKILL ends it at random times, one to three times per burst. A fifth of all requests that
create something fail in a random way: an error, a closed connection, or an answer up to thirty seconds late; the
effect comes before the answer, never, or up to a minute after the error. Nonces are honoured for five minutes, and
sometimes forgotten before the bot restarts.

Afterwards each article must be in each channel once. Lost: no message contains the article. Repeated: several
messages contain it. Hidden: its catch-up neither lists it nor has the button that lists it. `--record` writes the
figures into docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from benchmarks import promises
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.faults import Fault
from tests.support import store_probe
from tests.support.feed_server import FeedServer
from tests.support.shared_data import load_discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.kills import NONCE_HONOURED
from tests.support.wire.scene import KINDS, OUTLET_NAME_KINDS, Scene, open_scene
from tests.support.wire.server_inspector import find_article_numbers
from tests.support.wire.waiting import wait_until

SPEED = 40.0
"""Factor by which the bot's clock runs faster. Lower it on a busy machine, where the stand-in is late, too."""
LATEST_EFFECT, LATEST_ANSWER = 60.0, 30.0  # seconds of the bot's clock
FAULT_SHARE = 0.2
"""Share of the requests that fail."""
LONG_ABSENCE_SHARE = 0.3
"""Share of the bursts after whose kills the bot stays stopped until Discord has forgotten the nonces."""
BURSTS = (1, 2, 3, 5, 8, 70)
CATCH_UP_AFTER = 6
SCENE_KILLS = 25
"""Kills in a scene; after more, the histories of its channels would be too long to read quickly."""
MAX_BURST_SECONDS = 4_800.0
"""Maximum time until a burst is posted, in seconds of the bot's clock."""
MAX_LIFE_SECONDS = 3.0
"""Maximum time in seconds from a start of the bot to its kill."""

PLACES = KINDS + OUTLET_NAME_KINDS

_CREATES = re.compile(r"POST /(channels/\d+/(messages|threads|webhooks)|webhooks/\d+/\w+)")


def make_fault_source(
    chance: random.Random, counts: Counter[str], speed: float, *, fault_share: float = FAULT_SHARE
) -> Callable[[str], Fault | None]:
    """Return a function that chooses the fault of a call, or None for no fault."""

    def choose_fault(call: str) -> Fault | None:
        if not _CREATES.fullmatch(call) or chance.random() > fault_share:
            return None
        counts["faults"] += 1
        body = {"code": 0, "message": "Bad Gateway"}
        status = chance.choice((500, 502, 503, 504))
        delay = chance.uniform(0, LATEST_ANSWER) / speed * chance.choice((0, 1))
        match chance.choice(("before", "after", "late", "drop before", "drop after", "slow")):
            case "late":
                late_effect_seconds = chance.uniform(0, LATEST_EFFECT) / speed
                return Fault(route=call, status=status, body=body, delay=delay, late_effect_seconds=late_effect_seconds)
            case "slow":
                return Fault(route=call, delay=chance.uniform(0, LATEST_ANSWER) / speed)
            case "before" | "after" as moment:
                return Fault(route=call, status=status, body=body, delay=delay, after_effect=moment == "after")
            case moment:
                return Fault(route=call, drop=True, delay=delay, after_effect=moment == "drop after")

    return choose_fault


async def run_burst(scene: Scene, chance: random.Random, counts: Counter[str]) -> None:
    """Publish a burst, kill the bot up to three times, let it finish, and count the outcomes."""
    changes = scene.discord.changes
    changes.nonce_window_seconds = NONCE_HONOURED
    numbers = scene.add_articles(chance.choice(BURSTS))
    await scene.make_feeds_due()
    for _death in range(chance.randint(1, 3)):
        bot = scene.start()
        await asyncio.sleep(chance.uniform(0, MAX_LIFE_SECONDS))
        bot.kill()
        await bot.wait_for_exit()
        counts["kills"] += 1
    if chance.random() < LONG_ABSENCE_SHARE:  # Until no effect is outstanding.
        await scene.clock.sleep(LATEST_ANSWER + LATEST_EFFECT + 5)
        changes.forget_nonces()
    scene.start()
    try:
        within = MAX_BURST_SECONDS / scene.clock.speed
        await wait_until(lambda: numbers[-1] in scene.load_stored_numbers(), within=within)
        await scene.wait_until_settled(within=within)
    except TimeoutError:
        counts["unsettled"] += 1
    await scene.clock.sleep(LATEST_ANSWER + LATEST_EFFECT + 5)
    assert scene.bot is not None
    scene.kill()
    await scene.bot.wait_for_exit()
    count_outcomes(scene, numbers, counts)


def count_outcomes(scene: Scene, numbers: list[int], counts: Counter[str]) -> None:
    """Count the articles that each channel has once, repeatedly, hidden or not at all."""
    message_ids_by_post: dict[tuple[int | None, int], list[int | None]] = {}
    states_by_post: dict[tuple[int | None, int], list[str]] = {}
    for delivery in store_probe.load_deliveries(scene.database):
        post = (delivery.channel_id, int(delivery.url.rpartition("/")[2]))
        states_by_post.setdefault(post, []).append(f"{delivery.state} {delivery.last_error}")
        message_ids_by_post.setdefault(post, []).append(delivery.message_id)
    for kind, channel in scene.channels.items():
        messages = scene.list_messages(kind)
        mention_counts = Counter(number for message in messages for number in find_article_numbers(message))
        button_message_ids = {
            message.id for message in messages if any("telex:all:" in name for name in message.list_custom_ids())
        }
        for number in numbers:
            message_ids = message_ids_by_post.get((channel.id, number), [])
            is_reached = mention_counts[number] or any(message_id in button_message_ids for message_id in message_ids)
            is_there = any(message_id in {message.id for message in messages} for message_id in message_ids)
            outcome = (
                "repeated" if mention_counts[number] > 1 else "ok" if is_reached else "hidden" if is_there else "lost"
            )
            counts["articles"] += 1
            counts[outcome] += 1
            if outcome != "ok":
                state = states_by_post.get((channel.id, number))
                sys.stderr.write(f"{outcome}: {number} in {kind}, {state}, named {mention_counts[number]} times\n")


async def run(kills: int, seed: int, parallel: int, speed: float) -> Counter[str]:
    """Run scenes until the bot was killed at least `kills` times, and return the counts by outcome."""
    counts: Counter[str] = Counter()
    scenes = iter(range(10**6))

    async def run_scenes() -> None:
        launcher = Launcher()
        try:
            while counts["kills"] < kills:
                chance = random.Random(f"{seed}:{next(scenes)}")
                await _run_scene(launcher, chance, counts, kills, speed)
                sys.stderr.write(f"{dict(counts)}\n")
        finally:
            launcher.close()

    await asyncio.gather(*(run_scenes() for _ in range(parallel)))
    return counts


async def _run_scene(launcher: Launcher, chance: random.Random, counts: Counter[str], kills: int, speed: float) -> None:
    discord, feeds = await DiscordServer(load_discord_contract()).start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(
            discord, feeds, launcher, Path(folder), speed=speed, kinds=PLACES, catch_up_after=CATCH_UP_AFTER
        ) as scene:
            discord.faults.find_unscripted_fault = make_fault_source(chance, counts, speed)
            kills_before = counts["kills"]
            while counts["kills"] < min(kills_before + SCENE_KILLS, kills):
                await run_burst(scene, chance, counts)
    await discord.stop()
    await feeds.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, started_at = promises.describe_commit(), time.monotonic()
    counts = asyncio.run(run(options.kills, options.seed, options.parallel, options.speed))
    figure = (
        f"{counts['kills']:,} random kills, {counts['faults']:,} wrong answers, {counts['articles']:,} posts "
        f"in {len(PLACES)} kinds of channel (seed {options.seed}): lost {counts['lost']}, repeated "
        f"{counts['repeated']}, hidden {counts['hidden']}"
    )
    Console().print(f"{figure}; not settled {counts['unsettled']}; {time.monotonic() - started_at:.0f} s")
    if options.record:
        promises.record("campaign", figure, commit=commit)
    sys.exit(1 if counts["lost"] or counts["repeated"] or counts["hidden"] else 0)


if __name__ == "__main__":
    main()
