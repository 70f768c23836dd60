"""Command /bookmarks, its exports and its feed, and the message menu entries that save articles or links."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from html import escape
from urllib.parse import quote

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str

from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _, format_count, format_number, linkify_commands
from bot.core.local_time import format_iso
from bot.core.models import Article
from bot.core.user_errors import UserFacingError
from bot.core.user_models import Bookmark
from bot.feeds.fetch_errors import FeedError
from bot.posting.publishing.bookmark_feed_builder import BOOKMARKS_ENTRY_KIND
from bot.posting.rendering import buttons, discord_limits
from bot.posting.rendering.layout.blocks import ActionRow, Block, Item, Separator, text_block
from bot.posting.rendering.layout.icons import Icon, emoji_for
from bot.posting.wording.feed_error_sentences import describe_page_error
from bot.posting.wording.post_explanations import find_articles_at
from bot.store.records.people_records import BookmarkFilter
from bot.text import discord_text
from cogs.reading.article_list_pages import PAGE_SIZE, ArticlePage, ArticlePages, share_button
from cogs.reading.bookmarking import (
    already_saved_text,
    bookmark_article,
    has_bookmark,
    mark_read_button,
    note_button,
    require_bookmark_quota,
    save_button,
    save_menu,
    saved_text,
)
from cogs.reading.message_articles import find_message_articles, load_message_articles
from cogs.reading.more_menu import more_button
from cogs.reading.result_pages import results_button, show_all_button, show_similar, similar_articles_button
from cogs.shared import article_cards
from cogs.shared.article_lists import ArticleListItem, make_item_with_lead
from cogs.shared.authorization import load_left_server_ids, user_installable
from cogs.shared.message_links import build_link_options, list_web_links
from cogs.shared.modals import SingleChoiceMenu, TextField, modal_button
from cogs.shared.panels import heading_block
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.published_feeds import feed_address_blocks, require_public_url
from cogs.shared.views import AckMode, ActionButton, Interaction, OwnedView, StringMenu, menu_option


def to_markdown(bookmarks: Iterable[Bookmark]) -> str:
    """Return bookmarks as a Markdown list with the person's notes and tags, with markup in titles escaped."""
    heading = _("Bookmarks")
    lines = [f"# {heading}", ""]
    for bookmark in bookmarks:
        article = bookmark.article
        publication_day = datetime.fromtimestamp(article.published, UTC).date().isoformat()
        outlet = _escape_line(article.outlet)
        byline = f"{outlet}, {publication_day}" if outlet else publication_day
        lines.append(f"- [{_escape_line(article.title) or publication_day}](<{_escape_url(article.url)}>) – {byline}")
        if bookmark.note:
            lines.append(f"  {_escape_line(bookmark.note)}")
        if bookmark.tags:
            separator = "\\\n" if bookmark.note else "\n"  # A backslash before the line's end breaks the line.
            lines[-1] += f"{separator}  " + _("Tags: {tags}").format(tags=", ".join(map(_escape_line, bookmark.tags)))
    return "\n".join(lines) + "\n"


def to_json(bookmarks: Iterable[Bookmark]) -> str:
    """Return bookmarks as a JSON list of objects.

    Keys from the article: `url`, `title`, `source`, `published` (ISO 8601), `language`, `tags`. Keys from
    the bookmark: `saved` (ISO 8601), `note`, `my_tags`, `read` (ISO 8601 or null).
    """
    bookmark_documents = [
        {
            "url": bookmark.article.url,
            "title": bookmark.article.title,
            "source": bookmark.article.outlet,
            "published": format_iso(bookmark.article.published),
            "saved": format_iso(bookmark.created_at),
            "language": bookmark.article.language,
            "tags": list(bookmark.article.tags),
            "note": bookmark.note,
            "my_tags": list(bookmark.tags),
            "read": None if bookmark.read_at is None else format_iso(bookmark.read_at),
        }
        for bookmark in bookmarks
    ]
    return json.dumps(bookmark_documents, ensure_ascii=False, indent=2) + "\n"


