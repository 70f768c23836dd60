"""`python -m bot.drill.drilled_bot run`: the real `telex run`, connected to the stand-in instead of Discord.

The environment says where the stand-in is. Feeds are polled every few seconds, so that a drill of minutes has news.
The bot ends when its standard input does: the drill holds the other end of the pipe, however it ends itself.
"""

import os
import runpy
import signal
import sys
import threading

import discord.http
import yarl
from discord.gateway import DiscordWebSocket

from bot.feeds import poll_schedule

API_VARIABLE = "DRILL_DISCORD_API"
"""Environment variable with the address of the stand-in's REST API."""
GATEWAY_VARIABLE = "DRILL_DISCORD_GATEWAY"
"""Environment variable with the address of the stand-in's gateway."""
POLL_INTERVAL_SECONDS = 3
"""Number of seconds between polls of a feed in a drill, instead of at least 300."""


def _kill_when_input_ends() -> None:
    """Wait for the end of standard input, then kill this process."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Connect discord.py to the stand-in, shorten the poll intervals, and be `telex` with the process's arguments."""
    threading.Thread(target=_kill_when_input_ends, name="drill watch", daemon=True).start()
    discord.http.Route.BASE = os.environ[API_VARIABLE]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ[GATEWAY_VARIABLE])
    poll_schedule.MIN_INTERVAL_SECONDS = poll_schedule.USUAL_MIN_INTERVAL_SECONDS = POLL_INTERVAL_SECONDS
    # The command line is on a floor above this room, so it is run as `python -m bot` does.
    runpy.run_module("bot", run_name="__main__")


if __name__ == "__main__":
    main()
