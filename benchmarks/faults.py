"""Benchmark of delivery while Discord's API fails: articles lost, repeated, out of order or left unfinished.

    python -m benchmarks.faults [--faults 1000] [--seed N] [--record]

A real `telex run` posts one burst of articles after another to a channel of each type, on a stand-in for Discord
that makes requests fail in every way, all equally often, and breaks the gateway connection. Printed is how often
each fault happened, then the number of articles that were lost (never posted), repeated (posted twice), disordered
(posted out of order), unfinished (left in a state that isn't final) and unknown (without a recorded state).
Exits 1 if there is any such article. With `--record` the figure is written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import promises
from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.faults import Fault, Faults
from tests.support.feed_server import FeedServer
from tests.support.shared_data import load_discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.kills import DeliveryFaults, find_delivery_faults
from tests.support.wire.scene import KINDS, Scene, open_scene

SCENE_BURSTS = 25  # More would give the channels a history that takes long to read.
SPEED = 200
MAX_BURST_SECONDS = 45
GATEWAY_FAULT_SHARE = 0.5  # Share of the bursts during which the gateway fails.

FAULT_MAKERS: dict[str, Callable[[Faults, str], Fault]] = {
    "500 before the effect": lambda faults, route: faults.fail(route),
    "500 after the effect": lambda faults, route: faults.fail(route, after_effect=True),
    "502 after the effect": lambda faults, route: faults.fail(route, 502, after_effect=True),
    "503 before the effect": lambda faults, route: faults.fail(route, 503),
    "503 after the effect": lambda faults, route: faults.fail(route, 503, after_effect=True),
    "504 three times after the effect": lambda faults, route: faults.fail(route, 504, after_effect=True, times=3),
    "dropped before the effect": lambda faults, route: faults.drop(route),
    "dropped after the effect": lambda faults, route: faults.drop(route, after_effect=True),
    "429 of a route": lambda faults, route: faults.rate_limit(route, 20),
    "429 of everything": lambda faults, route: faults.rate_limit(route, 5, is_global=True),
    "429 of a proxy": lambda faults, route: faults.rate_limit(route, 5, has_via=False),
    "403 for once": lambda faults, route: faults.refuse(route, 403, 50013),
    "404 for once": lambda faults, route: faults.refuse(route, 404, 10003),
}
MINOR_FAULTS = [name for name in FAULT_MAKERS if not name.startswith("40")]
"""Faults of reactions and crossposts: all but refusals, which the bot rightly accepts as final there."""
GATEWAY_FAULTS = ("reconnect", "invalid session", "connection cut", "a minute without network")


async def main(faults: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Inject faults; return the count of each fault, and the counts of delivery faults by type."""
    chance = random.Random(seed)
    hits: Counter[str] = Counter()
    delivery_counts: Counter[str] = Counter()
    launcher = Launcher()
    started_at = time.monotonic()
    try:
        while hits.total() < faults:
            await _run_scene(launcher, chance, hits, delivery_counts, faults)
            sys.stderr.write(f"{hits.total()} of {faults} faults, {delivery_counts['faulty bursts']} faulty bursts\n")
    finally:
        launcher.close()
    table = Table("", "count", title=f"{hits.total()} faults in {time.monotonic() - started_at:.0f} s, seed {seed}")
    for name in (*FAULT_MAKERS, *GATEWAY_FAULTS):
        table.add_row(name, str(hits[name]))
    for name in ("lost", "repeated", "disordered", "unfinished", "unknown"):
        table.add_row(f"[bold]{name}", str(delivery_counts[name]))
    Console().print(table)
    return hits, delivery_counts


async def _run_scene(
    launcher: Launcher, chance: random.Random, hits: Counter[str], delivery_counts: Counter[str], max_faults: int
) -> None:
    """Publish bursts in a new scene and count the faults."""
    discord, feeds = await DiscordServer(load_discord_contract()).start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(discord, feeds, launcher, Path(folder), speed=SPEED) as scene:
            scene.start()
            await scene.wait_until_posted([1])
            for _ in range(SCENE_BURSTS):
                if hits.total() >= max_faults:
                    break
                numbers, fault_names = await _run_burst(scene, chance, hits)
                _count_delivery_faults(delivery_counts, find_delivery_faults(scene, numbers), fault_names)
            _count_delivery_faults(
                delivery_counts, find_delivery_faults(scene, range(1, numbers[-1] + 1)), ["the whole scene"]
            )
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"violates Discord's API description: {violation}\n")


