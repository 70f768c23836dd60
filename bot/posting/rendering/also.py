"""What a post says of the articles that joined it: their outlets, with links."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.locale import _, counted
from bot.core.models import Article
from bot.posting.rendering.buttons import MOST_JOINED
from bot.posting.rendering.messages import linked
from bot.text import safe, urls

_OUTLET = 40
_LINE = 2_500  # UTF-16 units: beside the longest excerpt it fits into a description


def line(joined: Sequence[Article]) -> str:
    """The outlets of these articles, each with its link, in the language of this task."""
    return _("Also: {links}").format(links=links(joined))


def links(joined: Sequence[Article]) -> str:
    """The same without a word before them; "" where there are none."""
    told: list[str] = []
    free = _LINE
    for article in joined[:MOST_JOINED]:
        name = safe.plain(article.outlet, _OUTLET) or urls.host(article.url)
        link = linked(safe.markdown(name), article.url)
        free -= safe.length(link)
        if free < 0:
            break
        told.append(link)
    left_out = len(joined) - len(told)
    if left_out:
        told.append(counted("{count} more", "{count} more", left_out))
    return " · ".join(told)


def count(joined: Sequence[Article]) -> str:
    """How many outlets tell it too, with a link to the first of them; "" where none does."""
    if not joined:
        return ""
    number = len({article.outlet for article in joined})
    told = counted("+{count} outlet", "+{count} outlets", number)
    return linked(told, joined[0].url)
