"""`python -m bot.drill.drilled_bot run`: the real `telex run` in an outage drill, with a local stand-in for Discord.

Environment variables say where the stand-in is. Feeds are polled every few seconds: a drill of minutes needs news.
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
"""Environment variable with the URL of the REST API of the stand-in for Discord."""
GATEWAY_VARIABLE = "DRILL_DISCORD_GATEWAY"
"""Environment variable with the URL of the gateway of the stand-in for Discord."""
POLL_INTERVAL_SECONDS = 3
"""Minimum number of seconds between the bot's polls of a feed in an outage drill, instead of 300."""


def _kill_when_input_ends() -> None:
    """Wait for the end of standard input, which comes when the drill ends, then kill this process."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run `telex` with this process's arguments, short poll intervals, and a local stand-in instead of Discord.

    The process is killed when its standard input ends.
    """
    threading.Thread(target=_kill_when_input_ends, name="drill watch", daemon=True).start()
    discord.http.Route.BASE = os.environ[API_VARIABLE]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ[GATEWAY_VARIABLE])
    poll_schedule.MIN_INTERVAL_SECONDS = poll_schedule.USUAL_MIN_INTERVAL_SECONDS = POLL_INTERVAL_SECONDS
    # The command line is on a floor above this room, so it is run as `python -m bot` does.
    runpy.run_module("bot", run_name="__main__")


if __name__ == "__main__":
    main()
