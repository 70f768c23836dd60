"""Takes pictures of saved links: `python -m tools.pictures.saving_pictures [FOLDER]`.

A page saved from the menu of a message, the choice among several links, the list of bookmarks with it, and the
address of the bookmarks' feed, in English and in French.
"""

from __future__ import annotations

from pathlib import Path

from simcord.env import Env

from bot.client.services import Services
from bot.demo.sample_feeds import SamplePublisher
from tests.support.feed_server import FeedServer
from tests.support.interactions import get_last_reply, list_button_labels
from tools.pictures.picture_stage import build_newsstand, run_staged, shoot_widths

PAGES = {
    "": (
        "The keeper who rebuilt a lighthouse lamp by hand",
        "Coast Weekly",
        (
            "For forty years the lamp of the old lighthouse had stood still. Its keeper took it apart, wrote down "
            "each of its nine hundred pieces, and put it together again in one winter. "
        ),
    ),
    "-fr": (
        "La gardienne qui a refait à la main la lampe d’un phare",
        "La Semaine du littoral",
        (
            "Depuis quarante ans, la lampe du vieux phare ne tournait plus. Sa gardienne l’a démontée, a noté "
            "chacune de ses neuf cents pièces, puis l’a remontée en un hiver. "
        ),
    ),
}
"""Title, site and text of a page, for each language."""


async def take_pictures(env: Env, newsroom: Services, publisher: SamplePublisher, folder: Path) -> None:
    """Take the pictures as one who speaks each language."""
    stage, assets = await build_newsstand(env, newsroom, publisher)
    general, server = stage.guild.channels["general"], await FeedServer().start()
    try:
        for ending, person in (("", stage.ada), ("-fr", stage.camille)):
            title, site, text = PAGES[ending]
            page = (
                f"<html><head><title>{title}</title><meta property=og:site_name content='{site}'></head><body>"
                f"<article><h1>{title}</h1><p>{text * 3}</p></article></body></html>"
            )
            link = server.serve(f"/lamp{ending}", page, content_type="text/html; charset=utf-8")
            message = await stage.ada.send(general, f"{link} https://example.com/another-page")
            await person.context_menu(general, "Save this link", message)
            await shoot_widths(env, general, person, folder / f"save-which{ending}.png", assets)
            message = await stage.ada.send(general, link)
            await person.context_menu(general, "Save this link", message)
            await shoot_widths(env, general, person, folder / f"save-link{ending}.png", assets)
            listed = get_last_reply(await person.slash(general, "bookmarks"))
            await shoot_widths(env, general, person, folder / f"saved-list{ending}.png", assets)
            panel = get_last_reply(await person.click(listed, label="En flux" if ending else "As a feed"))
            await person.click(panel, label=list_button_labels(panel)[0])
            await shoot_widths(env, general, person, folder / f"bookmark-feed{ending}.png", assets)
            await person.slash(general, "privacy")
            await shoot_widths(env, general, person, folder / f"saved-privacy{ending}.png", assets)
    finally:
        await server.stop()


if __name__ == "__main__":
    run_staged(take_pictures, public_url="https://telex.example", health_address=("127.0.0.1", 0))