async def _run_burst(scene: Scene, chance: random.Random, hits: Counter[str]) -> tuple[Sequence[int], Sequence[str]]:
    """Publish articles with a fault on every route; return their numbers and the names of the faults that happened."""
    pending_faults: list[tuple[str, Fault]] = []
    for kind in KINDS:
        channel_id = scene.channels[kind].id
        fault_name = _pick_rarest(chance, hits, FAULT_MAKERS, pending_faults)
        send_route = f"POST /channels/{channel_id}/{'threads' if kind == 'forum' else 'messages'}"
        pending_faults.append((fault_name, FAULT_MAKERS[fault_name](scene.discord.faults, send_route)))
    for route in ("PUT /channels/*/messages/*/reactions/*", "POST /channels/*/messages/*/crosspost"):
        fault_name = _pick_rarest(chance, hits, MINOR_FAULTS, pending_faults)
        pending_faults.append((fault_name, FAULT_MAKERS[fault_name](scene.discord.faults, route)))
    numbers = scene.add_articles(chance.randint(1, 4))
    await scene.make_feeds_due()
    fault_names = []
    if chance.random() < GATEWAY_FAULT_SHARE:
        gateway_fault = min(GATEWAY_FAULTS, key=lambda name: (hits[name], chance.random()))
        await asyncio.sleep(chance.uniform(0, 0.6))
        await _break_gateway(scene, gateway_fault)
        hits[gateway_fault] += 1
        fault_names.append(gateway_fault)
    await scene.wait_until_posted(numbers, within=MAX_BURST_SECONDS)
    for fault_name, fault in pending_faults:
        hits[fault_name] += fault.hit_count
        fault_names += [fault_name] * fault.hit_count
    scene.discord.faults.clear()
    return numbers, fault_names


async def _break_gateway(scene: Scene, gateway_fault: str) -> None:
    discord = scene.discord
    match gateway_fault:
        case "reconnect":
            discord.gateway.request_reconnect()
        case "invalid session":
            discord.gateway.invalidate()
        case "connection cut":
            discord.gateway.cut()
        case _:
            discord.cut_off()
            await scene.clock.sleep(60)
            discord.is_offline = False


def _pick_rarest(
    chance: random.Random, hits: Counter[str], names: Iterable[str], pending_faults: list[tuple[str, Fault]]
) -> str:
    """Return the fault that happened least often so far, with the pending ones counted."""
    pending_counts = Counter(name for name, _ in pending_faults)
    return min(names, key=lambda name: (hits[name] + pending_counts[name], chance.random()))


def _count_delivery_faults(
    delivery_counts: Counter[str], delivery_faults: DeliveryFaults, fault_names: Sequence[str]
) -> None:
    for name in ("lost", "repeated", "disordered", "unfinished", "unknown"):
        delivery_counts[name] += len(getattr(delivery_faults, name))
    if delivery_faults:
        delivery_counts["faulty bursts"] += 1
        sys.stderr.write(f"after {fault_names}: {delivery_faults}\n")


def format_figure(hits: Counter[str], counts: Counter[str], seed: int) -> str:
    """Return the figure of the run for docs/PROMISES.md."""
    return (
        f"{hits.total():,} faults of {len(hits)} types (seed {seed}): lost {counts['lost']}, "
        f"repeated {counts['repeated']}, out of order {counts['disordered']}, without a state {counts['unknown']}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    fault_hits, faulty_deliveries = asyncio.run(main(options.faults, options.seed))
    if options.record:
        promises.record("faults", format_figure(fault_hits, faulty_deliveries, options.seed), commit=commit)
    sys.exit(1 if faulty_deliveries["faulty bursts"] else 0)
