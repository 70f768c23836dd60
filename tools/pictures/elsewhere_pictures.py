"""Takes pictures of the ways out of a server: `python -m tools.pictures.elsewhere_pictures [FOLDER]`.

A channel that is shared as a feed, tokens for assistants, a person's own digest, set up and as it comes, a
search in direct messages and a result that is shared, in English and in French.
"""

from __future__ import annotations

import time
from pathlib import Path

import discord
from simcord.env import Env

from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.core.preferences import Preference
from bot.demo.sample_feeds import SamplePublisher
from tests.support import store_probe
from tests.support.interactions import button_labels, choose, find_menu, last_reply
from tests.support.store_probe import Column
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
        panel = last_reply(await person.slash(general, "feed share", channel=stage.news))
        await person.click(panel, label=button_labels(panel)[0])
        await shoot_widths(env, general, person, folder / f"feed-share{ending}.png", assets)
        panel = last_reply(await person.slash(general, "settings assistants"))
        await person.click(panel, label="Nouveau jeton" if ending else "New token")
        await shoot_widths(env, general, person, folder / f"assistants{ending}.png", assets)
        panel = last_reply(await person.slash(general, "digest me"))
        await shoot_widths(env, general, person, folder / f"digest-me{ending}.png", assets)
        await person.click(panel, label="Aperçu" if ending else "Preview")
        await shoot_widths(env, general, person, folder / f"digest-me-preview{ending}.png", assets)
        await person.click(panel, label="Démarrer le résumé" if ending else "Start the digest")
        store_probe.set_column(newsroom.settings.database, Column.PERSONAL_DIGEST_DUE_AT, int(time.time()))
        assert isinstance(env.bot, TelexBot)
        await env.bot.outbox_relay.run_until_idle()
        await env.settle()
        path = folder / f"digest-dm{ending}.png"
        await shoot_widths(env, person.user.dm_channel, person.user, path, assets)
        await person.user.slash("search", query="signal OR amazon")
        path = folder / f"direct-search{ending}.png"
        await shoot_widths(env, person.user.dm_channel, person.user, path, assets)
        search_message = last_reply(await person.slash(general, "search", query="passkeys"))
        share_message = last_reply(await person.click(search_message, label="Partager…" if ending else "Share…"))
        await newsroom.store.preferences.change(
            Preference.LANGUAGE, "fr" if ending else "en", server_id=stage.guild.id, user_id=person.id
        )
        title = str(find_menu(share_message)[1][0]["label"])
        await choose(person, share_message, title)
        reader = stage.ada if ending else stage.camille  # who sees no more than what was shared
        await shoot_widths(env, general, reader, folder / f"shared{ending}.png", assets)


if __name__ == "__main__":
    run_staged(take_pictures, public_url="https://telex.example", health_address=("127.0.0.1", 0))
