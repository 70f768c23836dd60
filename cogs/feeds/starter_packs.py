"""Starter lists of feeds, which come with Telex."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache

from discord.app_commands import locale_str

from bot.client.discord_client import Telex
from bot.core.locale import _
from bot.core.refusals import Declined
from bot.feeds import outlet_directory
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.opml import Outline
from bot.polling.following.list_import import TELL_EVERY
from bot.posting.wording import declined_reasons
from bot.text import safe

PACKS = {
    "english-tech": locale_str("English tech"),
    "french-tech": locale_str("French tech"),
    "security": locale_str("Security"),
    "ai": locale_str("AI"),
    "world": locale_str("World news"),
    "french-news": locale_str("French news"),
    "science": locale_str("Science"),
    "gaming": locale_str("Gaming"),
    "development": locale_str("Development"),
}
"""The lists by their names in `data/outlets.tsv`."""

ADDED = "✅"
"""How the line on a feed begins that is now followed."""

_AT_ONCE = 4


@cache
def outlines(pack: str) -> tuple[Outline, ...]:
    """The feeds of a list."""
    return tuple(
        Outline(outlet.name, outlet.feed, None, outlet.language)
        for outlet in outlet_directory.outlets()
        if pack in outlet.packs
    )


def bold(outline: Outline) -> str:
    """The name of a feed of a list in a message."""
    return f"**{safe.line(outline.title, 80)}**"


async def follow(
    bot: Telex,
    feeds: Sequence[Outline],
    *,
    server_id: int,
    channel_id: int,
    person_id: int,
    tell: Callable[[int], Awaitable[None]] | None = None,
) -> list[str]:
    """Let a channel follow the feeds of a list; a line on each says what came of it.

    `tell` is told now and then how many are done.
    """
    turns = asyncio.Semaphore(_AT_ONCE)
    clock, done, told = bot.newsroom.clock, 0, bot.newsroom.clock.monotonic()

    async def one(outline: Outline) -> str:
        name = bold(outline)
        async with turns:
            try:
                found = await bot.newsroom.following.look(outline.url, server_id)
                if found.parsed is None:
                    return "❌ " + _("{feed}: no feed at its address anymore").format(feed=name)
                followed = await bot.newsroom.following.follow(
                    found, server_id=server_id, channel_id=channel_id, person_id=person_id
                )
            except (Declined, FeedError) as error:
                reason = declined_reasons.of(error)
                return "❌ " + _("{feed}: {reason}").format(feed=name, reason=reason)
        if followed.created:
            return f"{ADDED} {name}"
        return "☑️ " + _("{feed} was already followed").format(feed=name)

    async def count(outline: Outline) -> str:
        nonlocal done, told
        line = await one(outline)
        done += 1
        if tell is not None and clock.monotonic() - told >= TELL_EVERY:
            told = clock.monotonic()
            await tell(done)
        return line

    return await asyncio.gather(*(count(outline) for outline in feeds))
