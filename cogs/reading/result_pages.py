"""Pages of search results, latest articles, similar articles and catch-ups (messages for several articles)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import partial

import discord

from bot.client import interaction_context
from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.models import Article, DispatchKind
from bot.core.user_errors import UserFacingError
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout import layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Block, Card, Item, Section, Text, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.wording import search_note_sentences
from bot.search.more_like_this import find_similar_articles
from bot.search.query.query_checks import asks_for_bookmarks
from bot.search.query.query_notes import NoteKind
from bot.search.query.query_tree import FieldFilter, Query, iter_leaves
from bot.search.query_suggestions import apply_suggestion
from bot.search.searching import Searcher, SearchPage, SortOrder, parse_query
from bot.store import Store
from bot.text import discord_text
from cogs.reading.article_list_pages import (
    MAX_COUNTED_ARTICLES,
    PAGE_SIZE,
    ArticlePage,
    ArticlePages,
    load_empty_page,
    no_articles_blocks,
)
from cogs.reading.bookmarking import has_bookmark
from cogs.reading.message_articles import (
    call_with_message_article,
    can_read_article,
    can_see_post,
    find_article_dispatch,
    require_readable_article,
    unreadable_article_text,
)
from cogs.shared import article_cards
from cogs.shared.article_lists import ArticleListItem, add_other_outlets, make_item_from_result, make_item_with_lead
from cogs.shared.persistent_items import persistent_item
from cogs.shared.views import AckMode, ActionButton, Interaction
from cogs.watching.watch_creation import create_personal_watch

MAX_HEADING_TEXT_LENGTH = 100
"""Maximum length in UTF-16 units of a query, or of the name of an outlet, that a heading shows."""


def search_header(
    query: Query,
    query_text: str,
    search_page: SearchPage,
    sort: SortOrder,
    *,
    build_suggestion_button: Callable[[str], Item | None],
    accessory: Item | None = None,
) -> tuple[Block, ...]:
    """Return the header of search results: the query, the number of results, notes and suggestions, or advice.

    `build_suggestion_button` is a function that makes the button of a suggestion; `accessory` stands beside
    the query.
    """
    escaped_query = discord_text.to_markdown_line(query_text, MAX_HEADING_TEXT_LENGTH)
    summary_lines = [_count_and_order_text(search_page, sort)] if search_page.results else []
    summary_lines += [
        discord_text.to_markdown_line(search_note_sentences.note_sentence(note)) for note in search_page.notes
    ]
    text_blocks: list[Text] = [
        text_block(f"{emoji_for(Icon.SEARCH)} **{escaped_query}**"),
        _build_small_block(summary_lines),
    ]
    blocks: list[Block] = [Section(tuple(text_blocks), accessory)]
    if suggestions := ActionRow(*map(build_suggestion_button, search_page.suggestions)).items:
        blocks += [text_block(_("Did you mean…")), ActionRow(*suggestions)]
    if not search_page.results and not any(note.kind is NoteKind.EMPTY_QUERY for note in search_page.notes):
        blocks.append(
            text_block(
                _("No results in the channels you can see.") + "\n" + _no_results_advice(query),
            )
        )
    return tuple(blocks)


def _no_results_advice(query: Query) -> str:
    """Return advice for a query without results: to leave out words or filters, or to try another word."""
    leaf_nodes = list(iter_leaves(query.nodes))
    filter_count = sum(isinstance(leaf_node, FieldFilter) for leaf_node in leaf_nodes)
    if len(leaf_nodes) - filter_count > 1:
        return linkify_commands(_("Try fewer words or drop a filter. /latest shows what’s new."))
    if filter_count:
        return linkify_commands(_("Try without the filter. /latest shows what’s new."))
    return linkify_commands(_("Try another word. /latest shows what’s new."))


async def make_results_view(
    store: Store, query: Query, search_page: SearchPage, feed_ids: Collection[int], footer: str = ""
) -> discord.ui.LayoutView:
    """Return the view of the first results of a search, for a public message.

    If there are more, each user can open all results with a button.
    """
    public_items = (replace(make_item_from_result(hit), has_save_button=False) for hit in search_page.results)
    list_items = await add_other_outlets(store, public_items, feed_ids)
    return layout_views.build_static_view(
        (results_card(query, search_page, list_items), _build_small_block([footer] if footer else []))
    )


def results_card(query: Query, search_page: SearchPage, list_items: Sequence[ArticleListItem]) -> Card:
    """Return the card with the first results of a search.

    A button for all results is added if there are more.
    """

    def build_suggestion_button(suggestion: str) -> Item | None:
        return buttons.search_button(apply_suggestion(query.text, suggestion, search_page.notes), suggestion)

    header = search_header(query, query.text, search_page, "relevance", build_suggestion_button=build_suggestion_button)
    has_more = search_page.total_results is None or search_page.total_results > len(list_items)
    all_results_row = ActionRow(buttons.search_button(query.text) if has_more else None)
    story_row = ActionRow(
        buttons.story_menu([list_item.article for list_item in list_items if list_item.other_outlets])
    )
    return Card(
        (*header, *(list_item.to_section() for list_item in list_items), story_row, all_results_row),
        outlet_branding.DEFAULT_COLOUR,
    )


def _count_and_order_text(search_page: SearchPage, sort: SortOrder) -> str:
    order_label = _("best first") if sort == "relevance" else _("newest first")
    if search_page.total_results is None:
        count_label = _("more than {count} articles").format(count=format_number(MAX_COUNTED_ARTICLES))
    else:
        count_label = format_count("{count} article", "{count} articles", search_page.total_results)
    return f"{count_label} · {order_label}"


def _build_small_block(lines: Sequence[str]) -> Text:
    """Return a text block of lines in small type."""
    return text_block("\n".join(f"-# {line}" for line in lines))


class SearchPages(ArticlePages):
    """Pages of the results of a search.

    Each page is a new search, in the feeds that the user can see at that time. `options` are the options of /search
    in query syntax.
    """

    def __init__(
        self,
        interaction: Interaction,
        searcher: Searcher,
        query: Query,
        sort_order: SortOrder,
        *,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__(interaction)
        self._search_options = options
        self._searcher = searcher
        self._query = query
        self._sort_order: SortOrder = sort_order

    @property
    def _query_text(self) -> str:
        """Query and options of the search as one text."""
        return " ".join((self._query.text, *self._search_options))

    async def load_page(self, interaction: Interaction, page_index: int) -> ArticlePage:
        visible_feed_ids = await self.client.load_visible_feed_ids(interaction)
        finds_bookmarks = asks_for_bookmarks(self._query)
        if not visible_feed_ids and not finds_bookmarks:
            return await load_empty_page(interaction)
        search_page = await self._searcher.search(
            self._query,
            feed_ids=visible_feed_ids,
            limit=PAGE_SIZE,
            offset=page_index * PAGE_SIZE,
            sort=self._sort_order,
            user_id=self.user_id,
            count_up_to=MAX_COUNTED_ARTICLES,
        )
        store = self.store
        if (
            not search_page.results
            and not finds_bookmarks
            and not await store.articles.list_newest(visible_feed_ids, limit=1)
        ):
            return ArticlePage(header=no_articles_blocks())
        watch_button = None
        if interaction_context.get_home_server(interaction) is not None:  # A watch belongs to a server.
            watch_button = ActionButton(
                self._create_watch, AckMode.EPHEMERAL_MESSAGE, label=_("Watch"), emoji=emoji_for(Icon.WATCH)
            )
        return ArticlePage(
            header=search_header(
                self._query,
                self._query_text,
                search_page,
                self._sort_order,
                accessory=watch_button if search_page.results else None,
                build_suggestion_button=self._suggestion_button_factory(search_page),
            ),
            list_items=await add_other_outlets(
                store, map(make_item_from_result, search_page.results), visible_feed_ids
            ),
            total_count=search_page.total_results,
        )

    def extra_buttons(self, page: ArticlePage) -> tuple[Item, ...]:
        if not page.list_items:
            return ()
        label = _("Newest first") if self._sort_order == "relevance" else _("Best first")
        return (ActionButton(self._toggle_sort, label=label),)

    async def _toggle_sort(self, _interaction: Interaction) -> None:
        self._sort_order = "newest" if self._sort_order == "relevance" else "relevance"
        self.page_index = 0

    def _suggestion_button_factory(self, search_page: SearchPage) -> Callable[[str], Item]:
        """Return a function that makes the button that searches for a suggested query or word."""

        def build_suggestion_button(suggestion: str) -> Item:
            query_text = apply_suggestion(self._query.text, suggestion, search_page.notes, self._search_options)
            label = discord_text.to_plain_line(suggestion, discord_limits.MAX_BUTTON_LABEL_LENGTH)
            return ActionButton(partial(self._search_for, query_text), label=label or "…")

        return build_suggestion_button

    async def _search_for(self, query_text: str, interaction: Interaction) -> None:
        zone = await load_time_zone(interaction)
        self._query, self._search_options = parse_query(query_text, self.client.services.clock.now(), zone), ()
        self.page_index = 0

    async def _create_watch(self, interaction: Interaction) -> None:
        await create_personal_watch(interaction, self._query_text)


async def load_time_zone(interaction: Interaction) -> tzinfo:
    """Return the time zone of the current server; elsewhere, of a server that the user shares with Telex, if any."""
    client, server_id = interaction.client, interaction_context.get_home_server_id(interaction)
    if server_id is None:
        server_id = next(iter((await client.load_server_id_by_readable_feed_id(interaction)).values()), 0)
    return await client.services.load_time_zone(server_id)


@persistent_item(buttons.RESULTS_BUTTON.id_pattern)
async def results_button(interaction: Interaction, _item: object, *, query: str) -> None:
    """Show all results of a public search, in the feeds that the user can see."""
    services = interaction.client.services
    parsed_query = parse_query(query, services.clock.now(), await load_time_zone(interaction))
    await SearchPages(interaction, services.searcher, parsed_query, "relevance").render(interaction)


class LatestPages(ArticlePages):
    """Pages of the latest articles that are in no story the user muted, only of `outlet` if it is set."""

    def __init__(self, interaction: Interaction, outlet: str | None) -> None:
        super().__init__(interaction)
        self._outlet = outlet

    async def load_page(self, interaction: Interaction, page_index: int) -> ArticlePage:
        client = self.client
        visible_feed_ids = await client.load_visible_feed_ids(interaction)
        if not visible_feed_ids:
            return await load_empty_page(interaction)
        start_index = page_index * PAGE_SIZE
        article_limit = max(start_index + PAGE_SIZE, MAX_COUNTED_ARTICLES) + 1
        articles = await client.services.searcher.list_latest(
            visible_feed_ids,
            outlet=self._outlet,
            limit=article_limit,
            excluded_article_ids=await self.store.muted_stories.load_article_ids_muted_for(self.user_id),
        )
        if not articles and self._outlet is None:
            return ArticlePage(header=no_articles_blocks())
        title = _("Latest articles")
        if self._outlet is not None:
            outlet_markup = discord_text.to_markdown_line(self._outlet, MAX_HEADING_TEXT_LENGTH)
            title = _("Latest from {source}").format(source=outlet_markup)
        header: tuple[Block, ...] = (text_block(f"### {title}"),)
        if not articles:
            header = (
                *header,
                text_block(_("No outlet has that name. Pick one from the list as you type.")),
            )
        return ArticlePage(
            header=header,
            list_items=await add_other_outlets(
                client.store,
                map(make_item_with_lead, articles[start_index : start_index + PAGE_SIZE]),
                visible_feed_ids,
            ),
            total_count=None if len(articles) == article_limit else len(articles),
        )


class CatchUpPages(ArticlePages):
    """Pages of the articles of a catch-up (message for several), newest first, for users who can see the message."""

    def __init__(self, interaction: Interaction, message_id: int) -> None:
        super().__init__(interaction)
        self._message_id = message_id

    async def load_page(self, interaction: Interaction, page_index: int) -> ArticlePage:
        article_ids = await self._load_article_ids(interaction)
        start_index = page_index * PAGE_SIZE
        articles = await self.store.articles.list_by_ids(article_ids[start_index : start_index + PAGE_SIZE])
        title = format_count("{count} article", "{count} articles", len(article_ids))
        return ArticlePage(
            header=(text_block(f"### {title}"),),
            list_items=[make_item_with_lead(article) for article in articles],
            total_count=len(article_ids),
        )

    async def can_read(self, interaction: Interaction, article: Article) -> bool:
        """Return whether an article is in the catch-up (message), even if its feed is no longer followed.

        Raises `UserFacingError` if the user cannot see the message.
        """
        return article.id in await self._load_article_ids(interaction)

    async def _load_article_ids(self, interaction: Interaction) -> tuple[int, ...]:
        server_id = interaction_context.get_home_server_id(interaction)
        dispatch = await find_article_dispatch(self.client, self._message_id, server_id)
        if (
            dispatch is None
            or dispatch.kind is not DispatchKind.CATCH_UP
            or not await can_see_post(interaction, dispatch)
        ):
            raise UserFacingError(unreadable_article_text())
        return dispatch.article_ids[::-1]


@persistent_item(buttons.SHOW_ALL_BUTTON.id_pattern)
async def show_all_button(interaction: Interaction, _item: object, **_groups: str) -> None:
    """Show all articles of a catch-up (one message for several articles)."""
    assert interaction.message is not None
    await CatchUpPages(interaction, interaction.message.id).render(interaction)


_MAX_TITLE_LENGTH = 100
"""Maximum length in UTF-16 units of an article's title in the heading of similar articles."""


