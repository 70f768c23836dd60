"""Starter packs of well-known feeds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache

from discord.app_commands import locale_str

from bot.client.discord_client import TelexBot
from bot.core.i18n import _
from bot.core.user_errors import RequestRejected
from bot.feeds import outlet_directory
from bot.feeds.fetch_errors import FeedError
from bot.feeds.parsing.opml import Outline
from bot.polling.following.opml_import import PROGRESS_INTERVAL_SECONDS
from bot.posting.wording import refusal_sentences
from bot.text import discord_text

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
"""Titles of the packs by their names in `data/outlets.tsv`."""

ADDED_MARK = "✅"
"""First characters of the result line of a newly followed feed."""

_CONCURRENCY = 4


@cache
def outlines(pack: str) -> tuple[Outline, ...]:
    """Return the feeds of a pack."""
    return tuple(
        Outline(outlet.name, outlet.feed_url, None, outlet.language)
        for outlet in outlet_directory.outlets()
        if pack in outlet.packs
    )


def bold(outline: Outline) -> str:
    """Return the name of a pack's feed in bold."""
    return f"**{discord_text.to_markdown_line(outline.title, 80)}**"


async def follow_all(
    bot: TelexBot,
    feeds: Sequence[Outline],
    *,
    server_id: int,
    channel_id: int,
    person_id: int,
    on_progress: Callable[[int], Awaitable[None]] | None = None,
) -> list[str]:
    """Follow feeds in a channel and return a result line for each.

    `on_progress` receives the number of finished feeds, at most every `PROGRESS_INTERVAL_SECONDS`.
    """
    turns = asyncio.Semaphore(_CONCURRENCY)
    clock, done, told = bot.newsroom.clock, 0, bot.newsroom.clock.monotonic()

    async def one(outline: Outline) -> str:
        name = bold(outline)
        async with turns:
            try:
                found = await bot.newsroom.follow_service.resolve(outline.url, server_id)
                if found.parsed is None:
                    return "❌ " + _("{feed}: no feed at its address anymore").format(feed=name)
                followed = await bot.newsroom.follow_service.follow(
                    found, server_id=server_id, channel_id=channel_id, person_id=person_id
                )
            except (RequestRejected, FeedError) as error:
                reason = refusal_sentences.sentence_for(error)
                return "❌ " + _("{feed}: {reason}").format(feed=name, reason=reason)
        if followed.created:
            return f"{ADDED_MARK} {name}"
        return "☑️ " + _("{feed} was already followed").format(feed=name)

    async def count(outline: Outline) -> str:
        nonlocal done, told
        line = await one(outline)
        done += 1
        if on_progress is not None and clock.monotonic() - told >= PROGRESS_INTERVAL_SECONDS:
            told = clock.monotonic()
            await on_progress(done)
        return line

    return await asyncio.gather(*(count(outline) for outline in feeds))
