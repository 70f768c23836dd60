"""What it costs when Discord misbehaves: articles lost, repeated, out of order, left unfinished.

`python -m tests.benchmarks.faults [--faults 1000] [--seed N] [--record]`: a real `telex run` fetches and
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

from tests.benchmarks import promises
from tests.feed_server import FeedServer
from tests.wire.bot_process import Launcher
from tests.wire.discord_server import DiscordServer
from tests.wire.faults import Fault, Faults
from tests.wire.kills import Toll, toll
from tests.wire.scene import KINDS, Scene, open_scene

SCENE_BURSTS = 25  # before the channels get a history too long to read quickly
SPEED = 200
LONGEST = 45  # seconds that a burst may take
GATEWAY_FAULTS = 0.5  # part of the bursts in which the gateway fails

WAYS: dict[str, Callable[[Faults, str], Fault]] = {
    "500 before the effect": lambda faults, route: faults.broken(route),
    "500 after the effect": lambda faults, route: faults.broken(route, after=True),
    "502 after the effect": lambda faults, route: faults.broken(route, 502, after=True),
    "503 before the effect": lambda faults, route: faults.broken(route, 503),
    "503 after the effect": lambda faults, route: faults.broken(route, 503, after=True),
    "504 three times after the effect": lambda faults, route: faults.broken(route, 504, after=True, times=3),
    "dropped before the effect": lambda faults, route: faults.dropped(route),
    "dropped after the effect": lambda faults, route: faults.dropped(route, after=True),
    "429 of a route": lambda faults, route: faults.limited(route, 20),
    "429 of everything": lambda faults, route: faults.limited(route, 5, everywhere=True),
    "429 of a proxy": lambda faults, route: faults.limited(route, 5, via=False),
    "403 for once": lambda faults, route: faults.refused(route, 403, 50013),
    "404 for once": lambda faults, route: faults.refused(route, 404, 10003),
}
MINOR = [name for name in WAYS if not name.startswith("40")]
"""What may befall a reaction or a publication: a refusal there is an answer, and final."""
GATEWAY = ("reconnect", "invalid session", "connection cut", "a minute without network")


async def main(faults: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Inject so many faults; how often each happened, and what they cost."""
    chance = random.Random(seed)
    hits: Counter[str] = Counter()
    costs: Counter[str] = Counter()
    launcher = Launcher()
    began = time.monotonic()
    try:
        while hits.total() < faults:
            await _act(launcher, chance, hits, costs, faults)
            sys.stderr.write(f"{hits.total()} of {faults} faults, {costs['costly']} bursts costly\n")
    finally:
        launcher.close()
    table = Table(
        "", "times", title=f"{hits.total()} faults in {time.monotonic() - began:.0f} s, seed {seed}"
    )
    for name in (*WAYS, *GATEWAY):
        table.add_row(name, str(hits[name]))
    for name in ("lost", "repeated", "disordered", "unfinished", "unknown"):
        table.add_row(f"[bold]{name}", str(costs[name]))
    Console().print(table)
    return hits, costs


async def _act(
    launcher: Launcher, chance: random.Random, hits: Counter[str], costs: Counter[str], enough: int
) -> None:
    """Some bursts in a scene of its own."""
    discord, feeds = await DiscordServer().start(), await FeedServer().start()
    with tempfile.TemporaryDirectory() as folder:
        async with open_scene(discord, feeds, launcher, Path(folder), speed=SPEED) as scene:
            scene.start()
            await scene.posted([1])
            for _ in range(SCENE_BURSTS):
                if hits.total() >= enough:
                    break
                numbers, happened = await _burst(scene, chance, hits)
                _count(costs, toll(scene, numbers), happened)
            _count(costs, toll(scene, range(1, numbers[-1] + 1)), ["all of the scene"])
    await discord.stop()
    await feeds.stop()
    for violation in discord.violations:
        sys.stderr.write(f"not as Discord describes it: {violation}\n")


async def _burst(
    scene: Scene, chance: random.Random, hits: Counter[str]
) -> tuple[Sequence[int], Sequence[str]]:
    """Publish while faults wait on every route; the articles and what befell them."""
    scripted: list[tuple[str, Fault]] = []
    for kind in KINDS:
        place = scene.channels[kind].id
        way = _rarest(chance, hits, WAYS, scripted)
        sending = f"POST /channels/{place}/{'threads' if kind == 'forum' else 'messages'}"
        scripted.append((way, WAYS[way](scene.discord.faults, sending)))
    for route in ("PUT /channels/*/messages/*/reactions/*", "POST /channels/*/messages/*/crosspost"):
        way = _rarest(chance, hits, MINOR, scripted)
        scripted.append((way, WAYS[way](scene.discord.faults, route)))
    numbers = scene.write(chance.randint(1, 4))
    await scene.make_due()
    happened = []
    if chance.random() < GATEWAY_FAULTS:
        trouble = min(GATEWAY, key=lambda name: (hits[name], chance.random()))
        await asyncio.sleep(chance.uniform(0, 0.6))
        await _disturb(scene, trouble)
        hits[trouble] += 1
        happened.append(trouble)
    await scene.posted(numbers, within=LONGEST)
    for way, fault in scripted:
        hits[way] += fault.hits
        happened += [way] * fault.hits
    scene.discord.faults.clear()
    return numbers, happened


async def _disturb(scene: Scene, trouble: str) -> None:
    discord = scene.discord
    match trouble:
        case "reconnect":
            discord.gateway.request_reconnect()
        case "invalid session":
            discord.gateway.invalidate()
        case "connection cut":
            discord.gateway.cut()
        case _:
            discord.cut_off()
            await scene.clock.sleep(60)
            discord.offline = False


def _rarest(
    chance: random.Random, hits: Counter[str], ways: Iterable[str], scripted: list[tuple[str, Fault]]
) -> str:
    """The way to fail that was seen least, those that wait counted."""
    waiting = Counter(way for way, _ in scripted)
    return min(ways, key=lambda way: (hits[way] + waiting[way], chance.random()))


def _count(costs: Counter[str], cost: Toll, happened: Sequence[str]) -> None:
    for name in ("lost", "repeated", "disordered", "unfinished", "unknown"):
        costs[name] += len(getattr(cost, name))
    if cost:
        costs["costly"] += 1
        sys.stderr.write(f"after {happened}: {cost}\n")


def figure(hits: Counter[str], costs: Counter[str], seed: int) -> str:
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
    commit = promises.commit()
    happened, cost = asyncio.run(main(options.faults, options.seed))
    if options.record:
        promises.record("faults", figure(happened, cost, options.seed), commit=commit)
    sys.exit(1 if cost["costly"] else 0)
