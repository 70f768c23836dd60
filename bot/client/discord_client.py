"""The Discord client, which loads the cogs and connects them with the services."""

import logging
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.client import command_registration, interaction_context
from bot.client.command_tree import AT_ONCE, AUTOCOMPLETE_BURST, PERIOD, TelexCommandTree
from bot.client.error_replies import set_reply_language
from bot.client.peer_servers import PeerServers
from bot.client.services import Services
from bot.client.sharding.leased_shards import LeasedShards
from bot.client.sharding.sharded_bot import ShardedBot
from bot.core import i18n
from bot.core.rate_limits import TokenBucket
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
from bot.store import AlreadyRunning, DatabaseFault, LeaseLost

if TYPE_CHECKING:
    from bot.store import Store

log = logging.getLogger(__name__)

INTENTS = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True)
"""Gateway intents; none of them is privileged."""

_LONGEST_RATE_LIMIT = 30.0
"""Seconds that discord.py may wait for a rate limit before it raises RateLimited."""
_TYPED_WITHIN, _MOST_TYPING = 60.0, 1_000
"""Seconds for which the feeds that a user can read are cached for autocomplete, and cached users."""


class TelexBot(ShardedBot):
    """The bot. `services` must be open before it starts and is closed by the caller after it ends.

    `cogs` are added at login and removed in the same order when the bot closes. `shard_count` None means as
    many as Discord recommends.
    """

    def __init__(
        self, newsroom: Services, cogs: Sequence[type[commands.Cog]], *, shard_count: int | None = None
    ) -> None:
        self.webhooks = ChannelWebhooks(self, newsroom.clock)
        """Webhooks of posts that appear under the name of their outlet."""
        self.request_pacer = RateLimiter(
            newsroom.clock, newsroom.store, partial(fair_share_key, self), self.webhooks.channel_by_webhook_id
        )
        """Limiter of requests to Discord."""
        self.leased = LeasedShards(self, newsroom)
        trace = aiohttp.TraceConfig()
        RetryGuard(self.webhooks.channel_by_webhook_id).attach(trace)
        self.request_pacer.attach(trace)
        LeaseGuard(self.leased.owns_server).attach(trace)
        super().__init__(
            commands.when_mentioned,
            help_command=None,
            tree_cls=TelexCommandTree,
            intents=INTENTS,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=app_commands.AppCommandContext(
                guild=True, dm_channel=True, private_channel=False
            ),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            max_ratelimit_timeout=_LONGEST_RATE_LIMIT,
            http_trace=trace,
            shard_count=shard_count,
        )
        self.newsroom = newsroom
        self.store: Store = newsroom.store
        self.user_rate_limiter = TokenBucket(newsroom.clock, allowed=AT_ONCE, period=PERIOD)
        """Limiter of each user's commands, buttons and menus together."""
        self._typing = TokenBucket(newsroom.clock, allowed=AUTOCOMPLETE_BURST, period=PERIOD)
        self._elsewhere: dict[int, tuple[float, dict[int, int]]] = {}
        self.visibility = ChannelVisibility(newsroom.clock)
        self.languages = PostLanguages(newsroom.store, self, newsroom.settings.language)
        self.peer_servers = PeerServers(self, newsroom, self.visibility, lambda: self.courier.audience)
        context = PostingContext(
            store=newsroom.store,
            client=self,
            settings=newsroom.settings,
            workers=newsroom.workers,
            preference_models=newsroom.tastes,
            index=newsroom.index,
            model_services=newsroom.text_generator,
            webhooks=self.webhooks,
            languages=self.languages,
            audience=AudienceResolver(
                newsroom.store, self, self.visibility, self.peer_servers.readable_feeds_of_user
            ),
            restore_reconciler=RestoreReconciler(newsroom.store, self, self.webhooks),
        )
        self.courier = OutboxRelay(context)
        self._cogs_to_add = tuple(cogs)
        self.close_reason: AlreadyRunning | None = None
        """Why the bot closed by itself; None if it did not."""

    async def close_for_successor(self, reason: AlreadyRunning) -> None:
        """Close because another bot took over; `run_gateway` raises the reason."""
        self.close_reason = reason
        await self.close()

    def allow_autocomplete(self, person_id: int) -> bool:
        """Return whether a user may get another autocomplete reply; limited apart from their commands."""
        if self._typing.retry_after(person_id):
            return False
        self._typing.consume(person_id)
        return True

    async def on_app_command_completion(self, interaction: discord.Interaction[Any], *_: object) -> None:
        """Tell the user about servers that were left out of the reply."""
        if unheard := interaction.extras.get("unheard"):
            set_reply_language(interaction)
            await interaction.followup.send(
                await self.peer_servers.unreachable_servers_note(unheard), ephemeral=True
            )

    async def close(self) -> None:
        """Disconnect from Discord and stop everything that runs."""
        self.leased.stop()
        await super().close()

    async def setup_hook(self) -> None:
        """Add the cogs and register the commands if they changed."""
        self.peer_servers.start()
        for cog in self._cogs_to_add:
            await self.add_cog(cog(self))
        await self.sync_commands()
        invitation = discord.utils.oauth_url(self.application_id or 0, permissions=INVITE_PERMISSIONS)
        log.info("invitation url=%s", invitation)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - discord.py's signature
        """Log the error of a listener, unless the store has logged it or the lease is lost."""
        if not isinstance(sys.exc_info()[1], DatabaseFault | LeaseLost):
            await super().on_error(event_method, *args, **kwargs)

    async def on_message(self, message: discord.Message, /) -> None:
        """Ignore the message: there are no text commands, and a cog listens for mentions."""

    async def sync_commands(self) -> bool:
        """Register the commands if they changed, and set their mentions; return whether they were sent."""
        sent, mentions = await command_registration.register(self.tree, self.store)
        i18n.set_command_mentions(mentions)
        return sent

    async def visible_feed_ids(self, interaction: discord.Interaction[Any]) -> set[int]:
        """Return the ids of the feeds that the user can read in the channels of this server.

        Outside the bot's servers, return those of all servers that they share with the bot. Asks Discord:
        defer the interaction first.
        """
        if interaction_context.home_server(interaction) is not None:
            member = interaction_context.member(interaction)
            return set() if member is None else await self.visible_feed_ids_of(member)
        return set(await self.readable_feeds_outside_server(interaction))

    async def readable_feeds_outside_server(self, interaction: discord.Interaction[Any]) -> dict[int, int]:
        """Return the feeds that a user can read outside the bot's servers: feed ids, each with a server id.

        During autocomplete the result may be a minute old.
        """
        person_id, now = interaction.user.id, self.newsroom.clock.monotonic()
        asked, known = self._elsewhere.get(person_id, (-_TYPED_WITHIN, {}))
        if interaction.type is discord.InteractionType.autocomplete and now - asked < _TYPED_WITHIN:
            return known
        known, unheard = await self.courier.audience.feeds_readable_by(person_id)
        interaction.extras["unheard"] = unheard
        if len(self._elsewhere) >= _MOST_TYPING:
            self._elsewhere.clear()
        self._elsewhere[person_id] = now, known
        return known

    async def visible_feed_ids_of(self, member: discord.Member) -> set[int]:
        """Return the ids of the feeds followed in channels of a member's server that they can view.

        May ask Discord about archived threads.
        """
        visible = [
            channel_id
            for channel_id in await self.store.subscriptions.channels(member.guild.id)
            if await self.can_view(member.guild, member, channel_id)
        ]
        return await self.store.subscriptions.feed_ids(visible)

    async def can_view(self, guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
        """Return whether a member can view a channel or thread and its history.

        False if only Discord knows and it does not answer.
        """
        try:
            return await self.visibility.can_view(guild, member, channel_id)
        except (discord.DiscordException, aiohttp.ClientError):
            return False
