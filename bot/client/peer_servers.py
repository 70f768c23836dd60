"""Information on servers of other processes, and replies to queries about servers of this process."""

from collections.abc import Callable, Collection, Iterable

import discord

from bot.client.services import Services
from bot.core.i18n import ngettext
from bot.posting.audience import AudienceResolver
from bot.posting.channel_visibility import ChannelVisibility
from bot.posting.sending import message_targets
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.processes.peer_queries import PeerQueries
from bot.text import discord_text

PUBLIC_CHANNEL_MARK = 0
"""Number added to the ids of a channel's feeds if everyone in the server can read it; no feed has this id."""


class PeerServers:
    """Queries about servers to the processes that serve them, and replies to such queries of other processes.

    `get_audience_resolver` returns the object that finds out which feeds a user may read in servers of this process.
    """

    def __init__(
        self,
        client: discord.Client,
        services: Services,
        visibility: ChannelVisibility,
        get_audience_resolver: Callable[[], AudienceResolver],
    ) -> None:
        self._client, self._store = client, services.store
        self._visibility, self._get_audience_resolver = visibility, get_audience_resolver
        self._peer_queries = PeerQueries(
            services.store,
            services.cluster_events,
            {"reads": self._load_local_feed_ids_of_user, "channel": self._load_local_feed_ids_of_channel},
        )
        self._name_by_server_id: dict[int, str] = {}

    def start(self) -> None:
        """Start to answer queries of other processes about servers, in place of an earlier client of this process."""
        self._peer_queries.start()

    async def load_feed_ids_readable_by_user(self, server_id: int, user_id: int) -> Collection[int] | None:
        """Return the ids of the feeds that a user can read in a server of another process.

        Return None if that process does not reply or cannot tell now.
        """
        return await self._peer_queries.query("reads", server_id, user_id)

    async def load_feed_ids_readable_in_channel(self, server_id: int, channel_id: int) -> Collection[int] | None:
        """Return the ids of the feeds that all readers of a channel can read, and 0 if everyone can read the channel.

        The 0 is `PUBLIC_CHANNEL_MARK`. Asks whichever process serves the server; returns None if that process
        does not reply or cannot tell now. Raises StoreError.
        """
        if self._store.shards.serves(server_id):
            return await self._load_local_feed_ids_of_channel(server_id, channel_id)
        return await self._peer_queries.query("channel", server_id, channel_id)

    async def fetch_server(self, server_id: int) -> discord.Guild | None:
        """Return a server; a server of another process is fetched from Discord, without its channels.

        Return None if the bot is not in the server or Discord does not answer.
        """
        return await message_targets.find_guild(self._client, self._store, server_id)

    async def has_user_left(self, server_id: int, user_id: int) -> bool:
        """Return whether a user has left a server: True also if Discord cannot tell, False if the bot is not in it.

        Raises discord.RateLimited, aiohttp.ClientError or TimeoutError if Discord gives no answer.
        """
        guild = self._client.get_guild(server_id)
        try:
            if guild is None and not self._store.shards.serves(server_id):  # Another process serves it.
                guild = await self._client.fetch_guild(server_id, with_counts=False)
        except (discord.Forbidden, discord.NotFound):
            return False
        except discord.HTTPException:
            return True
        if guild is None:
            return False
        try:
            await guild.fetch_member(user_id)
        except discord.HTTPException:  # Error 10007 means no member; after others membership is unknown.
            return True
        return False

    async def load_names(self, server_ids: Iterable[int]) -> None:
        """Fetch and cache the names of the given servers, except those that this process serves itself."""
        for server_id in set(server_ids) - self._name_by_server_id.keys():
            if not self._store.shards.serves(server_id) and (guild := await self.fetch_server(server_id)) is not None:
                self._name_by_server_id[server_id] = guild.name

    def get_server_name(self, server_id: int) -> str | None:
        """Return the name of a server, or None if it is unknown."""
        guild = self._client.get_guild(server_id)
        return self._name_by_server_id.get(server_id) if guild is None else guild.name

    async def build_unreachable_servers_note(self, server_ids: Collection[int]) -> str:
        """Return a sentence on the servers left out of a reply because their processes did not answer."""
        await self.load_names(server_ids)
        server_names = [
            discord_text.to_markdown_line(self.get_server_name(server_id) or str(server_id), 100)
            for server_id in server_ids
        ]
        return ngettext(
            "I can’t reach {names} right now, so its articles are left out. Try again in a minute.",
            "I can’t reach {names} right now, so their articles are left out. Try again in a minute.",
            len(server_names),
        ).format(names=", ".join(server_names))

    async def _load_local_feed_ids_of_channel(self, server_id: int, channel_id: int) -> Collection[int] | None:
        guild = self._client.get_guild(server_id) if self._store.shards.serves(server_id) else None
        if guild is None or guild.unavailable:
            return None
        try:
            is_public = await self._visibility.is_public(guild, channel_id)
            feed_ids = await self._get_audience_resolver().find_feed_ids_readable_by_all_in(guild, channel_id)
        except DISCORD_ERRORS:
            return None
        return {PUBLIC_CHANNEL_MARK, *feed_ids} if is_public else feed_ids

    async def _load_local_feed_ids_of_user(self, server_id: int, user_id: int) -> Collection[int] | None:
        if not self._store.shards.serves(server_id):
            return None
        try:
            return await self._get_audience_resolver().find_local_feed_ids_readable_by(server_id, user_id)
        except DISCORD_ERRORS:
            return None
