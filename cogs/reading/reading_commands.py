"""/search and /latest, and the options of a search as the tree that it reads."""

from collections.abc import Mapping
from datetime import tzinfo

from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.posting.rendering import discord_limits
from bot.posting.wording import search_notes
from bot.search.index.engine import Kind
from bot.search.query import query_remarks
from bot.search.query.filter_names import TITLE, Filter, written
from bot.search.query.notes import Note, Remark
from bot.search.query.query_syntax import MAX_READ, as_written
from bot.search.query.query_tree import Condition, Node, Query, negated
from bot.search.searching import Sort, parse
from bot.text import safe
from bot.text.times import periods
from cogs.reading.query_completion import query_choices
from cogs.reading.result_pages import LatestPages, SearchPages, zone_of
from cogs.shared.rights import anywhere
from cogs.shared.views import Interaction

Chosen = Mapping[str, str | bool | None]
"""The options of /search by their filters, None where nothing was chosen; dates as a person writes them."""


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
        now, zone = self.bot.newsroom.clock.now(), await zone_of(interaction)
        chosen: Chosen = {
            Filter.SOURCE: source,
            Filter.AUTHOR: author,
            TITLE: title,
            Filter.TAG: tag,
            Filter.LANGUAGE: language,
            Filter.SINCE: since,
            Filter.BEFORE: before,
            Filter.IMAGE: image,
            Filter.BOOKMARKED: bookmarked,
        }
        wanted = narrowed(parse(query, now, zone), chosen, now, zone)
        order: Sort = "newest" if sort == "newest" else "relevance"
        pages = SearchPages(interaction, self._searcher, wanted, order, options=as_typed(chosen))
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

    search.autocomplete("query")(query_choices)

    @search.autocomplete("tag")
    async def tags(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return await self._names(Kind.TAG, interaction, current)

    @search.autocomplete("author")
    async def authors(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return await self._names(Kind.AUTHOR, interaction, current)

    async def _names(self, kind: Kind, interaction: Interaction, typed: str) -> list[Choice[str]]:
        visible = await self.bot.visible_feed_ids(interaction)
        found = await self._searcher.complete(kind, typed, feed_ids=visible, limit=discord_limits.CHOICES)
        return [Choice(name=name, value=name) for name in found]

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


def narrowed(query: Query, chosen: Chosen, now: int, zone: tzinfo) -> Query:
    """A query with the options that were chosen. `now` in seconds of UTC.

    Raises `Refusal` for what is no date.
    """
    nodes: list[Node] = []
    notes: list[Note] = []
    for filter_, value in chosen.items():
        match filter_, value:
            case _, None:
                pass
            case Filter(), bool(holds):
                nodes.append(Condition(filter_, "") if holds else negated(Condition(filter_, "")))
            case Filter.SINCE | Filter.BEFORE, str(typed):
                condition = _dated(Filter(filter_), typed, now, zone)
                nodes.append(condition)
                if not query_remarks.is_plain(typed):
                    notes.append(query_remarks.told(condition, zone, now))
            case Filter(), str(name):
                nodes.append(Condition(filter_, name))
            case _, str(words):  # of the title
                nodes += filter(None, (as_written(words, title=True),))
    return query.also(*nodes, notes=notes)


def as_typed(chosen: Chosen) -> list[str]:
    """Each option as it is typed in a query, in the language of this task."""
    names = {
        Filter.SOURCE: "source",
        Filter.AUTHOR: _("author"),
        Filter.TAG: _("tag"),
        Filter.LANGUAGE: _("lang"),
        TITLE: _("title"),
        Filter.SINCE: _("since"),
        Filter.BEFORE: _("before"),
        Filter.IMAGE: _("has:image"),
        Filter.BOOKMARKED: _("is:bookmarked"),
    }
    return [
        written(names[filter_], value)
        if isinstance(value, str)
        else f"{'' if value else '-'}{names[filter_]}"
        for filter_, value in chosen.items()
        if value is not None
    ]


def _dated(filter_: Filter, typed: str, now: int, zone: tzinfo) -> Condition:
    period = periods.parse(typed, now, zone)
    if period is None:
        unknown = Note.of(Remark.NO_DATE, value=safe.line(typed))
        raise Refusal(search_notes.sentence(unknown))
    return Condition(filter_, period.start)
