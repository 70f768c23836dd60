"""How fast posts come where Discord's limits are the only bound, and whether any of them is broken.

    python -m tests.benchmarks.discord_pace [pace] [edits] [--channels 2000] [--minutes 10] [--reactions]
                                            [--record]

A real `telex run` against the stand-in, which counts all requests in any window of a second (50), messages
and edits of a channel (five in five seconds) and reactions (four a second). `pace`: first all channels wait
for posts; then 500 posts wait in ten channels of a server and one in another server's. `edits`: 286 posts of
a channel are to be edited, and one in another server. Exits 1 when a limit was broken, fewer than 45 posts a
second came, the quiet channel waited more than two seconds, or the one correction more than ten.
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

from tests.benchmarks import promises
from tests.wire.bot_process import Launcher
from tests.wire.crowd import EDITING, POSTING, REACTING, Crowd, open_crowd
from tests.wire.discord_server import DiscordServer

EACH = 10  # channels of a server
LEAST, LATEST = 45.0, 2.0  # posts a second, seconds
EDITED, LATEST_EDIT = 286, 10.0  # posts, seconds
MARGIN = 60  # posts that may not be needed

out = Console(highlight=False)


@asynccontextmanager
async def limited(launcher: Launcher) -> AsyncIterator[Crowd]:
    """A crowd in a Discord with its limits, whose stand-in checks no forms."""
    discord = await DiscordServer(checks=False).start()
    discord.limit_everything(50, 1.0)
    discord.limits.update({POSTING: (5, 5.0), EDITING: (5, 5.0), REACTING: (1, 0.25)})
    try:
        with tempfile.TemporaryDirectory(prefix="telex-benchmark-") as folder:
            async with open_crowd(discord, launcher, Path(folder)) as crowd:
                yield crowd
    finally:
        await discord.stop()


def processor_time(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def busy(launcher: Launcher, channels: int, seconds: float, seed: str) -> tuple[bool, str]:
    """Posts wait in all channels for the whole time."""
    async with limited(launcher) as crowd:
        places = [channel for _ in range(channels // EACH) for channel in crowd.server(EACH)]
        await crowd.owe("busy", places, round((seconds + MARGIN) * 50 / channels) + 1)
        crowd.start(TELEX_SEED_REACTION=seed)
        await crowd.discord.until(lambda: crowd.posts(places), within=300)
        begun = time.monotonic()
        await asyncio.sleep(seconds)
        took, posts = time.monotonic() - begun, crowd.posts(places)
        answers = Counter(call.status for call in crowd.discord.calls)
        assert crowd.bot is not None
        spent = processor_time(crowd.bot.pid) / max(posts, 1) * 1_000
        everywhere = sum(
            call.status == HTTPStatus.TOO_MANY_REQUESTS and bool(call.answer.get("global"))
            for call in crowd.discord.calls
        )
    told = (
        f"{channels:,} busy channels, {took / 60:.0f} min, reactions {'on' if seed == 'true' else 'off'}: "
        f"{posts / took:.1f} posts a second, {answers[429]} answers 429, {everywhere} of them global; "
        f"{spent:.1f} ms of processor time of the bot a post"
    )
    return not everywhere and (posts / took >= LEAST or seed == "true"), told


async def quiet(launcher: Launcher) -> tuple[bool, str]:
    """500 posts wait in ten channels of a server, and one in each of eight other servers, all at once."""
    async with limited(launcher) as crowd:
        loud, places = crowd.server(EACH), [crowd.server(1)[0] for _ in range(8)]
        await crowd.owe("loud", loud, 500 // EACH)
        await crowd.owe("quiet", places, 1)
        crowd.start(TELEX_SEED_REACTION="false")
        await crowd.discord.until(lambda: crowd.posts(places) == len(places), within=60)
        left = 500 - crowd.posts(loud)
        posted = [
            call for call in crowd.discord.calls if call.status == HTTPStatus.OK and call.method == "POST"
        ]
        mine = {str(place.id) for place in places}
        late = [call.at - posted[0].at for call in posted if call.ids.get("channel") in mine]
    usual = sorted(late)[len(late) // 2]
    told = (
        f"{len(late)} posts of quiet channels beside 500 waiting in ten others: as a rule {usual:.1f} s "
        f"late, at most {max(late):.1f} s"
    )
    return max(late) <= LATEST and left > 0, told


async def corrections(launcher: Launcher) -> tuple[bool, str]:
    """286 posts of a channel are to be edited, and one of another server's, all at once."""
    async with limited(launcher) as crowd:
        discord, (loud, calm) = crowd.discord, (crowd.server(1), crowd.server(1))
        await crowd.owe("loud", loud, EDITED)
        await crowd.owe("calm", calm, 1)
        discord.limits[POSTING] = (1_000, 1.0)
        bot = crowd.start(TELEX_SEED_REACTION="false")
        await discord.until(lambda: crowd.posts([*loud, *calm]) == EDITED + 1, within=120)
        await bot.stop()
        due = crowd.change_all(loud) + crowd.change_all(calm)
        before = len(discord.calls)
        crowd.start(TELEX_SEED_REACTION="false")
        await discord.until(lambda: discord.count("PATCH", f"/channels/{calm[0].id}/"), within=120)
        edits = [call for call in discord.calls[before:] if call.method == "PATCH"]
        mine = next(call for call in edits if call.ids.get("channel") == str(calm[0].id))
    late = mine.at - edits[0].at
    told = f"{due - 1} edits of a channel and one in another server: that one {late:.1f} s late"
    return due == EDITED + 1 and late <= LATEST_EDIT, told


def main() -> int:
    """Run it from the command line."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("parts", nargs="*", choices=("pace", "edits"), default=("pace", "edits"))
    options.add_argument("--channels", type=int, default=2_000)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--reactions", action="store_true", help="with a 🔖 under every post")
    options.add_argument("--record", action="store_true", help="write the figures into docs/PROMISES.md")
    given = options.parse_args()
    commit, launcher, good = promises.commit(), Launcher(), True
    seed = "true" if given.reactions else "false"
    scenarios = {
        "pace": (lambda: busy(launcher, given.channels, given.minutes * 60, seed), lambda: quiet(launcher)),
        "edits": (lambda: corrections(launcher),),
    }
    try:
        for part in given.parts:
            found = [asyncio.run(scenario()) for scenario in scenarios[part]]
            for held, told in found:
                out.print(f"{'ok ' if held else 'BAD'} {told}", soft_wrap=True)
            holds = all(held for held, _told in found)
            good &= holds
            if given.record and holds:
                promises.record(f"discord-{part}", "; ".join(told for _held, told in found), commit=commit)
    finally:
        launcher.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
