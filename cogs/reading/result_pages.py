"""Pages of articles: of a search, the newest, what is like one, all of a catch-up."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import discord

from bot.client import interaction_places
from bot.core.locale import _, amount, clickable, counted
from bot.core.models import Article, DispatchKind
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import layout_views, outlets
from bot.posting.rendering.layout.blocks import Block, Card, Item, Section, Text, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.posting.wording import search_notes
from bot.search.more_like_this import similar
from bot.search.query.notes import Remark
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage, Sort
from bot.store import Store
from bot.text import safe
from cogs.reading.article_list_pages import PAGE, ArticlePage, ArticlePages, nothing_came, nothing_to_read
from cogs.reading.message_articles import may_read, post_of, readable, sees, unreadable, with_article
from cogs.reading.saving import has_kept
from cogs.shared import article_cards
from cogs.shared.article_lists import Entry, entry_of, lead_of, with_tellers
from cogs.shared.lasting_items import lasting
from cogs.shared.views import Interaction, Press, Reply
from cogs.watching.new_watches import watch_for

_QUERY = 100  # characters of it that a heading shows
_COUNTED = 50  # results


class SearchPages(ArticlePages):
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
        self._sort: Sort = sort

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        visible = await self.client.visible_feed_ids(interaction)
        if not visible:
            return await nothing_to_read(interaction)
        found = await self._searcher.search(
            self._query,
            feed_ids=visible,
            limit=PAGE,
            offset=number * PAGE,
            sort=self._sort,
            person_id=self.person_id,
            counted=_COUNTED,
        )
        store = self.store
        if not found.results and not await store.articles.newest(visible, limit=1):
            return ArticlePage(head=nothing_came())
        watch = None
        if interaction_places.server(interaction) is not None:  # a watch belongs to a server
            watch = Press(self._watch, Reply.NEW, label=_("Watch"), emoji=emoji(Icon.WATCH))
        return ArticlePage(
            head=head(self._written, found, self._sort, beside=watch if found.results else None),
            entries=await with_tellers(store, map(entry_of, found.results), visible),
            more=found.total is None,
            total=found.total,
        )

    def controls(self, page: ArticlePage) -> tuple[Item, ...]:
        if not page.entries:
            return ()
        label = _("Newest first") if self._sort == "relevance" else _("Best first")
        return (Press(self._reorder, label=label),)

    async def _reorder(self, _interaction: Interaction) -> None:
        self._sort = "newest" if self._sort == "relevance" else "relevance"
        self.number = 0

    async def _watch(self, interaction: Interaction) -> None:
        await watch_for(interaction, self._written)


class LatestPages(ArticlePages):
    """The newest articles."""

    def __init__(self, interaction: Interaction, source: str | None) -> None:
        super().__init__(interaction)
        self._source = source

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        client = self.client
        visible = await client.visible_feed_ids(interaction)
        if not visible:
            return await nothing_to_read(interaction)
        found = await client.newsroom.searcher.latest(
            visible, outlet=self._source, limit=PAGE + 1, offset=number * PAGE
        )
        if not found and self._source is None:
            return ArticlePage(head=nothing_came())
        title = _("Latest articles")
        if self._source is not None:
            name = safe.line(self._source, _QUERY)
            title = _("Latest from {source}").format(source=name)
        head: tuple[Block, ...] = (text(f"### {title}"),)
        if not found:
            head = (*head, text(_("No outlet has that name. Pick one from the list as you type.")))
        return ArticlePage(
            head=head,
            entries=await with_tellers(client.store, map(lead_of, found[:PAGE]), visible),
            more=len(found) > PAGE,
        )


def head(query: str, found: SearchPage, sort: Sort, *, beside: Item | None = None) -> tuple[Block, ...]:
    """What stands above results: the query, how many there are, notes, words to try, a button beside it."""
    asked = safe.line(query, _QUERY)
    lines = [_counted(found, sort)] if found.results else []
    lines += [safe.line(search_notes.sentence(note)) for note in found.notes]
    texts: list[Text] = [text(f"{emoji(Icon.SEARCH)} **{asked}**"), text(*_small(lines))]
    blocks: list[Block] = [Section(tuple(texts), beside)]
    if found.suggestions:
        words = ", ".join(f"**{safe.line(word)}**" for word in found.suggestions)
        blocks.append(text(_("Did you mean {words}?").format(words=words)))
    if not found.results and not any(note.remark is Remark.NOTHING for note in found.notes):
        blocks.append(
            text(
                _("No results in the channels you can see.")
                + "\n"
                + clickable(_("Try fewer words or drop a filter. /latest shows what’s new."))
            )
        )
    return tuple(blocks)


async def results(
    store: Store, query: str, found: SearchPage, feed_ids: Collection[int], footer: str = ""
) -> discord.ui.LayoutView:
    """The first results of a search in a message that everybody reads; of no other feeds than these."""
    found_here = (replace(entry_of(one), savable=False) for one in found.results)
    entries = await with_tellers(store, found_here, feed_ids)
    return layout_views.static(
        (results_card(query, found, entries), text(*_small([footer] if footer else [])))
    )


def results_card(query: str, found: SearchPage, entries: Sequence[Entry]) -> Card:
    """Results in a box of their own."""
    return Card((*head(query, found, "relevance"), *(entry.block() for entry in entries)), outlets.COLOUR)


def _counted(found: SearchPage, sort: Sort) -> str:
    order = _("best first") if sort == "relevance" else _("newest first")
    if found.total is None:
        count = _("more than {count} articles").format(count=amount(_COUNTED))
    else:
        count = counted("{count} article", "{count} articles", found.total)
    return f"{count} · {order}"


def _small(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines in small type, as one text; none of no lines."""
    return ("\n".join(f"-# {line}" for line in lines),)


