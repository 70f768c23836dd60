"""Main loop of a process that connects to Discord (gateway role), which restarts the Discord client as needed."""

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
from bot.core.configuration.settings import Settings
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARD_LEASE_KIND
from bot.store import DatabaseBroken, DatabaseFault

log = logging.getLogger(__name__)

_FIRST_BACKOFF_SECONDS = 5.0
"""Number of seconds to wait after the first of several failures of Discord, or any failure of the database."""
_MAX_BACKOFF_SECONDS = 300.0
"""Maximum number of seconds between attempts to start while Discord is unreachable."""
_TOO_MANY_REQUESTS_STATUS = 429
"""HTTP status 429 (too many requests), after which a later start may succeed."""
_FIRST_SERVER_ERROR_STATUS = 500
"""Lowest HTTP status of errors of the server, after which a later start may succeed."""


class LoginRejected(Exception):
    """Error raised when Discord rejects the token; the message says what to do."""


async def run_gateway(settings: Settings, cog_types: Sequence[type[commands.Cog]]) -> None:
    """Run the bot on Discord until it is cancelled; `settings` must have a token.

    Starts again while Discord or a shared database is unreachable, and after all shards went to other processes.
    Raises LoginRejected if the token is rejected, StoreError if the database cannot be used.
    """
    async with open_services(settings) as services:
        services.leases.set_available(
            ProcessRole.GATEWAY, is_available=services.leases.owner_id is None
        )  # Peers count on this process only once it is connected.
        async with run_background_tasks(services):
            await _run_clients(services, cog_types)


async def _run_clients(services: Services, cog_types: Sequence[type[commands.Cog]]) -> None:
    assert services.settings.discord_token is not None
    token, leases = services.settings.discord_token.text, services.leases
    backoff_seconds = _FIRST_BACKOFF_SECONDS
    while True:
        services.store.shards.reset(1, owner_id=leases.owner_id)
        leases.set_available(ProcessRole.GATEWAY, is_available=leases.owner_id is None)
        try:
            if not await _run_client(TelexBot(services, cog_types), token):
                return
            backoff_seconds = _FIRST_BACKOFF_SECONDS
            with suppress(DatabaseFault):  # The next client then keeps the leases.
                await leases.release_kind(SHARD_LEASE_KIND)
            continue
        except Exception as error:
            if not _is_transient(error, services):
                raise
            service_name = "Discord"
            if isinstance(error, DatabaseFault):
                service_name, backoff_seconds = "the database", _FIRST_BACKOFF_SECONDS
            log.warning(
                "connection failed service=%s retry_seconds=%.0f error=%s",
                service_name,
                backoff_seconds,
                error,
            )
        await services.clock.sleep(backoff_seconds)
        backoff_seconds = min(backoff_seconds * 2, _MAX_BACKOFF_SECONDS)


async def _run_client(bot: TelexBot, token: str) -> bool:
    """Run a Discord client to its end; return whether it ended because its shards went to other processes."""
    try:
        async with bot:
            client_task = asyncio.create_task(bot.start(token))
            try:
                await asyncio.shield(client_task)
            except asyncio.CancelledError:
                if not client_task.done():
                    await _hand_over_shards(bot)
                raise
            finally:
                client_task.cancel()
                await asyncio.gather(client_task, return_exceptions=True)
    except discord.LoginFailure as error:
        message = "Discord refused the token. Copy it from the developer portal: Bot, Reset Token."
        raise LoginRejected(message) from error
    if bot.close_reason is not None:
        raise bot.close_reason
    return bot.leased_shards.is_closing_without_shards


async def _hand_over_shards(bot: TelexBot) -> None:
    """Hand the shards of this process over to other processes; if that fails, the process ends anyway."""
    try:
        await bot.leased_shards.hand_over_all()
    except Exception:
        log.exception("shard handover failed; the remaining shards are released")


def _is_transient(error: Exception, services: Services) -> bool:
    """Return whether an error of the network, Discord or a database server may disappear by waiting."""
    if isinstance(error, DatabaseFault):
        return services.store.shards.is_leased and not isinstance(error, DatabaseBroken)
    if isinstance(error, discord.HTTPException):
        return error.status == _TOO_MANY_REQUESTS_STATUS or error.status >= _FIRST_SERVER_ERROR_STATUS
    transient_error_types = discord.GatewayNotFound | discord.RateLimited | aiohttp.ClientError | TimeoutError
    return isinstance(error, transient_error_types)
