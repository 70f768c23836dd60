"""The Discord client, which loads the cogs and connects them with the services."""

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord.ext import commands

from bot.client import command_registration, interaction_context
from bot.client.command_tree import (
    BURST_REFILL_SECONDS,
    COMMAND_CONTEXTS,
    COMMAND_INSTALLATIONS,
    MAX_AUTOCOMPLETE_BURST,
    MAX_INTERACTION_BURST,
    TelexCommandTree,
)
from bot.client.error_replies import set_reply_language
from bot.client.maintenance_refusal import UnderMaintenance, describe_maintenance
from bot.client.peer_servers import PeerServers
from bot.client.services import Services
from bot.client.sharding.leased_shards import LeasedShards
from bot.client.sharding.sharded_bot import ShardedBot
from bot.core import i18n
from bot.core.concurrency.rate_limits import TokenBucket
from bot.posting.audience import AudienceResolver
from bot.posting.channel_visibility import ChannelVisibility
from bot.posting.outbox_relay import OutboxRelay
from bot.posting.post_languages import PostLanguages
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.restore_reconciler import RestoreReconciler
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.lease_guard import LeaseGuard
from bot.posting.sending.message_targets import fair_share_key
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from bot.posting.sending.rate_limiter import RateLimiter
from bot.posting.sending.retry_guard import RetryGuard
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store import DatabaseFault, LeaseLost, ProcessMustEnd

if TYPE_CHECKING:
    from bot.store import Store

log = logging.getLogger(__name__)

INTENTS = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True)
"""Gateway intents (kinds of events that Discord sends to the bot), none of which is privileged."""

_MAX_RATE_LIMIT_SECONDS = 30.0
"""Maximum number of seconds that discord.py waits for a rate limit before it raises RateLimited."""
_READABLE_FEEDS_TTL_SECONDS = 60.0
"""Number of seconds for which a user's readable feeds are cached for autocomplete."""
_MAX_CACHED_USERS = 1_000
"""Maximum number of users whose readable feeds are cached."""
_OWNERS_TTL_SECONDS = 60.0
"""Number of seconds for which the owners of the application are cached."""
_UNREACHABLE_SERVERS_KEY = "unreachable_server_ids"
"""Key in the extras of an interaction for the ids of servers whose processes did not answer."""


