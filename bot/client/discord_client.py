"""The Discord client: it carries the cogs, speaks each asker's language and says what went wrong."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.client import command_registration, interaction_places
from bot.client.error_answers import report, speak_to
from bot.client.other_servers import OtherServers
from bot.client.services import Newsroom
from bot.client.sharding.leased_shards import LeasedShards
from bot.core import locale
from bot.core.rate_limits import Limit
from bot.posting.audience import Audience
from bot.posting.courier import Courier
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.lease_checks import LeaseChecks
from bot.posting.sending.message_places import share_of
from bot.posting.sending.request_pace import RequestPace
from bot.posting.sending.send_outcomes import NoRepeats
from bot.posting.visibility import Visibility
from bot.store import AlreadyRunning, DatabaseFault

if TYPE_CHECKING:
    from discord.abc import PrivateChannel
    from discord.guild import GuildChannel
    from yarl import URL

    from bot.store import Store

log = logging.getLogger(__name__)

INTENTS = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True)
"""What Telex hears of a server: nothing privileged."""

_LONGEST_RATE_LIMIT = 30.0  # seconds that discord.py may sleep for a request before it raises RateLimited
AT_ONCE, PERIOD = 30, 30.0  # what a person may ask at once, and seconds until all of that is back
KEYSTROKES = 60
OWN_REPLY = "own_reply"
"""An extra of commands that others may read the answer of."""
_TYPED_WITHIN, _MOST_TYPING = 60.0, 1_000  # seconds and people that what one may read is remembered for


class Tree(app_commands.CommandTree["Telex"]):
    """The commands: each is answered in its asker's language, and every error in words."""

    async def interaction_check(self, interaction: discord.Interaction[Telex], /) -> bool:
        """Set the language of the answer; refuse who asks from where the command is not offered; acknowledge.

        What is answered is for the asker alone, unless the command has `OWN_REPLY` among its extras and
        acknowledges by itself. Discord refuses too. A forged request is answered all the same, before it can
        meet a command that relies on there being a server and a member of it.
        """
        speak_to(interaction)
        if interaction.type is discord.InteractionType.autocomplete:
            return _is_offered(interaction) and interaction.client.takes_keystroke(interaction.user.id)
        if not _is_offered(interaction):
            raise app_commands.NoPrivateMessage
        slow_down(interaction)
        if interaction.command is None or OWN_REPLY not in interaction.command.extras:
            await interaction.response.defer(ephemeral=True, thinking=True)
        return True

    async def on_error(
        self, interaction: discord.Interaction[Telex], error: app_commands.AppCommandError, /
    ) -> None:
        """Tell the person."""
        await report(interaction, error)


