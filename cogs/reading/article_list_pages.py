"""Paginated lists of articles, with a menu that opens or bookmarks one of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.client import interaction_context
from bot.core.i18n import _, linkify_commands
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import saved_pages_feed_id
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import (
    ActionRow,
    Block,
    Card,
    Item,
    Layout,
    Separator,
    Text,
    text_block,
)
from cogs.reading import sharing
from cogs.reading.bookmarking import already_saved_text, bookmark_article, saved_text
from cogs.reading.message_articles import require_readable_article, unreadable_article_text
from cogs.shared import article_cards
from cogs.shared.article_lists import ArticleListItem
from cogs.shared.authorization import can_use_manager_command
from cogs.shared.paging import Paginator
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu

PAGE_SIZE = 5
"""Number of articles on a page of a list."""
MAX_COUNTED_ARTICLES = 50
"""Maximum number of articles in a list whose exact total is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """Page of a list of articles.

    `total_count` is the number of articles on all pages, or None if there are more than `MAX_COUNTED_ARTICLES` and
    another page follows.
    """

    header: tuple[Block, ...]
    list_items: Sequence[ArticleListItem] = ()
    total_count: int | None = 0

    @property
    def is_empty(self) -> bool:
        """Return whether the page has no articles."""
        return not self.list_items


class ArticlePages(Paginator[ArticlePage]):
    """Paginated list of articles."""

    always_opens_article = False
    """Whether the menu opens the chosen article even if the list has pictures; otherwise such a menu bookmarks it."""

    def extra_buttons(self, _page: ArticlePage) -> tuple[Item, ...]:
        """Return additional buttons, to be shown after the buttons that turn pages."""
        return ()

    async def can_read(self, interaction: Interaction, article: Article) -> bool:
        visible_feed_ids = await self.client.load_visible_feed_ids(interaction)
        return article.feed_id in {*visible_feed_ids, saved_pages_feed_id(self.user_id)}

    def page_layout(self, page: ArticlePage) -> Layout:
        if page.is_empty:
            return (Card((*page.header, ActionRow(*self.extra_buttons(page))), outlet_branding.DEFAULT_COLOUR),)
        page_count = math.ceil((page.total_count or 0) / PAGE_SIZE)
        has_next_page = page.total_count is None or self.page_index + 1 < page_count
        page_count_label = (
            f"{max(MAX_COUNTED_ARTICLES // PAGE_SIZE, self.page_index + 2)}+"
            if page.total_count is None
            else page_count
        )
        is_dm = interaction_context.is_dm(self.interaction)
        share_button = (
            None if is_dm else ActionButton(self._share_page_article, AckMode.EPHEMERAL_MESSAGE, label=_("Share…"))
        )
        card_blocks = (
            *page.header,
            Separator(),
            *(list_item.to_section() for list_item in page.list_items),
            Separator(),
            ActionRow(self._build_article_menu(page.list_items)),
            ActionRow(
                buttons.story_menu([list_item.article for list_item in page.list_items if list_item.other_outlets])
            ),
            ActionRow(
                *self.page_buttons(has_more=has_next_page, page_count_label=page_count_label),
                *self.extra_buttons(page),
                share_button,
            ),
        )
        return (Card(card_blocks, outlet_branding.DEFAULT_COLOUR),)

    def _build_article_menu(self, list_items: Sequence[ArticleListItem]) -> StringMenu:
        opens_selected_article = self.always_opens_article or not any(
            messages.image_block(list_item.article) for list_item in list_items
        )
        return StringMenu(
            self._open_selected_article if opens_selected_article else self._save_selected_article,
            AckMode.EPHEMERAL_MESSAGE,
            placeholder=_("Open an article…") if opens_selected_article else _("Save an article…"),
            options=[article_cards.article_option(list_item.article) for list_item in list_items],
        )

    async def _open_selected_article(self, interaction: Interaction, selected_values: list[str]) -> None:
        await article_cards.show_article(
            interaction, await require_readable_article(interaction, selected_values[0], self.can_read)
        )

    async def _save_selected_article(self, interaction: Interaction, selected_values: list[str]) -> None:
        article = await require_readable_article(interaction, selected_values[0], self.can_read)
        added_count = await bookmark_article(interaction, article, None)
        await article_cards.show_article(
            interaction, article, notice=saved_text(1) if added_count else already_saved_text()
        )

    async def _share_page_article(self, interaction: Interaction) -> None:
        page = await self.load_page(interaction, self.page_index)
        articles = [list_item.article for list_item in page.list_items]
        if not articles:
            raise UserFacingError(unreadable_article_text())
        await sharing.share_chosen_article(interaction, articles, self.can_read)


async def load_empty_page(interaction: Interaction) -> ArticlePage:
    """Return the page for a user who can see no feeds, or whose feeds have no articles yet."""
    if await interaction.client.load_visible_feed_ids(interaction):
        return ArticlePage(header=no_articles_blocks())
    if interaction_context.get_home_server(interaction) is None:
        return ArticlePage(header=no_shared_server_blocks())
    return ArticlePage(header=no_feeds_blocks(can_manage=await can_use_manager_command(interaction, "feed")))


def no_feeds_blocks(*, can_manage: bool) -> tuple[Block, ...]:
    """Return the blocks for a user who can see no feeds; with `can_manage`, they offer to add one."""
    if can_manage:
        sentence = linkify_commands(_("Follow your first feed with /feed add, or a starter pack with /feed packs."))
    else:
        sentence = _("No feeds in the channels you can see. Ask whoever manages this server to add one.")
    begin_button_rows = (ActionRow(buttons.BEGIN_BUTTON()),) if can_manage else ()
    return (_build_empty_block(_("Nothing to read yet"), sentence), *begin_button_rows)


def no_shared_server_blocks() -> tuple[Block, ...]:
    """Return the blocks for a user in direct messages who shares no known server with Telex."""
    sentence = linkify_commands(
        _(
            "We don’t share a server where you can see a channel that follows a feed. If we do, use /ask "
            "there once, so that I know."
        )
    )
    return (_build_empty_block(_("Nothing to read yet"), sentence),)


def no_articles_blocks() -> tuple[Block, ...]:
    """Return the blocks that say that the feeds have no articles yet."""
    sentence = _("The feeds here haven’t brought any articles yet. Check back in a few minutes.")
    return (_build_empty_block(_("Nothing to read yet"), sentence),)


def _build_empty_block(title: str, sentence: str) -> Text:
    return text_block(f"### {title}\n{sentence}")
