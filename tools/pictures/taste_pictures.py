"""Takes pictures of what matters to a server: `python -m tools.pictures.taste_pictures [FOLDER]`.

/settings stories, /settings taste and the menu of a post, in English and in French, wide and narrow, with the
stories of the demo.
"""

from __future__ import annotations

from pathlib import Path

import discord
from simcord.env import Env

from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.core import setting_registry
from bot.demo.sample_feeds import SamplePublisher
from bot.store.records.people_records import OpinionKind
from tools.pictures.picture_stage import build_newsstand, run_staged, shoot_widths

LIKER_IDS = (11, 12, 13)
"""Who liked things, beside those whose screens are shown."""


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Let a server like some things, and take the pictures as one who speaks each language."""
    stage, assets = await build_newsstand(env, newsroom, publisher)
    assert isinstance(env.bot, TelexBot)
    editors = stage.guild.create_role("Directors", permissions=discord.Permissions(manage_guild=True))
    env.backend.edit_member(stage.guild.id, stage.camille.id, {"role_ids": [editors.id]})
    await env.settle()
    articles = await newsroom.store.articles.list_newest(None, limit=100)
    for article in articles:
        opinion = OpinionKind.LIKED if len(article.title) % 2 else OpinionKind.DISLIKED
        for liker in LIKER_IDS:
            await newsroom.store.opinions.record(
                opinion, server_id=stage.guild.id, user_id=liker, article_id=article.id
            )
    for setting, limit in ((setting_registry.MIN_OUTLETS, 2), (setting_registry.TOP_STORIES_PER_DAY, 5)):
        await newsroom.store.preferences.change_channel(
            setting, limit, server_id=stage.guild.id, user_id=11, channel_id=stage.news_channel.id
        )
    posts = [message for message in stage.news_channel.history() if message.author.id == env.backend.bot_user.id]
    for ending, person in (("", stage.ada), ("-fr", stage.camille)):
        for name in ("settings-stories", "settings-taste", "more-menu"):
            if name == "more-menu":
                await person.click(posts[-1], label="More")
            else:
                await person.slash(stage.news_channel, name.replace("-", " "))
            path = folder / f"{name}{ending}.png"
            await shoot_widths(env, stage.news_channel, person, path, assets)


if __name__ == "__main__":
    run_staged(take_pictures)
