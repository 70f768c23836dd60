"""Takes pictures of “Follow this source”: `python -m tools.pictures.source_pictures [FOLDER]`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.support.feed_server import make_rss, make_rss_item
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

SITES = {
    "": (
        "The Long Cable",
        "en",
        ("How a ship finds a broken fibre under three miles of sea", "The island that sells its own domain names"),
        "This is a lovely read: {link}",
    ),
    "-fr": (
        "Le Grand Câble",
        "fr",
        (
            "Comment un navire retrouve une fibre rompue par cinq mille mètres de fond",
            "L’île qui vend ses noms de domaine",
        ),
        "Très bel article : {link}",
    ),
}


async def main(folder: Path) -> None:
    """Take a picture of the card in each language and width."""
    for ending, (title, language, headlines, text) in SITES.items():
        async with server_in(language) as (world, server):
            now = world.clock.now()
            items = [
                make_rss_item(number, title=headline, published=now - number * 250_000 - 7_200)
                for number, headline in enumerate(headlines)
            ]
            server.serve("/feed", make_rss(*items, title=title))
            page = "<html><head><link rel=alternate type=application/rss+xml href=/feed></head></html>"
            link = server.serve("/a-story", page, content_type="text/html")
            message = await world.reader.send(world.news, text.format(link=link))
            await world.editor.context_menu(world.news, "Follow this source", message)
            names = {server.origin.removeprefix("http://"): "cable.example"}
            await shoot(world, world.news, partial(_shoot_card, folder / f"follow-source{ending}.png", names))


def _shoot_card(path: Path, names: dict[str, str], page: object) -> None:
    shoot_last(page, path, names)  # type: ignore[arg-type]  # the page of the preview


if __name__ == "__main__":
    run(main)
