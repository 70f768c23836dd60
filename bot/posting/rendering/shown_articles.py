"""Which articles an earlier message of the bot shows: by where it leads to and what it calls that.

The keys in its buttons say it exactly. But a page that several feeds carry has a key in each of them, and a
message has only one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import discord

from bot.core.models import Article
from bot.posting.rendering import components
from bot.text import shared_links, urls

_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]\((https?://[^()\s]+)\)")
_ESCAPE = re.compile(r"\\(.)")


class Shown(NamedTuple):
    """A page that a message leads to, and its title there or the name of its outlet."""

    page: str
    title: str


def pages(message: discord.Message) -> list[Shown]:
    """What a message leads to, in its order: a post to its own article first."""
    links: list[tuple[str, str]] = []
    for embed in message.embeds:
        if embed.url:
            links.append((embed.title or "", embed.url))
        links += _LINK.findall(embed.description or "")
    links += _LINK.findall(components.text(message))
    return [Shown(urls.page(url), _ESCAPE.sub(r"\1", title)) for title, url in links]


def holds(shown: Iterable[Shown], page: str, title: str) -> bool:
    """Whether a page is among these under a title like this one, as it has to be where feeds share a page."""
    return any(one.page == page and shared_links.alike(one.title, title) for one in shown)


def is_among(article: Article, shown: Iterable[Shown]) -> bool:
    """Whether an article is among these."""
    return holds(shown, article.page, article.title)
