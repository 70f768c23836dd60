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

_SAVE_PREFIX, _STOP_PREFIX, _VOTE_PREFIX, _LIKE_PREFIX = (
    "telex:save:",
    "telex:stop:",
    "telex:vote:",
    "telex:like:",
)
_PICK_PREFIX = "telex:pick:"
_DIGEST_PREFIX = f"{_PICK_PREFIX}digest:"
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]\((https?://[^()\s]+)\)")
_ESCAPE = re.compile(r"\\(.)")


class LinkedPage(NamedTuple):
    """A page that a message leads to, and its title there or the name of its outlet.

    "" where it is translated, and so not its publisher's.
    """

    page: str
    title: str


def linked_pages(message: discord.Message) -> list[LinkedPage]:
    """What a message leads to, in its order: a post to its own article first."""
    links: list[tuple[str, str]] = []
    for embed in message.embeds:
        if embed.url:
            links.append((embed.title or "", embed.url))
        links += _LINK.findall(embed.description or "")
    text = "\n".join(each.content for each in _components(message) if isinstance(each, discord.TextDisplay))
    links += _LINK.findall(text)
    said = "\n".join((text, *(embed.description or "" for embed in message.embeds)))
    is_translated = f"-# {messages.TRANSLATION_MARK} " in said  # of a post: its own article stands first
    return [
        LinkedPage(urls.page_key(url), "" if is_translated and number == 0 else _ESCAPE.sub(r"\1", title))
        for number, (title, url) in enumerate(links)
    ]


def contains_page(shown: Iterable[LinkedPage], page: str, title: str) -> bool:
    """Whether a page is among these under a title like this one, as it has to be where feeds share a page."""
    return any(
        one.page == page and (not one.title or shared_links.titles_match(one.title, title)) for one in shown
    )


def links_article(article: Article, shown: Iterable[LinkedPage]) -> bool:
    """Whether an article is among these."""
    return contains_page(shown, article.page, article.title)


def custom_ids(message: discord.Message) -> set[str]:
    """The ids of a message's buttons and menus."""
    return {
        each.custom_id
        for each in _components(message)
        if isinstance(each, discord.Button | discord.SelectMenu) and each.custom_id
    }


class ArticleKeys(NamedTuple):
    """Keys of the articles that a message tells of, if it is a post, a catch-up, a digest.

    `listed` are those of a catch-up, and those that joined a post, of which only the beginning may be known.
    """

    post_keys: frozenset[str] = frozenset()
    listed_keys: frozenset[str] = frozenset()
    digest_keys: frozenset[str] = frozenset()


def article_keys_of(message: discord.Message) -> ArticleKeys:
    """What a message tells of; nothing for other messages than these."""
    ids = custom_ids(message)
    # Notices of watches, answers and what a person shared save too.
    if any(name.startswith((_STOP_PREFIX, _VOTE_PREFIX, _LIKE_PREFIX)) for name in ids):
        return ArticleKeys()
    saves = [found for name in ids if (found := re.fullmatch(buttons.SAVE_TEMPLATE, name))]
    mores = [found for name in ids if (found := re.fullmatch(buttons.MORE_TEMPLATE, name))]
    joined = "".join(found["joined"] or "" for found in (*saves, *mores))
    short = {
        joined[at : at + buttons.SHORT_KEY_LENGTH] for at in range(0, len(joined), buttons.SHORT_KEY_LENGTH)
    }
    digested = _menu_values(message, _DIGEST_PREFIX)
    listed = (_menu_values(message, _PICK_PREFIX) - digested) | short
    return ArticleKeys(frozenset(found["key"] for found in saves), listed, digested)


def matches_key(article: Article, keys: Collection[str]) -> bool:
    """Whether an article is among these keys, or their beginnings."""
    return article.key in keys or article.key[: buttons.SHORT_KEY_LENGTH] in keys


def digest_key_of(message: discord.Message) -> str | None:
    """The name of the dispatch of a digest; None for other messages."""
    names = (
        name.removeprefix(_PICK_PREFIX) for name in custom_ids(message) if name.startswith(_DIGEST_PREFIX)
    )
    return next(names, None)


def watch_notice_of(message: discord.Message) -> tuple[str, frozenset[str]] | None:
    """The name of the dispatch of a watch's notice, and keys of what it tells of; None for other messages."""
    ids = custom_ids(message)
    name = next((name.removeprefix(_STOP_PREFIX) for name in ids if name.startswith(_STOP_PREFIX)), None)
    if name is None:
        return None
    return name, _menu_values(message, _PICK_PREFIX).union(
        name.removeprefix(_SAVE_PREFIX) for name in ids if name.startswith(_SAVE_PREFIX)
    )


def _menu_values(message: discord.Message, start: str) -> frozenset[str]:
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
