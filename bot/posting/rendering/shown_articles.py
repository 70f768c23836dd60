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
from bot.posting.rendering import components, messages
from bot.text import shared_links, urls

_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]\((https?://[^()\s]+)\)")
_ESCAPE = re.compile(r"\\(.)")


class Shown(NamedTuple):
    """A page that a message leads to, and its title there or the name of its outlet.

    "" where it is translated, and so not its publisher's.
    """

    page: str
    title: str


def pages(message: discord.Message) -> list[Shown]:
    """What a message leads to, in its order: a post to its own article first."""
    links: list[tuple[str, str]] = []
    for embed in message.embeds:
        if embed.url:
            links.append((embed.title or "", embed.url))
        links += _LINK.findall(embed.description or "")
    text = components.text(message)
    links += _LINK.findall(text)
    said = "\n".join((text, *(embed.description or "" for embed in message.embeds)))
    is_translated = f"-# {messages.TRANSLATED} " in said  # of a post: its own article stands first
    return [
        Shown(urls.page(url), "" if is_translated and number == 0 else _ESCAPE.sub(r"\1", title))
        for number, (title, url) in enumerate(links)
    ]


def holds(shown: Iterable[Shown], page: str, title: str) -> bool:
    """Whether a page is among these under a title like this one, as it has to be where feeds share a page."""
    return any(one.page == page and (not one.title or shared_links.alike(one.title, title)) for one in shown)


def is_among(article: Article, shown: Iterable[Shown]) -> bool:
    """Whether an article is among these."""
    return holds(shown, article.page, article.title)
