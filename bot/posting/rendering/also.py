"""What a post says of the articles that joined it: a line of links, and a menu to keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core import locale
from bot.core.locale import _, amount, ngettext
from bot.core.models import Article
from bot.posting.rendering import buttons
from bot.posting.rendering.messages import Message, linked
from bot.text import safe, urls

MOST_LINKS = 10
_OUTLET = 40
_LINE = 2_500  # UTF-16 units: beside the longest excerpt it fits into a description


def with_story(message: Message, what: str, joined: Sequence[Article], *, language: str) -> Message:
    """A post with the articles that joined it, the first to join first; the post itself where none did.

    `what` is that of its dispatch.
    """
    if not joined:
        return message
    with locale.use(language):
        embed = message.embed.copy()
        embed.description = "\n\n".join(filter(None, (embed.description, line(joined))))
        items = message.view.children if message.view is not None else ()
        menu = buttons.pick(what, joined, placeholder=_("Save another article of this story"))
        return replace(message, embed=embed, view=buttons.row(*items, menu))


def line(joined: Sequence[Article]) -> str:
    """The outlets of these articles, each with its link, in the language of this task."""
    links: list[str] = []
    free = _LINE
    for article in joined[:MOST_LINKS]:
        name = safe.plain(article.outlet, _OUTLET) or urls.host(article.url)
        link = linked(safe.markdown(name), article.url)
        free -= safe.length(link)
        if free < 0:
            break
        links.append(link)
    left_out = len(joined) - len(links)
    if left_out:
        links.append(ngettext("{count} more", "{count} more", left_out).format(count=amount(left_out)))
    return _("Also: {links}").format(links=" · ".join(links))