class TelexBot(ShardedBot):
    """The bot as a client of Discord.

    `services` must be open before the bot starts and are closed by the caller after it ends. `cog_types` are
    added at login and removed in the same order when the bot closes. If `shard_count` is None, Discord
    recommends the number of shards.
    """

    def __init__(
        self, services: Services, cog_types: Sequence[type[commands.Cog]], *, shard_count: int | None = None
    ) -> None:
        self.webhooks = ChannelWebhooks(self, services.clock)
        """Webhooks of posts that appear under the name of their outlet."""
        self.request_rate_limiter = RateLimiter(
            services.clock, services.store, partial(fair_share_key, self), self.webhooks.channel_id_by_webhook_id
        )
        """Rate limiter of requests to Discord."""
        self.leased_shards = LeasedShards(
            self,
            services,
            lambda shard: self.outbox_relay.release_shard(shard),  # noqa: PLW0108 - the relay is made later
        )
        trace_config = aiohttp.TraceConfig()
        RetryGuard(self.webhooks.channel_id_by_webhook_id).attach(trace_config)
        self.request_rate_limiter.attach(trace_config)
        LeaseGuard(self.leased_shards.owns_server).attach(trace_config)
        super().__init__(
            commands.when_mentioned,
            help_command=None,
            tree_cls=TelexCommandTree,
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=COMMAND_CONTEXTS,
            allowed_installs=COMMAND_INSTALLATIONS,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            max_ratelimit_timeout=_MAX_RATE_LIMIT_SECONDS,
            http_trace=trace_config,
            shard_count=shard_count,
        )
        self.services = services
        self.store: Store = services.store
        self.user_rate_limiter = TokenBucket(
            services.clock, max_tokens=MAX_INTERACTION_BURST, period_seconds=BURST_REFILL_SECONDS
        )
        """Rate limiter of each user's commands, buttons and menus together."""
        self._autocomplete_limiter = TokenBucket(
            services.clock, max_tokens=MAX_AUTOCOMPLETE_BURST, period_seconds=BURST_REFILL_SECONDS
        )
        # With the time of loading, server ids by feed id.
        self._cached_readable_feeds_by_user_id: dict[int, tuple[float, dict[int, int]]] = {}
        self.visibility = ChannelVisibility(services.clock)
        self.languages = PostLanguages(services.store, self, services.settings.language)
        self.peer_servers = PeerServers(self, services, self.visibility, lambda: self.outbox_relay.audience)
        posting_context = PostingContext(
            store=services.store,
            client=self,
            settings=services.settings,
            workers=services.occasional_workers,
            preference_models=services.preference_models,
            search_index=services.index,
            model_services=services.model_services,
            webhooks=self.webhooks,
            post_languages=self.languages,
            audience=AudienceResolver(
                services.store, self, self.visibility, self.peer_servers.load_feed_ids_readable_by_user
            ),
            restore_reconciler=RestoreReconciler(services.store, self, self.webhooks),
            supervisor=services.supervisor,
            maintenance=services.maintenance,
        )
        self.outbox_relay = OutboxRelay(posting_context)
        self._cog_types = tuple(cog_types)
        self._owners_loaded_at = -_OWNERS_TTL_SECONDS
        self.close_reason: ProcessMustEnd | None = None
        """Reason why the bot closed by itself, or None if it did not."""

    async def close_for_successor(self, reason: ProcessMustEnd) -> None:
        """Close the bot because another process took over; then this process ends with the reason."""
        self.close_reason = reason
        await self.close()

    def allow_autocomplete(self, user_id: int) -> bool:
        """Return whether a user may get an autocomplete reply; if so, count it. Such replies have their own limit."""
        if self._autocomplete_limiter.retry_after(user_id):
            return False
        self._autocomplete_limiter.consume(user_id)
        return True

    async def require_no_maintenance(self, user: discord.abc.User) -> None:
        """Raise UnderMaintenance during maintenance, unless the user is an operator, who may use everything."""
        period = self.services.maintenance.period
        if period is None:
            return
        with suppress(*DISCORD_ERRORS):  # Then nobody is known to be an operator.
            if await self.is_owner(user):
                return
        raise UnderMaintenance(describe_maintenance(period, self.services.clock.now()))

    async def on_app_command_completion(self, interaction: discord.Interaction[Any], *_arguments: object) -> None:
        """Tell the user which servers were left out of the reply to a command, if there are any."""
        if unreachable_server_ids := interaction.extras.get(_UNREACHABLE_SERVERS_KEY):
            set_reply_language(interaction)
            await interaction.followup.send(
                await self.peer_servers.build_unreachable_servers_note(unreachable_server_ids), ephemeral=True
            )

    async def close(self) -> None:
        """Disconnect from Discord and stop all tasks and cogs of the bot."""
        self.leased_shards.stop()
        await super().close()

    async def setup_hook(self) -> None:
        """Add the cogs and register the commands if they changed."""
        self.peer_servers.start()
        for cog_type in self._cog_types:
            await self.add_cog(cog_type(self))
        await self.sync_commands()
        invitation_url = discord.utils.oauth_url(self.application_id or 0, permissions=INVITE_PERMISSIONS)
        log.info("invitation url=%s", invitation_url)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - discord.py's signature
        """Log an event listener's error, unless the database failed, a timed lock was lost or the bot is closed."""
        if not self.is_closed() and not isinstance(sys.exc_info()[1], DatabaseFault | LeaseLost):
            await super().on_error(event_method, *args, **kwargs)

    async def on_message(self, message: discord.Message, /) -> None:
        """Do nothing with a message: there are no text commands, and a cog listens for mentions."""

    async def sync_commands(self) -> bool:
        """Register the commands if they changed, and set their mentions; return whether they were sent.

        The commands of the operator's server are registered, too. Raises StoreError.
        """
        were_sent, mentions = await command_registration.register_commands(self.tree, self.store)
        i18n.set_command_mentions(mentions)
        await self.sync_owner_commands()
        return were_sent

    async def sync_owner_commands(self) -> None:
        """Register the commands of the operator's own server, and remove them from the one configured before.

        Raises StoreError.
        """
        owner_server_id = self.services.settings.owner_server
        await command_registration.register_owner_commands(self.tree, self.store, owner_server_id)

    async def is_owner(self, user: discord.abc.User, /) -> bool:
        """Return whether a user owns the bot’s application or is an admin or developer of its team.

        Discord is asked at most every `_OWNERS_TTL_SECONDS`. Raises discord.DiscordException, aiohttp.ClientError or
        TimeoutError if it does not answer.
        """
        now = self.services.clock.monotonic()
        if now - self._owners_loaded_at >= _OWNERS_TTL_SECONDS:
            self.owner_id, self.owner_ids, self._owners_loaded_at = None, set(), now
        return await super().is_owner(user)

    async def load_visible_feed_ids(self, interaction: discord.Interaction[Any]) -> set[int]:
        """Return the ids of the feeds that a user can read in the channels of the interaction's server.

        Outside the bot's servers, these are the feeds of the servers that the user shares with the bot, of which at
        most `bot.posting.audience.MAX_SERVERS_QUERIED` are looked at. Discord may be asked: defer the interaction
        first.
        """
        if interaction_context.get_home_server(interaction) is not None:
            member = interaction_context.get_home_member(interaction)
            return set() if member is None else await self.load_visible_feed_ids_of_member(member)
        return set(await self.load_server_id_by_readable_feed_id(interaction))

    async def load_server_id_by_readable_feed_id(self, interaction: discord.Interaction[Any]) -> dict[int, int]:
        """Return the ids of the feeds that a user can read outside the bot's servers, each with the id of a server.

        The user shares this server with the bot. During autocomplete, the ids may be a minute old. The servers that
        could not be asked are noted in the interaction, so that the user is told of them after a command.
        """
        user_id, now = interaction.user.id, self.services.clock.monotonic()
        cached_at, server_id_by_feed_id = self._cached_readable_feeds_by_user_id.get(
            user_id, (-_READABLE_FEEDS_TTL_SECONDS, {})
        )
        if interaction.type is discord.InteractionType.autocomplete and now - cached_at < _READABLE_FEEDS_TTL_SECONDS:
            return server_id_by_feed_id
        server_id_by_feed_id, unreachable_server_ids = await self.outbox_relay.audience.find_feeds_readable_by(user_id)
        interaction.extras[_UNREACHABLE_SERVERS_KEY] = unreachable_server_ids
        if len(self._cached_readable_feeds_by_user_id) >= _MAX_CACHED_USERS:
            self._cached_readable_feeds_by_user_id.clear()
        self._cached_readable_feeds_by_user_id[user_id] = now, server_id_by_feed_id
        return server_id_by_feed_id

    async def load_visible_feed_ids_of_member(self, member: discord.Member) -> set[int]:
        """Return the ids of the feeds followed in those channels of a member's server that they can view.

        Discord may be asked about archived threads.
        """
        channel_ids = [
            channel_id
            for channel_id in await self.store.subscriptions.load_channel_ids(member.guild.id)
            if await self.can_view(member.guild, member, channel_id)
        ]
        return await self.store.subscriptions.load_feed_ids(channel_ids)

    async def can_view(self, guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
        """Return whether a member can view a channel or thread and its history.

        Return False if only Discord knows and does not answer.
        """
        try:
            return await self.visibility.can_view(guild, member, channel_id)
        except DISCORD_ERRORS:
            return False
