"""How a post, a catch-up and a notice look, within Discord's limits whatever the text.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

import discord

from bot.core import locale
from bot.core.choices import USUAL, Look, Style
from bot.core.locale import _, amount, clickable, ngettext
from bot.core.models import Article, Feed
from bot.posting.rendering import buttons, discord_limits
from bot.text import excerpts, safe

COLOUR = 0x2E7D8C
EXCERPT = 350  # UTF-16 units before markup is escaped
COMPACT = 140  # likewise
LONGEST_EXCERPT = 1000
LONGEST_PREFIX = 40
NOTICE = 2000
MOST_TOLD = 10
"""Articles that one notice of a watch names."""
_QUERY = 100
_AUTHOR = 256
# https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel
_THREAD_NAME = 100
_URL = 2048
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
    """What is sent: an embed, a row of buttons or a menu, and the name of the thread that a forum opens.

    `mention` is the id of a role that is told of it, `tags` are those that a post in a forum gets. The embed
    shows the `picture` where there is one.
    """

    embed: discord.Embed
    name: str
    view: discord.ui.View | None = None
    mention: int | None = None
    tags: tuple[discord.ForumTag, ...] = ()
    picture: Picture | None = None

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

    def without_picture(self) -> Message:
        """The same in words alone."""
        embed = self.embed.copy()
        embed.set_image(url=None)
        return replace(self, embed=embed, picture=None)

    def attempts(self) -> Iterator[Message]:
        """The message, then barer ones for when Discord refuses an address in it: no pictures, no links."""
        yield self
        bare = self.embed.copy()
        bare.set_image(url=None)
        bare.set_thumbnail(url=None)
        if bare.author.name:
            bare.set_author(name=bare.author.name)
        if bare.to_dict() != self.embed.to_dict():
            yield replace(self, embed=bare, picture=None)
        links = [item for item in self.view.children if _is_link(item)] if self.view is not None else []
        if not bare.url and not links:
            return
        unlinked = bare.copy()
        unlinked.url = None
        view = self.view
        if view is not None and links:
            view = buttons.row(*(item for item in view.children if not _is_link(item)))
        yield replace(self, embed=unlinked, view=view, picture=None)


def post(
    article: Article, feed: Feed | None, *, language: str, look: Look = USUAL, mention: int | None = None
) -> Message:
    """The post of an article as it is to look, with labels in `language`.

    In full: outlet, linked title, excerpt, picture, time; or less of it. `mention` is a role to be told.
    """
    with locale.use(language):
        title = _title(article)
        return Message(
            embed=_embed(article, feed, title, look),
            name=safe.plain(f"{look.prefix} {title}", _THREAD_NAME),
            view=buttons.row(buttons.save(article.key), buttons.read(article.url)),
            mention=mention,
        )


def _embed(article: Article, feed: Feed | None, title: str, look: Look) -> discord.Embed:
    embed = discord.Embed(colour=COLOUR if look.colour is None else look.colour)
    prefixed = f"{look.prefix} {title}".lstrip()
    outlet = safe.plain(article.outlet or (feed.outlet or feed.title if feed else ""), _AUTHOR)
    if look.style is Style.HEADLINE:
        headline = f"**{linked(_fit(prefixed, discord_limits.TITLE), article.url)}**"
        line = f"{headline} · {_fit(outlet, _SHORT)}" if outlet else headline
        embed.description = "\n".join(filter(None, (line, mark(article))))
        return embed
    embed.title = _fit(prefixed, discord_limits.TITLE)
    if buttons.is_link(article.url) and safe.length(article.url) <= _URL:
        embed.url = article.url
    compact = look.style is Style.COMPACT
    length = look.excerpt if look.excerpt is not None else COMPACT if compact else EXCERPT
    excerpt = _excerpt(article, title, length) if length else ""
    embed.description = "\n".join(filter(None, (excerpt, mark(article)))) or None
    embed.timestamp = _moment(article.published)
    if outlet and compact:
        embed.set_footer(text=outlet)
    elif outlet:
        embed.set_author(name=outlet, icon_url=_picture(feed.icon) if feed else None)
    picture = _picture(article.image) if look.image else None
    if compact:
        embed.set_thumbnail(url=picture)
    else:
        embed.set_image(url=picture)
    return embed


def catch_up(what: str, articles: Sequence[Article], *, language: str) -> Message:
    """One message for many articles: the newest that fit, a menu to keep some, a button to see them all."""
    with locale.use(language):
        count = len(articles)
        title = ngettext(
            "{count} article came in meanwhile",
            "{count} articles came in meanwhile",
            count,
        ).format(count=amount(count))
        embed = discord.Embed(colour=COLOUR, title=title, description=_lines(articles))
        view = buttons.row(buttons.pick(what, articles), buttons.show_all(what)) if articles else None
        return Message(embed=embed, name=safe.plain(title, _THREAD_NAME), view=view)


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
        embed = discord.Embed(colour=COLOUR, title=title.format(query=safe.markdown(shown)))
        if server is not None:
            embed.set_footer(text=_("From feeds in {server}").format(server=safe.plain(server, _SHORT)))
        if len(articles) == 1:
            (article,) = articles
            embed.description = f"{_line(article)[2:]}\n{_excerpt(article, _title(article))}".strip()
            embed.set_image(url=_picture(article.image))
            embed.timestamp = _moment(article.published)
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
        return Message(embed=embed, name=safe.plain(title.format(query=shown), _THREAD_NAME), view=view)


def notice(text: str) -> Message:
    """A plain sentence to a channel: a feed broke, or is back."""
    sentence = safe.plain(text)
    return Message(
        embed=discord.Embed(colour=COLOUR, description=_fit(sentence, NOTICE)),
        name=safe.plain(sentence, _THREAD_NAME),
    )


def mark(article: Article) -> str:
    """A small line of markup on what became of an article after it was found; "" for most."""
    if article.retracted is not None:
        said = _("⚠️ Apparently withdrawn by the publisher {when}").format(when=f"<t:{article.retracted}:R>")
    elif article.corrected is not None:
        said = _("✏️ Corrected {when}").format(when=f"<t:{article.corrected}:R>")
    else:
        return ""
    return f"-# {said}"


def _title(article: Article) -> str:
    """The title, plain; where there is none the first words of the text, else the address."""
    title = safe.plain(article.title[:_BEGINNING])
    text = (article.summary or article.body)[:_BEGINNING]
    return title or safe.plain(text, _SHORT) or safe.plain(article.url[:_BEGINNING]) or safe.ELLIPSIS


def _excerpt(article: Article, title: str, length: int = EXCERPT) -> str:
    for text in (article.summary, article.body):
        paragraph = safe.plain(text[:_BEGINNING])
        if paragraph and paragraph.rstrip("….") != title.rstrip("…."):
            return safe.markdown(excerpts.excerpt(paragraph, length))
    return ""


def _lines(articles: Sequence[Article]) -> str:
    """The newest articles that fit, oldest of them first, after how many are left out."""
    reserve = 200  # for the line about the rest
    lines: list[str] = []
    free = discord_limits.DESCRIPTION - reserve
    for article in reversed(articles):
        line = _line(article)
        free -= safe.length(line) + 1
        if free < 0:
            break
        lines.append(line)
    left_out = len(articles) - len(lines)
    if left_out:
        more = ngettext("and {count} more, older", "and {count} more, older ones", left_out)
        lines.append(more.format(count=amount(left_out)))
    return "\n".join(lines)


def _line(article: Article) -> str:
    title = linked(safe.markdown(safe.plain(_title(article), _LINE_TITLE)), article.url)
    outlet = safe.markdown(safe.plain(article.outlet, _SHORT))
    return f"• {title} · {outlet}" if outlet else f"• {title}"


def linked(text: str, url: str) -> str:
    """A text that was made harmless as a link, where Discord takes it."""
    address = _ENDS_A_LINK.sub(lambda match: quote(match[0]), url)
    if buttons.is_link(url) and safe.length(address) <= _LINE_URL:
        return f"[{text}]({address})"
    return text


def _fit(text: str, limit: int) -> str:
    """Text with its markup escaped, cut so that the escaped form fits."""
    room = limit
    escaped = safe.markdown(safe.plain(text, room))
    while safe.length(escaped) > limit:
        room -= safe.length(escaped) - limit
        escaped = safe.markdown(safe.plain(text, max(room, 1)))
    return escaped


def _picture(url: str | None) -> str | None:
    return url if url and buttons.is_link(url) and safe.length(url) <= _URL else None


def _is_link(item: discord.ui.Item[discord.ui.View]) -> bool:
    return isinstance(item, discord.ui.Button) and item.url is not None


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
