"""Takes pictures of settings and first steps: `python -m tests.settings_pictures [FOLDER]`.

The welcome, /setup, the panel of a server, the history and /privacy, in English and in French.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import discord
from playwright.sync_api import sync_playwright
from simcord.actors import MemberActor
from simcord.env import Env

from bot.client.discord_client import Telex
from bot.client.services import Newsroom
from bot.core.choices import Preference
from bot.core.locale import use
from bot.demo.sample_feeds import Publisher
from bot.demo.stage import Stage, build, follow, likeness
from cogs.running import welcome
from tests.picture_stage import staged
from tests.pictures import CHROMIUM, FLAGS, MESSAGE, command, photograph

PICTURES = {
    "help": "help",
    "about": "about",
    "setup": "setup",
    "settings": "settings server",
    "history": "settings history",
    "privacy": "privacy",
}


def take(address: str, folder: Path, ending: str, names: dict[str, str]) -> None:
    """The welcome, which is the newest message, then an answer to each command."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1000, "height": 2200}, device_scale_factor=1.5)
        page.goto(address)
        page.locator(MESSAGE).first.wait_for(timeout=60_000)
        page.wait_for_timeout(2000)
        photograph(page.locator(MESSAGE).last, folder / f"welcome{ending}.png")
        for name, typed in PICTURES.items():
            command(page, typed)
            page.wait_for_timeout(1500)
            photograph(page.locator(MESSAGE).last, folder / f"{name}{ending}.png", names)
        browser.close()


async def picture(env: Env, newsroom: Newsroom, publisher: Publisher, folder: Path) -> None:
    """Let a manager choose some things, and take the pictures as one who speaks each language."""
    stage: Stage = await build(env)
    assert isinstance(env.bot, Telex)
    general = stage.guild.channels["general"]  # where it says hello
    role = stage.guild.create_role("Librarians")
    alerts = stage.guild.create_text_channel("bot-alerts")
    editors = stage.guild.create_role("Directors", permissions=discord.Permissions(manage_guild=True))
    env.backend.edit_member(stage.guild.id, stage.camille.id, {"role_ids": [editors.id]})
    await env.settle()
    publisher.open_archive()
    for outlet in publisher.outlets:
        await follow(newsroom, publisher.feed_url(outlet), stage)
    ada = stage.ada
    change = newsroom.store.preferences.change
    for preference, value in (
        ("time_zone", "Europe/Paris"),
        ("manager_role", role.id),
        ("alerts", alerts.id),
    ):
        await change(Preference(preference), value, server_id=stage.guild.id, person_id=ada.id)
    await change(
        Preference.LANGUAGE,
        "fr",
        server_id=stage.guild.id,
        person_id=stage.camille.id,
        channel_id=stage.news.id,
    )
    await ada.slash(stage.news, "feed pause", feed="1")
    await ada.slash(stage.news, "feed resume", feed="1")
    names = {
        f"<#{general.id}>": "#general",
        f"<#{stage.news.id}>": "#tech-news",
        f"<#{alerts.id}>": "#bot-alerts",
        f"<@&{role.id}>": "@Librarians",
        f"<@{ada.id}>": "@Ada",
        f"<@{stage.camille.id}>": "@Camille",
    }
    people: dict[str, MemberActor] = {"": ada, "-fr": stage.camille}
    for ending, person in people.items():
        guild = env.bot.get_guild(stage.guild.id)
        assert guild is not None
        env.backend.edit_guild(stage.guild.id, {"preferred_locale": "fr" if ending else "en-US"})
        await env.settle()
        with use(ending.removeprefix("-")):
            await welcome.say(env.bot, guild)
        await env.settle()
        locale = "fr" if ending else "en-US"
        preview = await env.preview(
            general, viewers=(person,), layout="channel", locale=locale, assets=likeness(env)
        ).__aenter__()
        await asyncio.to_thread(take, preview.url, folder, ending, names)
        await preview.close()


async def main(folder: Path) -> None:
    async with staged() as (env, newsroom, publisher):
        await picture(env, newsroom, publisher, folder)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()))
