"""Takes pictures of setups that go to other channels: `python -m tools.pictures.copy_pictures [FOLDER]`.

A list of feeds with channels and filters before it is imported, and the settings of a channel before and after they are
copied to others, in English and in French.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import discord

from bot.core import setting_registry
from bot.core.preferences import DigestPlan, Filter, FilterMode, FilterPlace, FilterScope, MentionRule, PostLook, Style
from bot.feeds.parsing.opml import ChannelOutline, Outline, serialize_opml
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss
from tests.support.interactions import get_last_reply, list_controls
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

WORDS_BY_ENDING = {
    "": ("en", ("news", "tech", "old-news"), ("crypto", "sponsored")),
    "-fr": ("fr", ("actualités", "tech", "anciennes-actus"), ("crypto", "publicité")),
}
"""By language: names of channels, of which the last is not in the server, and queries of filters."""


async def shoot_import(world: World, path: Path, channel_names: tuple[str, ...], queries: tuple[str, ...]) -> None:
    """Take a picture of what a list of this server would change."""
    channel_ids = [world.news.id, world.guild.create_text_channel(channel_names[1]).id, 1_180_000_000_000_000_001]
    filters = tuple(Filter(0, FilterMode.EXCLUDE, query) for query in queries)
    groups = [
        (
            ChannelOutline(channel_id, f"#{name}", filters[:1]),
            [
                Outline(f"{name} {n}", f"https://{n}.example/{channel_id}", None, None, channel_id, filters)
                for n in range(4 + number)
            ],
        )
        for number, (channel_id, name) in enumerate(zip(channel_ids, channel_names, strict=True))
    ]
    document = serialize_opml("Telex", groups, now=world.clock.now())
    await world.editor.slash(world.news, "feed import", file=("telex.opml", document))
    names = {world.news.mention: f"#{channel_names[0]}", f"<#{channel_ids[1]}>": f"#{channel_names[1]}"}
    await shoot(world, world.news, partial(shoot_last, path=path, names=names))


async def shoot_copy(
    world: World,
    server: FeedServer,
    folder: Path,
    ending: str,
    channel_names: tuple[str, ...],
    queries: tuple[str, ...],
) -> None:
    """Take pictures of a copy to a text channel and a forum: before, and after it."""
    store, place = world.store, {"server_id": world.guild.id, "channel_id": world.news.id, "user_id": world.editor.id}
    role = world.guild.create_role("AI", mentionable=True)
    for number, title in enumerate(("The Circuit Post", "Numerama", "Kernel & Co.")):
        feed = await world.follow(server.serve(f"/{number}", make_rss(title=title)))
        await world.poll(feed)
        subscription = await store.subscriptions.find(world.news.id, feed.id)
        assert subscription is not None
        await store.subscriptions.set_look(subscription.id, PostLook(style=Style.COMPACT), user_id=world.editor.id)
        await store.filters.add(FilterPlace(subscription.id), [(FilterMode.INCLUDE, "python")], user_id=1, limit=9)
    channel_rules = [(FilterMode.EXCLUDE, query) for query in queries]
    channel_place = FilterPlace(world.news.id, FilterScope.CHANNEL)
    await store.filters.add(channel_place, channel_rules, user_id=1, limit=9)
    await store.mention_rules.save(MentionRule(role.id, "openai", 5), **place, limit=9)
    await store.digests.save(DigestPlan(weekday=0, minute=480), **place, limit=9)
    await world.set_channel_setting(setting_registry.QUIET_HOURS, "22:00-07:00", world.news)
    await world.set_channel_setting(setting_registry.DAILY_THREAD, value=True, channel=world.news)
    targets = [world.guild.create_text_channel(channel_names[1]), world.guild.create_forum_channel("forum")]
    names = {channel.mention: f"#{channel.name}" for channel in targets}
    names |= {world.news.mention: f"#{channel_names[0]}", f"<@&{role.id}>": "@AI"}
    panel = get_last_reply(await world.editor.slash(world.news, "settings copy"))
    *_source_menu, menu = [part for part in list_controls(panel) if part.get("channel_types")]
    preview = get_last_reply(await world.editor.select(panel, targets, custom_id=menu["custom_id"]))
    await shoot(world, world.news, partial(shoot_last, path=folder / f"settings-copy{ending}.png", names=names))
    copy_button = next(
        part for part in list_controls(preview) if part.get("style") == discord.ButtonStyle.success.value
    )
    await world.editor.click(preview, custom_id=copy_button["custom_id"])
    await shoot(world, world.news, partial(shoot_last, path=folder / f"settings-copied{ending}.png", names=names))


async def main(folder: Path) -> None:
    for ending, (language, channel_names, queries) in WORDS_BY_ENDING.items():
        async with server_in(language) as (world, _server):
            await shoot_import(world, folder / f"import-preview{ending}.png", channel_names, queries)
        async with server_in(language) as (world, server):
            await shoot_copy(world, server, folder, ending, channel_names, queries)


if __name__ == "__main__":
    run(main)