def to_netscape_html(bookmarks: Iterable[Bookmark]) -> str:
    """Return bookmarks as a Netscape bookmark file, which all browsers import, with the person's own tags.

    Format:
    https://learn.microsoft.com/previous-versions/windows/internet-explorer/ie-developer/platform-apis/aa753582(v=vs.85)
    """
    lines = [
        "<!DOCTYPE NETSCAPE-Bookmark-file-1>",
        '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">',
        "<TITLE>Bookmarks</TITLE>",
        "<H1>Bookmarks</H1>",
        "<DL><p>",
        "    <DT><H3>Telex</H3>",
        "    <DL><p>",
    ]
    for bookmark in bookmarks:
        article = bookmark.article
        tag_list_text = ",".join(discord_text.to_plain_line(tag).replace(",", " ") for tag in bookmark.tags)
        tags_attribute = f' TAGS="{escape(tag_list_text)}"' if tag_list_text else ""
        title = escape(discord_text.to_plain_line(article.title) or article.url)
        lines.append(
            f'        <DT><A HREF="{escape(article.url)}" ADD_DATE="{bookmark.created_at}"{tags_attribute}>{title}</A>'
        )
        if bookmark.note:
            lines.append(f"        <DD>{escape(discord_text.to_plain_line(bookmark.note))}")
    lines += ["    </DL><p>", "</DL><p>"]
    return "\n".join(lines) + "\n"


def _escape_line(text: str) -> str:
    """Return text as one line with all ASCII punctuation escaped (CommonMark §2.4)."""
    return "".join(
        f"\\{character}" if character.isascii() and not character.isalnum() and character != " " else character
        for character in discord_text.to_plain_line(text)
    )


def _escape_url(url: str) -> str:
    """Return the address, escaped so that it can stand between < and > (CommonMark §6.3)."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]-._|", errors="replace")


class BookmarkFeedPanel(OwnedView):
    """Panel that shows whether a user's bookmarks have a web feed, with buttons to change that."""

    async def render(self, interaction: Interaction, token: str | None = None) -> None:
        """Show whether there is a feed, and its address if `token` is given, the secret part of a new address.

        Raises `UserFacingError` if the bot has no web address.
        """
        public_url = require_public_url(interaction)
        bookmark_feed = await self.store.bookmark_feeds.get_by_user(self.user_id)
        intro = _("For a feed reader, or apps such as Readwise and Wallabag. Your notes aren’t part of it.")
        state_text = (
            _("No address yet.")
            if bookmark_feed is None
            else _("🟢 Address created {when}").format(when=f"<t:{bookmark_feed.created_at}:R>")
        )
        blocks: list[Block] = [
            heading_block(_("Your bookmarks as a feed"), intro),
            text_block("-# " + _("Whoever has the address can read them. Keep it to yourself.")),
            Separator(),
            text_block(state_text),
        ]
        if token is not None:
            label_by_entry_kind = {BOOKMARKS_ENTRY_KIND: ""}
            blocks += feed_address_blocks(public_url, token, label_by_entry_kind)
        if bookmark_feed is None:
            button_row = ActionRow(
                ActionButton(self._create_address, label=_("Create address"), style=discord.ButtonStyle.success)
            )
        else:
            button_row = ActionRow(
                ActionButton(self._create_address, label=_("Replace address")),
                ActionButton(self._delete_address, label=_("Delete address"), style=discord.ButtonStyle.danger),
            )
        await self.display_card(interaction, *blocks, button_row)

    async def _create_address(self, interaction: Interaction) -> None:
        token = await self.store.bookmark_feeds.create_token(self.user_id, language=i18n.current_language())
        await self.render(interaction, token)

    async def _delete_address(self, _interaction: Interaction) -> None:
        await self.store.bookmark_feeds.revoke(self.user_id)


