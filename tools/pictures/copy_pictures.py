"""Takes pictures of setups that go to other channels: `python -m tools.pictures.copy_pictures [FOLDER]`.

A list of feeds with channels and filters before it is imported, in English and in French.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bot.core.preferences import Filter, FilterMode
from bot.feeds.parsing.opml import ChannelOutline, Outline, serialize_opml
from tests.support.discord_world import World
from tools.pictures.picture_stage import run, server_in, shoot, shoot_last

WORDS_BY_ENDING = {
    "": ("en", ("news", "tech", "old-news"), ("crypto", "sponsored")),
    "-fr": ("fr", ("actualités", "tech", "anciennes-actus"), ("crypto", "publicité")),
}
"""By language: names of channels, of which the last is not in the server, and queries of filters."""


async def shoot_import(world: World, path: Path, channel_names: tuple[str, ...], queries: tuple[str, ...]) -> None:
    """Take a picture of what a list of this server would change."""
    channel_ids = [world.news.id, world.guild.create_text_channel(channel_names[1]).id, 1_180_000_000_000_000_001]
    filters = tuple(Filter(0, FilterMode.EXCLUDE, query) for query in queries)
    groups = [
        (
            ChannelOutline(channel_id, f"#{name}", filters[:1]),
            [
                Outline(f"{name} {n}", f"https://{n}.example/{channel_id}", None, None, channel_id, filters)
                for n in range(4 + number)
            ],
        )
        for number, (channel_id, name) in enumerate(zip(channel_ids, channel_names, strict=True))
    ]
    document = serialize_opml("Telex", groups, now=world.clock.now())
    await world.editor.slash(world.news, "feed import", file=("telex.opml", document))
    names = {world.news.mention: f"#{channel_names[0]}", f"<#{channel_ids[1]}>": f"#{channel_names[1]}"}
    await shoot(world, world.news, partial(shoot_last, path=path, names=names))


async def main(folder: Path) -> None:
    for ending, (language, channel_names, queries) in WORDS_BY_ENDING.items():
        async with server_in(language) as (world, _server):
            await shoot_import(world, folder / f"import-preview{ending}.png", channel_names, queries)


if __name__ == "__main__":
    run(main)
