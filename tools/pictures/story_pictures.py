"""Takes pictures of a post that others joined: `python -m tools.pictures.story_pictures [FOLDER]`.

In both languages; across them with the extra `semantic`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bot.store.outbox.held_posts import JOIN_EDIT_INTERVAL_SECONDS
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

STORIES = {
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


async def publish_story(world: World, server: FeedServer, stories: tuple[tuple[str, str, str], ...]) -> None:
    """Let a story come from one outlet after the other."""
    feeds = []
    for number, (outlet, language, _title) in enumerate(stories):
        server.serve(f"/{number}", make_rss(make_rss_item(number, title=outlet), title=outlet, language=language))
        feeds.append(await world.follow(f"{server.origin}/{number}"))
        await world.poll(feeds[-1])
    await world.deliver()
    meaning = world.newsroom.semantic_index
    if meaning is not None:
        await meaning.start_encoder()
    for number, (outlet, language, title) in enumerate(stories):
        news = make_rss_item(100 + number, title=title, body=TEXT[language], published=world.clock.now() - 60)
        old = make_rss_item(number, title=outlet)
        server.serve(f"/{number}", make_rss(news, old, title=outlet, language=language))
        await world.poll_and_deliver(feeds[number])
        await world.advance(JOIN_EDIT_INTERVAL_SECONDS + 1)
        await world.deliver()


async def main(folder: Path) -> None:
    for ending, stories in STORIES.items():
        async with server_in(ending.removeprefix("-") or "en") as (world, server):
            await publish_story(world, server, stories)
            await shoot(world, world.news, partial(shoot_last, path=folder / f"story{ending}.png", names={}))


if __name__ == "__main__":
    run(main)
