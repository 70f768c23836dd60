"""Benchmark of delivery while several processes on one PostgreSQL server are killed at random.

    python -m benchmarks.process_kills [--kills 300] [--seed N] [--speed 6] [--record]

Two gateways and two pollers, `telex run` with the roles of the compose file, post the articles of three publishers
to three servers, one on each of three shards, with the types of channels and the faults of `benchmarks.campaign`,
though fewer faults. Every few seconds, one of these happens: a process is killed and restarted soon after; the
database server is killed; all its sessions are cut; a process is stopped by SIGTERM, or suspended for longer than its
leases last. All clocks, including the database's, run faster than real time.

At the end, every article must be in every channel once and visible, except those of a muted story; every proposal
decided once; every notice of the operator posted once in every server; and every post must mention its role. Printed
are the counts of what happened and of each failure; exits 1 if there is a failure. With `--record` the figure is
written to docs/PROMISES.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter

from rich.console import Console

from benchmarks import campaign, promises
from benchmarks.operator_notices import OperatorNotices
from benchmarks.process_fleet import MAX_UNPOLLED, ROLES, SHARDS, Fleet, open_fleet
from benchmarks.server_kills import kill_server, start_server
from bot.processes.leases import LEASE_SECONDS
from tests.store import sql
from tests.support.wire.bot_process import BotProcess
from tests.support.wire.waiting import wait_until

FAULT_SHARE = 0.08
SERVER_KILLS, SESSION_CUTS, STOPS, STANDSTILLS = 0.08, 0.12, 0.1, 0.2  # Shares of all kills.
KILL_INTERVAL_SECONDS = (1.0, 4.0)
STANDSTILL_FACTORS = (1.1, 2.0)  # Duration of a standstill, in durations of a lease.
RESTART_DELAY_SECONDS = (0.0, 3.0)
BURSTS = (1, 2, 3, 5, 8, 20)
BURST_INTERVAL_SECONDS = 5.0
MAX_SETTLE_SECONDS = 900.0

console = Console(highlight=False, soft_wrap=True)


async def kill_randomly(fleet: Fleet, chance: random.Random, counts: Counter[str], kills: int) -> None:
    """Kill processes, the database server or its sessions until `kills` are counted."""
    standstills: list[asyncio.Task[None]] = []
    while counts["kills"] < kills:
        await asyncio.sleep(chance.uniform(*KILL_INTERVAL_SECONDS))
        draw = chance.random()
        if draw < SERVER_KILLS:
            kill_server(fleet.server / "data")
            counts["servers"] += 1
            await asyncio.sleep(chance.uniform(0, 1.0))
            await start_server(fleet.server)
        elif draw < SERVER_KILLS + SESSION_CUTS:
            await fleet.change_database(
                sql.run,
                fleet.database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
            )
            counts["cuts"] += 1
        else:
            running_bots = [bot for bot in fleet.bots if bot is not None and bot.status is None]
            if not running_bots:
                continue
            bot = chance.choice(running_bots)
            if draw > 1 - STOPS:
                counts["stops"] += 1
                os.kill(bot.pid, signal.SIGTERM)
            elif draw > 1 - STOPS - STANDSTILLS:
                counts["standstills"] += 1
                seconds = chance.uniform(*STANDSTILL_FACTORS) * LEASE_SECONDS / fleet.speed
                standstills.append(asyncio.create_task(suspend(bot, seconds)))
            else:
                bot.kill()
        counts["kills"] += 1
    await asyncio.gather(*standstills)


async def suspend(bot: BotProcess, seconds: float) -> None:
    """Suspend a process for some seconds, which it can't notice."""
    os.kill(bot.pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    if bot.status is None:
        os.kill(bot.pid, signal.SIGCONT)


async def restart_processes(fleet: Fleet, chance: random.Random, counts: Counter[str]) -> None:
    """Restart processes that have ended, as a service manager does."""
    due_at: dict[int, float] = {}
    while True:
        await asyncio.sleep(0.1)
        now = time.monotonic()
        for number, bot in enumerate(fleet.bots):
            if bot is None or bot.status is None:
                due_at.pop(number, None)
            elif number not in due_at:
                due_at[number] = now + chance.uniform(*RESTART_DELAY_SECONDS)
                counts["crashes"] += bot.status > 0
            elif due_at[number] <= now:
                fleet.start(number)


async def run_kills(kills: int, seed: int, speed: float) -> Counter[str]:
    """Publish articles while processes are killed; return the counts of events and failures."""
    chance, counts = random.Random(seed), Counter[str]()
    async with open_fleet(speed) as fleet:
        for number in range(len(ROLES)):
            fleet.start(number)
        fleet.discord.faults.find_unscripted_fault = campaign.make_fault_source(
            chance, counts, speed, fault_share=FAULT_SHARE
        )
        kill_task = asyncio.create_task(kill_randomly(fleet, chance, counts, kills))
        restart_task = asyncio.create_task(restart_processes(fleet, chance, counts))
        notices = OperatorNotices(fleet.scenes)
        notice_task = asyncio.create_task(notices.send_until(kill_task, random.Random(f"{seed}:notices")))
        proposal_tasks = [
            asyncio.create_task(members.propose_until(kill_task, random.Random(f"{seed}:{number}")))
            for number, members in enumerate(fleet.members)
        ]
        numbers_by_scene: list[list[int]] = [[] for _ in fleet.scenes]
        while not kill_task.done():
            if fleet.count_unpolled(numbers_by_scene) < MAX_UNPOLLED:
                await fleet.publish(chance.choice(BURSTS), numbers_by_scene)
            await asyncio.sleep(BURST_INTERVAL_SECONDS)
            sys.stderr.write(f"{dict(counts)}, {fleet.count_open_dispatches()} open dispatches\n")
        await asyncio.gather(kill_task, notice_task, *proposal_tasks)
        await fleet.make_due()
        try:
            await wait_until(
                lambda: not fleet.count_open_dispatches() and not fleet.count_unpolled(numbers_by_scene),
                within=MAX_SETTLE_SECONDS,
            )
            await wait_until(lambda: not any(members.list_open_messages() for members in fleet.members))
            await wait_until(lambda: not notices.count_undecided() and not fleet.count_open_dispatches())
        except TimeoutError:
            counts["unsettled"] += 1
        await asyncio.sleep((campaign.LATEST_ANSWER + campaign.LATEST_EFFECT + 5) / speed)
        restart_task.cancel()
        await fleet.stop()
        for scene, members, numbers in zip(fleet.scenes, fleet.members, numbers_by_scene, strict=True):
            campaign.count_outcomes(scene, [number for number in numbers if not members.is_muted(number)], counts)
            members.count_outcomes(counts)
        notices.count_outcomes(counts)
        for violation in fleet.discord.violations[:5]:
            sys.stderr.write(f"violates Discord's API description: {violation}\n")
        counts["doubled shards"] = len(fleet.discord.gateway.duplicate_shards)
        counts["early identifies"] = fleet.discord.gateway.limits.refused_count
        if is_faulty(counts) or counts["unsettled"]:
            shutil.copytree(fleet.folder, f"{tempfile.gettempdir()}/telex-process-kills", dirs_exist_ok=True)
    return counts


def is_faulty(counts: Counter[str]) -> bool:
    """Return whether there is a failure of an article, a mention, a proposal or a notice."""
    names = (
        "lost",
        "repeated",
        "hidden",
        "unmuted",
        "wrong mentions",
        "misdecided",
        "lost notices",
        "repeated notices",
    )
    return any(counts[name] for name in names)


def main() -> None:
    """Run the kills, print the figure and exit with 1 if there is a failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--speed", type=float, default=6)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, started_at = promises.describe_commit(), time.monotonic()
    counts = asyncio.run(run_kills(options.kills, options.seed, options.speed))
    figure = (
        f"{counts['kills']:,} kills of two gateways and two pollers, {counts['servers']} of them of "
        f"the database server, {counts['cuts']} of all its sessions, {counts['stops']} orderly stops and "
        f"{counts['standstills']} standstills for longer than a lease; {counts['faults']:,} faults of "
        f"Discord, {counts['articles']:,} posts in {len(campaign.PLACES)} types of channel on {SHARDS} "
        f"shards (seed {options.seed}): "
        f"lost {counts['lost']}, repeated {counts['repeated']}, hidden {counts['hidden']}; "
        f"{counts['muted']:,} deliveries of muted articles: not withheld {counts['unmuted']}; "
        f"{counts['mentions']:,} mentions of a role: wrong {counts['wrong mentions']}; "
        f"{counts['proposals']:,} proposals, each decided by two managers at once ({counts['approved']} accepted): "
        f"not decided and announced exactly once {counts['misdecided']}; {counts['notices']} notices to servers, "
        f"{counts['cancelled notices']} of them cancelled: lost {counts['lost notices']}, repeated "
        f"{counts['repeated notices']}"
    )
    is_good = not is_faulty(counts)
    console.print(dict(counts))
    console.print(f"{figure}; {time.monotonic() - started_at:.0f} s")
    if options.record and is_good:
        promises.record("processes-kills", figure, commit=commit)
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
