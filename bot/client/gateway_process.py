"""A process that speaks to Discord: the client, begun again for as long as the process runs."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
import discord
from discord.ext import commands

from bot.client.background_tasks import run_background_tasks
from bot.client.discord_client import TelexBot
from bot.client.services import Services, open_services
from bot.core.preferences import ProcessRole
from bot.core.settings import Settings
from bot.processes.leases import SHARDS
from bot.store import DatabaseBroken, DatabaseFault

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0  # seconds between attempts to start while Discord is out of reach
_TOO_MANY, _SERVER_ERROR = 429, 500


class LoginRefused(Exception):
    """Discord does not take the token; the message says what to do."""


async def serve(settings: Settings, cogs: Sequence[type[commands.Cog]]) -> None:
    """Run the bot on Discord until it is cancelled. The settings hold a token.

    While Discord is out of reach at the start it tries again and again. Raises LoginRefused, and StoreError
    where the database cannot be used.
    """
    async with open_services(settings) as newsroom:
        newsroom.leases.set_available(
            ProcessRole.GATEWAY, now=newsroom.leases.owner is None
        )  # others count on it when it is
        async with run_background_tasks(newsroom):
            await _serve(newsroom, cogs)


async def _serve(newsroom: Services, cogs: Sequence[type[commands.Cog]]) -> None:
    assert newsroom.settings.discord_token is not None
    token, leases = newsroom.settings.discord_token.get_secret_value(), newsroom.leases
    pause = _FIRST_PAUSE
    while True:
        newsroom.store.shards.reset(1, owner=leases.owner)
        leases.set_available(ProcessRole.GATEWAY, now=leases.owner is None)
        try:
            if not await _run_client(TelexBot(newsroom, cogs), token):
                return
            pause = _FIRST_PAUSE
            with suppress(DatabaseFault):  # then the next client has them still
                await leases.release_kind(SHARDS)
            continue
        except Exception as error:
            if not _is_transient(error, newsroom):
                raise
            what = "Discord"
            if isinstance(error, DatabaseFault):
                what, pause = "the database", _FIRST_PAUSE
            log.warning("Can’t reach %s, trying again in %.0f s: %s", what, pause, error)
        await newsroom.clock.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _run_client(bot: TelexBot, token: str) -> bool:
    """Run a client to its end; whether that came since its shards are another's."""
    try:
        async with bot:
            running = asyncio.create_task(bot.start(token))
            try:
                await asyncio.shield(running)
            except asyncio.CancelledError:
                if not running.done():
                    await _hand_over_shards(bot)
                raise
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    except discord.LoginFailure as error:
        message = "Discord refused the token. Copy it from the developer portal: Bot, Reset Token."
        raise LoginRefused(message) from error
    if bot.close_reason is not None:
        raise bot.close_reason
    return bot.leased.is_closing_without_shards


async def _hand_over_shards(bot: TelexBot) -> None:
    """Hand the shards over in order, as far as that succeeds: the process ends whatever fails here."""
    try:
        await bot.leased.leave()
    except Exception:
        log.exception("Not all shards were handed over; the rest are free now")


def _is_transient(error: Exception, newsroom: Services) -> bool:
    """Whether an error is the network’s, Discord’s or that of a database server, and waiting mends it."""
    if isinstance(error, DatabaseFault):
        return newsroom.store.shards.are_transferable and not isinstance(error, DatabaseBroken)
    if isinstance(error, discord.HTTPException):
        return error.status == _TOO_MANY or error.status >= _SERVER_ERROR
    passing = discord.GatewayNotFound | discord.RateLimited | aiohttp.ClientError | TimeoutError
    return isinstance(error, passing)
