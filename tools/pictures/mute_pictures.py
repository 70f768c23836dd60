"""Takes pictures of muted stories: `python -m tools.pictures.mute_pictures [FOLDER]`.

The panel that mutes a story, the message after that, and the lists of muted stories of a person and a channel, in
English and in French, wide and narrow, with the stories of the demo.
"""

from __future__ import annotations

from pathlib import Path

import discord
from simcord.env import Env

from bot.client.services import Services
from bot.demo.sample_feeds import SamplePublisher
from tests.support.interactions import get_last_reply, select_option
from tools.pictures.picture_stage import build_newsstand, run_staged, shoot_widths

WORDS = {
    "": ("Enough of this story", "A week", "For everyone in #"),
    "-fr": ("Assez de ce sujet", "Une semaine", "Pour tous dans #"),
}
"""Labels of what is pressed, by the ending of the pictures' names."""


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Let managers mute stories for themselves and for a channel, and take the pictures in the language of each."""
    stage, assets = await build_newsstand(env, newsroom, publisher)
    editors = stage.guild.create_role("Directors", permissions=discord.Permissions(manage_guild=True))
    env.backend.edit_member(stage.guild.id, stage.camille.id, {"role_ids": [editors.id]})
    await env.settle()
    posts = [message for message in stage.news_channel.history() if message.author.id == env.backend.bot_user.id]
    for ending, person in (("", stage.ada), ("-fr", stage.camille)):
        enough, duration, for_everyone = WORDS[ending]

        async def shoot(name: str) -> None:
            await shoot_widths(env, stage.news_channel, person, folder / f"{name}{ending}.png", assets)  # noqa: B023

        for post, is_for_channel in ((posts[-1], False), (posts[-2], True)):
            menu = get_last_reply(await person.click(post, label="More"))
            panel = get_last_reply(await person.click(menu, label=enough))
            if is_for_channel:
                panel = get_last_reply(await select_option(person, panel, f"{for_everyone}{stage.news_channel.name}"))
            else:
                await shoot("mute-story")
            await person.click(panel, label=duration)
            await shoot("mute-channel-done" if is_for_channel else "mute-story-done")
        await person.slash(stage.news_channel, "watch list")
        await shoot("muted-stories")
        await person.slash(stage.news_channel, "settings stories")
        await shoot("muted-channel-stories")
        for muted_story in await newsroom.store.muted_stories.list_by_channel(stage.news_channel.id):
            await newsroom.store.muted_stories.undo(muted_story.id, user_id=1)


if __name__ == "__main__":
    run_staged(take_pictures)
