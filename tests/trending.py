"""A simulated Discord whose feeds tell of the same things for two weeks: `python -m tests.trending`.

For the pictures of what takes more than the demo's ten minutes: /trends, completions, more like this.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import cogs
from bot.client.discord_client import Telex
from bot.client.services import open_newsroom
from bot.core.settings import Settings
from bot.demo.stage import Stage, build, simulated_discord
from bot.store import Store
from tests.store.samples import new_article

DAY = 86_400
DAYS = 14
OUTLETS = {"The Circuit Post": "en", "Le Fil numérique": "fr", "Kernel & Co.": "en", "Le Paquet libre": "fr"}
ANGLES = {
    "en": (
        "what changes for administrators", "a first look", "five questions", "the price of being early",
        "a migration told step by step", "what the numbers say", "who maintains it", "a fix and its story",
        "lessons from a long night", "why the tests were wrong", "notes from a conference", "a short history",
    ),
    "fr": (
        "ce qui change pour les équipes", "premier essai", "cinq questions", "le prix de la nouveauté",
        "une migration pas à pas", "ce que disent les chiffres", "qui l’entretient", "un correctif raconté",
        "leçons d’une longue nuit", "des tests qui se trompaient", "notes d’une conférence", "brève histoire",
    ),
}  # fmt: skip
STEADY = (
    "Linux",
    "Python",
    "Firefox",
    "PostgreSQL",
    "Debian",
    "Git",
    "SQLite",
    "Wikipedia",
    "Rust",
    "Matrix",
)
ABOUT = {
    "Mistral AI": {
        "en": "The French company publishes language models with open weights; they are trained in Paris.",
        "fr": "L’entreprise française publie des modèles de langue à poids ouverts, entraînés à Paris.",
    },
}
RISING = {"Mistral AI": 14, "Windows 11": 11, "USB-C": 9, "OpenStreetMap": 8, "LibreOffice": 7}
"""Articles of the last week by what they are about."""


class Headline(NamedTuple):
    """A title of an outlet, so many seconds old."""

    outlet: str
    title: str
    age: int


def headlines() -> Iterator[Headline]:
    """Two weeks of them: two a day by each outlet, and those of what is rising."""
    steady = cycle(STEADY)
    angles = {language: cycle(ANGLES[language]) for language in ANGLES}
    for half in range(2 * DAYS):
        for number, (outlet, language) in enumerate(OUTLETS.items()):
            title = f"{next(steady)}: {next(angles[language])}"
            yield Headline(outlet, title, half * DAY // 2 + number * 1_000 + 500)
    for place, (topic, count) in enumerate(RISING.items()):
        for number in range(count):
            outlet, language = list(OUTLETS.items())[(place + number) % len(OUTLETS)]
            age = int(DAY * (0.2 + 5.5 * (number / count) ** 1.4)) + place * 3_000
            yield Headline(outlet, f"{topic}: {next(angles[language])}", age)


async def fill(store: Store, stage: Stage, now: int) -> None:
    """Let the channel follow the outlets, and keep their articles."""
    feeds = {}
    for number, outlet in enumerate(OUTLETS):
        feeds[outlet] = await store.feeds.add(f"https://{number}.example/feed", title=outlet, outlet=outlet)
        await store.subscriptions.follow(
            server_id=stage.guild.id,
            channel_id=stage.news.id,
            feed_id=feeds[outlet].id,
            first_article_id=None,
        )
    batch = []
    for number, headline in enumerate(headlines()):
        feed = feeds[headline.outlet]
        language = OUTLETS[headline.outlet]
        topic, _, angle = headline.title.partition(": ")
        separator = "\u00a0: " if language == "fr" else ": "
        told = ABOUT.get(topic, {}).get(language, f"{topic}.")
        batch.append(
            (
                feed.id,
                new_article(
                    feed,
                    str(number),
                    title=f"{topic}{separator}{angle}",
                    text=told,
                    language=language,
                    published=now - headline.age,
                    tags=(topic,),
                ),
            )
        )
    await store.articles.import_batch(batch)


async def serve() -> None:
    """Show the page until it is closed; its address goes to standard output."""
    wanted = [cog for cog in cogs.ALL if cog.__name__ not in {"Polling", "Posting", "Emoji"}]
    with tempfile.TemporaryDirectory(prefix="telex-trending-") as folder:
        settings = Settings(database=Path(folder) / "telex.db", semantic=False)
        async with (
            open_newsroom(settings) as newsroom,
            simulated_discord(Telex(newsroom, wanted, shard_count=1)) as env,
        ):
            stage = await build(env)
            await fill(newsroom.store, stage, int(time.time()))
            async with env.preview(
                stage.news, viewers=(stage.ada, stage.camille), layout="channel"
            ) as preview:
                print(f"The page is at {preview.url}", flush=True)  # noqa: T201  # for who started it
                await preview.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve())
