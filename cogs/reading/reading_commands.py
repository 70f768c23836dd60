"""Searching and reading what this server follows."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.app_commands import Choice, Range, locale_str
from discord.ext import commands

from bot.client.discord_client import Telex
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.rendering import discord_limits
from bot.search.query_syntax import MAX_READ, Query
from bot.search.searching import Searcher, SearchPage, Sort, parse
from bot.store.title_words import Kind
from bot.text import safe
from cogs.reading.query_completion import query_choices
from cogs.reading.saving import unreadable
from cogs.reading.search_options import SearchOptions
from cogs.shared import article_cards
from cogs.shared.paging import Page, Pages
from cogs.shared.rights import in_servers
from cogs.shared.views import Choose, Interaction

_RESULTS = 5  # a page
_LATEST = 10
_QUERY = 100  # characters of it that a title shows


class Reading(commands.Cog):
    """/search and /latest."""

    def __init__(self, bot: Telex) -> None:
        self.bot = bot
        self._searcher = bot.newsroom.searcher

    @app_commands.command(
        name="search", description=locale_str("Search the articles of the feeds that you can see here")
    )
    @in_servers
    @app_commands.describe(
        query=locale_str('Words, "an exact phrase", -without; accents and case do not matter'),
        source=locale_str("Only from this source"),
        language=locale_str("Only in this language"),
        since=locale_str("Only since then: 7d, last monday, 2020-06-10"),
        before=locale_str("Only before then: 7d, last monday, 2020-06-10"),
        tag=locale_str("Only with this tag"),
        author=locale_str("Only by this author"),
        title=locale_str("Only with this word or phrase in the title"),
        image=locale_str("True: only with a picture. False: only without"),
        bookmarked=locale_str("True: only what you keep. False: only what you do not"),
        sort=locale_str("What comes first"),
    )
    @app_commands.choices(
        language=[
            Choice(name=locale_str("English"), value="en"),
            Choice(name=locale_str("French"), value="fr"),
        ],
        sort=[
            Choice(name=locale_str("The best first"), value="relevance"),
            Choice(name=locale_str("The newest first"), value="newest"),
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
        """Search, and show the results in pages."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        assert interaction.guild_id is not None
        now, zone = self.bot.newsroom.clock.now(), await self.bot.newsroom.zone(interaction.guild_id)
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

    @app_commands.command(
        name="latest", description=locale_str("The newest articles of the feeds that you can see here")
    )
    @in_servers
    @app_commands.describe(source=locale_str("Only from this source"))
    async def latest(self, interaction: Interaction, source: Range[str, 1, 100] | None = None) -> None:
        """Show the newest articles in pages."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await LatestPages(interaction, source).show(interaction)

    @search.autocomplete("source")
    @latest.autocomplete("source")
    async def sources(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        """Outlets of the feeds that the asker can see."""
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
        """What is typed, with its last word or value completed."""
        return await query_choices(interaction, current)

    @search.autocomplete("tag")
    async def tags(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        """Tags of recent articles that the asker can see."""
        visible = await self.bot.visible_feed_ids(interaction)
        tags = await self.bot.store.words.complete(Kind.TAG, current, visible, discord_limits.CHOICES)
        return [Choice(name=tag, value=tag) for tag in tags]

    @search.autocomplete("author")
    async def authors(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        """Authors of recent articles that the asker can see."""
        visible = await self.bot.visible_feed_ids(interaction)
        authors = await self.bot.store.words.complete(Kind.AUTHOR, current, visible, discord_limits.CHOICES)
        return [Choice(name=author, value=author) for author in authors]

    @search.autocomplete("since")
    async def times(self, _interaction: Interaction, current: str) -> list[Choice[str]]:
        """Times that people ask for often."""
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
        """The same for what came before."""
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


class Reader(Pages):
    """Pages of articles with a menu that opens one."""

    def arrange(self, page: Page) -> None:
        """The menu."""
        if page.options:
            self.add_item(Choose(self._open, placeholder=_("Read one…"), options=list(page.options), row=0))

    async def _open(self, interaction: Interaction, values: list[str]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        article = await interaction.client.store.articles.by_key(values[0])
        if article is None or not await self.may_read(interaction, article):
            raise Refusal(unreadable())
        await article_cards.show(interaction, article)

    async def may_read(self, interaction: Interaction, article: Article) -> bool:
        """Whether the asker may open an article now."""
        return article.feed_id in await interaction.client.visible_feed_ids(interaction)


class SearchPages(Reader):
    """The results of a search. It is made anew for each page, in the feeds that the asker sees by then."""

    def __init__(
        self,
        interaction: Interaction,
        searcher: Searcher,
        query: Query,
        sort: Sort,
        *,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__(interaction)
        self._written = " ".join((query.text, *options))
        self._searcher = searcher
        self._query = query
        self._sort = sort

    async def page(self, interaction: Interaction, number: int) -> Page:
        """Some of the results."""
        visible = await interaction.client.visible_feed_ids(interaction)
        if not visible:
            return nothing_to_read()
        found = await self._searcher.search(
            self._query,
            feed_ids=visible,
            limit=_RESULTS,
            offset=number * _RESULTS,
            sort=self._sort,
            person_id=interaction.user.id,
        )
        embed = results(self._written, found, first=number * _RESULTS + 1)
        return Page(
            embed=embed,
            more=found.total is None,
            empty=not found.results,
            options=tuple(article_cards.option(one.article) for one in found.results),
        )


class LatestPages(Reader):
    """The newest articles."""

    def __init__(self, interaction: Interaction, source: str | None) -> None:
        super().__init__(interaction)
        self._source = source

    async def page(self, interaction: Interaction, number: int) -> Page:
        """Some of them."""
        visible = await interaction.client.visible_feed_ids(interaction)
        if not visible:
            return nothing_to_read()
        found = await interaction.client.store.articles.newest(
            visible, outlet=self._source, limit=_LATEST + 1, offset=number * _LATEST
        )
        shown = found[:_LATEST]
        lines = [
            article_cards.row(number * _LATEST + place, article) for place, article in enumerate(shown, 1)
        ]
        title = _("The newest articles")
        if self._source is not None:
            title = _("The newest articles of {source}").format(
                source=article_cards.heading(self._source, _QUERY)
            )
        return Page(
            embed=discord.Embed(title=title, description=article_cards.fit(lines) or self._nothing_found()),
            more=len(found) > _LATEST,
            empty=not shown,
            options=tuple(article_cards.option(article) for article in shown),
        )

    def _nothing_found(self) -> str:
        if self._source is not None:
            return _("There is nothing of that source. Choose one that the list offers while you type.")
        return _("The feeds here have brought nothing yet. Look again in a few minutes.")


def results(query: str, found: SearchPage, *, first: int = 1) -> discord.Embed:
    """Results of a search, numbered from `first`: notes, words to try, articles, how many there are."""
    lines: list[Sequence[str]] = [(f"-# {safe.markdown(safe.plain(note))}",) for note in found.notes]
    if found.suggestions:
        words = ", ".join(f"**{safe.markdown(safe.plain(word))}**" for word in found.suggestions)
        lines.append((_("Did you mean {words}?").format(words=words),))
    lines += [article_cards.result(place, one) for place, one in enumerate(found.results, first)]
    if not found.results:
        lines.append((_("Nothing was found in the feeds that you can see here."),))
        lines.append(
            (clickable(_("Try fewer or other words, or leave out a filter. /latest shows what is new.")),)
        )
    embed = discord.Embed(
        title=_("Results for {query}").format(query=article_cards.heading(query, _QUERY)),
        description=article_cards.fit(lines, between="\n\n"),
    )
    if found.total:
        embed.set_footer(
            text=ngettext("{count} article", "{count} articles", found.total).format(
                count=amount(found.total)
            )
        )
    return embed


def nothing_to_read() -> Page:
    """What is shown to whom no feed in this server is visible."""
    return Page(
        embed=discord.Embed(
            title=_("Nothing to read yet"),
            description=clickable(
                _(
                    "No feed is followed here in a channel that you can see. "
                    "Whoever manages the server can begin with /feed packs or /feed add."
                )
            ),
        ),
        empty=True,
    )
