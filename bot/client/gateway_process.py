"""The main loop of a process with the gateway role, which restarts the Discord client as needed."""

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

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
"""Seconds between attempts to start while Discord is unreachable: first and maximum backoff."""
_TOO_MANY, _SERVER_ERROR = 429, 500
"""HTTP status codes of transient errors: exactly 429, and from 500 on."""


class LoginRefused(Exception):
    """Rejection of the token by Discord; the message says what to do."""


async def serve(settings: Settings, cogs: Sequence[type[commands.Cog]]) -> None:
    """Run the bot on Discord until it is cancelled; `settings` must have a token.

    Retries while Discord is unreachable. Raises LoginRefused if the token is rejected, StoreError if the
    database cannot be used.
    """
    async with open_services(settings) as newsroom:
        newsroom.leases.set_available(
            ProcessRole.GATEWAY, now=newsroom.leases.owner is None
        )  # Peers count on this process only once it is connected.
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
            with suppress(DatabaseFault):  # The next client then keeps the leases.
                await leases.release_kind(SHARDS)
            continue
        except Exception as error:
            if not _is_transient(error, newsroom):
                raise
            what = "Discord"
            if isinstance(error, DatabaseFault):
                what, pause = "the database", _FIRST_PAUSE
            log.warning("connection failed service=%s retry_seconds=%.0f error=%s", what, pause, error)
        await newsroom.clock.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _run_client(bot: TelexBot, token: str) -> bool:
    """Run a client to its end; return whether it ended because its shards were lost or handed over."""
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
    """Hand the shards over one by one; on failure the process ends anyway."""
    try:
        await bot.leased.leave()
    except Exception:
        log.exception("shard handover failed; the remaining shards are released")


def _is_transient(error: Exception, newsroom: Services) -> bool:
    """Return whether an error of the network, of Discord or of a database server may disappear by waiting."""
    if isinstance(error, DatabaseFault):
        return newsroom.store.shards.are_transferable and not isinstance(error, DatabaseBroken)
    if isinstance(error, discord.HTTPException):
        return error.status == _TOO_MANY or error.status >= _SERVER_ERROR
    passing = discord.GatewayNotFound | discord.RateLimited | aiohttp.ClientError | TimeoutError
    return isinstance(error, passing)
