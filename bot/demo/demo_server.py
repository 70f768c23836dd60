"""The demo: a simulated server with channels and two users, and a web page to act in.

simcord simulates Discord in this process; its preview page, on loopback, shows the channels and lets a
visitor type commands, press buttons and react as one of the users.
"""

import asyncio
import socket
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import discord
from discord.ext import commands
from simcord.actors import MemberActor
from simcord.backend.errors import SetupError
from simcord.builders import ChannelHandle, GuildHandle
from simcord.env import Env
from simcord.preview import Preview

from bot.client.background_tasks import run_background_tasks
from bot.client.discord_client import TelexBot
from bot.client.services import Services, open_services
from bot.core.clock import Clock, SystemClock
from bot.core.configuration.settings import Settings
from bot.core.models import Feed
from bot.core.preferences import ProcessRole
from bot.demo import simcord_patches, simcord_routes
from bot.demo.demo_clock import ReplayClock
from bot.demo.page_pictures import install_bot_avatar, register_emoji
from bot.demo.preview_places import DemoPlaces
from bot.demo.sample_feeds import SamplePublisher
from bot.demo.visitor_actions import VisitorActions
from bot.feeds.parsing import opml
from bot.posting.sending.permissions import INVITE_PERMISSIONS
from cogs.feeds import starter_packs
from cogs.running.background_loops import EmojiCog

WELCOME_TEXT = """\
**Welcome to Telex.** This is the real bot in a simulated Discord: nothing leaves your machine. News keeps \
arriving for ten minutes; some stories get corrected, withdrawn or joined by other outlets. Start with these:
**1.** Type `/search` and look for `passkeys`.
**2.** Ask a question that everyone sees: `@Telex how long does it take to get back in with a recovery \
code?`
**3.** Type `/help`: a **Try** button for each thing, then all the commands. Or right-click an article.

You’re Ada, who manages this server. The menu at the top also has Camille, whose Discord is in French, and \
other places: #general, the forum, direct messages.

**En français :** choisissez Camille dans le menu du haut, puis essayez `/rechercher` avec `passkeys`, \
`/aide`, ou demandez `@Telex combien de temps faut-il pour se reconnecter avec un code de récupération ?`\
"""
"""First message in the demo's news channel."""

FORUM_TAGS = ("Security", "Linux", "Europe", "Networks")
"""Names of the tags of the demo's forum channel."""
SAMPLE_OUTLET_NAMES_BY_PACK = {
    "english-tech": ("circuit", "kernel", "socket"),
    "french-tech": ("fil", "paquet"),
    "security": ("kernel", "paquet"),
    "ai": ("circuit", "fil"),
}
"""Names of sample outlets, by the name of the starter pack (list of feeds) whose outlets they replace offline."""

_REFRESH_INTERVAL_SECONDS = 0.3
"""Time in seconds between two checks of whether the demo's web page shows the current messages."""


@dataclass(frozen=True, slots=True)
class DemoServer:
    """The simulated server with its news channel, its forum channel and its two users.

    Ada manages the server; Camille does not, and uses Discord in French.
    """

    guild: GuildHandle
    news_channel: ChannelHandle
    forum_channel: ChannelHandle
    ada: MemberActor
    camille: MemberActor


