"""A simulated Discord with the real bot in it, for tests of commands, posts and bookmarks.

The recipe, found by reading simcord 3.2.1:

- simcord follows every task and callback that the bot's own work starts (a context variable marks them), and
  an actor's verb (`slash`, `click`, `react`, …) returns when all of them ended or wait for something
  it knows: a view, `Client.wait_for`, a sleep longer than its time limit. SQLite's thread and sockets on
  loopback are none of those, so it waits for them in real time: a command that reads the store or fetches a
  feed from `feed_server` is done when the verb returns. Nothing needs `env.external_wait`.
- A task that never ends and waits for an `asyncio.Event` would keep simcord waiting until its limit. The
  loops of the poller and the courier start in an empty context, which simcord does not follow (see
  `bot/client/background_tasks.py`), and most tests run without them (`LOOPS` below): they call `poll` and
  `deliver` of the world, which return when everything is done.
- The newsroom opens before the bot and outlives it, as in production; what it started is not followed.
- Two clocks: the app's (`clock`, moved by hand) and simcord's, which dates messages and fires the timeouts
  of views. They start at the same instant, and `world.advance(seconds)` moves both.
- `AutoShardedBot` asks Discord how many shards to use, which simcord does not answer: `shard_count=1`.
- simcord raises at the end whatever reached an error handler, also what the bot answered in words. The
  fixture leaves out what a person may cause (`EXPECTED`) and raises the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands
from simcord.actors import MemberActor
from simcord.backend import serializers
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle, GuildHandle
from simcord.enums import OverwriteType
from simcord.env import Env
from simcord.results import InteractionResult

import cogs
from bot.client.discord_client import TelexBot
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.i18n import set_command_mentions
from bot.core.user_errors import RequestRejected, UserFacingError
from bot.demo import simcord_routes
from bot.feeds.fetch_errors import FeedError
from bot.posting.rendering.layout import icons, outlet_branding
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from cogs.running.background_loops import EmojiCog, OutboxCog
from tests.support.clocks import ManualClock
from tests.support.translated_commands import cache_translations, reuse_registration
from tests.support.view_waits import quicken_simcord

if TYPE_CHECKING:
    from bot.client.services import Services
    from bot.core.models import Feed
    from bot.core.preferences import Preference
    from bot.core.setting_registry import ChannelSetting
    from bot.store import Store

T = TypeVar("T")

quicken_simcord()

LOOP_COGS = (OutboxCog, EmojiCog)
"""Cogs whose loops would run beside a test."""

EXPECTED_ERRORS = (
    UserFacingError,
    RequestRejected,
    FeedError,
    app_commands.CommandOnCooldown,
    app_commands.CheckFailure,
    app_commands.TransformerError,
)
"""Errors that a person may cause and the bot answers in words."""


@dataclass
class World:
    """One server with a text channel `news`, an editor who may manage it and a reader who may not.

    `env` is simcord's: more servers, channels and people are made with it. `locales` tells what language a
    person's client speaks, `world.locales[world.reader.id] = "fr"`; who is not in it speaks English.
    """

    env: Env
    newsroom: Services
    clock: ManualClock
    guild: GuildHandle
    news: ChannelHandle
    editor: MemberActor
    reader: MemberActor
    cogs: Sequence[type[commands.Cog]]
    locales: dict[int, str] = field(default_factory=dict)
    error_cursor: int = 0
    pictures: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # for the page, by their addresses

    @property
    def bot(self) -> TelexBot:
        """The running bot; another one after `restart`."""
        assert isinstance(self.env.bot, TelexBot)
        return self.env.bot

    @property
    def store(self) -> Store:
        return self.newsroom.store

    @property
    def database(self) -> Path | DatabaseUrl:
        return self.newsroom.settings.database

    async def run_as_editor(self, command: str, **options: Any) -> InteractionResult:
        """Run a command in `news` as the editor."""
        return await self.editor.slash(self.news, command, **options)

    async def run_as_reader(self, command: str, **options: Any) -> InteractionResult:
        """Run a command in `news` as the reader."""
        return await self.reader.slash(self.news, command, **options)

    async def follow(self, url: str, channel: ChannelHandle | None = None) -> Feed:
        """A channel (`news` unless said) follows a feed from now on, as after `/feed add`, without a command.

        Of the feed's document nothing was read yet: the first poll makes its entries the backlog.
        """
        channel = channel or self.news
        guild_id = channel.guild.id if channel.guild else self.guild.id
        feed = await self.store.feeds.add(url)
        await self.store.subscriptions.follow(
            server_id=guild_id, channel_id=channel.id, feed_id=feed.id, first_article_id=None
        )
        return feed

    async def poll(self, feed: Feed) -> Any:
        """Ask a feed for news now; what it found is stored when this returns, and not yet posted."""
        current = await self.store.feeds.get(feed.id)
        assert current is not None
        return await self.newsroom.poller.poll(current, wait_for_host=False)

    async def poll_and_deliver(self, feed: Feed) -> None:
        """The same, and what is due because of it is posted."""
        await self.poll(feed)
        await self.deliver()

    async def set_preference(self, preference: Preference, value: int | str) -> None:
        """The editor sets something for the server."""
        await self.store.preferences.change(preference, value, server_id=self.guild.id, user_id=self.editor.id)

    async def set_channel_setting(self, setting: ChannelSetting[T], value: T, channel: ChannelHandle) -> None:
        """The editor sets something for a channel."""
        await self.store.preferences.change_channel(
            setting, value, server_id=self.guild.id, channel_id=channel.id, user_id=self.editor.id
        )

    async def deliver(self) -> None:
        """Send everything that is due; the bot has seen its own messages when this returns."""
        await self.bot.outbox_relay.run_until_idle()
        await self.env.settle()

    async def advance(self, seconds: float) -> None:
        """Let time pass, on the app's clock and on Discord's."""
        self.clock.advance(seconds)
        await self.env.advance_time(seconds)

    async def restart(self) -> TelexBot:
        """Stop the bot and start another one on the same newsroom; Discord keeps everything."""
        previous = self.bot
        for name in tuple(previous.cogs):
            await previous.remove_cog(name)
        with cache_translations():
            await self.env.restart_bot(make_bot(self.newsroom, self.cogs))
        await self.env.settle()
        return self.bot

    def posts(self, channel: ChannelHandle | None = None) -> list[discord.Message]:
        """The bot's messages in a channel, oldest first."""
        me = self.env.backend.bot_user.id
        return [message for message in (channel or self.news).history() if message.author.id == me]

    async def set_permissions(self, channel: ChannelHandle, **permissions: bool | None) -> None:
        """Give or take permissions of the bot's own in a channel, which it has heard of when this returns."""
        overwrite = discord.PermissionOverwrite(**permissions)
        allow, deny = overwrite.pair()
        self.env.backend.set_overwrite(
            channel.id,
            Overwrite(
                target_id=self.env.backend.bot_user.id,
                type=OverwriteType.MEMBER,
                allow=allow.value,
                deny=deny.value,
            ),
        )
        await self.env.settle()

    def localize_interaction(self, event: str, payload: Any) -> None:
        """Put people's languages in their interactions, which simcord always sends in English."""
        if event == "INTERACTION_CREATE":
            person = payload.get("user") or payload["member"]["user"]
            payload["locale"] = self.locales.get(int(person["id"]), "en-US")
            if "guild_id" in payload and "guild" not in payload:  # which is one without the bot
                payload["guild_locale"] = self.env.backend.get_guild(int(payload["guild_id"])).preferred_locale

    def ignore_past_errors(self) -> None:
        """What went wrong so far was meant to."""
        self.error_cursor = self.env.error_cursor

    def raise_unexpected(self) -> None:
        """Raise what went wrong in the bot, except what a person caused and was told."""
        errors = [
            error
            for error in self.env.errors_since(self.error_cursor)
            if not isinstance(_cause(error), EXPECTED_ERRORS)
        ]
        if errors:
            raise BaseExceptionGroup("the bot raised during the test", errors)


