"""Takes pictures of what people read: `python -m tests.reading_pictures [FOLDER] [NAME…]`.

Searches, the latest articles, an article, bookmarks, more like one, all of a catch-up; in English and in
French, wide and narrow, with the stories of the demo.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from simcord.actors import MemberActor
from simcord.env import Env
from simcord.results import InteractionResult

from bot.client.discord_client import Telex
from bot.client.services import Newsroom
from bot.demo.sample_feeds import Publisher
from bot.demo.stage import Stage, build, follow
from tests.cogs.helpers import choose, components, last, menu
from tests.picture_stage import staged
from tests.pictures import CHROMIUM, FLAGS, MESSAGE, photograph

WIDTHS = {"": 1000, "-narrow": 430}


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who looks at things in their language, and what they look for."""

    person: MemberActor
    stage: Stage
    ending: str
    search: str
    nothing: str
    one: str
    note: str
    tags: str

    async def ask(self, command: str, **options: Any) -> InteractionResult:
        return await self.person.slash(self.stage.news, command, **options)

    async def found(self) -> InteractionResult:
        return await self.ask("search", query=self.search)

    async def card(self) -> InteractionResult:
        return await choose(self.person, last(await self.ask("search", query=self.one)), "", "")

    async def more(self) -> InteractionResult:
        return await self.click(await self.card(), "telex:like")

    async def bookmarks(self) -> InteractionResult:
        found = await self.found()
        for option in menu(last(found))[1][:3]:
            card = await choose(self.person, last(found), option["label"])
        form = await self.click(card, "telex:note")
        await self.person.submit_modal(form, {"note": self.note, "tags": self.tags})
        return await self.ask("bookmarks")

    async def click(self, shown: InteractionResult, start: str) -> InteractionResult:
        ids = (str(one.get("custom_id")) for one in components(last(shown)))
        return await self.person.click(last(shown), custom_id=next(id_ for id_ in ids if start in id_))


VIEWS: dict[str, Callable[[Reader], Awaitable[Any]]] = {
    "search": Reader.found,
    "search-empty": lambda reader: reader.ask("search", query=reader.nothing),
    "latest": lambda reader: reader.ask("latest"),
    "article": Reader.card,
    "more-like-this": Reader.more,
    "bookmarks": Reader.bookmarks,
}


def take(address: str, path: Path) -> None:
    """The last message, wide and narrow."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for ending, width in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": 1700}, device_scale_factor=1.5)
            page.goto(address)
            page.locator(MESSAGE).last.wait_for(timeout=60_000)
            page.wait_for_timeout(2500)
            photograph(page.locator(MESSAGE).last, path.with_name(f"{path.stem}{ending}.png"))
            page.close()
        browser.close()


async def picture(env: Env, newsroom: Newsroom, publisher: Publisher, folder: Path, names: list[str]) -> None:
    """What each reader sees."""
    stage: Stage = await build(env)
    publisher.open_archive()
    feeds = [await follow(newsroom, publisher.feed_url(outlet), stage) for outlet in publisher.outlets]
    for stories in ((), publisher.stories):
        publisher._published += stories
        for feed in feeds:
            current = await newsroom.store.feeds.get(feed.id)
            assert current is not None
            await newsroom.poller.poll(current, polite=False)
    assert isinstance(env.bot, Telex)
    await env.bot.courier.settle()
    pictures = {
        publisher.picture_url(story): (f"{story.slug}.png", publisher.picture(story))
        for story in (*publisher.backlog, *publisher.stories)
    }
    readers = (
        Reader(
            stage.ada,
            stage,
            "",
            "cable repair ship",
            "zeppelin",
            "nordwave",
            "For the call",
            "cables",
        ),
        Reader(
            stage.camille,
            stage,
            "-fr",
            "navire câble",
            "dirigeable",
            "nordwave",
            "À relire",
            "câbles",
        ),
    )
    for reader in readers:
        for name in names or VIEWS:
            await VIEWS[name](reader)
            async with env.preview(
                stage.news,
                viewers=(reader.person,),
                layout="channel",
                assets=pictures,
                locale="fr" if reader.ending else "en-US",
            ) as preview:
                await asyncio.to_thread(take, preview.url, folder / f"{name}{reader.ending}.png")


async def main(folder: Path, names: list[str]) -> None:
    async with staged() as (env, newsroom, publisher):
        await picture(env, newsroom, publisher, folder, names)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, sys.argv[2:]))
