"""Display of articles as text, as menu options and as cards."""

import re
import textwrap
from collections.abc import Sequence

import discord

from bot.client import interaction_context
from bot.core.i18n import _
from bot.core.models import Article, DispatchState
from bot.core.user_models import Bookmark, is_saved_page
from bot.posting.rendering import buttons, messages
from bot.posting.rendering.layout import outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Gallery, text_block
from bot.text import discord_text
from bot.text.characters import strip_invisible
from cogs.shared.authorization import load_left_server_ids
from cogs.shared.paging import PagedMixin
from cogs.shared.views import Interaction, OwnedView, menu_option, reply

_MAX_TITLE_LENGTH = 150
"""Maximum length in UTF-16 units of the title of an article."""
_MAX_POST_LINKS = 5
"""Maximum number of posts of an article to which its card links."""
_MAX_PAGE_LENGTH = 2_400
"""Maximum length of a page of an article's text, in UTF-16 code units.

A message holds 4,000, including title, note and links.
"""
_MAX_PIECE_LENGTH = 600
"""Maximum length in characters of a piece into which text is split before it is escaped.

Escaping makes it at most four times as long.
"""
_BOLD_SENTINEL = "\ue000"
"""Private-use character that stands for `**` while a text is escaped."""

Spans = Sequence[tuple[int, int]]
"""Pairs of the start and end of parts of a text, as character offsets, sorted and without overlaps."""


def bold_spans(text: str, spans: Spans) -> str:
    """Return a text as markup on one line, escaped, with the given spans of the text in bold."""
    text = text.replace(_BOLD_SENTINEL, " ")
    text_parts: list[str] = []
    position = 0
    for span_start, span_end in spans:
        text_parts += [text[position:span_start], _BOLD_SENTINEL, text[span_start:span_end], _BOLD_SENTINEL]
        position = span_end
    text_parts.append(text[position:])
    return discord_text.escape_markdown(strip_invisible(re.sub(r"\s+", " ", "".join(text_parts)))).replace(
        _BOLD_SENTINEL, "**"
    )


def display_title(article: Article) -> str:
    """Return the title of an article as one escaped line, or a placeholder if there is no title."""
    return discord_text.to_markdown_line(article.title, _MAX_TITLE_LENGTH) or _("Untitled")


def title_variants(article: Article) -> tuple[str, str]:
    """Return two variants of an article's title: as a link to the article, and, shorter, without the link."""
    title_text = display_title(article)
    return messages.link_markup(title_text, article.url), title_text


def quoted_heading(text: str, max_length: int) -> str:
    """Return a user's text for a heading: quoted, escaped, on one line and cut to `max_length` UTF-16 units."""
    return _("“{text}”").format(text=discord_text.to_markdown_line(text, max_length))


def article_option(article: Article) -> discord.SelectOption:
    """Return the menu option of an article; its value is the article's key."""
    return menu_option(discord_text.to_plain_line(article.title) or _("Untitled"), article.key, article.outlet)


async def show_article(interaction: Interaction, article: Article, *, notice: str = "") -> None:
    """Show an article with its actions in the reply to an interaction.

    `notice` is shown before the card. Without a notice, an article that the user has bookmarked is shown with
    the whole stored text, in pages if necessary.
    """
    own_bookmark = await _load_bookmark(interaction, article)
    if own_bookmark is not None and not notice and len(text_pages(article)) > 1:
        await BookmarkTextPages(interaction, article).render(interaction)
        return
    post_links_markup = await load_post_links(interaction, article)
    body_markup = text_pages(article)[0] if own_bookmark is not None and not notice else ""
    is_in_server = not interaction_context.is_dm(interaction)
    card = article_card(
        article,
        bookmark=own_bookmark,
        post_links_markup=post_links_markup,
        is_in_server=is_in_server,
        body_markup=body_markup,
    )
    await reply(interaction, (*([text_block(notice)] if notice else []), card))


async def _load_bookmark(interaction: Interaction, article: Article) -> Bookmark | None:
    bookmarks_repository, hidden_server_ids = (
        interaction.client.store.bookmarks,
        await load_left_server_ids(interaction),
    )
    return await bookmarks_repository.get(interaction.user.id, article.id, hidden_server_ids=hidden_server_ids)


class BookmarkTextPages(PagedMixin, OwnedView):
    """View that shows the stored text of a bookmarked article page by page."""

    def __init__(self, interaction: Interaction, article: Article) -> None:
        super().__init__(interaction)
        self._article = article
        self._page_texts = text_pages(article)

    async def render(self, interaction: Interaction) -> None:
        own_bookmark = await _load_bookmark(interaction, self._article)
        card = article_card(
            self._article,
            bookmark=own_bookmark,
            post_links_markup=await load_post_links(interaction, self._article),
            is_in_server=not interaction_context.is_dm(interaction),
            body_markup=self._page_texts[self.page_index] if own_bookmark is not None else "",
        )
        page_count = len(self._page_texts)
        button_row = (
            ActionRow(*self.page_buttons(has_more=self.page_index + 1 < page_count, page_count_label=page_count))
            if own_bookmark is not None
            else ActionRow()
        )
        await self.display(interaction, (card, button_row))


