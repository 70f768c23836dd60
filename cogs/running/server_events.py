"""Handling of server events: joining, leaving, and changes of channels and permissions."""

import asyncio
import logging
from collections.abc import Iterable
from functools import partial

import discord
from discord.ext import commands

from bot import DATA
from bot.client import interaction_context
from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _, linkify_commands
from bot.operating.audit_follower import AUDIT_EVENT
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Image, Section, text_block
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store.records.operating_records import ServerProfile
from cogs.feeds.subscription_options import is_channel_deleted
from cogs.running.background_loops import LoopCog

log = logging.getLogger(__name__)

_LOGO_PATH = DATA / "identity" / "telex.png"


async def send_welcome(bot: TelexBot, guild: discord.Guild) -> None:
    """Send the welcome message to a server, if there is a suitable channel; a failure is only logged."""
    channel = find_welcome_channel(guild)
    if channel is None:
        return
    language = (await bot.store.preferences.get_by_server(guild.id)).language
    language = language or i18n.supported_language(str(guild.preferred_locale)) or bot.services.settings.language
    with i18n.language_scope(language):
        intro_text = _(
            "I post news in your channels, find any article again and answer your questions. Your "
            "first feed is three clicks away:\n**1.** Press **{begin}** and choose a starter pack, or "
            "add a site.\n**2.** Choose a channel.\n**3.** Press **{follow}**. The first articles "
            "appear right away."
        ).format(begin=_("Get started"), follow=_("Follow"))
        hint_text = linkify_commands(_("For members with Manage Server. /help shows everyone what I can do."))
        title = _("Hi, I’m Telex")
        logo_file = discord.File(_LOGO_PATH)
        card = Card(
            (
                Section(
                    (text_block(f"## {title}\n{intro_text}"),),
                    Image(f"attachment://{logo_file.filename}", "Telex"),
                ),
                text_block(f"-# {hint_text}"),
                ActionRow(buttons.BEGIN_BUTTON()),
            ),
            outlet_branding.DEFAULT_COLOUR,
        )
    try:
        await channel.send(view=layout_views.build_static_view((card,)), file=logo_file)
    except DISCORD_ERRORS as error:
        log.warning("welcome failed server_id=%d error=%s", guild.id, error)


