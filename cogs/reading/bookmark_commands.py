"""The /bookmarks command and the message menu entries of articles."""

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.client.discord_client import TelexBot
from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.models import Article
from bot.core.user_models import Bookmark
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Item, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.store.records.people_records import BookmarkFilter
from cogs.reading import bookmark_exports as exports
from cogs.reading.article_list_pages import PAGE_SIZE, ArticlePage, ArticlePages
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
from cogs.reading.message_articles import articles_of
from cogs.reading.more_menu import more_button
from cogs.reading.result_pages import results_button, show_all_button, show_similar, similar_articles_button
from cogs.reading.sharing import share_button
from cogs.shared import article_cards
from cogs.shared.article_lists import ArticleListItem, item_with_lead
from cogs.shared.authorization import hidden_servers, user_installable
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import AckMode, ActionButton, Interaction, StringMenu, menu_option

_EXPORT_BATCH_SIZE = 500
_MAX_QUERY_LENGTH = 100
"""Maximum length of a query in the heading, in characters."""
_ALL, _UNREAD, _TAG = "all", "unread", "tag:"
_EXPORT_FORMATS: tuple[tuple[str, Callable[[Sequence[Bookmark]], str]], ...] = (
    ("bookmarks.md", exports.to_markdown),
    ("bookmarks.json", exports.to_json),
    ("bookmarks.html", exports.to_netscape_html),
)


