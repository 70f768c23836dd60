"""Posts as embeds: for servers that choose it, and where a role is told of them.

The notification of a message in Components V2 has no text, that of an embed has.
"""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.core.choices import Look, Style
from bot.core.locale import _
from bot.core.models import Article
from bot.posting.rendering import also, buttons, discord_limits, messages
from bot.posting.rendering.layout import outlets
from bot.text import safe

COMPACT = 140
"""UTF-16 units of an excerpt before markup is escaped."""

_AUTHOR = 256
_SHORT = 80


def is_classic(look: Look) -> bool:
    """Whether posts of a look are embeds, which must not change while a message is edited."""
    return look.style is Style.CLASSIC or look.role is not None


def embed(article: Article, outlet: str, icon: str | None, look: Look) -> discord.Embed:
    """An article as an embed; `icon` is the address of its outlet's."""
    title = messages.title_of(article)
    shown = discord.Embed(colour=outlets.COLOUR if look.colour is None else look.colour)
    prefixed = f"{look.prefix} {title}".lstrip()
    outlet = safe.plain(outlet, _AUTHOR)
    if look.style is Style.HEADLINE:
        headline = f"**{messages.linked(messages.fit(prefixed, discord_limits.TITLE), article.url)}**"
        line = f"{headline} · {messages.fit(outlet, _SHORT)}" if outlet else headline
        shown.description = "\n".join(filter(None, (line, messages.mark(article))))
        return shown
    shown.title = messages.fit(prefixed, discord_limits.TITLE)
    if buttons.is_link(article.url) and safe.length(article.url) <= messages.URL:
        shown.url = article.url
    small = look.style in {Style.COMPACT, Style.THUMBNAIL}
    usual = COMPACT if look.style is Style.COMPACT else messages.EXCERPT
    length = usual if look.excerpt is None else look.excerpt
    excerpt = messages.excerpt(article, title, length) if length else ""
    shown.description = "\n".join(filter(None, (excerpt, messages.mark(article)))) or None
    shown.timestamp = messages.moment(article.published)
    if outlet and small:
        shown.set_footer(text=outlet)
    elif outlet:
        shown.set_author(name=outlet, icon_url=messages.picture_url(icon))
    picture = messages.picture_url(article.image) if look.image else None
    if small:
        shown.set_thumbnail(url=picture)
    else:
        shown.set_image(url=picture)
    return shown


def with_story(
    shown: discord.Embed, view: discord.ui.View, what: str, joined: Sequence[Article]
) -> tuple[discord.Embed, discord.ui.View]:
    """An embed and its buttons with the articles that joined the post, the first to join first.

    `what` is that of its dispatch.
    """
    if joined:
        shown.description = "\n\n".join(filter(None, (shown.description, also.line(joined))))
        menu = buttons.pick(what, joined, placeholder=_("Save another article on this story…"))
        view = buttons.row(*view.children, menu)
    return shown, view
