"""Which articles an earlier message of the bot shows: by the keys in its buttons, and by where it leads to.

The keys say it exactly. But a page that several feeds carry has a key in each of them, and a message has only
one: then a link and what the message calls it tell.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import discord

from bot.core.models import Article
from bot.posting.rendering import buttons, messages
from bot.text import shared_links, urls

_SAVE, _STOP, _VOTE, _LIKE = "telex:save:", "telex:stop:", "telex:vote:", "telex:like:"
_PICK = "telex:pick:"
_DIGEST = f"{_PICK}digest:"
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
    text = "\n".join(each.content for each in _components(message) if isinstance(each, discord.TextDisplay))
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


def custom_ids(message: discord.Message) -> set[str]:
    """The ids of a message's buttons and menus."""
    return {
        each.custom_id
        for each in _components(message)
        if isinstance(each, discord.Button | discord.SelectMenu) and each.custom_id
    }


class Keys(NamedTuple):
    """Keys of the articles that a message tells of, if it is a post, a catch-up, a digest.

    `listed` are those of a catch-up, and those that joined a post, of which only the beginning may be known.
    """

    posted: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    digested: frozenset[str] = frozenset()


def told_keys(message: discord.Message) -> Keys:
    """What a message tells of; nothing for other messages than these."""
    ids = custom_ids(message)
    # Notices of watches, answers and what a person shared save too.
    if any(name.startswith((_STOP, _VOTE, _LIKE)) for name in ids):
        return Keys()
    saves = [found for name in ids if (found := re.fullmatch(buttons.SAVE_TEMPLATE, name))]
    mores = [found for name in ids if (found := re.fullmatch(buttons.MORE_TEMPLATE, name))]
    joined = "".join(found["joined"] or "" for found in (*saves, *mores))
    short = {joined[at : at + buttons.SHORT] for at in range(0, len(joined), buttons.SHORT)}
    digested = _options(message, _DIGEST)
    listed = (_options(message, _PICK) - digested) | short
    return Keys(frozenset(found["key"] for found in saves), listed, digested)


def is_told(article: Article, keys: Collection[str]) -> bool:
    """Whether an article is among these keys, or their beginnings."""
    return article.key in keys or article.key[: buttons.SHORT] in keys


def edition_of(message: discord.Message) -> str | None:
    """The name of the dispatch of a digest; None for other messages."""
    names = (name.removeprefix(_PICK) for name in custom_ids(message) if name.startswith(_DIGEST))
    return next(names, None)


def notice_of(message: discord.Message) -> tuple[str, frozenset[str]] | None:
    """The name of the dispatch of a watch's notice, and keys of what it tells of; None for other messages."""
    ids = custom_ids(message)
    name = next((name.removeprefix(_STOP) for name in ids if name.startswith(_STOP)), None)
    if name is None:
        return None
    return name, _options(message, _PICK).union(
        name.removeprefix(_SAVE) for name in ids if name.startswith(_SAVE)
    )


def _options(message: discord.Message, start: str) -> frozenset[str]:
    """What the menu whose id begins so offers."""
    return frozenset(
        option.value
        for each in _components(message)
        if isinstance(each, discord.SelectMenu) and each.custom_id.startswith(start)
        for option in each.options
    )


def _components(message: discord.Message) -> Iterator[discord.Component]:
    """All components of a message in the order in which they are read, also those within others."""

    def walk(component: discord.Component) -> Iterator[discord.Component]:
        yield component
        for child in getattr(component, "children", ()):
            yield from walk(child)
        if isinstance(component, discord.SectionComponent):
            yield from walk(component.accessory)

    for component in message.components:
        yield from walk(component)
