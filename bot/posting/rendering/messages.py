"""The type of messages to send, and the rendering of catch-ups, watch notifications and alerts.

A catch-up lists the articles that arrived while posting was not possible. Limits:
https://discord.com/developers/docs/resources/message#embed-object-embed-limits
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
"""Emoji that marks a machine translation; delivery lookups recognise translated posts by it."""
EXCERPT_LENGTH = 350
"""Default maximum length of an article's excerpt, in UTF-16 units before markup is escaped."""
MAX_EXCERPT_LENGTH = 1000
"""Maximum length that a server can choose for the excerpts of posts, in UTF-16 units."""
MAX_PREFIX_LENGTH = 40
"""Maximum length in UTF-16 units of the text that a server can put before the titles of posts."""
MAX_ALERT_LENGTH = 2000
"""Maximum length in UTF-16 units of the text of a feed alert."""
MAX_ARTICLES_PER_NOTIFICATION = 10
"""Maximum number of articles that the notification of a watch (saved search) lists."""
_MAX_QUERY_LENGTH = 100
# https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel
MAX_THREAD_NAME_LENGTH = 100
MAX_URL_LENGTH = 2048
"""Maximum length in UTF-16 units of the URL of a link or picture."""
_MAX_LINE_TITLE_LENGTH = 150
_MAX_LINE_URL_LENGTH = 500
_MAX_SHORT_TEXT_LENGTH = 80
_MAX_CHARS_READ = 4000
"""Maximum number of characters of a text that are processed, so as not to block the event loop."""
_LINK_TERMINATOR_PATTERN = re.compile(r"[\s()<>\\\"\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Picture:
    """PNG picture that is attached to a message, with its alt text as `description`."""

    png_bytes: bytes
    filename: str
    description: str

    def to_file(self) -> discord.File:
        """Return the picture as a new file for one request to Discord."""
        return discord.File(io.BytesIO(self.png_bytes), filename=self.filename, description=self.description)


@dataclass(frozen=True, slots=True)
class Message:
    """Message to send: either an embed with buttons, or a layout, which excludes any other content.

    `name` is the title of the thread that a forum opens, and `tags` are its tags. `mentioned_role_ids` are
    the roles that the message notifies, `mentioned_user_id` is the user; with `is_silent` it notifies nobody.
    `picture` is attached, and shown by the embed or layout. A webhook sends the message as `webhook_identity`.
    """

    name: str
    embed: discord.Embed | None = None
    view: discord.ui.View | None = None
    layout: Layout = ()
    mentioned_role_ids: tuple[int, ...] = ()
    mentioned_user_id: int | None = None
    is_silent: bool = False
    tags: tuple[discord.ForumTag, ...] = ()
    picture: Picture | None = None
    webhook_identity: outlet_branding.WebhookIdentity | None = None

    @property
    def content(self) -> str | None:
        """Text above the embed: the mentions of the roles or the user, or None without any."""
        if self.mentioned_user_id is not None:
            return f"<@{self.mentioned_user_id}>"
        return " ".join(f"<@&{role_id}>" for role_id in self.mentioned_role_ids) or None

    @property
    def allowed_mentions(self) -> discord.AllowedMentions:
        """Mentions of the message that may notify: its roles or its user, and nobody else."""
        mentions = discord.AllowedMentions.none()
        if self.mentioned_role_ids:
            mentions.roles = [discord.Object(role_id) for role_id in self.mentioned_role_ids]
        if self.mentioned_user_id is not None:
            mentions.users = [discord.Object(self.mentioned_user_id)]
        return mentions

    def send_kwargs(self) -> dict[str, Any]:
        """Return the keyword arguments by which discord.py sends or edits the message.

        The text above an embed and an attached picture are not among them. Requires a running event loop.
        """
        if self.layout:
            return {
                "view": layout_views.build_static_view(self.layout),
                "allowed_mentions": self.allowed_mentions,
            }
        return {"embed": self.embed, "view": self.view, "allowed_mentions": self.allowed_mentions}

    def without_picture(self) -> Message:
        """Return a copy without the attached picture; an embed loses its large picture, a layout all its pictures."""
        if self.embed is None:
            return replace(self, layout=blocks.without_images(self.layout), picture=None)
        embed = self.embed.copy()
        embed.set_image(url=None)
        return replace(self, embed=embed, picture=None)

    def iter_variants(self) -> Iterator[Message]:
        """Yield the message, then variants to try if Discord rejects it, each barer than the one before.

        They lack pictures, then also links, then, in a layout, also emoji. Equal variants are left out.
        """
        yield self
        if self.embed is None:
            yield from self._iter_layout_variants()
            return
        embed_without_images = self.embed.copy()
        embed_without_images.set_image(url=None)
        embed_without_images.set_thumbnail(url=None)
        if embed_without_images.author.name:
            embed_without_images.set_author(name=embed_without_images.author.name)
        if embed_without_images.to_dict() != self.embed.to_dict():
            yield replace(self, embed=embed_without_images, picture=None)
        link_buttons = (
            [item for item in self.view.children if blocks.is_link_button(item)] if self.view is not None else []
        )
        if not embed_without_images.url and not link_buttons:
            return
        embed_without_link = embed_without_images.copy()
        embed_without_link.url = None
        view = self.view
        if view is not None and link_buttons:
            view = buttons.view_of_items(*(item for item in view.children if not blocks.is_link_button(item)))
        yield replace(self, embed=embed_without_link, view=view, picture=None)

    def _iter_layout_variants(self) -> Iterator[Message]:
        layout_without_images = blocks.without_images(self.layout)
        if layout_without_images != self.layout:
            yield replace(self, layout=layout_without_images, picture=None)
        layout_without_links = blocks.without_link_buttons(layout_without_images)
        if layout_without_links != layout_without_images:
            yield replace(self, layout=layout_without_links, picture=None)
        layout_without_emoji = blocks.without_emoji(layout_without_links)
        if layout_without_emoji != layout_without_links:
            yield replace(self, layout=layout_without_emoji, picture=None)


def catch_up_message(dedupe_key: str, articles: Sequence[Article], *, language: str) -> Message:
    """Return the message of a catch-up: the newest articles that fit, a menu, and a button for the rest.

    A catch-up lists the articles that arrived while posting was not possible. `articles` are oldest first.
    """
    with i18n.language_scope(language):
        article_count = len(articles)
        title = format_count(
            "{count} article arrived in the meantime",
            "{count} articles arrived in the meantime",
            article_count,
        )
        card = Card(
            (
                blocks.text_block(f"### {title}"),
                blocks.text_block(_article_list_markup(articles)),
                ActionRow(buttons.save_menu(dedupe_key, articles)),
                ActionRow(buttons.SHOW_ALL_BUTTON(dedupe_key)),
            ),
            outlet_branding.DEFAULT_COLOUR,
        )
        return Message(name=discord_text.to_plain_line(title, MAX_THREAD_NAME_LENGTH), layout=(card,))


def watch_notification_message(
    dedupe_key: str, query: str, articles: Sequence[Article], *, server_name: str | None, language: str
) -> Message:
    """Return the notification of a watch (saved search): one article with its excerpt, or a list, newest first.

    `articles` are oldest first; the list has at most the newest `MAX_ARTICLES_PER_NOTIFICATION`. `server_name` is the
    name of the server with the feeds, for a person who reads the message outside that server; else None.
    """
    with i18n.language_scope(language):
        title_template = _("New for “{query}”")
        query_text = discord_text.to_plain_line(query, _MAX_QUERY_LENGTH)
        embed = discord.Embed(
            colour=outlet_branding.DEFAULT_COLOUR,
            title=title_template.format(query=discord_text.escape_markdown(query_text)),
        )
        if server_name is not None:
            embed.set_footer(
                text=_("From feeds in {server}").format(
                    server=discord_text.to_plain_line(server_name, _MAX_SHORT_TEXT_LENGTH)
                )
            )
        if len(articles) == 1:
            (article,) = articles
            embed.description = f"{_article_line_markup(article)[2:]}\n{excerpt_markup(article)}".strip()
            embed.set_image(url=usable_image_url(article.image_url))
            embed.timestamp = to_datetime(article.published)
            view = buttons.view_of_items(
                buttons.save_button(article.key),
                buttons.make_link_button(article.url),
                buttons.mute_story_button(article.key),
                buttons.STOP_WATCH_BUTTON(dedupe_key),
            )
        else:
            article_lines = [
                _article_line_markup(article) for article in reversed(articles[-MAX_ARTICLES_PER_NOTIFICATION:])
            ]
            omitted_count = len(articles) - len(article_lines)
            if omitted_count:
                omitted_template = linkify_commands(
                    ngettext(
                        "+{count} more in /search",
                        "+{count} more in /search",
                        omitted_count,
                    )
                )
                article_lines.append(omitted_template.format(count=format_number(omitted_count)))
            embed.description = "\n".join(article_lines)
            view = buttons.view_of_items(
                buttons.save_menu(dedupe_key, articles[-MAX_ARTICLES_PER_NOTIFICATION:]),
                buttons.MUTE_CHOICE_BUTTON(),
                buttons.STOP_WATCH_BUTTON(dedupe_key),
            )
        return Message(
            discord_text.to_plain_line(title_template.format(query=query_text), MAX_THREAD_NAME_LENGTH),
            embed,
            view,
        )


def feed_alert_message(text: str) -> Message:
    """Return the message of an alert about a feed, such as that it fails or has recovered, with the given text."""
    sentence = discord_text.to_plain_line(text)
    return Message(
        name=discord_text.to_plain_line(sentence, MAX_THREAD_NAME_LENGTH),
        embed=discord.Embed(
            colour=outlet_branding.DEFAULT_COLOUR, description=escape_to_fit(sentence, MAX_ALERT_LENGTH)
        ),
    )


def status_lines_markup(article: Article) -> str:
    """Return lines of markup on an article's retraction, correction and translation; "" if there are none."""
    status_lines = []
    if article.retracted_at is not None:
        status_lines.append(
            _("⚠️ Apparently withdrawn by the publisher {when}").format(when=f"<t:{article.retracted_at}:R>")
        )
    elif article.corrected_at is not None:
        status_lines.append(_("✏️ Corrected {when}").format(when=f"<t:{article.corrected_at}:R>"))
    if article.translated_from is not None:
        language_names = Locale.parse(i18n.current_language()).languages
        language = language_names.get(article.translated_from, article.translated_from)
        line = _("Machine translation ({language})").format(language=language)
        status_lines.append(f"{TRANSLATION_MARK} {line}")
    return "\n".join(f"-# {line}" for line in status_lines)


def format_title(article: Article) -> str:
    """Return the plain title of an article; if it has none, the first words of its text, else its URL, else "…"."""
    title = discord_text.to_plain_line(article.title[:_MAX_CHARS_READ])
    lead_text = (article.summary or article.body)[:_MAX_CHARS_READ]
    return (
        title
        or discord_text.to_plain_line(lead_text, _MAX_SHORT_TEXT_LENGTH)
        or discord_text.to_plain_line(article.url[:_MAX_CHARS_READ])
        or discord_text.ELLIPSIS
    )


def plain_excerpt(article: Article, length: int) -> str:
    """Return the plain beginning of an article's text; "" if there is none, or it only repeats the title.

    `length` is the maximum in UTF-16 units.
    """
    return excerpts.make_lead_excerpt((article.summary, article.body), format_title(article), length)


def excerpt_markup(article: Article, length: int = EXCERPT_LENGTH, *, max_sentences: int | None = None) -> str:
    """Return an article's excerpt with its markup escaped.

    `length` is the maximum in UTF-16 units before escaping. `max_sentences` limits the number of sentences,
    unless it is None.
    """
    plain_text = plain_excerpt(article, length)
    return discord_text.escape_markdown(
        plain_text if max_sentences is None else " ".join(excerpts.split_sentences(plain_text)[:max_sentences])
    )


def _article_list_markup(articles: Sequence[Article]) -> str:
    """Return a list of the newest articles that fit, newest first, and the number of omitted articles."""
    reserved_length = 300  # UTF-16 units for the heading and the number of older articles
    article_lines: list[str] = []
    remaining_length = fitting.MAX_TEXT_LENGTH - reserved_length
    for article in reversed(articles):
        line = _article_line_markup(article)
        remaining_length -= discord_text.count_utf16_units(line) + 1
        if remaining_length < 0:
            break
        article_lines.append(line)
    omitted_count = len(articles) - len(article_lines)
    if omitted_count:
        omitted_template = ngettext("and {count} older one", "and {count} older ones", omitted_count)
        article_lines.append(omitted_template.format(count=format_number(omitted_count)))
    return "\n".join(article_lines)


def _article_line_markup(article: Article) -> str:
    linked_title = link_markup(
        discord_text.to_markdown_line(format_title(article), _MAX_LINE_TITLE_LENGTH), article.url
    )
    outlet = discord_text.to_markdown_line(article.outlet, _MAX_SHORT_TEXT_LENGTH)
    return f"• {linked_title} · {outlet}" if outlet else f"• {linked_title}"


def link_markup(text: str, url: str, max_length: int = _MAX_LINE_URL_LENGTH) -> str:
    """Return the text as a link; only the text if Discord would reject the URL or it is too long.

    `text` must be escaped markup.
    """
    link_url = safe_url(url, max_length)
    return f"[{text}]({link_url})" if link_url else text


def safe_url(url: str, max_length: int = MAX_URL_LENGTH) -> str:
    """Return a URL escaped for a link in markup; "" if Discord would reject it or it is too long."""
    escaped_url = _LINK_TERMINATOR_PATTERN.sub(lambda match: quote(match[0]), url)
    return escaped_url if buttons.is_web_url(url) and discord_text.count_utf16_units(escaped_url) <= max_length else ""


def escape_to_fit(text: str, max_length: int) -> str:
    """Return the text with its markup escaped, cut to at most `max_length` UTF-16 units."""
    plain_length = max_length
    escaped_text = discord_text.to_markdown_line(text, plain_length)
    while discord_text.count_utf16_units(escaped_text) > max_length:
        plain_length -= discord_text.count_utf16_units(escaped_text) - max_length
        escaped_text = discord_text.to_markdown_line(text, max(plain_length, 1))
    return escaped_text


def usable_image_url(url: str | None) -> str | None:
    """Return the URL of a picture; None if there is none or Discord would reject it."""
    return url if url and buttons.is_web_url(url) and discord_text.count_utf16_units(url) <= MAX_URL_LENGTH else None


def image_block(article: Article) -> blocks.Image | None:
    """Return a block with an article's picture; None if it has none or Discord would reject its URL."""
    url = usable_image_url(article.image_url)
    return blocks.Image(url, format_title(article)) if url else None


def to_datetime(timestamp: int) -> datetime:
    """Convert a Unix time in seconds to an aware datetime in UTC."""
    return datetime.fromtimestamp(timestamp, UTC)
