"""Discord client whose shards come and go with the leases of its process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

if TYPE_CHECKING:
    from discord.abc import PrivateChannel
    from discord.guild import GuildChannel
    from yarl import URL

    from bot.client.sharding.leased_shards import LeasedShards
    from bot.posting.outbox_relay import OutboxRelay
    from bot.store import Store

log = logging.getLogger(__name__)


class ShardedBot(commands.AutoShardedBot):
    """A bot that knows only the servers of the shards that it currently serves."""

    leased_shards: LeasedShards
    store: Store
    outbox_relay: OutboxRelay

    async def launch_shards(self) -> None:
        """Connect the shards of this process once it owns some, unless the bot is stopped before that."""
        acquire_task = self.leased_shards.spawn(self.leased_shards.acquire_shards(), "shards")
        await asyncio.wait([acquire_task])
        if not acquire_task.cancelled():
            acquire_task.result()
            await super().launch_shards()
            self.leased_shards.start_following_leases()

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard as soon as it may identify (start a session).

        The wait comes first, because discord.py would take a connection that waits for its identify for a
        silent one.
        """
        self.leased_shards.launch(shard_id, partial(super().launch_shard, gateway, shard_id, initial=initial))

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002 - discord.py's signature
        """Wait until a shard may identify (start a session)."""
        await self.leased_shards.before_identify(shard_id or 0)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        """Remember the servers that a shard has when it loses its connection."""
        self.leased_shards.connections.on_disconnected(shard_id)

    async def on_shard_connect(self, shard_id: int) -> None:
        """Find the servers that removed the bot before the session of a shard that starts now."""
        self.leased_shards.connections.on_session_started(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        """End the resumed session of a shard if the shard belongs to another process by now."""
        await self.leased_shards.connections.close_orphaned_session(shard_id)

    async def on_shard_ready(self, shard_id: int) -> None:
        """Serve a shard's servers from now on, and dispatch the event `shard_served` to the cogs.

        The event has the time of the shard's last message, or None if there is none. If the shard belongs to another
        process by now, its session is ended instead.
        """
        if not self.leased_shards.serves_shard(shard_id):
            await self.leased_shards.connections.close_orphaned_session(shard_id)
            return
        store, served_shards = self.store, self.store.shards
        await store.retry_until_written(partial(self._sync_servers, shard_id))
        last_dispatches = await store.retry_until_written(lambda: store.dispatches.list_recent(0, 1, shard_id))
        await store.retry_until_written(lambda: self.outbox_relay.adopt_shard(shard_id))
        if self.leased_shards.serves_shard(shard_id):
            log_level = logging.INFO if served_shards.shard_count > 1 else logging.DEBUG
            log.log(log_level, "serving shard=%d count=%d", shard_id, served_shards.shard_count)
            served_shards.set_served(served_shards.served_numbers | {shard_id})
            self.dispatch("shard_served", shard_id, last_dispatches[0].sent_at if last_dispatches else None)
            self.outbox_relay.wake()

    async def _sync_servers(self, shard_id: int) -> None:
        """Store the servers of a shard if the shard belongs to this client."""
        if self.leased_shards.serves_shard(shard_id):
            guilds = self.list_guilds_of_shard(shard_id)
            locale_by_server_id = {
                guild.id: None if guild.unavailable else str(guild.preferred_locale) for guild in guilds
            }
            await self.store.servers.sync(locale_by_server_id, shard_id)

    @property
    def guilds(self) -> Sequence[discord.Guild]:
        """Servers of the client, without those that it lost but discord.py still has in its cache."""
        return [server for server in super().guilds if not self.leased_shards.connections.is_former(server)]

    def get_guild(self, id: int, /) -> discord.Guild | None:  # noqa: A002 - discord.py's name
        """Return the server with an id if this process serves it, or None otherwise."""
        server = super().get_guild(id)
        return None if server is None or self.leased_shards.connections.is_former(server) else server

    def get_channel(self, id: int, /) -> GuildChannel | discord.Thread | PrivateChannel | None:  # noqa: A002 - discord.py's name
        """Return the channel or thread with an id, or None if there is none.

        Only channels of this process's servers, and direct messages, are returned.
        """
        channel = super().get_channel(id)
        server = getattr(channel, "guild", None)
        return (
            None if isinstance(server, discord.Guild) and self.leased_shards.connections.is_former(server) else channel
        )

    def list_guilds_of_shard(self, shard_id: int) -> list[discord.Guild]:
        """Return the servers of a shard, including servers that are unavailable because of an outage."""
        return [guild for guild in self.guilds if guild.shard_id == shard_id]
