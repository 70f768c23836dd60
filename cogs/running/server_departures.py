"""Departures of the bot from servers that an operator blocked, did not allow, or has it leave."""

import asyncio
import logging

import discord

from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from cogs.running.welcome_message import find_welcome_channel

log = logging.getLogger(__name__)


class ServerDepartures:
    """Departures of the bot from servers of this process's shards, after each decision of an operator."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot, self._store = bot, bot.store
        self._wake_event = asyncio.Event()

    def wake(self) -> None:
        """Have `run` look which servers to leave, because of a decision or a newly connected shard."""
        self._wake_event.set()

    async def run(self) -> None:
        """Leave servers at the start and after each call of `wake`, until cancelled.

        Raises StoreError, and one of `DISCORD_ERRORS` if Discord does not answer.
        """
        while True:
            self._wake_event.clear()
            await self.leave_denied_servers()
            await self._wake_event.wait()

    async def leave_denied_servers(self) -> None:
        """Leave the servers that the bot must not be in, and record that they were left.

        A server that Discord does not report to this process is recorded as left when its shard is next connected.
        Raises StoreError, and one of `DISCORD_ERRORS` if some servers, after all others, could not be left.
        """
        last_error: Exception | None = None
        for server_id in await self.load_denied_server_ids():
            if (guild := self._bot.get_guild(server_id)) is not None:
                try:
                    await self._leave(guild)
                except DISCORD_ERRORS as error:
                    last_error = error
        if last_error is not None:
            raise last_error

    async def leave_if_denied(self, guild: discord.Guild) -> bool:
        """Leave a server that has just invited the bot, with a message, if it must not be there; return whether so.

        Raises StoreError, and one of `DISCORD_ERRORS` if Discord does not answer; `run` then tries again.
        """
        try:
            if guild.id not in await self.load_denied_server_ids():
                return False
            await self._send_departure_message(guild)
            await self._leave(guild)
        except Exception:
            self.wake()  # `run` tries again.
            raise
        return True

    async def _send_departure_message(self, guild: discord.Guild) -> None:
        channel = find_welcome_channel(guild)
        if channel is None:
            return
        language = i18n.supported_language(str(guild.preferred_locale)) or self._bot.services.settings.language
        with i18n.language_scope(language):
            text = _("This bot isn’t available in this server. Ask the people who run it.")
        try:
            await channel.send(text)
        except DISCORD_ERRORS as error:
            log.warning("departure message failed server_id=%d error=%s", guild.id, error)

    async def load_denied_server_ids(self) -> set[int]:
        """Return the ids of the servers of this process's shards that the bot has to leave. Raises StoreError."""
        settings = self._bot.services.settings
        return await self._store.server_access.load_denied_server_ids(settings.servers, settings.owner_server)

    async def _leave(self, guild: discord.Guild) -> None:
        try:
            await guild.leave()
        except discord.NotFound:  # It was left already, by this process or by a removal.
            log.debug("server already left server_id=%d", guild.id)
        await self._store.servers.mark_left(guild.id)
        log.info("server left server_id=%d", guild.id)
