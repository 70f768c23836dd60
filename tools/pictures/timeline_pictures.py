"""Takes pictures of a story so far: `python -m tools.pictures.timeline_pictures [FOLDER]`.

In both languages, from the outlets of both: its developments with the numbers in which outlets differ, newest
first, the button under its post, and words that no story is about.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from playwright.sync_api import Page

from bot.core.models import Feed
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import get_last_reply
from tools.pictures.page_camera import MESSAGE, photograph
from tools.pictures.picture_stage import WIDTHS, resize, run, server_in, shoot
from tools.pictures.published_pictures import is_wanted

HOUR = 3600
DAY = 24 * HOUR
OUTLETS = {
    "The Circuit Post": "en",
    "Kernel & Co.": "en",
    "The Daily Socket": "en",
    "Le Fil numérique": "fr",
    "Le Paquet libre": "fr",
}
ARTICLES = (
    (
        "The Circuit Post", 3.4 * DAY, "Ship’s anchor cuts the Nordwave cable",
        "The undersea cable Nordwave was cut in the night by the anchor of a cargo ship, its operator said.",
    ),
    (
        "The Daily Socket", 3.35 * DAY, "Anchor of a cargo ship cuts the Nordwave cable",
        "The Nordwave cable lies in two pieces after the anchor of a cargo ship caught it in a storm.",
    ),
    (
        "Le Fil numérique", 3.3 * DAY, "Le câble Nordwave sectionné par l’ancre d’un cargo",
        "L’ancre d’un cargo a sectionné dans la nuit le câble sous-marin Nordwave, annonce son exploitant.",
    ),
    (
        "Le Paquet libre", 3.28 * DAY, "L’ancre d’un cargo sectionne le câble Nordwave",
        "Le câble sous-marin Nordwave a été sectionné par l’ancre d’un cargo dans la tempête.",
    ),
    (
        "Kernel & Co.", 3.2 * DAY, "Where the packets of the Nordwave cable go now",
        "Packets now take the way through Denmark, eleven milliseconds longer. The Nordwave cable carried a third.",
    ),
    (
        "Le Fil numérique", 2.3 * DAY, "Nordwave : le cargo qui a coupé le câble a pu repartir",
        "La police norvégienne a entendu le capitaine du cargo, puis laissé repartir le navire.",
    ),
    (
        "The Circuit Post", 1.4 * DAY, "Repair ship reaches the severed Nordwave cable",
        "The crew of the repair ship expects the splice of the cable to take 10 to 14 days, weather permitting.",
    ),
    (
        "The Daily Socket", 1.35 * DAY, "A repair ship has reached the severed Nordwave cable",
        "The crew of the repair ship expects the splice of the cable to take three weeks.",
    ),
    (
        "Kernel & Co.", 6 * HOUR, "Ships queue in the North Sea above the Nordwave cable",
        "Twelve ships are waiting outside the zone above the Nordwave cable that the coast guard has closed.",
    ),
    (
        "The Daily Socket", 4 * HOUR, "Ships queue outside the closed zone above the Nordwave cable in the North Sea",
        "About 15 ships are waiting outside the closed zone above the Nordwave cable, the coast guard said.",
    ),
)  # fmt: skip
TALL = 2400
"""Height of the page: a story is longer than others, above all on a phone."""
WORDS = {"en": "Nordwave cable", "fr": "câble Nordwave"}


async def publish_story(world: World, server: FeedServer) -> dict[str, Feed]:
    """Let the articles come from their outlets, in order of time."""
    feeds: dict[str, Feed] = {}
    items: dict[str, list[str]] = {}
    start = world.clock.now()
    for number, (outlet, language) in enumerate(OUTLETS.items()):
        items[outlet] = [make_rss_item(number, title=f"{outlet}: welcome", published=start - 9 * DAY)]
        server.serve(f"/{number}", make_rss(*items[outlet], title=outlet, language=language))
        feeds[outlet] = await world.follow(f"{server.origin}/{number}")
        await world.poll(feeds[outlet])
    await world.deliver()
    for number, (outlet, age, title, text) in enumerate(ARTICLES, 100):
        items[outlet].insert(0, make_rss_item(number, title=title, body=text, published=int(start - age)))
        path = f"/{list(OUTLETS).index(outlet)}"
        server.serve(path, make_rss(*items[outlet], title=outlet, language=OUTLETS[outlet]))
        await world.poll_and_deliver(feeds[outlet])
    return feeds


def shoot_tall(page: Page, path: Path) -> None:
    """Pictures of the last message, wide and narrow, however long it is."""
    for ending, width in WIDTHS.items():
        width_path = path.with_name(f"{path.stem}{ending}.png")
        if is_wanted(width_path):
            resize(page, width, TALL)
            photograph(page.locator(MESSAGE).last, width_path)


async def main(folder: Path) -> None:
    for language, words in WORDS.items():
        ending = "" if language == "en" else f"-{language}"
        async with server_in(language) as (world, server):

            async def take(world: World, name: str, ending: str) -> None:
                await shoot(world, world.news, partial(shoot_tall, path=folder / f"{name}{ending}.png"), height=TALL)

            await publish_story(world, server)
            story = await world.editor.slash(world.news, "story", words=words)
            await take(world, "story-so-far", ending)
            await world.editor.click(
                get_last_reply(story), label="Du plus récent" if language == "fr" else "Newest first"
            )
            await take(world, "story-newest", ending)
            await world.editor.slash(world.news, "story", words="Kraken")
            await take(world, "story-none", ending)
            await world.editor.slash(world.news, "search", query='"severed Nordwave"')
            await take(world, "story-search", ending)


if __name__ == "__main__":
    run(main)
