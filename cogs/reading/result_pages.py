"""Pages of what a search found, and of the newest articles, with a menu that opens one."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.core.locale import _, amount, clickable, ngettext
from bot.core.models import Article
from bot.core.refusals import Refusal
from bot.posting.wording import search_notes
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage, Sort
from bot.text import safe
from cogs.reading.saving import unreadable
from cogs.shared import article_cards
from cogs.shared.paging import Page, Pages
from cogs.shared.views import Choose, Interaction

_RESULTS = 5  # a page
_LATEST = 10
_QUERY = 100  # characters of it that a title shows


class Reader(Pages):
    """Pages of articles with a menu that opens one."""

    def arrange(self, page: Page) -> None:
        """The menu."""
        if page.options:
            self.add_item(
                Choose(self._open, placeholder=_("Open an article…"), options=list(page.options), row=0)
            )

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
    lines: list[Sequence[str]] = [
        (f"-# {safe.markdown(safe.plain(search_notes.sentence(note)))}",) for note in found.notes
    ]
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
