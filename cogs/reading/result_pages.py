"""Pages of search results, latest articles, similar articles and catch-ups."""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial

import discord

from bot.client import interaction_context
from bot.core.i18n import _, format_count
from bot.core.models import Article, DispatchKind
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import Block, Item, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.search.more_like_this import find_similar
from bot.search.query.query_tree import Query
from bot.search.query_suggestions import corrected
from bot.search.searching import Searcher, SearchPage, Sort, parse_query
from bot.text import discord_text
from cogs.reading.article_list_pages import (
    COUNTED,
    PAGE_SIZE,
    ArticlePage,
    ArticlePages,
    empty_page,
    no_articles_blocks,
)
from cogs.reading.bookmarking import has_bookmark
from cogs.reading.message_articles import (
    article_dispatch_of,
    can_read_article,
    can_see_post,
    not_readable_text,
    require_readable_article,
    with_article,
)
from cogs.reading.result_cards import QUERY, head
from cogs.shared import article_cards
from cogs.shared.article_lists import item_from_result, item_with_lead, with_other_outlets
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction
from cogs.watching.watch_creation import create_personal_watch


class SearchPages(ArticlePages):
    """The results of a search. Each page searches again, in the feeds that are visible by then."""

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
    def _query_text(self) -> str:
        """The query with its options as text."""
        return " ".join((self._query.text, *self._options))

    async def load_page(self, interaction: Interaction, number: int) -> ArticlePage:
        visible = await self.client.visible_feed_ids(interaction)
        if not visible:
            return await empty_page(interaction)
        found = await self._searcher.search(
            self._query,
            feed_ids=visible,
            limit=PAGE_SIZE,
            offset=number * PAGE_SIZE,
            sort=self._sort,
            person_id=self.person_id,
            count_up_to=COUNTED,
        )
        store = self.store
        if not found.results and not await store.articles.newest(visible, limit=1):
            return ArticlePage(header=no_articles_blocks())
        watch = None
        if interaction_context.home_server(interaction) is not None:  # A watch belongs to a server.
            watch = ActionButton(
                self._watch, AckMode.EPHEMERAL_MESSAGE, label=_("Watch"), emoji=emoji(Icon.WATCH)
            )
        return ArticlePage(
            header=head(
                self._query,
                self._query_text,
                found,
                self._sort,
                beside=watch if found.results else None,
                suggest=self._suggest(found),
            ),
            entries=await with_other_outlets(store, map(item_from_result, found.results), visible),
            total=found.total_results,
        )

    def extra_buttons(self, page: ArticlePage) -> tuple[Item, ...]:
        if not page.entries:
            return ()
        label = _("Newest first") if self._sort == "relevance" else _("Best first")
        return (ActionButton(self._reorder, label=label),)

    async def _reorder(self, _interaction: Interaction) -> None:
        self._sort = "newest" if self._sort == "relevance" else "relevance"
        self.page_index = 0

    def _suggest(self, found: SearchPage) -> Callable[[str], Item]:
        """Return a function that makes the button for a suggestion."""

        def button(suggestion: str) -> Item:
            query = corrected(self._query.text, suggestion, found.notes, self._options)
            label = discord_text.to_plain_line(suggestion, discord_limits.BUTTON_LABEL_LENGTH)
            return ActionButton(partial(self._search_for, query), label=label or "…")

        return button

    async def _search_for(self, text: str, interaction: Interaction) -> None:
        zone = await zone_of(interaction)
        self._query, self._options = parse_query(text, self.client.newsroom.clock.now(), zone), ()
        self.page_index = 0

    async def _watch(self, interaction: Interaction) -> None:
        await create_personal_watch(interaction, self._query_text)


async def zone_of(interaction: Interaction) -> tzinfo:
    """Return the time zone of the current server, or elsewhere of a shared one."""
    client, server_id = interaction.client, interaction_context.server_id(interaction)
    if server_id is None:
        server_id = next(iter((await client.readable_feeds_outside_server(interaction)).values()), 0)
    return await client.newsroom.time_zone_of(server_id)


@persistent_item(buttons.results.id_pattern)
async def results_button(interaction: Interaction, _item: object, *, query: str) -> None:
    """Show all results of a public search that the user can see."""
    newsroom = interaction.client.newsroom
    wanted = parse_query(query, newsroom.clock.now(), await zone_of(interaction))
    await SearchPages(interaction, newsroom.searcher, wanted, "relevance").render(interaction)


