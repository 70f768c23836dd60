"""What is known of servers that another process serves, and told to processes that do not serve ours."""

from collections.abc import Callable, Collection, Iterable

import aiohttp
import discord

from bot.client.services import Services
from bot.core.i18n import ngettext
from bot.posting.audience import AudienceResolver
from bot.posting.channel_visibility import ChannelVisibility
from bot.posting.sending import message_targets
from bot.processes.peer_queries import PeerQueries
from bot.text import discord_text


class PeerServers:
    """Asks the processes with other shards, and answers them. `audience` is that of this process."""

    def __init__(
        self,
        client: discord.Client,
        newsroom: Services,
        visibility: ChannelVisibility,
        audience: Callable[[], AudienceResolver],
    ) -> None:
        self._client, self._store = client, newsroom.store
        self._visibility, self._audience = visibility, audience
        self._inquiries = PeerQueries(
            newsroom.store,
            newsroom.notices,
            {"reads": self._person_reads_here, "channel": self._channel_reads_here},
        )
        self._names: dict[int, str] = {}

    def start(self) -> None:
        """Hear what others ask, instead of a client before this one."""
        self._inquiries.start()

    async def readable_feeds_of_user(self, server_id: int, person_id: int) -> Collection[int] | None:
        """Feeds that a person may read in a server of another process; None where it does not say in time."""
        return await self._inquiries.query("reads", server_id, person_id)

    async def readable_feeds_of_channel(self, server_id: int, channel_id: int) -> Collection[int] | None:
        """Feeds that whoever reads a channel may read, and a 0 where that is everybody in its server.

        Of whichever process serves the server; None where nobody can tell now.
        """
        if self._store.shards.serves(server_id):
            return await self._channel_reads_here(server_id, channel_id)
        return await self._inquiries.query("channel", server_id, channel_id)

    async def server(self, server_id: int) -> discord.Guild | None:
        """A server; where another process serves it, what Discord tells of it: its name, no channels.

        None where the bot is not in it, or Discord does not tell.
        """
        return await message_targets.find_guild(self._client, self._store, server_id)

    async def learn_names(self, server_ids: Iterable[int]) -> None:
        """Ask for the names of servers that other processes serve."""
        for server_id in set(server_ids) - self._names.keys():
            if (
                not self._store.shards.serves(server_id)
                and (found := await self.server(server_id)) is not None
            ):
                self._names[server_id] = found.name

    def name(self, server_id: int) -> str | None:
        """What a server is called, where that is known."""
        guild = self._client.get_guild(server_id)
        return self._names.get(server_id) if guild is None else guild.name

    async def unreachable_servers_note(self, server_ids: Collection[int]) -> str:
        """That some servers are left out of an answer, since whoever serves them does not answer."""
        await self.learn_names(server_ids)
        names = [discord_text.to_markdown_line(self.name(each) or str(each), 100) for each in server_ids]
        return ngettext(
            "I can’t reach {names} right now, so its articles are left out. Try again in a minute.",
            "I can’t reach {names} right now, so their articles are left out. Try again in a minute.",
            len(names),
        ).format(names=", ".join(names))

    async def _channel_reads_here(self, server_id: int, channel_id: int) -> Collection[int] | None:
        guild = self._client.get_guild(server_id) if self._store.shards.serves(server_id) else None
        if guild is None or guild.unavailable:
            return None
        try:
            is_open = await self._visibility.is_public(guild, channel_id)
            feed_ids = await self._audience().feeds_readable_by_all_in(guild, channel_id)
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError):
            return None
        return {0, *feed_ids} if is_open else feed_ids

    async def _person_reads_here(self, server_id: int, person_id: int) -> Collection[int] | None:
        if not self._store.shards.serves(server_id):
            return None
        try:
            return await self._audience().local_feeds_readable_by(server_id, person_id)
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError):
            return None