class Telex(commands.AutoShardedBot):
    """The bot. It owns no news of its own: `newsroom` is open before it starts and closed after it ends.

    `cogs` are added at login in their order and removed in the same order when the bot closes. Discord is
    asked how many shards to open unless `shard_count` says it.
    """

    def __init__(
        self, newsroom: Newsroom, cogs: Sequence[type[commands.Cog]], *, shard_count: int | None = None
    ) -> None:
        self.webhooks = ChannelWebhooks(self, newsroom.clock)
        """By what posts go that appear under the name of their outlet."""
        self.requests = RequestPace(
            newsroom.clock, newsroom.store, partial(share_of, self), self.webhooks.channels
        )
        """How fast Discord is asked."""
        self.leased = LeasedShards(self, newsroom)
        trace = aiohttp.TraceConfig()
        NoRepeats(self.webhooks.channels).watch(trace)
        self.requests.watch(trace)
        LeaseChecks(self.leased.keeps).watch(trace)
        super().__init__(
            commands.when_mentioned,
            help_command=None,
            tree_cls=Tree,
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
        self.pace = Limit(newsroom.clock, allowed=AT_ONCE, period=PERIOD)
        """How much each person asks: commands, buttons and menus together."""
        self._typing = Limit(newsroom.clock, allowed=KEYSTROKES, period=PERIOD)
        self._elsewhere: dict[int, tuple[float, dict[int, int]]] = {}
        self.visibility = Visibility(newsroom.clock)
        self.others = OtherServers(self, newsroom, self.visibility, lambda: self.courier.audience)
        self.courier = Courier(
            newsroom.store,
            self,
            newsroom.settings,
            Audience(newsroom.store, self, self.visibility, self.others.person_reads),
            self.webhooks,
            workers=newsroom.workers,
            tastes=newsroom.tastes,
            index=newsroom.index,
            writing=newsroom.writing,
        )
        self._cogs_to_add = tuple(cogs)
        self.gave_way_to: AlreadyRunning | None = None
        """Why it closed by itself, if it did."""

    async def give_way(self, reason: AlreadyRunning) -> None:
        """Close, for another bot took the place of this one; `serve` raises the reason."""
        self.gave_way_to = reason
        await self.close()

    def takes_keystroke(self, person_id: int) -> bool:
        """Whether what a person types is still completed; counted apart from what they ask."""
        if self._typing.wait(person_id):
            return False
        self._typing.take(person_id)
        return True

    async def launch_shards(self) -> None:
        """Connect the shards of this process, as soon as it has some."""
        await self.leased.begin()
        launching = asyncio.create_task(super().launch_shards())
        self.leased.watch(launching)
        try:
            await launching
        except asyncio.CancelledError:
            if not self.leased.lost:
                raise
        else:
            self.leased.follow()

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard, when Discord lets the bot begin a session: discord.py gives up one that waits."""
        await self.leased.starts.allowed()
        await super().launch_shard(gateway, shard_id, initial=initial)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002 - discord.py's
        """Wait for this shard's turn to begin a session."""
        await self.leased.starts.turn(shard_id or 0)

    async def on_shard_ready(self, shard_id: int) -> None:
        """Decide about a shard's servers from now on. Cogs hear of it as `shard_served`.

        They are told when the shard's last post was sent: nobody had it since, or nothing came.
        """
        if not self.leased.holds(shard_id):
            return
        self.leased.found(self.guilds_of(shard_id))
        store, shards = self.store, self.store.shards
        await store.insist(partial(self._sync_servers, shard_id))
        last = await store.insist(lambda: store.dispatches.recent(0, 1, shard_id))
        await store.insist(lambda: self.courier.begin(shard_id))
        if self.leased.holds(shard_id):
            log.info("Serving shard %d of %d", shard_id, shards.count)
            shards.serve(shards.numbers | {shard_id})
            self.dispatch("shard_served", shard_id, last[0].sent if last else None)
            self.courier.wake()

    async def _sync_servers(self, shard_id: int) -> None:
        """Let the store know in which servers of a shard the bot is, while the shard is this client's."""
        if self.leased.holds(shard_id):
            there = self.guilds_of(shard_id)
            locales = {each.id: None if each.unavailable else str(each.preferred_locale) for each in there}
            await self.store.servers.sync(locales, shard_id)

    @property
    def guilds(self) -> Sequence[discord.Guild]:
        """The servers of this process."""
        return [server for server in super().guilds if not self.leased.is_left(server)]

    def get_guild(self, id: int, /) -> discord.Guild | None:  # noqa: A002 - discord.py's name
        """A server of this process."""
        server = super().get_guild(id)
        return None if server is None or self.leased.is_left(server) else server

    def get_channel(self, id: int, /) -> GuildChannel | discord.Thread | PrivateChannel | None:  # noqa: A002 - likewise
        """A channel or thread in a server of this process, or of direct messages."""
        channel = super().get_channel(id)
        server = getattr(channel, "guild", None)
        return None if isinstance(server, discord.Guild) and self.leased.is_left(server) else channel

    def guilds_of(self, shard_id: int) -> list[discord.Guild]:
        """The servers of a shard, those in an outage included."""
        return [guild for guild in self.guilds if guild.shard_id == shard_id]

    async def on_app_command_completion(self, interaction: discord.Interaction[Any], *_: object) -> None:
        """Say what an answer left out."""
        if unheard := interaction.extras.get("unheard"):
            speak_to(interaction)
            await interaction.followup.send(await self.others.unheard_note(unheard), ephemeral=True)

    async def close(self) -> None:
        """Leave Discord, and everything that goes on."""
        self.others.stop()
        self.leased.stop()
        await super().close()

    async def setup_hook(self) -> None:
        """Add the cogs and tell Discord of the commands where they changed."""
        self.others.start()
        for cog in self._cogs_to_add:
            await self.add_cog(cog(self))
        await self.sync_commands()

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - discord.py's
        """Log what went wrong in a listener, unless the store has said it."""
        if not isinstance(sys.exc_info()[1], DatabaseFault):
            await super().on_error(event_method, *args, **kwargs)

    async def on_message(self, message: discord.Message, /) -> None:
        """No text commands: there are slash commands, and a cog that listens for mentions."""

    async def sync_commands(self) -> bool:
        """Register the commands with Discord where they changed, and let texts mention them.

        Returns whether they were sent.
        """
        sent, mentions = await command_registration.register(self.tree, self.store)
        locale.know_commands(mentions)
        return sent

    async def visible_feed_ids(self, interaction: discord.Interaction[Any]) -> set[int]:
        """Ids of the feeds that the asker may read: those followed in channels of this server they can view.

        Where it is no server of ours, those of the servers that they share with the bot. Asks Discord:
        acknowledge the interaction first.
        """
        if interaction_places.server(interaction) is not None:
            member = interaction_places.member(interaction)
            return set() if member is None else await self.feed_ids_seen_by(member)
        return set(await self.read_elsewhere(interaction))

    async def read_elsewhere(self, interaction: discord.Interaction[Any]) -> dict[int, int]:
        """What the asker may read where it is no server of ours: ids of feeds, each with a server's.

        While they type, as it was within the last minute.
        """
        person_id, now = interaction.user.id, self.newsroom.clock.monotonic()
        asked, known = self._elsewhere.get(person_id, (-_TYPED_WITHIN, {}))
        if interaction.type is discord.InteractionType.autocomplete and now - asked < _TYPED_WITHIN:
            return known
        known, unheard = await self.courier.audience.read_by(person_id)
        interaction.extras["unheard"] = unheard
        if len(self._elsewhere) >= _MOST_TYPING:
            self._elsewhere.clear()
        self._elsewhere[person_id] = now, known
        return known

    async def feed_ids_seen_by(self, member: discord.Member) -> set[int]:
        """Ids of the feeds that are followed in channels of a member's server that they can view.

        May ask Discord about archived threads.
        """
        visible = [
            channel_id
            for channel_id in await self.store.subscriptions.channels(member.guild.id)
            if await self.can_view(member.guild, member, channel_id)
        ]
        return await self.store.subscriptions.feed_ids(visible)

    async def can_view(self, guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
        """Whether a member sees a channel or thread of a server and what was posted in it.

        Not where only Discord can tell and does not.
        """
        try:
            return await self.visibility.can_view(guild, member, channel_id)
        except (discord.DiscordException, aiohttp.ClientError):
            return False


def _is_offered(interaction: discord.Interaction[Any]) -> bool:
    """Whether a command works where it was sent from: a server of ours, direct messages, anywhere else."""
    if interaction_places.server(interaction) is not None:
        return isinstance(interaction.user, discord.Member)
    command: Any = interaction.command
    if isinstance(command, app_commands.Command) and command.root_parent is not None:
        command = command.root_parent
    if command is None:
        return True
    if interaction_places.is_direct(interaction):
        return command.allowed_contexts is None or command.allowed_contexts.dm_channel is not False
    return command.allowed_installs is not None and command.allowed_installs.user


def slow_down(interaction: discord.Interaction[Telex]) -> None:
    """Count what a person asks of the bot. Raises `CommandOnCooldown` for more than anybody's share."""
    pace = interaction.client.pace
    if wait := pace.wait(interaction.user.id):
        raise app_commands.CommandOnCooldown(app_commands.Cooldown(AT_ONCE, PERIOD), wait)
    pace.take(interaction.user.id)
