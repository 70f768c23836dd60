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

from bot.core import locale
from bot.core.locale import _, amount, clickable, counted, ngettext
from bot.core.models import Article
from bot.posting.rendering import buttons
from bot.posting.rendering.layout import blocks, fitting, layout_views, outlets
from bot.posting.rendering.layout.blocks import Card, Layout, Row
from bot.text import excerpts, safe

TRANSLATED = "🌐"
"""Stands in posts whose title is not the publisher's: what is read back knows them by it."""
EXCERPT = 350  # UTF-16 units before markup is escaped
LONGEST_EXCERPT = 1000
LONGEST_PREFIX = 40
NOTICE = 2000
MOST_TOLD = 10
"""Articles that one notice of a watch names."""
_QUERY = 100
# https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel
THREAD_NAME = 100
URL = 2048
"""Of a link or a picture."""
_LINE_TITLE = 150
_LINE_URL = 500
_SHORT = 80  # of a text that stands in for a missing title
_BEGINNING = 4000  # characters of a text: all of a long one would hold the event loop
_ENDS_A_LINK = re.compile(r"[\s()<>\\\"\x00-\x1f\x7f]")


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
    mention: int | None = None
    tags: tuple[discord.ForumTag, ...] = ()
    picture: Picture | None = None
    signature: outlets.Signature | None = None

    @property
    def content(self) -> str | None:
        """The text above the embed."""
        return None if self.mention is None else f"<@&{self.mention}>"

    @property
    def allowed_mentions(self) -> discord.AllowedMentions:
        """Nobody but the role."""
        allowed = discord.AllowedMentions.none()
        if self.mention is not None:
            allowed.roles = [discord.Object(self.mention)]
        return allowed

    def body(self) -> dict[str, Any]:
        """What goes into a message and into its edits, as discord.py names it; within an event loop."""
        if self.layout:
            return {"view": layout_views.static(self.layout), "allowed_mentions": self.allowed_mentions}
        return {"embed": self.embed, "view": self.view, "allowed_mentions": self.allowed_mentions}

    def without_picture(self) -> Message:
        """The same in words alone."""
        if self.embed is None:
            return replace(self, layout=blocks.without_pictures(self.layout), picture=None)
        embed = self.embed.copy()
        embed.set_image(url=None)
        return replace(self, embed=embed, picture=None)

    def attempts(self) -> Iterator[Message]:
        """The message, then barer ones for when Discord refuses an address in it: no pictures, no links."""
        yield self
        if self.embed is None:
            yield from self._barer_layouts()
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
            view = buttons.row(*(item for item in view.children if not blocks.is_link(item)))
        yield replace(self, embed=unlinked, view=view, picture=None)

    def _barer_layouts(self) -> Iterator[Message]:
        bare = blocks.without_pictures(self.layout)
        if bare != self.layout:
            yield replace(self, layout=bare, picture=None)
        unlinked = blocks.without_links(bare)
        if unlinked != bare:
            yield replace(self, layout=unlinked, picture=None)
        plain = blocks.without_emoji(unlinked)
        if plain != unlinked:
            yield replace(self, layout=plain, picture=None)


def catch_up(what: str, articles: Sequence[Article], *, language: str) -> Message:
    """One message for many articles: the newest that fit, a menu to keep some, a button to see them all."""
    with locale.use(language):
        count = len(articles)
        title = counted(
            "{count} article arrived in the meantime", "{count} articles arrived in the meantime", count
        )
        card = Card(
            (
                blocks.text(f"### {title}"),
                blocks.text(_lines(articles)),
                Row(buttons.pick(what, articles)),
                Row(buttons.show_all(what)),
            ),
            outlets.COLOUR,
        )
        return Message(name=safe.plain(title, THREAD_NAME), layout=(card,))


def watch(
    what: str, query: str, articles: Sequence[Article], *, server: str | None, language: str
) -> Message:
    """What a watch found, newest first: one article with its excerpt, of several as many as can be read.

    `articles` are oldest first. `server` is the name of the one whose feeds they come from, where the reader
    is not in it.
    """
    with locale.use(language):
        title = _("New for “{query}”")
        shown = safe.plain(query, _QUERY)
        embed = discord.Embed(colour=outlets.COLOUR, title=title.format(query=safe.markdown(shown)))
        if server is not None:
            embed.set_footer(text=_("From feeds in {server}").format(server=safe.plain(server, _SHORT)))
        if len(articles) == 1:
            (article,) = articles
            embed.description = f"{_line(article)[2:]}\n{excerpt(article)}".strip()
            embed.set_image(url=picture_url(article.image))
            embed.timestamp = moment(article.published)
            view = buttons.row(buttons.save(article.key), buttons.read(article.url), buttons.stop(what))
        else:
            lines = [_line(article) for article in reversed(articles[-MOST_TOLD:])]
            left_out = len(articles) - len(lines)
            if left_out:
                more = clickable(
                    ngettext(
                        "+{count} more in /search",
                        "+{count} more in /search",
                        left_out,
                    )
                )
                lines.append(more.format(count=amount(left_out)))
            embed.description = "\n".join(lines)
            view = buttons.row(buttons.pick(what, articles[-MOST_TOLD:]), buttons.stop(what))
        return Message(safe.plain(title.format(query=shown), THREAD_NAME), embed, view)


