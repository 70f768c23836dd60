"""Several processes on one PostgreSQL server, killed at random: articles lost, repeated, hidden.

    python -m benchmarks.process_kills [--kills 300] [--seed N] [--speed 6] [--record]

Two gateways and two pollers, `telex run` with the roles of the compose file, post what three publishers bring
out into the channels of three servers, one on each of three shards: all kinds of channels of `campaign`, with
its wrong answers, though fewer. Every few seconds something is killed: mostly one of the processes, which is
started again a while later, else all processes of the server with the database, its sessions alone, or a
process is stopped as a service manager does, or stands still, as with its machine, for longer than its leases
last, and goes on. All clocks, that of the database too, run faster. Afterwards
every article is to be in every channel once, as in `campaign`, and every notice of the operator in every server.
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
from benchmarks.process_fleet import MAX_UNREAD, ROLES, SHARDS, Fleet, open_fleet
from benchmarks.server_kills import kill_server, start_server
from bot.processes.leases import LEASE_SECONDS
from tests.store import sql
from tests.support.wire.bot_process import BotProcess
from tests.support.wire.waiting import until

FAULT_SHARE = 0.08
SERVER_KILLS, SESSION_CUTS, STOPS, STANDSTILLS = 0.08, 0.12, 0.1, 0.2  # parts of all kills
KILL_INTERVAL_SECONDS = (1.0, 4.0)  # seconds from one kill to the next
STANDSTILL_FACTORS = (1.1, 2.0)  # times as long as leases last
RESTART_DELAY_SECONDS = (0.0, 3.0)  # until a killed process is started again
BURSTS = (1, 2, 3, 5, 8, 20)
BURST_INTERVAL_SECONDS = 5.0
MAX_SETTLE_SECONDS = 900.0

console = Console(highlight=False, soft_wrap=True)


async def kill_randomly(running_fleet: Fleet, chance: random.Random, counts: Counter[str], kills: int) -> None:
    """Kill so often."""
    standstills: list[asyncio.Task[None]] = []
    while counts["kills"] < kills:
        await asyncio.sleep(chance.uniform(*KILL_INTERVAL_SECONDS))
        draw = chance.random()
        if draw < SERVER_KILLS:
            kill_server(running_fleet.server / "data")
            counts["servers"] += 1
            await asyncio.sleep(chance.uniform(0, 1.0))
            await start_server(running_fleet.server)
        elif draw < SERVER_KILLS + SESSION_CUTS:
            await running_fleet.change_database(
                sql.run,
                running_fleet.database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
            )
            counts["cuts"] += 1
        else:
            alive = [bot for bot in running_fleet.bots if bot is not None and bot.status is None]
            if not alive:
                continue
            bot = chance.choice(alive)
            if draw > 1 - STOPS:
                counts["stops"] += 1
                os.kill(bot.pid, signal.SIGTERM)
            elif draw > 1 - STOPS - STANDSTILLS:
                counts["standstills"] += 1
                seconds = chance.uniform(*STANDSTILL_FACTORS) * LEASE_SECONDS / running_fleet.speed
                standstills.append(asyncio.create_task(stand_still(bot, seconds)))
            else:
                bot.kill()
        counts["kills"] += 1
    await asyncio.gather(*standstills)


async def stand_still(bot: BotProcess, seconds: float) -> None:
    """Stop a process without its knowledge, and let it go on."""
    os.kill(bot.pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    if bot.status is None:
        os.kill(bot.pid, signal.SIGCONT)


async def restart_ended(running_fleet: Fleet, chance: random.Random, counts: Counter[str]) -> None:
    """Start again what ended, as a service manager does."""
    due_at: dict[int, float] = {}
    while True:
        await asyncio.sleep(0.1)
        now = time.monotonic()
        for number, bot in enumerate(running_fleet.bots):
            if bot is None or bot.status is None:
                due_at.pop(number, None)
            elif number not in due_at:
                due_at[number] = now + chance.uniform(*RESTART_DELAY_SECONDS)
                counts["ended by themselves"] += bot.status > 0
            elif due_at[number] <= now:
                running_fleet.start(number)


async def run(kills: int, seed: int, speed: float) -> Counter[str]:
    """Kill so often while articles come; the counts."""
    chance, counts = random.Random(seed), Counter[str]()
    async with open_fleet(speed) as running_fleet:
        for number in range(len(ROLES)):
            running_fleet.start(number)
        running_fleet.discord.faults.find_unscripted_fault = campaign.make_fault_source(
            chance, counts, speed, fault_share=FAULT_SHARE
        )
        kill_task = asyncio.create_task(kill_randomly(running_fleet, chance, counts, kills))
        restart_task = asyncio.create_task(restart_ended(running_fleet, chance, counts))
        notices = OperatorNotices(running_fleet.scenes)
        notice_task = asyncio.create_task(notices.send_until(kill_task, random.Random(f"{seed}:notices")))
        proposal_tasks = [
            asyncio.create_task(members.propose_until(kill_task, random.Random(f"{seed}:{number}")))
            for number, members in enumerate(running_fleet.members)
        ]
        numbers_by_scene: list[list[int]] = [[] for _ in running_fleet.scenes]
        while not kill_task.done():
            if running_fleet.count_unread(numbers_by_scene) < MAX_UNREAD:
                await running_fleet.publish(chance.choice(BURSTS), numbers_by_scene)
            await asyncio.sleep(BURST_INTERVAL_SECONDS)
            sys.stderr.write(f"{dict(counts)}, owed {running_fleet.count_open_dispatches()}\n")
        await asyncio.gather(kill_task, notice_task, *proposal_tasks)
        await running_fleet.make_due()
        try:
            await until(
                lambda: not running_fleet.count_open_dispatches() and not running_fleet.count_unread(numbers_by_scene),
                within=MAX_SETTLE_SECONDS,
            )
            await until(lambda: not any(members.list_open_messages() for members in running_fleet.members))
            await until(lambda: not notices.count_undecided() and not running_fleet.count_open_dispatches())
        except TimeoutError:
            counts["unsettled"] += 1
        await asyncio.sleep((campaign.LATEST_ANSWER + campaign.LATEST_EFFECT + 5) / speed)
        restart_task.cancel()
        await running_fleet.stop()
        for scene, members, numbers in zip(running_fleet.scenes, running_fleet.members, numbers_by_scene, strict=True):
            campaign.count_outcomes(scene, [number for number in numbers if not members.is_muted(number)], counts)
            members.count_outcomes(counts)
        notices.count_outcomes(counts)
        for violation in running_fleet.discord.violations[:5]:
            sys.stderr.write(f"not as Discord describes it: {violation}\n")
        counts["doubled shards"] = len(running_fleet.discord.gateway.duplicate_shards)
        counts["early identifies"] = running_fleet.discord.gateway.limits.refused_count
        if is_faulty(counts) or counts["unsettled"]:
            shutil.copytree(running_fleet.folder, f"{tempfile.gettempdir()}/telex-process-kills", dirs_exist_ok=True)
    return counts


def is_faulty(counts: Counter[str]) -> bool:
    """Whether an article, a proposal or a notice was lost or repeated, or is not where it should be."""
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--speed", type=float, default=6)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    commit, started_at = promises.describe_commit(), time.monotonic()
    counts = asyncio.run(run(options.kills, options.seed, options.speed))
    figure = (
        f"{counts['kills']:,} kills of two gateways and two pollers, {counts['servers']} of them of "
        f"the database server, {counts['cuts']} of all its sessions, {counts['stops']} orderly stops and "
        f"{counts['standstills']} standstills for longer than a lease; {counts['faults']:,} wrong "
        f"answers, {counts['articles']:,} posts in {len(campaign.PLACES)} kinds of channel on {SHARDS} "
        f"shards (seed {options.seed}): "
        f"lost {counts['lost']}, repeated {counts['repeated']}, hidden {counts['hidden']}; "
        f"{counts['muted']:,} times an article of a muted story: not withheld once {counts['unmuted']}; "
        f"{counts['mentions']:,} mentions of a role: not notified once {counts['wrong mentions']}; "
        f"{counts['proposals']:,} proposals, each decided by two managers at once ({counts['approved']} accepted): "
        f"not shown, decided and announced once {counts['misdecided']}; {counts['notices']} notices in a server, "
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