MAX_LINK_LENGTH = 2_000
"""Maximum length in characters of a link that can be saved."""


class LinkSavingCog(PersistentItemCog):
    """Cog of the /save command and of the message menu entry that saves a link."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self.add_message_menu(
            locale_str("Save this link"), save_message_link, locale_str("keep the page that a message links to")
        )

    @app_commands.command(name="save", description=locale_str("Save any web page to your bookmarks"))
    @user_installable
    @app_commands.describe(link=locale_str("Address of the page"))
    async def save(self, interaction: Interaction, link: Range[str, 1, MAX_LINK_LENGTH]) -> None:
        await _save_and_show(interaction, link)


async def save_message_link(interaction: Interaction, message: discord.Message) -> None:
    """Save the page that a message links to; if it has several links, let the user choose one.

    Raises `UserFacingError` if there is no link or the page cannot be read, RequestRejected if it may not be saved or
    the user has too many bookmarks or saved pages.
    """
    links = list_web_links(message)
    if not links:
        raise UserFacingError(_("This message has no link to a web page."))
    if len(links) == 1:
        await _save_and_show(interaction, links[0])
        return

    async def save_chosen_link(click: Interaction, link_index: str) -> None:
        await _save_and_show(click, links[int(link_index)])

    await SingleChoiceMenu(interaction, save_chosen_link, _("Save which link?"), build_link_options(links)).render(
        interaction
    )


async def _save_and_show(interaction: Interaction, link: str) -> None:
    article, sentence = await save_link(interaction, link)
    await article_cards.show_article(interaction, article, notice=sentence)


async def save_link(interaction: Interaction, link: str) -> tuple[Article, str]:
    """Save the page at a link for the user; return its article, and the sentence that confirms it.

    If an article at the link is in a feed that the user can see, it is bookmarked. Raises UserFacingError if the
    page cannot be read, RequestRejected if the link may not be saved or the user has too many bookmarks or saved pages.
    """
    client, user_id = interaction.client, interaction.user.id
    await require_bookmark_quota(client, user_id)
    readable_feed_ids = await client.load_visible_feed_ids(interaction)

    async def find_readable_article(url: str) -> Article | None:
        articles = await find_articles_at(client.store, url)
        return next((article for article in articles if article.feed_id in readable_feed_ids), None)

    try:
        article, is_new_page = await client.services.page_saver.save(
            link, user_id=user_id, find_readable_article=find_readable_article
        )
    except FeedError as error:
        raise UserFacingError(describe_page_error(error.code)) from error
    if is_new_page is None:  # The page is an article of a feed that the user can see.
        is_new_bookmark = await bookmark_article(interaction, article, None)
        return article, saved_text(1) if is_new_bookmark else already_saved_text()
    if not is_new_page:
        return article, already_saved_text()
    if not article.text:
        return article, _("Saved for you alone, but only its title: I found no text on the page.")
    return article, linkify_commands(
        _("Saved for you alone. The text stays in /bookmarks, even if the page goes away.")
    )


_EXPORT_BATCH_SIZE = 500
"""Number of bookmarks that are read from the store at a time."""
_MAX_QUERY_LENGTH = 100
"""Maximum length in UTF-16 units of a query that the heading of the list shows."""
_ALL_FILTER_VALUE, _UNREAD_FILTER_VALUE, _TAG_FILTER_PREFIX = "all", "unread", "tag:"
"""Values of the filter menu for all and for unread bookmarks, and the prefix before the name of a tag to filter by."""
_EXPORT_FORMATS: tuple[tuple[str, Callable[[Sequence[Bookmark]], str]], ...] = (
    ("bookmarks.md", to_markdown),
    ("bookmarks.json", to_json),
    ("bookmarks.html", to_netscape_html),
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
        return ActionButton(lambda _click: mark_read(), label=_("Mark as read") if is_unread else _("Mark as unread"))

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
