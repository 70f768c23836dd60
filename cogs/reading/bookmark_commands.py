"""What people keep: the list of their bookmarks, and the entry in the menu of a message."""

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.client.discord_client import Telex
from bot.core.locale import _, amount, clickable, counted
from bot.core.models import Article
from bot.core.people_models import Bookmark
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import Block, Item, Row, text
from bot.posting.rendering.layout.icons import Icon, emoji
from bot.store.records.people_records import WantedBookmarks
from cogs.reading import bookmark_files as exports
from cogs.reading.article_list_pages import PAGE, ArticlePage, ArticlePages
from cogs.reading.message_articles import articles_of
from cogs.reading.more_menu import more_button
from cogs.reading.result_pages import all_button, like, like_button, results_button
from cogs.reading.saving import (
    already,
    has_kept,
    keep_article,
    mark_button,
    note_button,
    save_button,
    save_menu,
    saved,
)
from cogs.reading.sharing import share_button
from cogs.shared import article_cards
from cogs.shared.article_lists import Entry, lead_of
from cogs.shared.lasting_items import LastingCog
from cogs.shared.rights import anywhere, hidden_servers
from cogs.shared.views import Choose, Interaction, Press, Reply, option

_BATCH = 500
_QUERY = 100  # characters of it that a heading shows
_ALL, _UNREAD, _TAG = "all", "unread", "tag:"
_FORMS: tuple[tuple[str, Callable[[Sequence[Bookmark]], str]], ...] = (
    ("bookmarks.md", exports.as_markdown),
    ("bookmarks.json", exports.as_json),
    ("bookmarks.html", exports.as_browser_file),
)


class Bookmarks(LastingCog):
    """/bookmarks, the buttons of articles, and the entries in the menu of a message."""

    items = (
        save_button,
        save_menu,
        all_button,
        results_button,
        note_button,
        mark_button,
        share_button,
        more_button,
        like_button,
    )

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        self.offer(locale_str("Bookmark"), bookmark, locale_str("save the article"))
        self.offer(locale_str("More like this"), like, locale_str("find similar articles"))

    @anywhere
    @app_commands.command(
        name="bookmarks", description=locale_str("Read, search, sort and export your bookmarks")
    )
    @app_commands.describe(query=locale_str("Words from the title, the outlet or your note"))
    async def bookmarks(self, interaction: Interaction, query: Range[str, 1, 100] | None = None) -> None:
        await BookmarkPages(interaction, query).show(interaction)


async def bookmark(interaction: Interaction, message: discord.Message) -> None:
    """Keep what a post of ours tells."""
    articles = await articles_of(interaction, message)
    count = sum([await keep_article(interaction, article, message.id) for article in articles])
    view = buttons.row(buttons.note(articles[0].key)) if len(articles) == 1 else None
    await interaction.edit_original_response(content=saved(count) if count else already(), view=view)


