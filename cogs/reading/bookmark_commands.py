"""Command /bookmarks and the message menu entries that act on the articles of a message."""

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.client.discord_client import TelexBot
from bot.core.i18n import _, format_count, format_number, linkify_commands, pgettext
from bot.core.models import Article
from bot.core.user_models import Bookmark
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Item, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.store.records.people_records import BookmarkFilter
from cogs.reading import bookmark_exports as exports
from cogs.reading.article_list_pages import PAGE_SIZE, ArticlePage, ArticlePages
from cogs.reading.bookmark_feed_panel import BookmarkFeedPanel
from cogs.reading.bookmarking import (
    already_saved_text,
    bookmark_article,
    has_bookmark,
    mark_read_button,
    note_button,
    save_button,
    save_menu,
    saved_text,
)
from cogs.reading.link_saving import MAX_LINK_LENGTH, save_link, save_message_link
from cogs.reading.message_articles import find_message_articles, load_message_articles
from cogs.reading.more_menu import more_button
from cogs.reading.result_pages import results_button, show_all_button, show_similar, similar_articles_button
from cogs.reading.sharing import share_button
from cogs.shared import article_cards
from cogs.shared.article_lists import ArticleListItem, make_item_with_lead
from cogs.shared.authorization import load_left_server_ids, user_installable
from cogs.shared.message_links import list_web_links
from cogs.shared.modals import TextField, modal_button
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

_EXPORT_BATCH_SIZE = 500
"""Number of bookmarks that are read from the store at a time."""
_MAX_QUERY_LENGTH = 100
"""Maximum length in UTF-16 units of a query that the heading of the list shows."""
_ALL_FILTER_VALUE, _UNREAD_FILTER_VALUE, _TAG_FILTER_PREFIX = "all", "unread", "tag:"
"""Values of the filter menu for all and for unread bookmarks, and the prefix before the name of a tag to filter by."""
_EXPORT_FORMATS: tuple[tuple[str, Callable[[Sequence[Bookmark]], str]], ...] = (
    ("bookmarks.md", exports.to_markdown),
    ("bookmarks.json", exports.to_json),
    ("bookmarks.html", exports.to_netscape_html),
)
"""Names of the exported files, with the functions that render bookmarks as their texts."""


class BookmarkCog(PersistentItemCog):
    """Cog of the /bookmarks command, the buttons of articles and the message menu entries."""

    persistent_items = (
        save_button,
        save_menu,
        show_all_button,
        results_button,
        note_button,
        mark_read_button,
        share_button,
        more_button,
        similar_articles_button,
    )

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self.add_message_menu(locale_str("Bookmark"), bookmark_message, locale_str("save the article"))
        self.add_message_menu(locale_str("More like this"), show_similar, locale_str("find similar articles"))

    @user_installable
    @app_commands.command(name="bookmarks", description=locale_str("Read, search, sort and export your bookmarks"))
    @app_commands.describe(query=locale_str("Words from the title, the outlet or your note"))
    async def bookmarks(self, interaction: Interaction, query: Range[str, 1, 100] | None = None) -> None:
        await BookmarkPages(interaction, query).render(interaction)


async def bookmark_message(interaction: Interaction, message: discord.Message) -> None:
    """Bookmark the articles of a post or at the links of a message, from the message menu.

    If no link is an article that the user can see, save its page. Raises `UserFacingError` if there is neither an
    article nor a link, or they cannot be read, RequestRejected if the user has as many bookmarks as the operator
    allows.
    """
    articles = await find_message_articles(interaction, message)
    if not articles and list_web_links(message):
        await save_message_link(interaction, message)
        return
    articles = articles or await load_message_articles(interaction, message)
    added_count = sum([await bookmark_article(interaction, article, message.id) for article in articles])
    view = buttons.view_of_items(buttons.NOTE_BUTTON(articles[0].key)) if len(articles) == 1 else None
    await interaction.edit_original_response(
        content=saved_text(added_count) if added_count else already_saved_text(), view=view
    )