def _cause(error: BaseException) -> BaseException:
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def make_bot(newsroom: Services, with_cogs: Sequence[type[commands.Cog]]) -> TelexBot:
    """The real bot, ready for simcord."""
    return TelexBot(newsroom, with_cogs, shard_count=1)


def invite_bot(env: Env, name: str, *, locale: str = "en-US") -> GuildHandle:
    """A new server that the bot was invited to with the permissions the invitation asks for, no others."""
    guild = env.create_guild(name, preferred_locale=locale)
    me = env.backend.bot_user
    env.backend.edit_role(guild.id, guild.roles[me.name].id, {"permissions": INVITE_PERMISSIONS.value})
    everyone = discord.Permissions(env.backend.get_guild(guild.id).everyone_role.permissions)
    everyone.embed_links = False
    env.backend.edit_role(guild.id, guild.default_role.id, {"permissions": everyone.value})
    return guild


async def reinvite_bot(telex: World, guild: GuildHandle) -> None:
    """The bot is sent away and invited back, to a server that has its channels already."""
    backend = telex.env.backend
    payload = dict(serializers.guild_create_payload(backend, backend.get_guild(guild.id)))
    del payload["unavailable"]  # which only comes with the end of an outage
    backend.emit("GUILD_DELETE", {"id": str(guild.id)})
    await telex.env.settle()
    backend.emit("GUILD_CREATE", payload)
    await telex.env.settle()


def clear_emoji() -> None:
    """Forget the application's emoji, which a process keeps: messages look as before they were uploaded."""
    outlet_branding.set_emoji({}, {})
    icons.set_application_emoji({})
    outlet_branding.outlet_emoji_use_counts.clear()
    outlet_branding.missing_initials.clear()


@asynccontextmanager
async def open_world(
    newsroom: Services, clock: ManualClock, *, loops: bool = False, locale: str = "en-US"
) -> AsyncIterator[World]:
    """The bot logged in to a simulated Discord, with a server whose language is `locale`."""
    cog_types = tuple(cog for cog in cogs.ALL_COGS if loops or cog not in LOOP_COGS)
    env = Env(make_bot(newsroom, cog_types), check_errors=False, settle_timeout=10.0)
    env.backend.advance_clock(clock.now() - env.now().timestamp())
    simcord_routes.serve_attachments(env, newsroom.fetcher)
    with reuse_registration(env):
        await env.start()
    try:
        guild = invite_bot(env, "Newsroom", locale=locale)
        await env.settle()  # without a channel yet: nowhere to say hello
        news = guild.create_text_channel("news")
        editors = guild.create_role("Editors", permissions=discord.Permissions(manage_guild=True))
        editor = guild.add_member(env.create_user("editor"), roles=[editors])
        reader = guild.add_member(env.create_user("reader"))
        await env.settle()
        world = World(env, newsroom, clock, guild, news, editor, reader, cog_types)
        env.backend.subscribers.insert(0, world.localize_interaction)
        yield world
        for name in tuple(world.bot.cogs):
            await world.bot.remove_cog(name)
    finally:
        await env.shutdown()
        set_command_mentions({})  # which a process with one bot never has to
        clear_emoji()
    world.raise_unexpected()