class LatestPages(ArticlePages):
    """The latest articles, only of `outlet` if it is set."""

    def __init__(self, interaction: Interaction, source: str | None) -> None:
        super().__init__(interaction)
        self._source = source

    async def load_page(self, interaction: Interaction, number: int) -> ArticlePage:
        client = self.client
        visible = await client.visible_feed_ids(interaction)
        if not visible:
            return await empty_page(interaction)
        first = number * PAGE_SIZE
        needed = max(first + PAGE_SIZE, COUNTED) + 1
        found = await client.newsroom.searcher.latest(visible, outlet=self._source, limit=needed)
        if not found and self._source is None:
            return ArticlePage(header=no_articles_blocks())
        title = _("Latest articles")
        if self._source is not None:
            name = discord_text.to_markdown_line(self._source, QUERY)
            title = _("Latest from {source}").format(source=name)
        results_header: tuple[Block, ...] = (text(f"### {title}"),)
        if not found:
            results_header = (
                *results_header,
                text(_("No outlet has that name. Pick one from the list as you type.")),
            )
        return ArticlePage(
            header=results_header,
            entries=await with_other_outlets(
                client.store, map(item_with_lead, found[first : first + PAGE_SIZE]), visible
            ),
            total=None if len(found) == needed else len(found),
        )


class CatchUpPages(ArticlePages):
    """The articles of a catch-up, newest first, for users who can see its message."""

    def __init__(self, interaction: Interaction, message_id: int) -> None:
        super().__init__(interaction)
        self._message_id = message_id

    async def load_page(self, interaction: Interaction, number: int) -> ArticlePage:
        ids = await self._article_ids(interaction)
        first = number * PAGE_SIZE
        shown = await self.store.articles.by_ids(ids[first : first + PAGE_SIZE])
        title = format_count("{count} article", "{count} articles", len(ids))
        return ArticlePage(
            header=(text(f"### {title}"),),
            entries=[item_with_lead(article) for article in shown],
            total=len(ids),
        )

    async def can_read(self, interaction: Interaction, article: Article) -> bool:
        """Return whether the article is in the catch-up, even if its feed is no longer followed."""
        return article.id in await self._article_ids(interaction)

    async def _article_ids(self, interaction: Interaction) -> tuple[int, ...]:
        server_id = interaction_context.server_id(interaction)
        post = await article_dispatch_of(self.client, self._message_id, server_id)
        if (
            post is None
            or post.kind is not DispatchKind.CATCH_UP
            or not await can_see_post(interaction, post)
        ):
            raise UserFacingError(not_readable_text())
        return post.article_ids[::-1]


@persistent_item(buttons.show_all.id_pattern)
async def show_all_button(interaction: Interaction, _item: object, **_what: str) -> None:
    """Show all articles of a catch-up."""
    assert interaction.message is not None
    await CatchUpPages(interaction, interaction.message.id).render(interaction)


_MAX_TITLE_LENGTH = 100
"""Maximum length of the article's title in the heading, in characters."""


async def show_similar(interaction: Interaction, message: discord.Message) -> None:
    """Show articles similar to that of a post; of several the user chooses one."""
    await with_article(interaction, message, _open, which=_("More like which article?"))


async def _open(interaction: Interaction, article: Article) -> None:
    await SimilarPages(interaction, article).render(interaction)


@persistent_item(buttons.more_like.id_pattern)
async def similar_articles_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Show articles similar to that of a card."""
    await SimilarPages(
        interaction, await require_readable_article(interaction, key, _can_read_or_bookmarked)
    ).render(interaction)


async def _can_read_or_bookmarked(interaction: Interaction, article: Article) -> bool:
    return await can_read_article(interaction, article) or await has_bookmark(interaction, article)


class SimilarPages(ArticlePages):
    """The articles similar to an article, in the feeds that are visible by then."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def load_page(self, interaction: Interaction, number: int) -> ArticlePage:
        client = self.client
        visible = await client.visible_feed_ids(interaction)
        if not visible:
            return await empty_page(interaction)
        found = await find_similar(
            client.newsroom.searcher,
            self._article,
            feed_ids=visible,
            limit=PAGE_SIZE,
            offset=number * PAGE_SIZE,
        )
        total = found.total_results or 0
        heading = _("More like {article}").format(
            article=article_cards.quoted_heading(self._article.title, _MAX_TITLE_LENGTH)
        )
        said = (
            "-# " + format_count("{count} article", "{count} articles", total)
            if total
            else _("No similar articles in the channels you can see.")
        )
        return ArticlePage(
            header=(text(f"### {heading}"), text(said)),
            entries=[item_from_result(one) for one in found.results],
            total=total,
        )