def text_pages(article: Article) -> list[str]:
    """Return the stored text of an article, split into escaped pages that fit in a message.

    An article without text has one empty page.
    """
    pages = [""]
    for paragraph in (article.body or article.summary).splitlines():
        for piece_number, text_piece in enumerate(
            textwrap.wrap(discord_text.to_plain_line(paragraph), _MAX_PIECE_LENGTH)
        ):
            escaped_piece = discord_text.escape_markdown(text_piece)
            if (
                pages[-1]
                and discord_text.count_utf16_units(pages[-1])
                + len("\n\n")
                + discord_text.count_utf16_units(escaped_piece)
                > _MAX_PAGE_LENGTH
            ):
                pages.append(escaped_piece)
            else:
                pages[-1] += (" " if piece_number else "\n\n" if pages[-1] else "") + escaped_piece
    return pages


def article_card(
    article: Article,
    *,
    bookmark: Bookmark | None = None,
    post_links_markup: str = "",
    is_in_server: bool = False,
    is_shared: bool = False,
    body_markup: str = "",
) -> Card:
    """Return the card of an article, in the current language.

    `body_markup`, unless it is "", replaces the excerpt. `bookmark` is the user's bookmark of the article;
    `post_links_markup` links its posts. Buttons that need a server appear if `is_in_server` is set; with `is_shared`
    the card has fewer buttons, because everyone reads it.
    """
    detail_lines = [messages.status_lines_markup(article)]
    if bookmark is not None:
        detail_lines += ["\n".join(filter(None, (bookmark_line(bookmark), note_line(bookmark))))]
    if post_links_markup:
        detail_lines.append("-# " + _("Posted in this server: {links}").format(links=post_links_markup))
    picture = messages.image_block(article)
    return Card(
        (
            outlet_branding.byline_block(article),
            text_block(*(f"### {variant}" for variant in title_variants(article))),
            text_block(body_markup or messages.excerpt_markup(article)),
            *([Gallery((picture,))] if picture is not None else []),
            *(text_block(line) for line in detail_lines),
            ActionRow(
                buttons.save_button(article.key) if bookmark is None else None,
                *buttons.make_open_buttons(article),
                buttons.SHARE_BUTTON(article.key)
                if is_in_server and not (is_shared or is_saved_page(article))
                else None,
                buttons.MORE_LIKE_BUTTON(article.key) if is_in_server or is_shared else None,
            ),
            *(
                [
                    ActionRow(
                        buttons.NOTE_BUTTON(article.key),
                        buttons.mark_read_button(article.key, mark_as_read=bookmark.read_at is None),
                        buttons.remove_bookmark_button(article.key),
                    )
                ]
                if bookmark is not None
                else []
            ),
        ),
        outlet_branding.outlet_colour(article.feed_id, article.outlet),
    )


def note_line(bookmark: Bookmark) -> str:
    """Return the note of a bookmark as a quotation, or "" if there is no note."""
    note_text = discord_text.to_markdown_line(bookmark.note)
    return f"> {note_text}" if note_text else ""


def bookmark_line(bookmark: Bookmark) -> str:
    """Return a line in small type with the read state, the time and the tags of a bookmark."""
    tag_texts = [discord_text.escape_markdown(f"#{discord_text.to_plain_line(tag)}") for tag in bookmark.tags]
    read_label = _("read") if bookmark.read_at is not None else _("unread")
    saved_label = _("saved {when}").format(when=f"<t:{bookmark.created_at}:R>")
    return "-# " + " · ".join((read_label, saved_label, *tag_texts))


async def load_post_links(interaction: Interaction, article: Article) -> str:
    """Return the URLs, separated by spaces, of the posts of an article in this server that the user can see.

    There are at most `_MAX_POST_LINKS`. Returns "" if there are none.
    """
    member = interaction_context.get_home_member(interaction)
    if member is None:
        return ""
    guild = member.guild
    post_urls: list[str] = []
    for dispatch in await interaction.client.store.dispatches.list_sent_for_article(article.id):
        channel_id = dispatch.thread_id or dispatch.channel_id
        if dispatch.server_id != guild.id or dispatch.message_id is None or dispatch.state is not DispatchState.SENT:
            continue
        if await interaction.client.can_view(guild, member, channel_id):
            post_urls.append(f"https://discord.com/channels/{guild.id}/{channel_id}/{dispatch.message_id}")
        if len(post_urls) == _MAX_POST_LINKS:
            break
    return " ".join(post_urls)
