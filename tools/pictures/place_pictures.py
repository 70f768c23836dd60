"""Takes pictures of the places that posts go to: `python -m tools.pictures.place_pictures [FOLDER]`.

An announcement, a thread, a thread of the day, a post of a forum with its tags, posts under their outlet's
name, and the panels that choose them, in English and in French.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from discord import Asset
from playwright.sync_api import Page
from simcord.backend.cdn import CDN_BASE
from simcord.builders import ChannelHandle

from bot.core import setting_registry
from bot.core.preferences import ForumTagRule
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.interactions import find_accessory_id, get_last_reply
from tools.pictures.owned_webhooks import owned_webhooks
from tools.pictures.picture_stage import run, server_in, shoot, shoot_channel, shoot_last

STORIES = {
    "": (
        "The Circuit Post",
        "en",
        (
            "A backdoor in xz was found because a login took half a second too long",
            "An engineer looked for the lost time and found code that nobody had reviewed.",
        ),
        (
            "Linux 6.1 is the first kernel with support for Rust",
            "There is little of it yet: enough for a driver that says hello.",
        ),
    ),
    "-fr": (
        "Le Fil numérique",
        "fr",
        (
            "Une porte dérobée dans xz trahie par une connexion trop lente d’une demi-seconde",
            "Un ingénieur a cherché le temps perdu, et trouvé du code que personne n’avait relu.",
        ),
        (
            "Linux 6.1, premier noyau à accepter du Rust",
            "Il y en a encore peu : de quoi écrire un pilote qui dit bonjour.",
        ),
    ),
}
NAMES = {
    "": ("announcements", "reading-group", "forum", ("Security", "Linux", "Events")),
    "-fr": ("annonces", "groupe-de-lecture", "forum", ("Sécurité", "Linux", "Agenda")),
}
QUERIES = {
    "": ("backdoor OR malware", "linux OR kernel"),
    "-fr": ('"porte dérobée" OU virus', "linux OU noyau"),
}
"""What the first tags are given to."""
WEBHOOK_CHANNELS = {"": "world-news", "-fr": "actualités"}
TAG_SETTINGS = {"": "Post tags", "-fr": "Étiquettes des publications"}
FIRST_TAG = 501


async def publish_articles(world: World, server: FeedServer, ending: str, *places: ChannelHandle) -> None:
    """Two articles for each place, as they come."""
    outlet, language, *stories = STORIES[ending]
    url = server.serve("/feed", make_rss(title=outlet, language=language))
    for place in places:
        feed = await world.follow(url, place)
    await world.poll(feed)
    articles: list[str] = []
    for number, (title, lead) in enumerate(stories, 1):
        published = world.clock.now() - 600 + number * 60
        articles.insert(0, make_rss_item(number, title=title, body=lead, published=published))
    server.serve("/feed", make_rss(*articles, title=outlet, language=language))
    await world.poll_and_deliver(feed)


def write_tags(page: Page, names: list[str]) -> None:
    """Write a post's tags above it, where Discord shows them and the page does not."""
    page.evaluate(
        """names => {
            const line = document.createElement("div");
            line.style = "display:flex;gap:8px;padding:12px 20px 0";
            for (const name of names) {
                const tag = document.createElement("span");
                tag.textContent = name;
                tag.style = "background:#4e5058;border-radius:12px;padding:2px 10px;font-size:13px";
                line.append(tag);
            }
            document.querySelector(".channel-header").after(line);
        }""",
        names,
    )


async def take_pictures(world: World, server: FeedServer, folder: Path, ending: str) -> None:
    """Make the places, let them get articles, and take their pictures."""
    announcements, reading, forums, names = NAMES[ending]
    guild, editor, backend = world.guild, world.editor, world.env.backend
    tag_names = {str(FIRST_TAG + number): name for number, name in enumerate(names)}
    news = guild.create_news_channel(announcements)
    backend.create_thread(world.news.id, reading, editor.id)
    forum = guild.create_forum_channel(forums)
    plain = {"moderated": False, "emoji_id": None, "emoji_name": None}
    backend.edit_channel(
        forum.id, {"available_tags": [{"id": id_, "name": tag_names[id_], **plain} for id_ in tag_names]}
    )
    daily = guild.create_text_channel("tech")
    await world.set_permissions(daily, create_public_threads=True)
    webhook_channel = guild.create_text_channel(WEBHOOK_CHANNELS[ending])
    await world.set_permissions(webhook_channel, manage_webhooks=True)
    scope = {"server_id": guild.id, "user_id": editor.id}
    for (id_, name), query in zip(tag_names.items(), QUERIES[ending], strict=False):
        rule = ForumTagRule(int(id_), query)
        await world.store.forum_tags.add(rule, name, **scope, channel_id=forum.id, max_rules=20)
    await world.set_channel_setting(setting_registry.DAILY_THREAD, True, daily)
    await world.set_channel_setting(setting_registry.POST_AS_OUTLET, True, webhook_channel)
    (thread,) = world.news.threads
    tiles = {url: tile for url, tile in world.pictures.items() if tile[0].startswith("initial_")}
    world.pictures |= {url.replace(CDN_BASE, Asset.BASE): tile for url, tile in tiles.items()}
    with owned_webhooks():
        await publish_articles(world, server, ending, news, thread, daily, forum, webhook_channel)
    (daily_thread,), post = daily.threads, next(iter(forum.threads))
    for name, place in (
        ("announcement", news),
        ("thread", thread),
        ("daily-thread", daily_thread),
        ("as-outlet", webhook_channel),
    ):
        await shoot(world, place, partial(shoot_channel, path=folder / f"{name}{ending}.png"))
    applied_names = [tag_names[str(tag_id)] for tag_id in backend.get_channel(post.id).applied_tags]

    def of_forum(page: Page) -> None:
        write_tags(page, applied_names)
        shoot_channel(page, folder / f"forum{ending}.png")

    await shoot(world, post, of_forum)
    for name, place, setting in (
        ("channel", daily, None),
        ("as-outlet-panel", webhook_channel, None),
        ("tags", forum, TAG_SETTINGS[ending]),
    ):
        panel = await editor.slash(world.news, "settings channel", channel=place)
        if setting is not None:
            await editor.click(get_last_reply(panel), custom_id=find_accessory_id(get_last_reply(panel), setting))
        await shoot(
            world,
            world.news,
            partial(shoot_last, path=folder / f"{name}{ending}.png", names={place.mention: f"#{place.name}"}),
        )


async def main(folder: Path) -> None:
    for ending in STORIES:
        async with server_in(ending.removeprefix("-") or "en") as (world, server):
            await take_pictures(world, server, folder, ending)


if __name__ == "__main__":
    run(main)