class BookmarkCog(PersistentItemCog):
    """The /bookmarks command, the buttons of articles and the message menu entries."""

    items = (
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
    @app_commands.command(
        name="bookmarks", description=locale_str("Read, search, sort and export your bookmarks")
    )
    @app_commands.describe(query=locale_str("Words from the title, the outlet or your note"))
    async def bookmarks(self, interaction: Interaction, query: Range[str, 1, 100] | None = None) -> None:
        await BookmarkPages(interaction, query).render(interaction)


async def bookmark_message(interaction: Interaction, message: discord.Message) -> None:
    """Bookmark the articles of a post."""
    articles = await articles_of(interaction, message)
    count = sum([await bookmark_article(interaction, article, message.id) for article in articles])
    view = buttons.view_of_items(buttons.note(articles[0].key)) if len(articles) == 1 else None
    await interaction.edit_original_response(
        content=saved_text(count) if count else already_saved_text(), view=view
    )


class BookmarkPages(ArticlePages):
    """The bookmarks of a user, newest first: all, unread, or those with a tag."""

    opens_article = True

    def __init__(self, interaction: Interaction, query: str | None) -> None:
        super().__init__(interaction)
        self._filter_options = BookmarkFilter(match=query)

    async def load_page(self, interaction: Interaction, number: int) -> ArticlePage:
        person_id, store = self.person_id, self.store.bookmarks
        hidden = await hidden_servers(interaction)
        self._filter_options = replace(self._filter_options, hidden=hidden)
        found = await store.list(
            person_id, limit=PAGE_SIZE, offset=number * PAGE_SIZE, wanted=self._filter_options
        )
        matching = await store.count(person_id, self._filter_options)
        total = await store.count(person_id, BookmarkFilter(hidden=hidden))
        unread = await store.count(person_id, BookmarkFilter(hidden=hidden, unread=True))
        tags = await store.tags(person_id, hidden=hidden)
        heading = _("Your bookmarks")
        if self._filter_options.match:
            heading = article_cards.quoted_heading(self._filter_options.match, _MAX_QUERY_LENGTH)
        counts = self._counts_text(matching, total, unread, some_hidden=bool(hidden))
        head: tuple[Block, ...] = (text(f"### {heading}" + (f"\n-# {counts}" if counts else "")),)
        if not found:
            head = (*head, text(self._empty_text(total)))
        filters = [ActionRow(self._filter_menu(total, unread, tags))] if total else []
        return ArticlePage(
            header=(*head, *filters),
            entries=[self._entry(one) for one in found],
            total=matching,
        )

    def extra_buttons(self, page: ArticlePage) -> tuple[Item, ...]:
        export = ActionButton(
            self._export, AckMode.EPHEMERAL_MESSAGE, label=_("Export"), emoji=emoji(Icon.EXPORT)
        )
        return (export,) if page.entries else ()

    async def can_read(self, interaction: Interaction, article: Article) -> bool:
        return await has_bookmark(interaction, article)

    def _entry(self, kept: Bookmark) -> ArticleListItem:
        entry = item_with_lead(kept.article)
        below = tuple(filter(None, (article_cards.bookmark_line(kept), article_cards.note_line(kept))))
        return replace(
            entry, excerpt="" if kept.note else entry.excerpt, extra_lines=below, accessory=self._mark(kept)
        )

    def _mark(self, kept: Bookmark) -> Item:
        is_unread, bookmarks = kept.read is None, self.store.bookmarks
        mark = partial(bookmarks.mark_read, self.person_id, kept.article.id, read=is_unread)
        label = _("Mark as read") if is_unread else _("Mark as unread")
        return ActionButton(lambda _click: mark(), label=label)

    def _filter_menu(self, total: int, unread: int, tags: Mapping[str, int]) -> StringMenu:
        """Return the menu of filters: all, unread, and each tag."""
        shown = [(_ALL, _("All bookmarks"), total), (_UNREAD, _("Unread"), unread)]
        shown += [(f"{_TAG}{tag}", f"#{tag}", count) for tag, count in tags.items()]
        chosen = (
            _UNREAD
            if self._filter_options.unread
            else f"{_TAG}{self._filter_options.tag}"
            if self._filter_options.tag
            else _ALL
        )
        options = [
            menu_option(f"{name} ({format_number(count)})", value, is_default=value == chosen)
            for value, name, count in shown[: discord_limits.MAX_OPTIONS]
        ]
        return StringMenu(self._filter, placeholder=_("All bookmarks"), options=options)

    async def _filter(self, _interaction: Interaction, values: list[str]) -> None:
        value = values[0]
        tag = value.removeprefix(_TAG) if value.startswith(_TAG) else None
        self._filter_options = replace(self._filter_options, tag=tag, unread=value == _UNREAD)
        self.page_index = 0

    def _empty_text(self, total: int) -> str:
        if total:
            return linkify_commands(_("Nothing here. /bookmarks shows them all."))
        return _(
            "You don’t have any bookmarks yet. To save an article, react to its post with 🔖, press Save, "
            "or open the message’s menu: Apps › Bookmark."
        )

    def _counts_text(self, matching: int, total: int, unread: int, *, some_hidden: bool) -> str:
        count = format_count("{count} bookmark", "{count} bookmarks", total)
        if matching != total:
            count = _("{count} of {total} bookmarks").format(
                count=format_number(matching), total=format_number(total)
            )
        parts = [count] if total else []
        if unread:
            parts.append(format_count("{count} unread", "{count} unread", unread))
        if some_hidden:
            parts.append(_("bookmarks from servers you left are hidden"))
        return " · ".join(parts)

    async def _export(self, interaction: Interaction) -> None:
        store = self.store.bookmarks
        wanted = replace(self._filter_options, hidden=await hidden_servers(interaction))
        kept: list[Bookmark] = []
        while batch := await store.list(
            self.person_id, limit=_EXPORT_BATCH_SIZE, offset=len(kept), wanted=wanted
        ):
            kept += batch
        files = [
            discord.File(io.BytesIO((await asyncio.to_thread(render, kept)).encode()), filename=name)
            for name, render in _EXPORT_FORMATS
        ]
        said = format_count("{count} bookmark", "{count} bookmarks", len(kept))
        await interaction.edit_original_response(
            content=_("{bookmarks}, to read, to import into your browser or to use in other apps:").format(
                bookmarks=said
            ),
            attachments=files,
        )