class BookmarkPages(ArticlePages):
    """Pages of a user's bookmarks that match a query, if any, newest first: all, unread ones, or ones with a tag."""

    always_opens_article = True  # There is nothing to bookmark.

    def __init__(self, interaction: Interaction, query: str | None) -> None:
        super().__init__(interaction)
        self._bookmark_filter = BookmarkFilter(search_text=query)
        self._notice = ""

    async def load_page(self, interaction: Interaction, page_index: int) -> ArticlePage:
        user_id, bookmarks_repository = self.user_id, self.store.bookmarks
        hidden_server_ids = await load_left_server_ids(interaction)
        self._bookmark_filter = replace(self._bookmark_filter, hidden_server_ids=hidden_server_ids)
        bookmarks = await bookmarks_repository.list_by_user(
            user_id, limit=PAGE_SIZE, offset=page_index * PAGE_SIZE, bookmark_filter=self._bookmark_filter
        )
        matching_count = await bookmarks_repository.count(user_id, self._bookmark_filter)
        total_count = await bookmarks_repository.count(user_id, BookmarkFilter(hidden_server_ids=hidden_server_ids))
        unread_count = await bookmarks_repository.count(
            user_id, BookmarkFilter(hidden_server_ids=hidden_server_ids, only_unread=True)
        )
        count_by_tag = await bookmarks_repository.count_by_tag(user_id, hidden_server_ids=hidden_server_ids)
        heading = _("Your bookmarks")
        if self._bookmark_filter.search_text:
            heading = article_cards.quoted_heading(self._bookmark_filter.search_text, _MAX_QUERY_LENGTH)
        counts_text = self._counts_text(matching_count, total_count, unread_count, has_hidden=bool(hidden_server_ids))
        header_blocks: tuple[Block, ...] = (
            text_block(f"### {heading}" + (f"\n-# {counts_text}" if counts_text else "")),
        )
        if not bookmarks:
            header_blocks = (*header_blocks, text_block(self._empty_text(total_count)))
        if self._notice:
            header_blocks, self._notice = (*header_blocks, text_block(self._notice)), ""
        filter_rows = [ActionRow(self._filter_menu(total_count, unread_count, count_by_tag))] if total_count else []
        return ArticlePage(
            header=(*header_blocks, self._build_link_row(), *filter_rows),
            list_items=[self._build_list_item(bookmark) for bookmark in bookmarks],
            total_count=matching_count,
        )

    def _build_link_row(self) -> ActionRow:
        link_field = TextField(
            "link", _("Address of the page"), placeholder="https://example.com/article", max_length=MAX_LINK_LENGTH
        )
        return ActionRow(
            modal_button(
                self, self._add_link, _("Add link"), link_field, title=_("Save a web page"), emoji=emoji_for(Icon.ADD)
            ),
            ActionButton(
                self._open_feed_panel, AckMode.EPHEMERAL_MESSAGE, label=_("As a feed"), emoji=emoji_for(Icon.FEED)
            ),
        )

    async def _add_link(self, interaction: Interaction, link: str) -> None:
        _article, self._notice = await save_link(interaction, link)
        self.page_index = 0

    async def _open_feed_panel(self, interaction: Interaction) -> None:
        await BookmarkFeedPanel(interaction).render(interaction)

    def extra_buttons(self, page: ArticlePage) -> tuple[Item, ...]:
        export_button = ActionButton(
            self._send_export_files,
            AckMode.EPHEMERAL_MESSAGE,
            label=_("Export"),
            emoji=emoji_for(Icon.EXPORT),
        )
        return (export_button,) if page.list_items else ()

    async def can_read(self, interaction: Interaction, article: Article) -> bool:
        return await has_bookmark(interaction, article)

    def _build_list_item(self, bookmark: Bookmark) -> ArticleListItem:
        list_item = make_item_with_lead(bookmark.article)
        extra_lines = tuple(filter(None, (article_cards.bookmark_line(bookmark), article_cards.note_line(bookmark))))
        return replace(
            list_item,
            excerpt="" if bookmark.note else list_item.excerpt,
            extra_lines=extra_lines,
            accessory=self._build_read_state_button(bookmark),
        )

    def _build_read_state_button(self, bookmark: Bookmark) -> Item:
        is_unread, bookmarks_repository = bookmark.read_at is None, self.store.bookmarks
        mark_read = partial(bookmarks_repository.mark_read, self.user_id, bookmark.article.id, is_read=is_unread)
        label = (
            pgettext("beside a title", "Mark as read") if is_unread else pgettext("beside a title", "Mark as unread")
        )
        return ActionButton(lambda _click: mark_read(), label=label)

    def _filter_menu(self, total_count: int, unread_count: int, count_by_tag: Mapping[str, int]) -> StringMenu:
        """Return the menu to filter bookmarks: all, unread, and each tag."""
        filter_choices = [
            (_ALL_FILTER_VALUE, _("All bookmarks"), total_count),
            (_UNREAD_FILTER_VALUE, _("Unread"), unread_count),
        ]
        filter_choices += [(f"{_TAG_FILTER_PREFIX}{tag}", f"#{tag}", count) for tag, count in count_by_tag.items()]
        current_filter_value = (
            _UNREAD_FILTER_VALUE
            if self._bookmark_filter.only_unread
            else f"{_TAG_FILTER_PREFIX}{self._bookmark_filter.tag}"
            if self._bookmark_filter.tag
            else _ALL_FILTER_VALUE
        )
        filter_options = [
            menu_option(
                f"{filter_label} ({format_number(count)})",
                filter_value,
                is_default=filter_value == current_filter_value,
            )
            for filter_value, filter_label, count in filter_choices[: discord_limits.MAX_OPTIONS]
        ]
        return StringMenu(self._apply_filter, placeholder=_("All bookmarks"), options=filter_options)

    async def _apply_filter(self, _interaction: Interaction, selected_values: list[str]) -> None:
        filter_value = selected_values[0]
        tag = filter_value.removeprefix(_TAG_FILTER_PREFIX) if filter_value.startswith(_TAG_FILTER_PREFIX) else None
        self._bookmark_filter = replace(
            self._bookmark_filter, tag=tag, only_unread=filter_value == _UNREAD_FILTER_VALUE
        )
        self.page_index = 0

    def _empty_text(self, total_count: int) -> str:
        if total_count:
            return linkify_commands(_("Nothing here. /bookmarks shows them all."))
        return _(
            "You don’t have any bookmarks yet. To save an article, react to its post with 🔖, press Save, "
            "or open the message’s menu: Apps › Bookmark. Add link saves any web page."
        )

    def _counts_text(self, matching_count: int, total_count: int, unread_count: int, *, has_hidden: bool) -> str:
        count_text = format_count("{count} bookmark", "{count} bookmarks", total_count)
        if matching_count != total_count:
            count_text = format_count(
                "{count} of {total} bookmarks",
                "{count} of {total} bookmarks",
                matching_count,
                total=format_number(total_count),
            )
        count_texts = [count_text] if total_count else []
        if unread_count:
            count_texts.append(format_count("{count} unread", "{count} unread", unread_count))
        if has_hidden:
            count_texts.append(_("bookmarks from servers you left are hidden"))
        return " · ".join(count_texts)

    async def _send_export_files(self, interaction: Interaction) -> None:
        bookmarks_repository = self.store.bookmarks
        bookmark_filter = replace(self._bookmark_filter, hidden_server_ids=await load_left_server_ids(interaction))
        bookmarks: list[Bookmark] = []
        while bookmark_batch := await bookmarks_repository.list_by_user(
            self.user_id, limit=_EXPORT_BATCH_SIZE, offset=len(bookmarks), bookmark_filter=bookmark_filter
        ):
            bookmarks += bookmark_batch
        files = [
            discord.File(
                io.BytesIO((await asyncio.to_thread(render_bookmarks, bookmarks)).encode()),
                filename=file_name,
            )
            for file_name, render_bookmarks in _EXPORT_FORMATS
        ]
        count_text = format_count("{count} bookmark", "{count} bookmarks", len(bookmarks))
        await interaction.edit_original_response(
            content=_("{bookmarks}, to read, to import into your browser or to use in other apps:").format(
                bookmarks=count_text
            ),
            attachments=files,
        )
