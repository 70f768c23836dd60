"""Pictures of a digest, its panel and a channel's rhythm: `python -m tests.digest_pictures [FOLDER]`.

In English and in French, of the two weeks of news of `tests.trending`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import cogs
from bot.client.discord_client import Telex
from bot.client.services import open_newsroom
from bot.core.choices import DigestPlan, Preference
from bot.core.settings import Settings
from bot.demo.stage import build, simulated_discord
from tests.pictures import CHROMIUM, FLAGS, MESSAGE, command, photograph
from tests.trending import fill


def take(address: str, folder: Path, ending: str, digest_command: str, rhythm_command: str) -> None:
    """The digest, the panel that changes it, and the rhythm of the channel."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 900, "height": 1600}, device_scale_factor=1.5)
        page.goto(address)
        page.locator(MESSAGE).first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        photograph(page.locator(MESSAGE).last, folder / f"digest{ending}.png")
        for typed, name, wait in (
            (rhythm_command, "rhythm", 2000),
            (digest_command, "digest-setup", 8000),
        ):
            command(page, typed)
            page.wait_for_timeout(wait)
            photograph(page.locator(MESSAGE).last, folder / f"{name}{ending}.png")
        browser.close()


async def picture(folder: Path, language: str, ending: str) -> None:
    """One language from a fresh server."""
    wanted = tuple(cog for cog in cogs.ALL if cog.__name__ not in {"Polling", "Posting", "Emoji"})
    with tempfile.TemporaryDirectory() as home:
        database = Path(home) / "telex.db"
        settings = Settings(database=database, semantic=False)
        async with (
            open_newsroom(settings) as newsroom,
            simulated_discord(Telex(newsroom, wanted, shard_count=1)) as env,
        ):
            stage = await build(env)

            def speak(event: str, payload: Any) -> None:
                if event == "INTERACTION_CREATE":
                    payload["locale"] = language

            env.backend.subscribers.insert(1, speak)
            await fill(newsroom.store, stage, int(time.time()))
            place = {"server_id": stage.guild.id, "person_id": stage.ada.id}
            change = newsroom.store.preferences.change
            await change(Preference.TIME_ZONE, "Europe/Paris", **place)
            for preference, value in (
                (Preference.LANGUAGE, language[:2]),
                (Preference.QUIET_HOURS, "22:00-07:00"),
                (Preference.MOST_AN_HOUR, 5),
            ):
                await change(preference, value, **place, channel_id=stage.news.id)
            plan = DigestPlan(weekday=0, minute=480, wide=True, chart=True)
            await newsroom.store.digests.save(plan, **place, channel_id=stage.news.id, limit=9)
            with closing(sqlite3.connect(database)) as connection, connection:
                now = int(time.time())
                connection.execute("UPDATE digest SET due = ?", (now,))
                connection.execute("UPDATE server SET joined = 0")
                connection.execute("UPDATE article SET found = ?", (now - 600,))
            assert isinstance(env.bot, Telex)
            await env.bot.courier.settle()
            await env.settle()
            locale = "fr" if ending else "en-US"
            async with env.preview(
                stage.news, viewers=(stage.ada,), layout="channel", locale=locale
            ) as preview:
                await asyncio.to_thread(take, preview.url, folder, ending, "digest setup", "settings rhythm")


async def main(folder: Path) -> None:
    await picture(folder, "en-US", "")
    await picture(folder, "fr", "-fr")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()))
