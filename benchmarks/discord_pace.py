"""Benchmark of the rate of posts under Discord's rate limits, and of whether a limit is exceeded.

    python -m benchmarks.discord_pace [pace] [edits] [--channels 2000] [--minutes 10] [--reactions]
                                            [--record]

A real `telex run` works against the stand-in for Discord, which enforces limits on all requests (50 in any second),
on messages and edits of a channel (five in five seconds) and on reactions (four a second).

- `pace`: posts are pending in all channels, and in as many others that quiet hours or an hourly limit hold back.
  Then 500 posts are pending in ten channels of a server and one in each of eight other servers.
- `edits`: 286 posts of a channel are to be edited, and one in another server.

Exits 1 if a limit was exceeded, fewer than 45 posts a second were sent, a post was sent too early, a post of the
other servers came more than two seconds late, or the other server's edit more than ten.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from rich.console import Console

from benchmarks import promises
from bot.drill.discord_stand_in.discord_server import DiscordServer
from tests.support.wire.bot_process import Launcher
from tests.support.wire.crowd import EDIT_ROUTE, POST_ROUTE, REACTION_ROUTE, LoadScene, open_load_scene

CHANNELS_PER_SERVER = 10
MIN_POSTS_A_SECOND, MAX_QUIET_DELAY_SECONDS = 45.0, 2.0
EDITED_POSTS, MAX_EDIT_DELAY_SECONDS = 286, 10.0
SPARE_POSTS = 60
"""Number of additional posts per channel, so that none runs console."""
PACED_POSTS = 5
"""Number of posts pending in each channel that quiet hours or an hourly limit hold back."""

console = Console(highlight=False)


@asynccontextmanager
async def open_limited_crowd(launcher: Launcher) -> AsyncIterator[LoadScene]:
    """Open a crowd at a stand-in that enforces rate limits, but does not validate requests."""
    discord = await DiscordServer().start()
    discord.limit_everything(50, 1.0)
    discord.limits.update({POST_ROUTE: (5, 5.0), EDIT_ROUTE: (5, 5.0), REACTION_ROUTE: (1, 0.25)})
    try:
        with tempfile.TemporaryDirectory(prefix="telex-benchmark-") as folder:
            async with open_load_scene(discord, launcher, Path(folder)) as crowd:
                yield crowd
    finally:
        await discord.stop()


def read_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure_busy(launcher: Launcher, channels: int, seconds: float, seed: str) -> tuple[bool, str]:
    """Measure the rate of posts while all channels have pending posts, as do as many that are held back.

    Return whether all is within bounds, and the figure as a sentence.
    """
    async with open_limited_crowd(launcher) as crowd:
        busy_channels, paced_channels = (
            [channel for _ in range(channels // CHANNELS_PER_SERVER) for channel in crowd.server(CHANNELS_PER_SERVER)]
            for _ in range(2)
        )
        await crowd.owe("paced", paced_channels, PACED_POSTS)
        crowd.hold_back(paced_channels)
        await crowd.owe("busy", busy_channels, round((seconds + SPARE_POSTS) * 50 / channels) + 1)
        crowd.start(TELEX_SEED_REACTION=seed)
        await crowd.discord.wait_until(lambda: crowd.posts(busy_channels), within=300)
        started_at = time.monotonic()
        await asyncio.sleep(seconds)
        measured_seconds, posts = time.monotonic() - started_at, crowd.posts(busy_channels)
        early_posts = crowd.posts(paced_channels)
        answers = Counter(call.status for call in crowd.discord.calls)
        assert crowd.bot is not None
        cpu_ms_per_post = read_cpu_seconds(crowd.bot.pid) / max(posts, 1) * 1_000
        global_limits = sum(
            call.status == HTTPStatus.TOO_MANY_REQUESTS and bool(call.answer.get("global"))
            for call in crowd.discord.calls
        )
    figure = (
        f"{channels:,} busy channels beside {channels:,} in quiet hours or at their hourly limit, "
        f"{measured_seconds / 60:.0f} min, reactions "
        f"{'on' if seed == 'true' else 'off'}: "
        f"{posts / measured_seconds:.1f} posts a second, {answers[429]} answers 429, "
        f"{global_limits} of them global; "
        f"{early_posts} posts too early; {cpu_ms_per_post:.1f} ms of processor time of the bot a post"
    )
    return not global_limits and not early_posts and (
        posts / measured_seconds >= MIN_POSTS_A_SECOND or seed == "true"
    ), figure


async def measure_quiet(launcher: Launcher) -> tuple[bool, str]:
    """Measure the delay of one post in each of eight servers beside 500 pending posts of another.

    Return whether all is within bounds, and the figure as a sentence.
    """
    async with open_limited_crowd(launcher) as crowd:
        loud_channels, quiet_channels = (
            crowd.server(CHANNELS_PER_SERVER),
            [crowd.server(1)[0] for _ in range(8)],
        )
        await crowd.owe("loud", loud_channels, 500 // CHANNELS_PER_SERVER)
        await crowd.owe("quiet", quiet_channels, 1)
        crowd.start(TELEX_SEED_REACTION="false")
        await crowd.discord.wait_until(lambda: crowd.posts(quiet_channels) == len(quiet_channels), within=60)
        remaining_posts = 500 - crowd.posts(loud_channels)
        posted = [call for call in crowd.discord.calls if call.status == HTTPStatus.OK and call.method == "POST"]
        quiet_channel_ids = {str(place.id) for place in quiet_channels}
        delays = [
            call.called_at - posted[0].called_at
            for call in posted
            if call.path_parameters.get("channel") in quiet_channel_ids
        ]
    median_delay = sorted(delays)[len(delays) // 2]
    figure = (
        f"{len(delays)} posts of quiet channels beside 500 waiting in ten others: as a rule "
        f"{median_delay:.1f} s "
        f"late, at most {max(delays):.1f} s"
    )
    return max(delays) <= MAX_QUIET_DELAY_SECONDS and remaining_posts > 0, figure


async def measure_corrections(launcher: Launcher) -> tuple[bool, str]:
    """Measure the delay of an edit beside 286 edits in a channel of another server.

    Return whether all is within bounds, and the figure as a sentence.
    """
    async with open_limited_crowd(launcher) as crowd:
        discord, (loud_channels, calm_channels) = crowd.discord, (crowd.server(1), crowd.server(1))
        await crowd.owe("loud", loud_channels, EDITED_POSTS)
        await crowd.owe("calm", calm_channels, 1)
        discord.limits[POST_ROUTE] = (1_000, 1.0)
        bot = crowd.start(TELEX_SEED_REACTION="false")
        await discord.wait_until(lambda: crowd.posts([*loud_channels, *calm_channels]) == EDITED_POSTS + 1, within=120)
        await bot.stop()
        due_edits = crowd.change_all(loud_channels) + crowd.change_all(calm_channels)
        calls_before = len(discord.calls)
        crowd.start(TELEX_SEED_REACTION="false")
        await discord.wait_until(lambda: discord.count_calls("PATCH", f"/channels/{calm_channels[0].id}/"), within=120)
        edits = [call for call in discord.calls[calls_before:] if call.method == "PATCH"]
        calm_edit = next(call for call in edits if call.path_parameters.get("channel") == str(calm_channels[0].id))
    delay_seconds = calm_edit.called_at - edits[0].called_at
    figure = f"{due_edits - 1} edits of a channel and one in another server: that one {delay_seconds:.1f} s late"
    return due_edits == EDITED_POSTS + 1 and delay_seconds <= MAX_EDIT_DELAY_SECONDS, figure


def main() -> int:
    """Run the benchmark from the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="pace or edits; both unless said")
    parser.add_argument("--channels", type=int, default=2_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--reactions", action="store_true", help="with a 🔖 under every post")
    parser.add_argument("--record", action="store_true", help="write the figures into docs/PROMISES.md")
    arguments = parser.parse_args()
    commit, launcher, all_good = promises.describe_commit(), Launcher(), True
    seed = "true" if arguments.reactions else "false"
    scenarios = {
        "pace": (
            lambda: measure_busy(launcher, arguments.channels, arguments.minutes * 60, seed),
            lambda: measure_quiet(launcher),
        ),
        "edits": (lambda: measure_corrections(launcher),),
    }
    try:
        for part in arguments.parts or scenarios:
            scenario_figures = [asyncio.run(scenario()) for scenario in scenarios[part]]
            for is_within_bounds, figure in scenario_figures:
                console.print(f"{'ok ' if is_within_bounds else 'BAD'} {figure}", soft_wrap=True)
            part_is_good = all(scenario_is_good for scenario_is_good, _scenario_figure in scenario_figures)
            all_good &= part_is_good
            if arguments.record and part_is_good:
                promises.record(
                    f"discord-{part}",
                    "; ".join(scenario_figure for _scenario_is_good, scenario_figure in scenario_figures),
                    commit=commit,
                )
    finally:
        launcher.close()
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
