"""Takes pictures of what people read: `python -m tools.pictures.reading_pictures [FOLDER] [NAME…]`.

Searches, articles like one, bookmarks, trends and completions; in English and in French, with the stories of the
demo.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcord.actors import MemberActor
from simcord.env import Env
from simcord.results import InteractionResult

from bot.client.services import Services
from bot.demo.demo_server import DemoServer
from bot.demo.sample_feeds import SamplePublisher
from tests.support.interactions import find_menu, get_last_reply, list_controls, select_option
from tools.pictures.picture_stage import build_newsstand, open_preview_page, open_stage, shoot_widths
from tools.pictures.published_pictures import FOLDER


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who looks at things in their language, and what they look for."""

    person: MemberActor
    stage: DemoServer
    ending: str
    search_query: str
    article_query: str
    note: str
    tags: str

    async def run_command(self, command: str, **options: Any) -> InteractionResult:
        return await self.person.slash(self.stage.news_channel, command, **options)

    async def search_articles(self) -> InteractionResult:
        return await self.run_command("search", query=self.search_query)

    async def open_article(self) -> InteractionResult:
        return await select_option(
            self.person, get_last_reply(await self.run_command("search", query=self.article_query)), "", ""
        )

    async def find_similar(self) -> InteractionResult:
        return await self.click(await self.open_article(), "telex:like")

    async def add_bookmarks(self) -> InteractionResult:
        search_interaction = await self.search_articles()
        for option in find_menu(get_last_reply(search_interaction))[1][:3]:
            card = await select_option(self.person, get_last_reply(search_interaction), option["label"])
        form = await self.click(card, "telex:note")
        await self.person.submit_modal(form, {"note": self.note, "tags": self.tags})
        return await self.run_command("bookmarks")

    async def click(self, interaction: InteractionResult, start: str) -> InteractionResult:
        ids = (str(component.get("custom_id")) for component in list_controls(get_last_reply(interaction)))
        return await self.person.click(get_last_reply(interaction), custom_id=next(id_ for id_ in ids if start in id_))


VIEWS: dict[str, Callable[[Reader], Awaitable[Any]]] = {
    "search": Reader.search_articles,
    "more-like-this": Reader.find_similar,
    "bookmarks": Reader.add_bookmarks,
    "trends": lambda reader: reader.run_command("trends"),
}


async def take_pictures(
    env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path, names: list[str]
) -> None:
    """What each reader sees."""
    stage, assets = await build_newsstand(env, newsroom, publisher)
    readers = (
        Reader(stage.ada, stage, "", "passkeys", "passkeys telephone", "For the call", "security"),
        Reader(stage.camille, stage, "-fr", "passkeys", "passkeys banques", "À relire", "sécurité"),
    )
    for reader in readers:
        for name in names or VIEWS:
            await VIEWS[name](reader)
            path = folder / f"{name}{reader.ending}.png"
            await shoot_widths(env, stage.news_channel, reader.person, path, assets)
    async with env.preview(stage.news_channel, viewers=(stage.ada,), layout="channel") as preview:
        await asyncio.to_thread(shoot_completions, preview.url, "linux mu", folder / "completions.png")


def shoot_completions(address: str, query: str, path: Path) -> None:
    """What is offered while a query is typed."""
    with open_preview_page(address, width=644) as page:
        page.locator("textarea").first.click()
        page.keyboard.type("/search")
        page.wait_for_timeout(800)
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        page.keyboard.type(query, delay=60)
        page.wait_for_timeout(1500)
        page.screenshot(path=path, clip={"x": 0, "y": 845, "width": 644, "height": 255})


async def main(folder: Path, names: list[str]) -> None:
    async with open_stage() as (env, newsroom, publisher):
        await take_pictures(env, newsroom, publisher, folder, names)


if __name__ == "__main__":
    target = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, sys.argv[2:]))
