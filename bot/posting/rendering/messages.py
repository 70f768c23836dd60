"""What is sent, and how a catch-up and a notice look, within Discord's limits whatever the text.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import discord
from babel import Locale

from bot.core import i18n
from bot.core.i18n import _, format_count, format_number, linkify_commands, ngettext
from bot.core.models import Article
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, fitting, layout_views, outlet_branding
from bot.posting.rendering.layout.blocks import ActionRow, Card, Layout
from bot.text import discord_text, excerpts

TRANSLATION_MARK = "🌐"
"""Stands in posts whose title is not the publisher's: what is read back knows them by it."""
EXCERPT_LENGTH = 350  # UTF-16 units before markup is escaped
MAX_EXCERPT_LENGTH = 1000
MAX_PREFIX_LENGTH = 40
MAX_NOTICE_LENGTH = 2000
MAX_ARTICLES_PER_NOTICE = 10
"""Articles that one notice of a watch names."""
_MAX_QUERY_LENGTH = 100
# https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel
MAX_THREAD_NAME_LENGTH = 100
MAX_URL_LENGTH = 2048
"""Of a link or a picture."""
_MAX_LINE_TITLE_LENGTH = 150
_MAX_LINE_URL_LENGTH = 500
_MAX_SHORT_TEXT_LENGTH = 80  # of a text that stands in for a missing title
_MAX_CHARS_READ = 4000  # characters of a text: all of a long one would hold the event loop
_LINK_TERMINATORS = re.compile(r"[\s()<>\\\"\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG picture that goes with a message, and what it shows in words."""

    data: bytes
    filename: str
    description: str

    def file(self) -> discord.File:
        """As it is sent; once."""
        return discord.File(io.BytesIO(self.data), filename=self.filename, description=self.description)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: an embed with a row of buttons or a menu, or a layout; a layout is all of its message.

    `name` is that of the thread that a forum opens, `mention` the id of a role that is told of it, `tags` are
    those that a post in a forum gets. Embed or layout show the `picture` where there is one. A webhook sends
    it under its `signature`.
    """

    name: str
    embed: discord.Embed | None = None
    view: discord.ui.View | None = None
    layout: Layout = ()
    mentioned_role_id: int | None = None
    tags: tuple[discord.ForumTag, ...] = ()
    picture: Picture | None = None
    webhook_identity: outlet_branding.WebhookIdentity | None = None

    @property
    def content(self) -> str | None:
        """The text above the embed."""
        return None if self.mentioned_role_id is None else f"<@&{self.mentioned_role_id}>"

    @property
    def allowed_mentions(self) -> discord.AllowedMentions:
        """Nobody but the role."""
        allowed = discord.AllowedMentions.none()
        if self.mentioned_role_id is not None:
            allowed.roles = [discord.Object(self.mentioned_role_id)]
        return allowed

    def send_kwargs(self) -> dict[str, Any]:
        """What goes into a message and into its edits, as discord.py names it; within an event loop."""
        if self.layout:
            return {"view": layout_views.static_view(self.layout), "allowed_mentions": self.allowed_mentions}
        return {"embed": self.embed, "view": self.view, "allowed_mentions": self.allowed_mentions}

    def without_picture(self) -> Message:
        """The same in words alone."""
        if self.embed is None:
            return replace(self, layout=blocks.without_images(self.layout), picture=None)
        embed = self.embed.copy()
        embed.set_image(url=None)
        return replace(self, embed=embed, picture=None)

    def fallbacks(self) -> Iterator[Message]:
        """The message, then barer ones for when Discord refuses an address in it: no pictures, no links."""
        yield self
        if self.embed is None:
            yield from self._layout_fallbacks()
            return
        bare = self.embed.copy()
        bare.set_image(url=None)
        bare.set_thumbnail(url=None)
        if bare.author.name:
            bare.set_author(name=bare.author.name)
        if bare.to_dict() != self.embed.to_dict():
            yield replace(self, embed=bare, picture=None)
        links = [item for item in self.view.children if blocks.is_link(item)] if self.view is not None else []
        if not bare.url and not links:
            return
        unlinked = bare.copy()
        unlinked.url = None
        view = self.view
        if view is not None and links:
            view = buttons.view_of_items(*(item for item in view.children if not blocks.is_link(item)))
        yield replace(self, embed=unlinked, view=view, picture=None)

    def _layout_fallbacks(self) -> Iterator[Message]:
        bare = blocks.without_images(self.layout)
        if bare != self.layout:
            yield replace(self, layout=bare, picture=None)
        unlinked = blocks.without_links(bare)
        if unlinked != bare:
            yield replace(self, layout=unlinked, picture=None)
        plain = blocks.without_emoji(unlinked)
        if plain != unlinked:
            yield replace(self, layout=plain, picture=None)


def catch_up(dedupe_key: str, articles: Sequence[Article], *, language: str) -> Message:
    """One message for many articles: the newest that fit, a menu to keep some, a button to see them all."""
    with i18n.language_scope(language):
        count = len(articles)
        title = format_count(
            "{count} article arrived in the meantime", "{count} articles arrived in the meantime", count
        )
        card = Card(
            (
                blocks.text(f"### {title}"),
                blocks.text(_lines(articles)),
                ActionRow(buttons.save_menu(dedupe_key, articles)),
                ActionRow(buttons.show_all(dedupe_key)),
            ),
            outlet_branding.DEFAULT_COLOUR,
        )
        return Message(name=discord_text.to_plain_line(title, MAX_THREAD_NAME_LENGTH), layout=(card,))


def watch_notice(
    dedupe_key: str, query: str, articles: Sequence[Article], *, server: str | None, language: str
) -> Message:
    """What a watch found, newest first: one article with its excerpt, of several as many as can be read.

    `articles` are oldest first. `server` is the name of the one whose feeds they come from, where the reader
    is not in it.
    """
    with i18n.language_scope(language):
        title = _("New for “{query}”")
        shown = discord_text.to_plain_line(query, _MAX_QUERY_LENGTH)
        embed = discord.Embed(
            colour=outlet_branding.DEFAULT_COLOUR,
            title=title.format(query=discord_text.escape_markdown(shown)),
        )
        if server is not None:
            embed.set_footer(
                text=_("From feeds in {server}").format(
                    server=discord_text.to_plain_line(server, _MAX_SHORT_TEXT_LENGTH)
                )
            )
        if len(articles) == 1:
            (article,) = articles
            embed.description = f"{_line(article)[2:]}\n{excerpt(article)}".strip()
            embed.set_image(url=usable_image_url(article.image))
            embed.timestamp = as_datetime(article.published)
            view = buttons.view_of_items(
                buttons.save_button(article.key),
                buttons.open_link_button(article.url),
                buttons.stop(dedupe_key),
            )
        else:
            lines = [_line(article) for article in reversed(articles[-MAX_ARTICLES_PER_NOTICE:])]
            left_out = len(articles) - len(lines)
            if left_out:
                more = linkify_commands(
                    ngettext(
                        "+{count} more in /search",
                        "+{count} more in /search",
                        left_out,
                    )
                )
                lines.append(more.format(count=format_number(left_out)))
            embed.description = "\n".join(lines)
            view = buttons.view_of_items(
                buttons.save_menu(dedupe_key, articles[-MAX_ARTICLES_PER_NOTICE:]), buttons.stop(dedupe_key)
            )
        return Message(
            discord_text.to_plain_line(title.format(query=shown), MAX_THREAD_NAME_LENGTH), embed, view
        )


def notice(text: str) -> Message:
    """A plain sentence to a channel: a feed broke, or is back."""
    sentence = discord_text.to_plain_line(text)
    return Message(
        name=discord_text.to_plain_line(sentence, MAX_THREAD_NAME_LENGTH),
        embed=discord.Embed(
            colour=outlet_branding.DEFAULT_COLOUR, description=escape_to_fit(sentence, MAX_NOTICE_LENGTH)
        ),
    )


def status_lines(article: Article) -> str:
    """Small lines of markup on what became of an article after it was found; "" for most."""
    said = []
    if article.retracted is not None:
        said.append(
            _("⚠️ Apparently withdrawn by the publisher {when}").format(when=f"<t:{article.retracted}:R>")
        )
    elif article.corrected is not None:
        said.append(_("✏️ Corrected {when}").format(when=f"<t:{article.corrected}:R>"))
    if article.translated_from is not None:
        names = Locale.parse(i18n.current_language()).languages
        language = names.get(article.translated_from, article.translated_from)
        line = _("Machine translation ({language})").format(language=language)
        said.append(f"{TRANSLATION_MARK} {line}")
    return "\n".join(f"-# {line}" for line in said)


def title_of(article: Article) -> str:
    """The title, plain; where there is none the first words of the text, else the address."""
    title = discord_text.to_plain_line(article.title[:_MAX_CHARS_READ])
    text = (article.summary or article.body)[:_MAX_CHARS_READ]
    return (
        title
        or discord_text.to_plain_line(text, _MAX_SHORT_TEXT_LENGTH)
        or discord_text.to_plain_line(article.url[:_MAX_CHARS_READ])
        or discord_text.ELLIPSIS
    )


def plain_excerpt(article: Article, length: int) -> str:
    """The beginning of an article's text in `utf16_length` UTF-16 units, plain; "" where it is the title."""
    return excerpts.lead_excerpt((article.summary, article.body), title_of(article), length)


def excerpt(article: Article, length: int = EXCERPT_LENGTH, *, max_sentences: int | None = None) -> str:
    """The same with its markup escaped; `most` says how many sentences at most."""
    shown = plain_excerpt(article, length)
    return discord_text.escape_markdown(
        shown if max_sentences is None else " ".join(excerpts.sentences(shown)[:max_sentences])
    )


def _lines(articles: Sequence[Article]) -> str:
    """The newest articles that fit, oldest of them first, after how many are left out."""
    reserve = 300  # for the heading and the line about the rest
    lines: list[str] = []
    free = fitting.MAX_TEXT_LENGTH - reserve
    for article in reversed(articles):
        line = _line(article)
        free -= discord_text.utf16_length(line) + 1
        if free < 0:
            break
        lines.append(line)
    left_out = len(articles) - len(lines)
    if left_out:
        more = ngettext("and {count} older one", "and {count} older ones", left_out)
        lines.append(more.format(count=format_number(left_out)))
    return "\n".join(lines)


def _line(article: Article) -> str:
    title = linked(discord_text.to_markdown_line(title_of(article), _MAX_LINE_TITLE_LENGTH), article.url)
    outlet = discord_text.to_markdown_line(article.outlet, _MAX_SHORT_TEXT_LENGTH)
    return f"• {title} · {outlet}" if outlet else f"• {title}"


def linked(text: str, url: str, longest: int = _MAX_LINE_URL_LENGTH) -> str:
    """A text that was made harmless as a link, where Discord takes the address and it is not too long."""
    found = safe_url(url, longest)
    return f"[{text}]({found})" if found else text


def safe_url(url: str, longest: int = MAX_URL_LENGTH) -> str:
    """An address as it can stand in a link; "" where Discord takes it not, or where it is longer."""
    found = _LINK_TERMINATORS.sub(lambda match: quote(match[0]), url)
    return found if buttons.is_link(url) and discord_text.utf16_length(found) <= longest else ""


def escape_to_fit(text: str, limit: int) -> str:
    """Text with its markup escaped, cut so that the escaped form fits."""
    room = limit
    escaped = discord_text.to_markdown_line(text, room)
    while discord_text.utf16_length(escaped) > limit:
        room -= discord_text.utf16_length(escaped) - limit
        escaped = discord_text.to_markdown_line(text, max(room, 1))
    return escaped


def usable_image_url(url: str | None) -> str | None:
    """The address of a picture; None where Discord takes no such."""
    return url if url and buttons.is_link(url) and discord_text.utf16_length(url) <= MAX_URL_LENGTH else None


def image_block(article: Article) -> blocks.Image | None:
    """An article's picture, where Discord shows it."""
    url = usable_image_url(article.image)
    return blocks.Image(url, title_of(article)) if url else None


def as_datetime(seconds: int) -> datetime:
    """A time as discord.py wants it."""
    return datetime.fromtimestamp(seconds, UTC)
