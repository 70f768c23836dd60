"""Takes pictures of feeds, and of what becomes of articles: `python -m tools.pictures.feed_pictures [FOLDER]`.

The preview of a feed and its password, a list that is imported, the feeds with their health, an alert, posts
that are corrected or withdrawn, and /why, in English and in French.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path

from aiohttp import web
from playwright.sync_api import Page

from bot.core.preferences import FilterMode, FilterPlace, Preference
from tests.support import message_texts
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tools.pictures.page_camera import MESSAGE, photograph, run_command
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

DAY, HALF_AN_HOUR = 86_400, 1_800
DISCUSSED = 1
COMMENTS_XML = (
    "<comments>https://lobsters.example/s/usbc</comments>"
    "<s:comments xmlns:s='http://purl.org/rss/1.0/modules/slash/'>42</s:comments>"
)


@dataclass(frozen=True)
class Words:
    """What is published in a language, and what stands on the buttons that are pressed."""

    outlet: str
    language: str
    stories: tuple[tuple[str, str], ...]  # title and beginning
    corrected_title: str
    rule: str
    other_outlets: tuple[str, str, str]
    password: str


WORDS = {
    "": Words(
        "The Circuit Post",
        "en",
        (
            ("Let’s Encrypt has issued a billion certificates", "It took four years and four months."),
            ("European Parliament makes USB-C the common charger", "Phones come first, laptops follow."),
            ("Python 3.12 is out, with better error messages", "And f-strings that may hold anything."),
            ("Wikipedia turns twenty", "It began as a side project, and outgrew what it was to feed."),
            ("Nvidia passes Microsoft in value", "Both sell what the other cannot do without."),
            ("Sponsored: ten chairs for your desk", "They go up and down."),
        ),
        "Nvidia passes Microsoft and Apple in value",
        "sponsored",
        ("Kernel & Co.", "Patch Tuesday", "The Long Cable"),
        "Enter username and password",
    ),
    "-fr": Words(
        "Le Fil numérique",
        "fr",
        (
            (
                "Let’s Encrypt a délivré un milliard de certificats",
                "Quatre ans et quatre mois ont suffi.",
            ),
            ("L’USB-C devient le chargeur commun", "Les téléphones d’abord, les ordinateurs ensuite."),
            ("Python 3.12 est là, avec de meilleurs messages d’erreur", "Et des f-strings sans entraves."),
            ("Wikipédia fête ses vingt ans", "Ce n’était qu’un brouillon pour une autre encyclopédie."),
            ("Nvidia dépasse Microsoft en Bourse", "Chacun vend ce dont l’autre ne peut se passer."),
            ("Publicité : dix chaises pour votre bureau", "Elles montent et elles descendent."),
        ),
        "Nvidia dépasse Microsoft et Apple en Bourse",
        "publicité",
        ("Le Paquet libre", "Mardi des correctifs", "Le Long Câble"),
        "Saisir identifiant et mot de passe",
    ),
}


@dataclass
class Stage:
    """A server, its publisher, and where pictures go."""

    world: World
    server: FeedServer
    words: Words
    folder: Path
    ending: str
    names: dict[str, str] = field(default_factory=dict)

    def picture_path(self, name: str) -> Path:
        """Of a picture."""
        return self.folder / f"{name}{self.ending}.png"

    async def shoot_last_message(self, name: str) -> None:
        """A picture of the last message."""
        await shoot(self.world, self.world.news, partial(shoot_last, path=self.picture_path(name), names=self.names))

    def serve(self, *numbers: int, corrected_number: int | None = None) -> None:
        """Have the outlet’s feed hold these stories, newest first."""
        rss_items = []
        for number in numbers:
            title, lead = self.words.stories[number]
            title = self.words.corrected_title if number == corrected_number else title
            rss_item = make_rss_item(number, title=title, body=lead, published=self.started_at - 3600 + number * 60)
            rss_items.append(rss_item.replace("</item>", COMMENTS_XML + "</item>") if number == DISCUSSED else rss_item)
        self.server.serve("/feed.xml", make_rss(*rss_items, title=self.words.outlet, language=self.words.language))

    @property
    def started_at(self) -> int:
        return 1_780_000_000


async def shoot_news(stage: Stage) -> None:
    """Posts of a feed; one is corrected, one is withdrawn, one is filtered; and why."""
    world = stage.world
    stage.serve()
    feed = await world.follow(f"{stage.server.origin}/feed.xml")
    (subscription, _feed), *_more_pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    rules = [(FilterMode.EXCLUDE, stage.words.rule)]
    await world.store.filters.add(FilterPlace(subscription.id), rules, user_id=world.editor.id, limit=9)
    await world.poll(feed)
    for number in range(6):
        stage.serve(*reversed(range(number + 1)))
        await world.poll(feed)
    await world.deliver()
    for _reading in range(2):  # the fourth story stays away
        await world.advance(HALF_AN_HOUR)
        stage.serve(5, 4, 2, 1, 0)
        await world.poll(feed)
    await world.deliver()
    stage.serve(5, 4, 2, 1, 0, corrected_number=4)
    await world.advance(HALF_AN_HOUR)
    await world.poll_and_deliver(feed)
    titles = [message_texts.find_title(post) for post in world.posts()]
    stage.names[world.posts()[titles.index(stage.words.corrected_title)].jump_url] = "#news › ✉️"

    def posts(page: Page) -> None:
        for name, title in (
            ("corrected", stage.words.corrected_title),
            ("withdrawn", stage.words.stories[3][0]),
        ):
            photograph(page.locator(MESSAGE).nth(titles.index(title)), stage.picture_path(name))

    await shoot(world, world.news, posts, height=1800)
    await shoot(
        world,
        world.news,
        partial(
            shoot_last,
            path=stage.picture_path("comments"),
            names=stage.names,
            number=titles.index(stage.words.stories[DISCUSSED][0]),
        ),
        height=1800,
    )
    await world.editor.slash(world.news, "why", link="https://news.example/articles/5")
    await stage.shoot_last_message("why-filtered")
    await world.editor.slash(world.news, "why", link="https://news.example/articles/4")
    await stage.shoot_last_message("why")


async def shoot_trouble(stage: Stage) -> None:
    """An alert, and the list with a feed that is well, one in trouble and one that is paused."""
    world, (well, paused, broken) = stage.world, stage.words.other_outlets
    for number, title in enumerate((well, paused, broken)):
        rss_item = make_rss_item(90 + number, title=title, published=world.clock.now() - 3 * 3600)
        url = stage.server.serve(f"/{number}.xml", make_rss(rss_item, title=title, language=stage.words.language))
        await world.poll(await world.follow(url))
    await world.deliver()
    pairs = await world.store.subscriptions.list_with_feeds(world.guild.id)
    subscriptions_by_title = {feed.title: (subscription, feed) for subscription, feed in pairs}
    await world.editor.slash(world.news, "feed pause", feed=str(subscriptions_by_title[paused][0].id))
    stage.server.serve("/2.xml", status=404)
    for _day in range(2):
        await world.poll(subscriptions_by_title[broken][1])
        await world.advance(DAY + 60)
    await world.poll(subscriptions_by_title[broken][1])
    for title in (well, stage.words.outlet):
        await world.poll(subscriptions_by_title[title][1])
    await world.deliver()
    await stage.shoot_last_message("alert")
    await world.editor.slash(world.news, "feed list")
    await stage.shoot_last_message("feed-list")


async def shoot_adding(stage: Stage) -> None:
    """A feed that is added, one that asks for a password, and a list that is imported."""
    world, server, words = stage.world, stage.server, stage.words
    title, lead = words.stories[4]
    rss_item = make_rss_item(70, title=title, body=lead, published=world.clock.now() - 600)
    url = server.serve("/new.xml", make_rss(rss_item, title=words.other_outlets[0], language=words.language))
    await world.editor.slash(world.news, "feed add", url=url)
    await stage.shoot_last_message("feed-add")

    async def locked(_request: web.Request) -> web.Response:
        return web.Response(status=401)

    address = server.handle("/members.xml", locked)

    def form(page: Page) -> None:
        run_command(page, "feed add", address)
        page.get_by_role("button", name=words.password).last.click()
        window = page.get_by_role("dialog")
        window.wait_for()
        page.wait_for_timeout(800)
        window.screenshot(path=stage.picture_path("password"))

    await shoot(world, world.news, form)
    outlines = "".join(
        f'<outline text="{name}" xmlUrl="{address}"/>'
        for name, address in (
            (words.other_outlets[0].replace("&", "&amp;"), f"{server.origin}/new.xml"),
            (words.other_outlets[2], f"{server.origin}/2.xml"),
            (words.outlet, f"{server.origin}/feed.xml"),
            ("Gopher", "gopher://example.org/"),
        )
    )
    link = server.serve("/list.opml", f"<opml version='2.0'><body>{outlines}</body></opml>", content_type="text/x-opml")
    await world.editor.slash(world.news, "feed import", link=link)
    await stage.shoot_last_message("import")


async def shoot_lists(stage: Stage) -> None:
    """A page that has no feed, and the list on it."""

    def listed(stories: Sequence[tuple[str, str]], tag: str) -> str:
        days = range(28, 28 - len(stories), -1)
        return "".join(
            f"<{tag}><h2><a href=/{tag}/{day}>{escape(title)}</a></h2><time datetime=2026-05-{day}></time></{tag}>"
            for day, (title, _lead) in zip(days, stories, strict=True)
        )

    words, site = stage.words, await FeedServer().start()
    full_list, partial_list = listed(words.stories, "article"), listed(words.stories[:3], "section")
    page = f"<title>{escape(words.other_outlets[2])}</title><main>{full_list}</main><div>{partial_list}</div>"
    url = site.serve("/news", page, content_type="text/html")
    await stage.world.editor.slash(stage.world.news, "feed add", url=url)
    await stage.shoot_last_message("feed-add-list")
    await site.stop()


async def main(folder: Path) -> None:
    for ending, words in WORDS.items():
        async with server_in(words.language) as (world, server):
            stage = Stage(world, server, words, folder, ending)
            stage.names = {world.news.mention: "#news", server.origin.removeprefix("http://"): "example.org"}
            await world.set_preference(Preference.TIME_ZONE, "Europe/Paris")
            await shoot_news(stage)
            await shoot_trouble(stage)
            await shoot_adding(stage)
            await shoot_lists(stage)


if __name__ == "__main__":
    run(main)