async def serve(
    settings: Settings,
    cog_types: Sequence[type[commands.Cog]],
    *,
    is_live: bool,
    port: int,
    opens_browser: bool,
) -> None:
    """Run the demo until it is cancelled or its page is closed; if `port` is 0, a free port is chosen.

    With `is_live`, real feeds on the web (those of starter packs, Telex's own lists) replace the sample feeds. The
    database is new and is deleted at the end.
    """
    async with AsyncExitStack() as exit_stack:
        demo_folder = exit_stack.enter_context(tempfile.TemporaryDirectory(prefix="telex-demo-"))
        settings = build_demo_settings(settings, Path(demo_folder), is_live=is_live)
        clock = SystemClock() if is_live else ReplayClock()
        services = await exit_stack.enter_async_context(open_services(settings, clock))
        publisher = None if is_live else await exit_stack.enter_async_context(SamplePublisher(clock))
        demo_cog_types = [
            cog_type for cog_type in cog_types if cog_type is not EmojiCog
        ]  # The page has no images of its emoji.
        env = await exit_stack.enter_async_context(
            open_simulated_discord(TelexBot(services, demo_cog_types, shard_count=1))
        )
        await exit_stack.enter_async_context(run_background_tasks(services))
        demo_server = await build_demo_server(env)
        simcord_patches.localize_commands(demo_server.camille)
        asset_by_url = install_bot_avatar(env) | register_emoji(env)  # Visitors may add any outlet.
        if publisher is not None:
            starter_packs.list_outlines = build_sample_packs(publisher)  # type: ignore[assignment]  # the real lists need the web
            asset_by_url |= {
                publisher.get_picture_url(story): (f"{story.slug}.png", publisher.draw_picture(story))
                for story in (*publisher.backlog, *publisher.new_stories)
            }
        preview = await exit_stack.enter_async_context(
            env.preview(
                demo_server.news_channel,
                viewers=(demo_server.ada, demo_server.camille),
                layout="channel",
                assets=asset_by_url,
                port=port or None,
            )
        )
        places = DemoPlaces(env, demo_server.guild, {demo_server.ada: "en-US", demo_server.camille: "fr"})
        actions = VisitorActions(env, preview, places)
        simcord_patches.dispatch_messages_without_context(env.bot)
        await env.bot.get_channel(demo_server.news_channel.id).send(WELCOME_TEXT)  # type: ignore[union-attr]  # a text channel
        print(preview.url, flush=True)  # noqa: T201  # For visitors without a browser on this machine
        if opens_browser:
            await asyncio.to_thread(webbrowser.open, preview.url)
        async with asyncio.TaskGroup() as task_group:
            refresh_task = task_group.create_task(_keep_page_fresh(env, preview, clock, actions.page_lock))
            if publisher is None:
                news_task = task_group.create_task(_follow_starter_packs(services, demo_server))
            else:
                news_task = task_group.create_task(publish_sample_news(services, publisher, demo_server))
            await preview.wait_closed()
            refresh_task.cancel()
            news_task.cancel()


def build_demo_settings(settings: Settings, folder: Path, *, is_live: bool) -> Settings:
    """Return the settings of a demo whose database is in the given folder.

    Unless `is_live`, no web pages of articles are fetched, and channels are published as feeds on a free port.
    """
    demo_settings = replace(
        settings,
        database=folder / "telex.db",
        discord_token=None,
        roles=frozenset(ProcessRole),
        allow_private_addresses=(*settings.allow_private_addresses, ip_network("127.0.0.1/32")),
    )
    # Sample feeds have full texts.
    return demo_settings if is_live else _publish_locally(replace(demo_settings, full_text="never"))


def _publish_locally(settings: Settings) -> Settings:
    """Return settings with which channels are published as feeds, on this machine only."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        free_port = listener.getsockname()[1]
    return replace(settings, health_address=("127.0.0.1", free_port), public_url=f"http://127.0.0.1:{free_port}")


@asynccontextmanager
async def open_simulated_discord(bot: TelexBot) -> AsyncIterator[Env]:
    """Start a simulated Discord in which the bot is logged in, with the clock of the bot's services."""
    env = Env(bot, check_errors=False, settle_timeout=30.0)
    env.backend.bot_user.name = "Telex"
    sync_clock(env, bot.services.clock)
    simcord_patches.brand_page()
    simcord_patches.render_embeds_like_messages()
    simcord_patches.key_menus_by_id()
    simcord_patches.ignore_rejections(env)
    simcord_routes.serve_attachments(env, bot.services.fetcher)
    await env.start()
    try:
        with env.time_context():
            yield env
    finally:
        for cog_name in tuple(bot.cogs):  # Tasks of cogs must end before the database is closed.
            await bot.remove_cog(cog_name)
        await env.shutdown()


def sync_clock(env: Env, clock: Clock) -> None:
    """Advance the clock of the simulated Discord, which starts in the past and stands still, to the time of a clock."""
    simulated_clock = env.backend.clock
    simulated_clock.advance(max(0.0, clock.now() - simulated_clock.now().timestamp()))


async def build_demo_server(env: Env) -> DemoServer:
    """Create a server with a news channel, a general channel, a forum and two users."""
    guild = env.create_guild("Telex demo")
    bot_user = env.backend.bot_user
    # With Manage Roles, the bot can see how many members each role has.
    permissions = INVITE_PERMISSIONS | discord.Permissions(manage_roles=True)
    env.backend.edit_role(guild.id, guild.roles[bot_user.name].id, {"permissions": permissions.value})
    guild.create_text_channel("general")  # The only channel when the bot introduces itself
    await env.settle()
    news_channel = guild.create_text_channel("tech-news")
    forum_channel = guild.create_forum_channel("forum")
    env.backend.edit_channel(forum_channel.id, {"available_tags": [*map(_build_forum_tag, enumerate(FORUM_TAGS))]})
    manager_role = guild.create_role("Editors", permissions=discord.Permissions(manage_guild=True))
    topic_role = guild.create_role("AI", mentionable=True)  # For a mention by topic
    ada = guild.add_member(env.create_user("Ada"), roles=[manager_role, topic_role])
    camille = guild.add_member(env.create_user("Camille"), roles=[topic_role])

    def set_locale(event_name: str, payload: Any) -> None:  # noqa: ANN401  # a gateway payload
        # simcord sends every interaction with an English locale.
        if event_name == "INTERACTION_CREATE":
            user = payload.get("user") or payload["member"]["user"]
            payload["locale"] = "fr" if int(user["id"]) == camille.id else "en-US"

    env.backend.subscribers.insert(0, set_locale)
    return DemoServer(guild, news_channel, forum_channel, ada, camille)


