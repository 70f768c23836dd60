"""Takes pictures of what matters to a server: `python -m tests.taste_pictures [FOLDER]`.

/settings stories, /settings taste and the menu of a post, in English and in French, wide and narrow, with the
stories of the demo.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import discord
from simcord.env import Env

from bot.client.discord_client import Telex
from bot.client.services import Newsroom
from bot.core.choices import Preference
from bot.demo.sample_feeds import Publisher
from bot.demo.stage import Stage, build, follow
from bot.posting.rendering import buttons
from bot.store.records import Opinion
from tests.picture_stage import staged
from tests.reading_pictures import take

PEOPLE = (11, 12, 13)
"""Who liked things, beside those whose screens are shown."""


async def picture(env: Env, newsroom: Newsroom, publisher: Publisher, folder: Path) -> None:
    """Let a server like some things, and take the pictures as one who speaks each language."""
    stage: Stage = await build(env)
    assert isinstance(env.bot, Telex)
    editors = stage.guild.create_role("Directors", permissions=discord.Permissions(manage_guild=True))
    env.backend.edit_member(stage.guild.id, stage.camille.id, {"role_ids": [editors.id]})
    await env.settle()
    publisher.open_archive()
    feeds = [await follow(newsroom, publisher.feed_url(outlet), stage) for outlet in publisher.outlets]
    for stories in ((), publisher.stories):
        publisher._published += stories
        for feed in feeds:
            current = await newsroom.store.feeds.get(feed.id)
            assert current is not None
            await newsroom.poller.poll(current, polite=False)
        await env.bot.courier.settle()
    articles = await newsroom.store.articles.newest([feed.id for feed in feeds], limit=100)
    for article in articles:
        opinion = Opinion.LIKED if len(article.title) % 2 else Opinion.DISLIKED
        for liker in PEOPLE:
            await newsroom.store.opinions.give(
                opinion, server_id=stage.guild.id, person_id=liker, article_id=article.id
            )
    for preference, value in ((Preference.LEAST_OUTLETS, 2), (Preference.BEST_A_DAY, 5)):
        await newsroom.store.preferences.change(
            preference, value, server_id=stage.guild.id, person_id=11, channel_id=stage.news.id
        )
    channel = env.bot.get_channel(stage.news.id)
    assert isinstance(channel, discord.TextChannel)
    for ending, person in (("", stage.ada), ("-fr", stage.camille)):
        for name in ("stories", "taste", "more"):
            if name == "more":
                message = await channel.send("·", view=buttons.row(buttons.more(articles[0].key)))
                await person.click(message, custom_id=f"telex:more:{articles[0].key}")
            else:
                await person.slash(stage.news, f"settings {name}")
            locale = "fr" if ending else "en-US"
            async with env.preview(stage.news, viewers=(person,), layout="channel", locale=locale) as preview:
                await asyncio.to_thread(take, preview.url, folder / f"{name}{ending}.png")


async def main(folder: Path) -> None:
    async with staged() as (env, newsroom, publisher):
        await picture(env, newsroom, publisher, folder)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()))
