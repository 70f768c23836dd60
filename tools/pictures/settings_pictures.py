"""Takes pictures of settings and first steps: `python -m tools.pictures.settings_pictures [FOLDER]`.

The welcome, /help, /setup, the panels of a server, the history and /privacy, in English and in French.
"""

from __future__ import annotations

from pathlib import Path

import discord
from simcord.actors import MemberActor
from simcord.env import Env

from bot.client.discord_client import TelexBot
from bot.client.services import Services
from bot.core import setting_registry
from bot.core.i18n import language_scope
from bot.core.preferences import Preference
from bot.demo.demo_server import DemoServer, build_demo_server, follow_feed
from bot.demo.page_pictures import install_bot_avatar, register_emoji
from bot.demo.sample_feeds import SamplePublisher
from cogs.running.server_events import send_welcome
from tests.support.interactions import get_last_reply
from tools.pictures.picture_stage import run_staged, shoot_widths

COMMANDS = {
    "help": "help",
    "about": "about",
    "setup": "setup",
    "settings": "settings server",
    "schedule": "settings schedule",
    "history": "settings history",
    "privacy": "privacy",
}


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Let a manager choose some things, and take the pictures as one who speaks each language."""
    stage: DemoServer = await build_demo_server(env)
    assert isinstance(env.bot, TelexBot)
    general = stage.guild.channels["general"]  # where it says hello
    role = stage.guild.create_role("Librarians")
    alerts = stage.guild.create_text_channel("bot-alerts")
    editors = stage.guild.create_role("Directors", permissions=discord.Permissions(manage_guild=True))
    env.backend.edit_member(stage.guild.id, stage.camille.id, {"role_ids": [editors.id]})
    await env.settle()
    assets = install_bot_avatar(env) | register_emoji(env, [outlet.title for outlet in publisher.outlets])
    publisher.publish_backlog()
    for outlet in publisher.outlets:
        await follow_feed(newsroom, publisher.get_feed_url(outlet), stage)
    ada = stage.ada
    change = newsroom.store.preferences.change
    for preference, choice in (
        ("time_zone", "Europe/Paris"),
        ("manager_role", role.id),
        ("alerts", alerts.id),
    ):
        await change(Preference(preference), choice, server_id=stage.guild.id, user_id=ada.id)
    await newsroom.store.preferences.change_channel(
        setting_registry.LANGUAGE,
        "fr",
        server_id=stage.guild.id,
        user_id=stage.camille.id,
        channel_id=stage.news_channel.id,
    )
    await ada.slash(stage.news_channel, "feed pause", feed="1")
    await ada.slash(stage.news_channel, "feed resume", feed="1")
    people: dict[str, MemberActor] = {"": ada, "-fr": stage.camille}
    for ending, person in people.items():
        guild = env.bot.get_guild(stage.guild.id)
        assert guild is not None
        env.backend.edit_guild(stage.guild.id, {"preferred_locale": "fr" if ending else "en-US"})
        await env.settle()
        await ada.send(general, "👋")  # so that the next message has its author's name
        with language_scope(ending.removeprefix("-")):
            await send_welcome(env.bot, guild)
        await env.settle()
        await shoot_widths(env, general, person, folder / f"welcome{ending}.png", assets)
        for name, command in COMMANDS.items():
            panel = get_last_reply(await person.slash(general, command))
            await shoot_widths(env, general, person, folder / f"{name}{ending}.png", assets)
        label = "Tout supprimer" if ending else "Delete everything"
        await person.click(panel, label=label)
        await shoot_widths(env, general, person, folder / f"privacy-delete{ending}.png", assets)


if __name__ == "__main__":
    run_staged(take_pictures)