def _build_forum_tag(numbered_name: tuple[int, str]) -> dict[str, Any]:
    tag_number, tag_name = numbered_name
    return {
        "id": str(tag_number + 1),
        "name": tag_name,
        "moderated": False,
        "emoji_id": None,
        "emoji_name": None,
    }


async def _keep_page_fresh(env: Env, preview: Preview, clock: Clock, page_lock: asyncio.Lock) -> None:
    """Refresh the demo's web page when messages change by themselves, and advance the simulated Discord's clock."""
    refreshed_state: object = None
    while True:
        await asyncio.sleep(_REFRESH_INTERVAL_SECONDS)
        if page_lock.locked():  # Time must not pass: Discord's three seconds for a reply are an eighth of one here.
            continue
        sync_clock(env, clock)
        message_state = [
            (message.id, len(message.reactions), message.edited_timestamp)
            for messages in env.backend.messages.values()
            for message in messages.values()
        ]
        if message_state == refreshed_state:
            continue
        try:
            async with page_lock:
                await preview.refresh()
        except SetupError:
            continue  # A visitor's action is running; the next check refreshes the page.
        refreshed_state = message_state


async def follow_feed(
    services: Services,
    url: str,
    demo_server: DemoServer,
    *,
    skip_backlog: bool = False,
    channel: ChannelHandle | None = None,
) -> Feed:
    """Subscribe a channel, by default the news channel, to a feed and poll the feed once.

    The newest article of the feed is posted unless `skip_backlog` is set; older articles are not posted.
    """
    feed = await services.store.feeds.add(url)
    await services.store.subscriptions.follow(
        server_id=demo_server.guild.id,
        channel_id=(channel or demo_server.news_channel).id,
        feed_id=feed.id,
        first_article_id=None,
        skip_backlog=skip_backlog,
    )
    await services.poller.poll(feed, wait_for_host=False)
    return feed


async def publish_sample_news(services: Services, publisher: SamplePublisher, demo_server: DemoServer) -> None:
    """Subscribe the news channel and the forum to sample feeds; publish each story and poll its feed."""
    publisher.publish_backlog()
    feed_by_outlet_name = {
        outlet.name: await follow_feed(services, publisher.get_feed_url(outlet), demo_server, skip_backlog=True)
        for outlet in publisher.outlets
    }
    await follow_feed(
        services,
        publisher.get_feed_url(publisher.outlets[0]),
        demo_server,
        skip_backlog=True,
        channel=demo_server.forum_channel,
    )
    if isinstance(services.clock, ReplayClock):
        services.clock.start_catching_up()
    async for story in publisher.run_script():
        # `make_due` would not do: a poll that is running would overwrite the time of the next one.
        await services.poller.poll(feed_by_outlet_name[story.outlet], wait_for_host=False)


def build_sample_packs(publisher: SamplePublisher) -> Callable[[str], tuple[opml.Outline, ...]]:
    """Return a function that returns a starter pack (list of feeds), made of sample feeds that need no network."""
    outlet_by_name = {outlet.name: outlet for outlet in publisher.outlets}
    outlines_by_pack_name = {
        pack_name: tuple(
            opml.Outline(
                outlet_by_name[outlet_name].title,
                publisher.get_feed_url(outlet_by_name[outlet_name]),
                None,
                outlet_by_name[outlet_name].language,
            )
            for outlet_name in outlet_names
        )
        for pack_name, outlet_names in SAMPLE_OUTLET_NAMES_BY_PACK.items()
    }
    return lambda pack_name: outlines_by_pack_name.get(pack_name, ())


async def _follow_starter_packs(services: Services, demo_server: DemoServer) -> None:
    for pack_name in ("english-tech", "french-tech"):
        for outline in starter_packs.list_outlines(pack_name):
            await follow_feed(services, outline.url, demo_server)
