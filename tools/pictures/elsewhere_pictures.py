"""Takes pictures of the ways out of a server: `python -m tools.pictures.elsewhere_pictures [FOLDER]`.

A channel that is shared as a feed, tokens for assistants, the setup of a person's own digest and a search in
direct messages, in English and in French.
"""

from __future__ import annotations

from pathlib import Path

import discord
from simcord.env import Env

from bot.client.services import Services
from bot.demo.sample_feeds import SamplePublisher
from tests.support.interactions import get_last_reply, list_button_labels
from tools.pictures.picture_stage import build_newsstand, run_staged, shoot_widths


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Take the pictures as one who speaks each language."""
    stage, assets = await build_newsstand(env, newsroom, publisher)
    editors = stage.guild.create_role("Directors", permissions=discord.Permissions(manage_guild=True))
    env.backend.edit_member(stage.guild.id, stage.camille.id, {"role_ids": [editors.id]})
    await env.settle()
    general = stage.guild.channels["general"]
    await newsroom.store.assistant_tokens.set_public_url("https://telex.example/mcp")
    for ending, person in (("", stage.ada), ("-fr", stage.camille)):
        panel = get_last_reply(await person.slash(general, "feed share", channel=stage.news_channel))
        await person.click(panel, label=list_button_labels(panel)[0])
        await shoot_widths(env, general, person, folder / f"feed-share{ending}.png", assets)
        panel = get_last_reply(await person.slash(general, "settings assistants"))
        await person.click(panel, label="Nouveau jeton" if ending else "New token")
        await shoot_widths(env, general, person, folder / f"assistants{ending}.png", assets)
        panel = get_last_reply(await person.slash(general, "digest me"))
        await shoot_widths(env, general, person, folder / f"digest-me{ending}.png", assets)
        await person.user.slash("search", query="signal OR amazon")
        path = folder / f"direct-search{ending}.png"
        await shoot_widths(env, person.user.dm_channel, person.user, path, assets)


if __name__ == "__main__":
    run_staged(take_pictures, public_url="https://telex.example", health_address=("127.0.0.1", 0))
