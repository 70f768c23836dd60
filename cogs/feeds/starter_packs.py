"""Starter packs: lists of well-known feeds that a server can follow at once."""

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
from bot.posting.wording import refusal_sentences
from bot.text import discord_text

PACK_TITLES = {
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
"""Titles of the starter packs by their names in `data/outlets.tsv`."""

ADDED_MARK = "✅"
"""First characters of the line that reports a newly followed feed."""

PROGRESS_INTERVAL_SECONDS = 3.0
"""Minimum number of seconds between two progress reports."""
_MAX_CONCURRENT_FOLLOWS = 4
"""Maximum number of feeds of a starter pack that are followed at once."""


@cache
def list_outlines(pack_name: str) -> tuple[Outline, ...]:
    """Return the feeds of a starter pack as outlines, which are entries of an OPML list of feeds."""
    return tuple(
        Outline(outlet.name, outlet.feed_url, None, outlet.language)
        for outlet in outlet_directory.load_outlets()
        if pack_name in outlet.packs
    )


def bold_outline_title(outline: Outline) -> str:
    """Return the name of a starter pack's feed in bold."""
    return f"**{discord_text.to_markdown_line(outline.title, 80)}**"


async def follow_outlines(
    bot: TelexBot,
    outlines: Sequence[Outline],
    *,
    server_id: int,
    channel_id: int,
    user_id: int,
    on_progress: Callable[[int], Awaitable[None]] | None = None,
) -> list[str]:
    """Follow feeds in a channel, and return a line on the result for each feed.

    `on_progress` receives the number of finished feeds, at most every `PROGRESS_INTERVAL_SECONDS`.
    """
    semaphore = asyncio.Semaphore(_MAX_CONCURRENT_FOLLOWS)
    clock, done_count, last_progress_at = bot.services.clock, 0, bot.services.clock.monotonic()

    async def follow_feed(outline: Outline) -> str:
        bold_title = bold_outline_title(outline)
        async with semaphore:
            try:
                discovery = await bot.services.follow_service.resolve(outline.url, server_id)
                if discovery.parsed_feed is None:
                    return "❌ " + _("{feed}: no feed at its address anymore").format(feed=bold_title)
                follow_result = await bot.services.follow_service.follow(
                    discovery, server_id=server_id, channel_id=channel_id, user_id=user_id
                )
            except (RequestRejected, FeedError) as error:
                reason = refusal_sentences.find_error_sentence(error)
                return "❌ " + _("{feed}: {reason}").format(feed=bold_title, reason=reason)
        if follow_result.is_new:
            return f"{ADDED_MARK} {bold_title}"
        return "☑️ " + _("{feed} was already followed").format(feed=bold_title)

    async def follow_and_count(outline: Outline) -> str:
        nonlocal done_count, last_progress_at
        result_line = await follow_feed(outline)
        done_count += 1
        if on_progress is not None and clock.monotonic() - last_progress_at >= PROGRESS_INTERVAL_SECONDS:
            last_progress_at = clock.monotonic()
            await on_progress(done_count)
        return result_line

    return await asyncio.gather(*(follow_and_count(outline) for outline in outlines))