class CatchUpPages(ArticlePages):
    """The articles of a catch-up, newest first, for who sees its message."""

    def __init__(self, interaction: Interaction, message_id: int) -> None:
        super().__init__(interaction)
        self._message_id = message_id

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        ids = await self._article_ids(interaction)
        first = number * PAGE
        shown = await self.store.articles.by_ids(ids[first : first + PAGE])
        title = counted("{count} article", "{count} articles", len(ids))
        return ArticlePage(
            head=(text(f"### {title}"),),
            entries=[lead_of(article) for article in shown],
            total=len(ids),
        )

    async def may_read(self, interaction: Interaction, article: Article) -> bool:
        """Those of the catch-up, whatever the channel follows now."""
        return article.id in await self._article_ids(interaction)

    async def _article_ids(self, interaction: Interaction) -> tuple[int, ...]:
        server_id = interaction_places.server_id(interaction)
        post = await post_of(self.client, self._message_id, server_id)
        if post is None or post.kind is not DispatchKind.CATCH_UP or not await sees(interaction, post):
            raise Refusal(unreadable())
        return post.article_ids[::-1]


@lasting(buttons.show_all.template)
async def all_button(interaction: Interaction, _item: object, **_what: str) -> None:
    """The button under a catch-up that shows all of its articles: the first page, to who clicked."""
    assert interaction.message is not None
    await CatchUpPages(interaction, interaction.message.id).show(interaction)


_TITLE = 100  # characters of the article's title that the page's shows


async def like(interaction: Interaction, message: discord.Message) -> None:
    """Show what is like the article of a post; of several the asker chooses one first."""
    await with_article(interaction, message, _open, which=_("More like which one?"))


async def _open(interaction: Interaction, article: Article) -> None:
    await SimilarPages(interaction, article).show(interaction)


@lasting(buttons.more_like.template)
async def like_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """The button of a card: it shows what is like the article."""
    await SimilarPages(interaction, await readable(interaction, key, _sees_or_kept)).show(interaction)


async def _sees_or_kept(interaction: Interaction, article: Article) -> bool:
    return await may_read(interaction, article) or await has_kept(interaction, article)


class SimilarPages(ArticlePages):
    """What is like an article, in the feeds that the asker sees by the time a page is made."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        client = self.client
        visible = await client.visible_feed_ids(interaction)
        if not visible:
            return await nothing_to_read(interaction)
        found = await similar(
            client.newsroom.searcher, self._article, feed_ids=visible, limit=PAGE, offset=number * PAGE
        )
        total = found.total or 0
        heading = _("More like {article}").format(article=article_cards.heading(self._article.title, _TITLE))
        said = (
            "-# " + counted("{count} article", "{count} articles", total)
            if total
            else _("No similar articles in the channels you can see.")
        )
        return ArticlePage(
            head=(text(f"### {heading}"), text(said)),
            entries=[entry_of(one) for one in found.results],
            total=total,
        )
