"""Takes pictures of a post that others joined: `python -m tests.story_pictures [FOLDER]`.

In both languages; across them with the extra `semantic`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from ipaddress import ip_network
from pathlib import Path

from playwright.sync_api import sync_playwright

from bot.news.newsroom import open_newsroom
from bot.settings import Settings
from bot.store.joining import PAUSE
from tests.clocks import ManualClock
from tests.discord_world import World, discord_world
from tests.feed_server import FeedServer, item, rss
from tests.pictures import CHROMIUM, FLAGS, MESSAGE

TOLD = {
    "": (
        ("The Verge", "en", "Amazon bans police use of its facial recognition for a year"),
        ("Numerama", "fr", "Amazon interdit sa reconnaissance faciale à la police pendant un an"),
        ("Wired", "en", "Amazon stops police from using facial recognition for a year"),
    ),
    "-fr": (
        ("Numerama", "fr", "La CNIL inflige 150 millions d’euros d’amende à Google"),
        ("Next", "fr", "Cookies : la CNIL inflige une amende de 150 M€ à Google"),
        ("The Register", "en", "Google fined 150 million euros by France’s CNIL over cookies"),
    ),
}
TEXT = {
    "en": "The company wants lawmakers to write rules for how the police may use the technology.",
    "fr": "L’entreprise devra aussi changer la façon dont elle demande l’accord des internautes.",
}


def take(address: str, path: Path) -> None:
    """The post."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1000, "height": 900}, device_scale_factor=1.5)
        page.goto(address)
        page.locator(MESSAGE).last.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        page.locator(MESSAGE).last.screenshot(path=path)
        browser.close()


async def tell(world: World, server: FeedServer, told: tuple[tuple[str, str, str], ...]) -> None:
    """Let a story come from one outlet after the other."""
    feeds = []
    for number, (outlet, language, _title) in enumerate(told):
        server.serve(f"/{number}", rss(item(number, title=outlet), title=outlet, language=language))
        feeds.append(await world.follow(f"{server.origin}/{number}"))
        await world.poll(feeds[-1])
    await world.deliver()
    meaning = world.newsroom.meaning
    if meaning is not None:
        await meaning.ready()
    for number, (outlet, language, title) in enumerate(told):
        news = item(100 + number, title=title, body=TEXT[language], published=world.clock.now() - 60)
        old = item(number, title=outlet)
        server.serve(f"/{number}", rss(news, old, title=outlet, language=language))
        await world.poll(feeds[number])
        await world.deliver()
        await world.advance(PAUSE + 1)
        await world.deliver()


async def main(folder: Path) -> None:
    for ending, told in TOLD.items():
        with tempfile.TemporaryDirectory() as home:
            settings = Settings(
                database=Path(home) / "telex.db",
                discord_token=None,
                allow_private_addresses=(ip_network("127.0.0.1/32"),),
            )
            clock = ManualClock()
            server = await FeedServer().start()
            async with (
                open_newsroom(settings, clock) as newsroom,
                discord_world(newsroom, clock, locale="fr" if ending else "en-US") as world,
            ):
                await tell(world, server, told)
                preview = await world.env.preview(
                    world.news, viewers=(world.reader,), layout="channel"
                ).__aenter__()
                await asyncio.to_thread(take, preview.url, folder / f"story{ending}.png")
                await preview.close()
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()))
