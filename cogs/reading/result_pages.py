"""Pages of articles: of a search, the newest, what is like one, all of a catch-up."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial

import discord

from bot.client import interaction_places
from bot.core.locale import _, counted
from bot.core.models import Article, DispatchKind
from bot.core.refusals import Refusal
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import Block, Item, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.search.more_like_this import similar
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage, Sort, parse
from bot.search.suggestions import corrected
from bot.text import safe
from cogs.reading.article_list_pages import (
    COUNTED,
    PAGE,
    ArticlePage,
    ArticlePages,
    nothing_came,
    nothing_to_read,
)
from cogs.reading.message_articles import may_read, post_of, readable, sees, unreadable, with_article
from cogs.reading.result_cards import QUERY, head
from cogs.reading.saving import has_kept
from cogs.shared import article_cards
from cogs.shared.article_lists import entry_of, lead_of, with_tellers
from cogs.shared.lasting_items import lasting
from cogs.shared.views import Interaction, Press, Reply
from cogs.watching.new_watches import watch_for


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
        self._options = options
        self._searcher = searcher
        self._query = query
        self._sort: Sort = sort

    @property
    def _written(self) -> str:
        """The query as one that is typed, its options too."""
        return " ".join((self._query.text, *self._options))

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
            counted=COUNTED,
        )
        store = self.store
        if not found.results and not await store.articles.newest(visible, limit=1):
            return ArticlePage(head=nothing_came())
        watch = None
        if interaction_places.server(interaction) is not None:  # a watch belongs to a server
            watch = Press(self._watch, Reply.NEW, label=_("Watch"), emoji=emoji(Icon.WATCH))
        return ArticlePage(
            head=head(
                self._query,
                self._written,
                found,
                self._sort,
                beside=watch if found.results else None,
                suggest=self._suggest(found),
            ),
            entries=await with_tellers(store, map(entry_of, found.results), visible),
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

    def _suggest(self, found: SearchPage) -> Callable[[str], Item]:
        """What makes a button of a suggestion, which searches for it."""

        def button(suggestion: str) -> Item:
            query = corrected(self._query.text, suggestion, found.notes, self._options)
            label = safe.plain(suggestion, discord_limits.LABEL)
            return Press(partial(self._search_for, query), label=label or "…")

        return button

    async def _search_for(self, text: str, interaction: Interaction) -> None:
        zone = await zone_of(interaction)
        self._query, self._options = parse(text, self.client.newsroom.clock.now(), zone), ()
        self.number = 0

    async def _watch(self, interaction: Interaction) -> None:
        await watch_for(interaction, self._written)


async def zone_of(interaction: Interaction) -> tzinfo:
    """Return the time zone of the server where somebody asks, elsewhere of one that we share."""
    client, server_id = interaction.client, interaction_places.server_id(interaction)
    if server_id is None:
        server_id = next(iter((await client.read_elsewhere(interaction)).values()), 0)
    return await client.newsroom.zone(server_id)


@lasting(buttons.results.template)
async def results_button(interaction: Interaction, _item: object, *, query: str) -> None:
    """The button under results that everybody reads: all that its presser can see, to them alone."""
    newsroom = interaction.client.newsroom
    wanted = parse(query, newsroom.clock.now(), await zone_of(interaction))
    await SearchPages(interaction, newsroom.searcher, wanted, "relevance").show(interaction)


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
        first = number * PAGE
        needed = max(first + PAGE, COUNTED) + 1
        found = await client.newsroom.searcher.latest(visible, outlet=self._source, limit=needed)
        if not found and self._source is None:
            return ArticlePage(head=nothing_came())
        title = _("Latest articles")
        if self._source is not None:
            name = safe.line(self._source, QUERY)
            title = _("Latest from {source}").format(source=name)
        head: tuple[Block, ...] = (text(f"### {title}"),)
        if not found:
            head = (*head, text(_("No outlet has that name. Pick one from the list as you type.")))
        return ArticlePage(
            head=head,
            entries=await with_tellers(client.store, map(lead_of, found[first : first + PAGE]), visible),
            total=None if len(found) == needed else len(found),
        )


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
    await with_article(interaction, message, _open, which=_("More like which article?"))


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