def find_welcome_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Return the system channel or the first public text channel in which the bot can write.

    Returns None if there is none.
    """
    if guild.system_channel is not None and not permissions.find_missing_permissions(guild.system_channel):
        return guild.system_channel
    for channel in guild.text_channels:
        if channel.permissions_for(guild.default_role).view_channel and not permissions.find_missing_permissions(
            channel
        ):
            return channel
    return None


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


_WELCOME_REPEAT_SECONDS = 7 * 86_400
"""Minimum time in seconds after a welcome until a server that invites the bot again is welcomed again."""
_DAY_SECONDS = 86_400
_RECENT_JOIN_SECONDS = _DAY_SECONDS
"""Maximum time in seconds after an invitation at which a missed welcome is still sent."""


class GuildEventsCog(LoopCog):
    """Cog that stores the bot's servers, welcomes new ones, and rechecks channels where it couldn't post after changes.

    It leaves servers that may not use the bot. A server with an outage counts as one that the bot is still in.
    """

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._bot = bot
        self._store = bot.store
        self.departures = ServerDepartures(bot)
        self.add_loop("departures", self.departures.run)
        self._used_server_ids: set[int] = set()  # On the day since `_used_since`
        self._used_since = 0

    async def cog_load(self) -> None:
        self._bot.services.cluster_events.subscribe(AUDIT_EVENT, self.departures.wake)
        await super().cog_load()

    async def cog_unload(self) -> None:
        self._bot.services.cluster_events.unsubscribe(AUDIT_EVENT, self.departures.wake)
        await super().cog_unload()

    @commands.Cog.listener()
    async def on_shard_served(self, shard_id: int, _last_sent_at: int | None) -> None:
        """Recheck channels in which the bot couldn't post, deletions and missed welcomes in the servers of a shard.

        Servers that may not use the bot are left; names, numbers of members and the parents of threads are stored. A
        shard is a part of the servers, which this process owns from now on.
        """
        for channel_id in await self._store.dispatches.list_blocked_channel_ids(shard_id):
            await self._bot.outbox_relay.recheck_channel(channel_id)
        self.departures.wake()
        denied_server_ids = await self.departures.load_denied_server_ids()
        guilds = [guild for guild in self._bot.list_guilds_of_shard(shard_id) if not guild.unavailable]
        await self._record_profiles(guilds)
        for guild in guilds:
            if guild.id not in denied_server_ids:
                await self._record_threads(guild)
                await self._welcome_if_joined_recently(guild)
        await self._forget_deleted(guilds)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        mark_joined = partial(self._store.servers.mark_joined, guild.id, str(guild.preferred_locale))
        await self._store.retry_until_written(mark_joined)
        await self._store.retry_until_written(lambda: self._record_profiles([guild]))
        if await self.departures.leave_if_denied(guild):
            return
        repeat_before = self._bot.services.clock.now() - _WELCOME_REPEAT_SECONDS
        if await self._store.servers.claim_welcome(guild.id, repeat_before=repeat_before):
            await send_welcome(self._bot, guild)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Store the locale, check the channels and send a missed welcome in a server that is available after an outage.

        Its name, number of members and the parents of its threads are stored, too; what was deleted is forgotten, and
        the server is left if it may not use the bot. If this process does not own the server's shard yet,
        `on_shard_served` does so later.
        """
        if not self._store.shards.serves(guild.id):
            return
        await self._store_locale(guild)
        await self._record_profiles([guild])
        self.departures.wake()
        await self._record_threads(guild)
        await self._recheck_channels(guild)
        await self._welcome_if_joined_recently(guild)
        await self._forget_deleted([guild])
        self._bot.outbox_relay.wake()

    @commands.Cog.listener()
    async def on_guild_update(self, before: discord.Guild, after: discord.Guild) -> None:
        await self._store_locale(after)
        if before.name != after.name:
            await self._record_profiles([after])

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[TelexBot]) -> None:
        """Record the day on which a server was last used, once a day; suggestions while somebody types do not count."""
        guild = interaction_context.get_home_server(interaction)
        if guild is None or interaction.type is discord.InteractionType.autocomplete:
            return
        now = self._bot.services.clock.now()
        if now - self._used_since >= _DAY_SECONDS:
            self._used_server_ids, self._used_since = set(), now - now % _DAY_SECONDS
        if guild.id not in self._used_server_ids:
            self._used_server_ids.add(guild.id)
            await self._store.servers.record_use(guild.id)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self._store.retry_until_written(partial(self._store.servers.mark_left, guild.id))

    @commands.Cog.listener()
    async def on_guild_channel_update(self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel) -> None:
        if before.overwrites != after.overwrites or isinstance(after, discord.ForumChannel):
            await self._recheck_channels(after.guild)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Drop a deleted channel's web feed address, its use for alerts, and its rules for mentions of roles."""
        await self._forget_channel(channel.guild.id, channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self._forget_channel(payload.guild_id, payload.thread_id)

    @commands.Cog.listener()
    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        if before.permissions != after.permissions:
            await self._recheck_channels(after.guild)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """Remove the rules of which posts mention a role that was deleted."""
        await self._store.retry_until_written(partial(self._store.mention_rules.remove_by_role, role.id))

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member) -> None:
        """Recheck whether the bot can post in the channels of a server in which its roles changed."""
        if after.id == after.guild.me.id and before.roles != after.roles:
            await self._recheck_channels(after.guild)

    @commands.Cog.listener()
    async def on_thread_update(self, _before: discord.Thread, after: discord.Thread) -> None:
        await self._bot.outbox_relay.recheck_channel(after.id)

    async def _forget_deleted(self, guilds: Iterable[discord.Guild]) -> None:
        """Forget the channels and roles of servers that were deleted while no process was connected to them.

        Discord is asked about channels that it doesn't list: archived threads are among them.
        """
        guild_by_id = {guild.id: guild for guild in guilds}
        mentioned_role_ids = await self._store.mention_rules.load_role_ids(guild_by_id.keys())
        for role_id in mentioned_role_ids - {role.id for guild in guild_by_id.values() for role in guild.roles}:
            await self._store.retry_until_written(partial(self._store.mention_rules.remove_by_role, role_id))
        server_id_by_channel_id = await self._store.servers.load_server_id_by_special_channel_id(guild_by_id.keys())
        for channel_id, server_id in server_id_by_channel_id.items():
            if await is_channel_deleted(guild_by_id[server_id], channel_id):
                await self._forget_channel(server_id, channel_id)

    async def _forget_channel(self, server_id: int, channel_id: int) -> None:
        revoke_token = partial(
            self._store.channel_feeds.revoke_token, server_id=server_id, channel_id=channel_id, user_id=None
        )
        await self._store.retry_until_written(revoke_token)
        await self._store.retry_until_written(partial(self._store.proposals.forget_alert_channel, channel_id))
        await self._store.retry_until_written(partial(self._store.mention_rules.remove_by_channel, channel_id))

    async def _welcome_if_joined_recently(self, guild: discord.Guild) -> None:
        """Send the welcome to a server that invited the bot recently, while the bot was not connected."""
        joined_at = guild.me.joined_at.timestamp() if guild.me is not None and guild.me.joined_at else 0
        has_joined_recently = self._bot.services.clock.now() - joined_at < _RECENT_JOIN_SECONDS
        if has_joined_recently and await self._store.servers.claim_welcome(guild.id):
            await send_welcome(self._bot, guild)

    async def _record_threads(self, guild: discord.Guild) -> None:
        """Record the parent channels of threads with feeds, since those stored earlier may lack them."""
        if not guild.threads:
            return
        channel_ids = await self._store.subscriptions.load_channel_ids(guild.id)
        parent_id_by_thread_id = {thread.id: thread.parent_id for thread in guild.threads if thread.id in channel_ids}
        if parent_id_by_thread_id:
            await self._store.servers.record_threads(guild.id, parent_id_by_thread_id)

    async def _record_profiles(self, guilds: Iterable[discord.Guild]) -> None:
        """Record the names and numbers of members; Discord reports the latter when it connects a server."""
        profile_by_server_id = {guild.id: ServerProfile(guild.name, guild.member_count) for guild in guilds}
        if profile_by_server_id:
            await self._store.servers.record_profiles(profile_by_server_id)

    async def _recheck_channels(self, guild: discord.Guild) -> None:
        alert_channel_id = await self._store.servers.get_alert_channel_id(guild.id)
        channel_ids = await self._store.subscriptions.load_channel_ids(guild.id)
        channel_ids |= await self._store.watches.load_channel_ids(guild.id)
        channel_ids |= {digest.channel_id for digest in await self._store.digests.list_by_server(guild.id)}
        for channel_id in channel_ids | ({alert_channel_id} if alert_channel_id else set()):
            await self._bot.outbox_relay.recheck_channel(channel_id)

    async def _store_locale(self, guild: discord.Guild) -> None:
        locale_tag = str(guild.preferred_locale)
        if await self._store.servers.get_locale(guild.id) != locale_tag:
            await self._store.servers.mark_joined(guild.id, locale_tag)
