"""A process that speaks to Discord: the client, begun again for as long as the process runs."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

import aiohttp
import discord
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.client.newsroom_loops import going_on
from bot.client.services import Newsroom, open_newsroom
from bot.core.choices import Role
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
    async with open_newsroom(settings) as newsroom:
        newsroom.leases.able(Role.GATEWAY, now=newsroom.leases.owner is None)  # others count on it when it is
        async with going_on(newsroom):
            await _serve(newsroom, cogs)


async def _serve(newsroom: Newsroom, cogs: Sequence[type[commands.Cog]]) -> None:
    assert newsroom.settings.discord_token is not None
    token, leases = newsroom.settings.discord_token.get_secret_value(), newsroom.leases
    pause = _FIRST_PAUSE
    while True:
        newsroom.store.shards.divide(1, owner=leases.owner)
        leases.able(Role.GATEWAY, now=leases.owner is None)
        try:
            if not await _ended_without_shards(Telex(newsroom, cogs), token):
                return
            pause = _FIRST_PAUSE
            with suppress(DatabaseFault):  # then the next client has them still
                await leases.give_back(SHARDS)
            continue
        except Exception as error:
            if not _passes(error, newsroom):
                raise
            what = "Discord"
            if isinstance(error, DatabaseFault):
                what, pause = "the database", _FIRST_PAUSE
            log.warning("Can’t reach %s, trying again in %.0f s: %s", what, pause, error)
        await newsroom.clock.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _ended_without_shards(bot: Telex, token: str) -> bool:
    """Run a client to its end; whether that came since its shards are another's."""
    try:
        async with bot:
            running = asyncio.create_task(bot.start(token))
            try:
                await asyncio.shield(running)
            except asyncio.CancelledError:
                if not running.done():
                    await _leave(bot)
                raise
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    except discord.LoginFailure as error:
        message = "Discord refused the token. Copy it from the developer portal: Bot, Reset Token."
        raise LoginRefused(message) from error
    if bot.gave_way_to is not None:
        raise bot.gave_way_to
    return bot.leased.lost


async def _leave(bot: Telex) -> None:
    """Hand the shards over in order, as far as that succeeds: the process ends whatever fails here."""
    try:
        await bot.leased.leave()
    except Exception:
        log.exception("Not all shards were handed over; the rest are free now")


def _passes(error: Exception, newsroom: Newsroom) -> bool:
    """Whether an error is the network’s, Discord’s or that of a database server, and waiting mends it."""
    if isinstance(error, DatabaseFault):
        return newsroom.store.shards.end and not isinstance(error, DatabaseBroken)
    if isinstance(error, discord.HTTPException):
        return error.status == _TOO_MANY or error.status >= _SERVER_ERROR
    passing = discord.GatewayNotFound | discord.RateLimited | aiohttp.ClientError | TimeoutError
    return isinstance(error, passing)
