"""What it costs when Discord misbehaves: articles lost, repeated, out of order, left unfinished.

`python -m benchmarks.faults [--faults 1000] [--seed N] [--record]`: a real `telex run` fetches and
posts burst after burst into a channel of each kind while requests fail in every way, all equally often, and
the gateway breaks; `--record` writes the figure into docs/PROMISES.md.
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
from tests.support.shared_data import discord_contract
from tests.support.wire.bot_process import Launcher
from tests.support.wire.kills import DeliveryFaults, find_delivery_faults
from tests.support.wire.scene import KINDS, Scene, open_scene

SCENE_BURSTS = 25  # before the channels get a history too long to read quickly
SPEED = 200
MAX_BURST_SECONDS = 45  # seconds that a burst may take
GATEWAY_FAULT_SHARE = 0.5  # part of the bursts in which the gateway fails

FAULT_KINDS: dict[str, Callable[[Faults, str], Fault]] = {
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
MINOR_FAULT_KINDS = [name for name in FAULT_KINDS if not name.startswith("40")]
"""What may befall a reaction or a publication: a refusal there is an answer, and final."""
GATEWAY_FAULT_KINDS = ("reconnect", "invalid session", "connection cut", "a minute without network")


async def main(faults: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Inject so many faults; how often each happened, and what they cost."""
    chance = random.Random(seed)
    hits: Counter[str] = Counter()
    costs: Counter[str] = Counter()
    launcher = Launcher()
    started_at = time.monotonic()
    try:
        while hits.total() < faults:
            await _run_scene(launcher, chance, hits, costs, faults)
            sys.stderr.write(f"{hits.total()} of {faults} faults, {costs['costly']} bursts costly\n")
    finally:
        launcher.close()
    table = Table("", "times", title=f"{hits.total()} faults in {time.monotonic() - started_at:.0f} s, seed {seed}")
    for name in (*FAULT_KINDS, *GATEWAY_FAULT_KINDS):
        table.add_row(name, str(hits[name]))
    for name in ("lost", "repeated", "disordered", "unfinished", "unknown"):
        table.add_row(f"[bold]{name}", str(costs[name]))
    Console().print(table)
    return hits, costs


async def _run_scene(
    launcher: Launcher, chance: random.Random, hits: Counter[str], costs: Counter[str], max_faults: int
) -> None:
    """Some bursts in a scene of its own."""
    discord, feeds = await DiscordServer(discord_contract()).start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(discord, feeds, launcher, Path(folder), speed=SPEED) as scene:
            scene.start()
            await scene.wait_until_posted([1])
            for _ in range(SCENE_BURSTS):
                if hits.total() >= max_faults:
                    break
                numbers, fault_names = await _run_burst(scene, chance, hits)
                _add_costs(costs, find_delivery_faults(scene, numbers), fault_names)
            _add_costs(costs, find_delivery_faults(scene, range(1, numbers[-1] + 1)), ["all of the scene"])
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"not as Discord describes it: {violation}\n")


async def _run_burst(scene: Scene, chance: random.Random, hits: Counter[str]) -> tuple[Sequence[int], Sequence[str]]:
    """Publish while faults wait on every route; the articles and what befell them."""
    scripted: list[tuple[str, Fault]] = []
    for kind in KINDS:
        channel_id = scene.channels[kind].id
        fault_kind = _pick_rarest(chance, hits, FAULT_KINDS, scripted)
        send_route = f"POST /channels/{channel_id}/{'threads' if kind == 'forum' else 'messages'}"
        scripted.append((fault_kind, FAULT_KINDS[fault_kind](scene.discord.faults, send_route)))
    for route in ("PUT /channels/*/messages/*/reactions/*", "POST /channels/*/messages/*/crosspost"):
        fault_kind = _pick_rarest(chance, hits, MINOR_FAULT_KINDS, scripted)
        scripted.append((fault_kind, FAULT_KINDS[fault_kind](scene.discord.faults, route)))
    numbers = scene.write(chance.randint(1, 4))
    await scene.make_due()
    fault_names = []
    if chance.random() < GATEWAY_FAULT_SHARE:
        gateway_fault = min(GATEWAY_FAULT_KINDS, key=lambda name: (hits[name], chance.random()))
        await asyncio.sleep(chance.uniform(0, 0.6))
        await _break_gateway(scene, gateway_fault)
        hits[gateway_fault] += 1
        fault_names.append(gateway_fault)
    await scene.wait_until_posted(numbers, within=MAX_BURST_SECONDS)
    for fault_kind, fault in scripted:
        hits[fault_kind] += fault.hit_count
        fault_names += [fault_kind] * fault.hit_count
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
    chance: random.Random, hits: Counter[str], fault_kinds: Iterable[str], scripted: list[tuple[str, Fault]]
) -> str:
    """The way to fail that was seen least, those that wait counted."""
    scripted_counts = Counter(scripted_kind for scripted_kind, _ in scripted)
    return min(fault_kinds, key=lambda fault_kind: (hits[fault_kind] + scripted_counts[fault_kind], chance.random()))


def _add_costs(costs: Counter[str], cost: DeliveryFaults, fault_names: Sequence[str]) -> None:
    for name in ("lost", "repeated", "disordered", "unfinished", "unknown"):
        costs[name] += len(getattr(cost, name))
    if cost:
        costs["costly"] += 1
        sys.stderr.write(f"after {fault_names}: {cost}\n")


def format_figure(hits: Counter[str], costs: Counter[str], seed: int) -> str:
    """The run in a line."""
    return (
        f"{hits.total():,} faults of {len(hits)} sorts (seed {seed}): lost {costs['lost']}, "
        f"repeated {costs['repeated']}, out of order {costs['disordered']}, without a fate {costs['unknown']}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit = promises.describe_commit()
    fault_hits, cost = asyncio.run(main(options.faults, options.seed))
    if options.record:
        promises.record("faults", format_figure(fault_hits, cost, options.seed), commit=commit)
    sys.exit(1 if cost["costly"] else 0)