def notice(text: str) -> Message:
    """A plain sentence to a channel: a feed broke, or is back."""
    sentence = safe.plain(text)
    return Message(
        name=safe.plain(sentence, THREAD_NAME),
        embed=discord.Embed(colour=outlets.COLOUR, description=fit(sentence, NOTICE)),
    )


def mark(article: Article) -> str:
    """Small lines of markup on what became of an article after it was found; "" for most."""
    said = []
    if article.retracted is not None:
        said.append(
            _("⚠️ Apparently withdrawn by the publisher {when}").format(when=f"<t:{article.retracted}:R>")
        )
    elif article.corrected is not None:
        said.append(_("✏️ Corrected {when}").format(when=f"<t:{article.corrected}:R>"))
    if article.translated_from is not None:
        names = Locale.parse(locale.current()).languages
        language = names.get(article.translated_from, article.translated_from)
        line = _("Machine translation ({language})").format(language=language)
        said.append(f"{TRANSLATED} {line}")
    return "\n".join(f"-# {line}" for line in said)


def title_of(article: Article) -> str:
    """The title, plain; where there is none the first words of the text, else the address."""
    title = safe.plain(article.title[:_BEGINNING])
    text = (article.summary or article.body)[:_BEGINNING]
    return title or safe.plain(text, _SHORT) or safe.plain(article.url[:_BEGINNING]) or safe.ELLIPSIS


def beginning(article: Article, length: int) -> str:
    """The beginning of an article's text in `length` UTF-16 units, plain; "" where it is the title."""
    return excerpts.opening((article.summary, article.body), title_of(article), length)


def excerpt(article: Article, length: int = EXCERPT, *, most: int | None = None) -> str:
    """The same with its markup escaped; `most` says how many sentences at most."""
    shown = beginning(article, length)
    return safe.markdown(shown if most is None else " ".join(excerpts.sentences(shown)[:most]))


def _lines(articles: Sequence[Article]) -> str:
    """The newest articles that fit, oldest of them first, after how many are left out."""
    reserve = 300  # for the heading and the line about the rest
    lines: list[str] = []
    free = fitting.MOST_TEXT - reserve
    for article in reversed(articles):
        line = _line(article)
        free -= safe.length(line) + 1
        if free < 0:
            break
        lines.append(line)
    left_out = len(articles) - len(lines)
    if left_out:
        more = ngettext("and {count} older one", "and {count} older ones", left_out)
        lines.append(more.format(count=amount(left_out)))
    return "\n".join(lines)


def _line(article: Article) -> str:
    title = linked(safe.line(title_of(article), _LINE_TITLE), article.url)
    outlet = safe.line(article.outlet, _SHORT)
    return f"• {title} · {outlet}" if outlet else f"• {title}"


def linked(text: str, url: str, longest: int = _LINE_URL) -> str:
    """A text that was made harmless as a link, where Discord takes the address and it is not too long."""
    found = address(url, longest)
    return f"[{text}]({found})" if found else text


def address(url: str, longest: int = URL) -> str:
    """An address as it can stand in a link; "" where Discord takes it not, or where it is longer."""
    found = _ENDS_A_LINK.sub(lambda match: quote(match[0]), url)
    return found if buttons.is_link(url) and safe.length(found) <= longest else ""


def fit(text: str, limit: int) -> str:
    """Text with its markup escaped, cut so that the escaped form fits."""
    room = limit
    escaped = safe.line(text, room)
    while safe.length(escaped) > limit:
        room -= safe.length(escaped) - limit
        escaped = safe.line(text, max(room, 1))
    return escaped


def picture_url(url: str | None) -> str | None:
    """The address of a picture; None where Discord takes no such."""
    return url if url and buttons.is_link(url) and safe.length(url) <= URL else None


def picture_of(article: Article) -> blocks.Image | None:
    """An article's picture, where Discord shows it."""
    url = picture_url(article.image)
    return blocks.Image(url, title_of(article)) if url else None


def moment(seconds: int) -> datetime:
    """A time as discord.py wants it."""
    return datetime.fromtimestamp(seconds, UTC)