async def show_similar(interaction: Interaction, message: discord.Message) -> None:
    """Show articles similar to the article of a post; if there are several, the user chooses one.

    Raises `UserFacingError` if there are no articles or the user cannot see them.
    """
    await call_with_message_article(
        interaction, message, _show_similar_pages, placeholder=_("More like which article?")
    )


async def _show_similar_pages(interaction: Interaction, article: Article) -> None:
    await SimilarPages(interaction, article).render(interaction)


@persistent_item(buttons.MORE_LIKE_BUTTON.id_pattern)
async def similar_articles_button(interaction: Interaction, _item: object, *, key: str) -> None:
    """Show articles similar to the article of a card."""
    await SimilarPages(interaction, await require_readable_article(interaction, key, _can_read_or_has_bookmark)).render(
        interaction
    )


async def _can_read_or_has_bookmark(interaction: Interaction, article: Article) -> bool:
    return await can_read_article(interaction, article) or await has_bookmark(interaction, article)


class SimilarPages(ArticlePages):
    """Pages of the articles similar to an article.

    Each page is loaded from the feeds that the user can see at that time.
    """

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article

    async def load_page(self, interaction: Interaction, page_index: int) -> ArticlePage:
        client = self.client
        visible_feed_ids = await client.load_visible_feed_ids(interaction)
        if not visible_feed_ids:
            return await load_empty_page(interaction)
        search_page = await find_similar_articles(
            client.services.searcher,
            self._article,
            feed_ids=visible_feed_ids,
            limit=PAGE_SIZE,
            offset=page_index * PAGE_SIZE,
        )
        total_count = search_page.total_results or 0
        heading = _("More like {article}").format(
            article=article_cards.quoted_heading(self._article.title, _MAX_TITLE_LENGTH)
        )
        count_text = (
            "-# " + format_count("{count} article", "{count} articles", total_count)
            if total_count
            else _("No similar articles in the channels you can see.")
        )
        return ArticlePage(
            header=(text_block(f"### {heading}"), text_block(count_text)),
            list_items=[make_item_from_result(hit) for hit in search_page.results],
            total_count=total_count,
        )
