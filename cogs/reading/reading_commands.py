"""Searching and reading what this server follows."""

from __future__ import annotations

from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client import interaction_places
from bot.client.discord_client import Telex
from bot.core.locale import _
from bot.posting.rendering import discord_limits
from bot.search.index.engine import Kind
from bot.search.query.query_syntax import MAX_READ
from bot.search.searching import Sort, parse
from bot.text import safe
from cogs.reading.query_completion import query_choices
from cogs.reading.result_pages import LatestPages, SearchPages
from cogs.reading.search_options import SearchOptions
from cogs.shared.rights import anywhere
from cogs.shared.views import Interaction


class Reading(commands.Cog):
    """/search and /latest."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._searcher = bot.newsroom.searcher

    @app_commands.command(
        name="search", description=locale_str("Search the news in the channels you can see")
    )
    @anywhere
    @app_commands.describe(
        query=locale_str('Words, "an exact phrase", -without'),
        source=locale_str("Only this outlet"),
        language=locale_str("Only this language"),
        since=locale_str("Published since: 7d, last monday, 2020-06-10"),
        before=locale_str("Published before: 7d, last monday, 2020-06-10"),
        tag=locale_str("Only this tag"),
        author=locale_str("Only this author"),
        title=locale_str("Words in the title"),
        image=locale_str("With a picture (True) or without (False)"),
        bookmarked=locale_str("In your bookmarks (True) or not (False)"),
        sort=locale_str("Sort order"),
    )
    @app_commands.choices(
        language=[
            Choice(name=locale_str("English"), value="en"),
            Choice(name=locale_str("French"), value="fr"),
        ],
        sort=[
            Choice(name=locale_str("Best first"), value="relevance"),
            Choice(name=locale_str("Newest first"), value="newest"),
        ],
    )
    async def search(
        self,
        interaction: Interaction,
        query: Range[str, 1, MAX_READ],
        source: Range[str, 1, 100] | None = None,
        language: str | None = None,
        since: Range[str, 1, 40] | None = None,
        before: Range[str, 1, 40] | None = None,
        tag: Range[str, 1, 100] | None = None,
        author: Range[str, 1, 100] | None = None,
        title: Range[str, 1, 100] | None = None,
        sort: str = "relevance",
        *,
        image: bool | None = None,
        bookmarked: bool | None = None,
    ) -> None:
        server_id = interaction_places.server_id(interaction)
        if server_id is None:
            server_id = next(iter((await self.bot.read_elsewhere(interaction)).values()), 0)
        now, zone = self.bot.newsroom.clock.now(), await self.bot.newsroom.zone(server_id)
        chosen = SearchOptions(
            source=source,
            author=author,
            title=title,
            tag=tag,
            language=language,
            since=since,
            before=before,
            image=image,
            bookmarked=bookmarked,
        )
        wanted = chosen.narrow(parse(query, now, zone), now, zone)
        order: Sort = "newest" if sort == "newest" else "relevance"
        pages = SearchPages(interaction, self._searcher, wanted, order, options=chosen.written())
        await pages.show(interaction)

    @app_commands.command(name="latest", description=locale_str("See the latest articles"))
    @anywhere
    @app_commands.describe(source=locale_str("Only this outlet"))
    async def latest(self, interaction: Interaction, source: Range[str, 1, 100] | None = None) -> None:
        await LatestPages(interaction, source).show(interaction)

    @search.autocomplete("source")
    @latest.autocomplete("source")
    async def sources(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        visible = await self.bot.visible_feed_ids(interaction)
        outlets = (
            await self.bot.store.feeds.outlets(visible, current, discord_limits.CHOICES) if visible else []
        )
        return [
            Choice(name=name, value=outlet)
            for outlet in outlets
            if len(outlet) <= discord_limits.CHOICE and (name := safe.plain(outlet, discord_limits.CHOICE))
        ]

    @search.autocomplete("query")
    async def queries(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return await query_choices(interaction, current)

    @search.autocomplete("tag")
    async def tags(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        visible = await self.bot.visible_feed_ids(interaction)
        tags = await self._searcher.complete(
            Kind.TAG, current, feed_ids=visible, limit=discord_limits.CHOICES
        )
        return [Choice(name=tag, value=tag) for tag in tags]

    @search.autocomplete("author")
    async def authors(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        visible = await self.bot.visible_feed_ids(interaction)
        authors = await self._searcher.complete(
            Kind.AUTHOR, current, feed_ids=visible, limit=discord_limits.CHOICES
        )
        return [Choice(name=author, value=author) for author in authors]

    @search.autocomplete("since")
    async def times(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        offered = {
            "1d": _("The last 24 hours"),
            "7d": _("The last 7 days"),
            "30d": _("The last 30 days"),
            "1y": _("The last year"),
            "yesterday": _("Since yesterday"),
            "monday": _("Since Monday"),
        }
        return _matching(offered, current)

    @search.autocomplete("before")
    async def times_before(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        offered = {
            "today": _("Before today"),
            "monday": _("Before Monday"),
            "7d": _("More than 7 days ago"),
            "30d": _("More than 30 days ago"),
            "1y": _("More than a year ago"),
        }
        return _matching(offered, current)


def _matching(offered: dict[str, str], typed: str) -> list[Choice[str]]:
    """Of values and their names those in which what was typed stands."""
    sought = typed.casefold()
    return [
        Choice(name=name, value=value)
        for value, name in offered.items()
        if sought in f"{value} {name.casefold()}"
    ]
