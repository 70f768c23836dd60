"""Starter lists of feeds, which come with Telex."""

from __future__ import annotations

import asyncio
from functools import cache

from discord.app_commands import locale_str

from bot import DATA
from bot.app import Telex
from bot.feeds.errors import FeedError, describe
from bot.feeds.opml import Outline, read
from bot.locale import _
from bot.news.refusals import Refusal
from bot.text import safe

PACKS = {
    "english-tech": locale_str("English tech"),
    "french-tech": locale_str("French tech"),
    "security": locale_str("Security"),
    "ai": locale_str("AI"),
}
"""The lists by the names of their files in `data/packs`."""

_AT_ONCE = 4


@cache
def outlines(pack: str) -> tuple[Outline, ...]:
    """The feeds of a list."""
    return read((DATA / "packs" / f"{pack}.opml").read_bytes())


async def follow(bot: Telex, pack: str, *, server_id: int, channel_id: int) -> list[str]:
    """Let a channel follow the feeds of a list; a line on each says what came of it."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(outline: Outline) -> str:
        name = f"**{safe.markdown(safe.plain(outline.title, 80))}**"
        async with turns:
            try:
                found = await bot.newsroom.following.look(outline.url, server_id)
                if found.parsed is None:
                    return "❌ " + _("{feed}: its address no longer leads to a feed").format(feed=name)
                followed = await bot.newsroom.following.follow(
                    found, server_id=server_id, channel_id=channel_id
                )
            except (Refusal, FeedError) as error:
                reason = describe(error.code) if isinstance(error, FeedError) else str(error)
                return "❌ " + _("{feed}: {reason}").format(feed=name, reason=reason)
        if followed.created:
            return f"✅ {name}"
        return "☑️ " + _("{feed} was followed there already").format(feed=name)

    return await asyncio.gather(*(one(outline) for outline in outlines(pack)))
