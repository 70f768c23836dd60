"""Takes pictures of what people read: `python -m tests.reading_pictures [FOLDER] [NAME…]`.

Searches, the latest articles, an article, more like it, bookmarks, trends; in English and in French, wide and
narrow, with the stories of the demo.
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
from bot.demo.sample_feeds import Publisher
from bot.posting.recovery.message_contents import custom_ids
from tests.cogs.helpers import choose, components, last, menu
from tests.picture_stage import newsstand, opened, shoot_widths, staged


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who looks at things in their language, and what they look for."""

    person: MemberActor
    stage: DemoServer
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

    async def catch_up(self) -> InteractionResult:
        for message in self.stage.news.history():
            for custom_id in custom_ids(message):
                if custom_id.startswith("telex:all:"):
                    return await self.person.click(message, custom_id=custom_id)
        raise LookupError("no catch-up")

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
    "show-all": Reader.catch_up,
    "trends": lambda reader: reader.ask("trends"),
}


async def picture(env: Env, newsroom: Services, publisher: Publisher, folder: Path, names: list[str]) -> None:
    """What each reader sees."""
    stage, assets = await newsstand(env, newsroom, publisher)
    readers = (
        Reader(
            stage.ada, stage, "", "passkeys", "zeppelin", "passkeys telephone", "For the call", "security"
        ),
        Reader(
            stage.camille, stage, "-fr", "passkeys", "zeppelin", "passkeys banques", "À relire", "sécurité"
        ),
    )
    for reader in readers:
        for name in names or VIEWS:
            await VIEWS[name](reader)
            path = folder / f"{name}{reader.ending}.png"
            await shoot_widths(env, stage.news, reader.person, path, assets)
    async with env.preview(stage.news, viewers=(stage.ada,), layout="channel") as preview:
        await asyncio.to_thread(complete, preview.url, "linux mu", folder / "completions.png")


def complete(address: str, query: str, path: Path) -> None:
    """What is offered while a query is typed."""
    with opened(address, width=644) as page:
        page.locator("textarea").first.click()
        page.keyboard.type("/search")
        page.wait_for_timeout(800)
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        page.keyboard.type(query, delay=60)
        page.wait_for_timeout(1500)
        page.screenshot(path=path, clip={"x": 0, "y": 845, "width": 644, "height": 255})


async def main(folder: Path, names: list[str]) -> None:
    async with staged(catch_up_after=3) as (env, newsroom, publisher):
        await picture(env, newsroom, publisher, folder, names)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures").resolve()
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, sys.argv[2:]))
