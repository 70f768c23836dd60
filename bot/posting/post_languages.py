"""The language in which a channel's posts are written."""

import discord

from bot.core import i18n
from bot.core.setting_registry import LANGUAGE
from bot.store import Store


class PostLanguages:
    """Finder of the languages in which the posts of channels are written.

    `default_language` is used if a channel and its server have no language and the server's locale in Discord
    is not supported.
    """

    def __init__(self, store: Store, client: discord.Client, default_language: str) -> None:
        self._store, self._client, self._default_language = store, client, default_language

    async def for_channel(self, server_id: int, channel_id: int) -> str:
        """Return the language of a channel's posts as an ISO 639-1 code.

        It is the language that is set for the channel, else for its server, else the server's locale in Discord
        if Telex supports it, else the default language. Raises StoreError.
        """
        language = await self._store.preferences.get_language(server_id, channel_id)
        if language is not None:
            return language
        guild = self._client.get_guild(server_id)
        locale = await self._store.servers.get_locale(server_id) if guild is None else str(guild.preferred_locale)
        return i18n.supported_language(locale) or self._default_language

    async def for_discord_channel(self, channel: discord.abc.GuildChannel | discord.Thread) -> str:
        """Return the language of the posts of a channel or thread as an ISO 639-1 code.

        A thread without a language of its own has the language of its channel. Raises StoreError.
        """
        load_preferences, channel_id = self._store.preferences.get_by_channel, channel.id
        if isinstance(channel, discord.Thread) and (await load_preferences(channel.id))[LANGUAGE] is None:
            channel_id = channel.parent_id
        return await self.for_channel(channel.guild.id, channel_id)
