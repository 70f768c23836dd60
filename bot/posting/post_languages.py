"""The language in which a channel's posts are written."""

import discord

from bot.core import i18n
from bot.core.setting_registry import LANGUAGE
from bot.store import Store


class PostLanguages:
    """Resolver of the languages of channels.

    `run_default_command` is used if a server's locale is not supported.
    """

    def __init__(self, store: Store, client: discord.Client, default_language: str) -> None:
        self._store, self._client, self._default_language = store, client, default_language

    async def for_channel(self, server_id: int, channel_id: int) -> str:
        """Return a channel's language as an ISO 639-1 code: its own setting, its server's, or by the locale.

        The locale is that of the server in Discord; if it is not supported, the default language is returned.
        Raises StoreError.
        """
        language = await self._store.preferences.get_language(server_id, channel_id)
        if language is not None:
            return language
        guild = self._client.get_guild(server_id)
        locale = await self._store.servers.get_locale(server_id) if guild is None else str(guild.preferred_locale)
        return i18n.supported_language(locale) or self._default_language

    async def for_discord_channel(self, channel: discord.abc.GuildChannel | discord.Thread) -> str:
        """Return the language of a channel or thread; a thread without a setting has its channel's.

        Raises StoreError.
        """
        load_preferences, channel_id = self._store.preferences.by_channel, channel.id
        if isinstance(channel, discord.Thread) and (await load_preferences(channel.id))[LANGUAGE] is None:
            channel_id = channel.parent_id
        return await self.for_channel(channel.guild.id, channel_id)