class BookmarkPages(ArticlePages):
    """A person's bookmarks, newest first: all of them, the unread ones, or those of a tag."""

    opens = True

    def __init__(self, interaction: Interaction, query: str | None) -> None:
        super().__init__(interaction)
        self._wanted = WantedBookmarks(match=query)

    async def page(self, interaction: Interaction, number: int) -> ArticlePage:
        person_id, store = self.person_id, self.store.bookmarks
        hidden = await hidden_servers(interaction)
        self._wanted = replace(self._wanted, hidden=hidden)
        found = await store.list(person_id, limit=PAGE, offset=number * PAGE, wanted=self._wanted)
        matching = await store.count(person_id, self._wanted)
        total = await store.count(person_id, WantedBookmarks(hidden=hidden))
        unread = await store.count(person_id, WantedBookmarks(hidden=hidden, unread=True))
        tags = await store.tags(person_id, hidden=hidden)
        heading = _("Your bookmarks")
        if self._wanted.match:
            heading = article_cards.heading(self._wanted.match, _QUERY)
        counts = self._counted(matching, total, unread, some_hidden=bool(hidden))
        head: tuple[Block, ...] = (text(f"### {heading}" + (f"\n-# {counts}" if counts else "")),)
        if not found:
            head = (*head, text(self._nothing_found(total)))
        filters = [Row(self._filters(total, unread, tags))] if total else []
        return ArticlePage(
            head=(*head, *filters),
            entries=[self._entry(one) for one in found],
            total=matching,
        )

    def controls(self, page: ArticlePage) -> tuple[Item, ...]:
        export = Press(self._export, Reply.NEW, label=_("Export"), emoji=emoji(Icon.EXPORT))
        return (export,) if page.entries else ()

    async def may_read(self, interaction: Interaction, article: Article) -> bool:
        return await has_kept(interaction, article)

    def _entry(self, kept: Bookmark) -> Entry:
        entry = lead_of(kept.article)
        below = tuple(filter(None, (article_cards.labelled(kept), article_cards.noted(kept))))
        return replace(
            entry, excerpt="" if kept.note else entry.excerpt, below=below, beside=self._mark(kept)
        )

    def _mark(self, kept: Bookmark) -> Item:
        is_unread, bookmarks = kept.read is None, self.store.bookmarks
        mark = partial(bookmarks.mark, self.person_id, kept.article.id, read=is_unread)
        label = _("Mark as read") if is_unread else _("Mark as unread")
        return Press(lambda _click: mark(), label=label)

    def _filters(self, total: int, unread: int, tags: Mapping[str, int]) -> Choose:
        """The menu of what is shown: everything, what is unread, each tag."""
        shown = [(_ALL, _("All bookmarks"), total), (_UNREAD, _("Unread"), unread)]
        shown += [(f"{_TAG}{tag}", f"#{tag}", count) for tag, count in tags.items()]
        chosen = _UNREAD if self._wanted.unread else f"{_TAG}{self._wanted.tag}" if self._wanted.tag else _ALL
        options = [
            option(f"{name} ({amount(count)})", value, chosen=value == chosen)
            for value, name, count in shown[: discord_limits.OPTIONS]
        ]
        return Choose(self._filter, placeholder=_("All bookmarks"), options=options)

    async def _filter(self, _interaction: Interaction, values: list[str]) -> None:
        value = values[0]
        tag = value.removeprefix(_TAG) if value.startswith(_TAG) else None
        self._wanted = replace(self._wanted, tag=tag, unread=value == _UNREAD)
        self.number = 0

    def _nothing_found(self, total: int) -> str:
        if total:
            return clickable(_("Nothing here. /bookmarks shows them all."))
        return _(
            "You don’t have any bookmarks yet. To save an article, react to its post with 🔖, press Save, "
            "or open the message’s menu: Apps › Bookmark."
        )

    def _counted(self, matching: int, total: int, unread: int, *, some_hidden: bool) -> str:
        count = counted("{count} bookmark", "{count} bookmarks", total)
        if matching != total:
            count = _("{count} of {total} bookmarks").format(count=amount(matching), total=amount(total))
        parts = [count] if total else []
        if unread:
            parts.append(counted("{count} unread", "{count} unread", unread))
        if some_hidden:
            parts.append(_("bookmarks from servers you left are hidden"))
        return " · ".join(parts)

    async def _export(self, interaction: Interaction) -> None:
        store = self.store.bookmarks
        wanted = replace(self._wanted, hidden=await hidden_servers(interaction))
        kept: list[Bookmark] = []
        while batch := await store.list(self.person_id, limit=_BATCH, offset=len(kept), wanted=wanted):
            kept += batch
        files = [
            discord.File(io.BytesIO((await asyncio.to_thread(render, kept)).encode()), filename=name)
            for name, render in _FORMS
        ]
        said = counted("{count} bookmark", "{count} bookmarks", len(kept))
        await interaction.edit_original_response(
            content=_("{bookmarks}, to read, to import into your browser or to use in other apps:").format(
                bookmarks=said
            ),
            attachments=files,
        )
