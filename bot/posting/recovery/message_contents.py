"""Recognise the articles in an earlier message of the bot, by the keys in its custom ids and by its links.

Keys are exact. But a page that several feeds carry has one key per feed, and a message has only one of them;
then the link and the title in the message decide.
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
    """A page that a message links to, with the title or outlet name in the message.

    `title` is "" if the message shows a machine translation of it.
    """

    page: str
    title: str


def linked_pages(message: discord.Message) -> list[LinkedPage]:
    """Return the pages that a message links to, in order: a post's own article first."""
    links: list[tuple[str, str]] = []
    for embed in message.embeds:
        if embed.url:
            links.append((embed.title or "", embed.url))
        links += _LINK.findall(embed.description or "")
    text = "\n".join(each.content for each in _components(message) if isinstance(each, discord.TextDisplay))
    links += _LINK.findall(text)
    said = "\n".join((text, *(embed.description or "" for embed in message.embeds)))
    is_translated = f"-# {messages.TRANSLATION_MARK} " in said  # Only the first title is translated.
    return [
        LinkedPage(urls.page_key(url), "" if is_translated and number == 0 else _ESCAPE.sub(r"\1", title))
        for number, (title, url) in enumerate(links)
    ]


def contains_page(shown: Iterable[LinkedPage], page: str, title: str) -> bool:
    """Return whether these include a page with a matching title, which feeds that share a page need."""
    return any(
        one.page == page and (not one.title or shared_links.titles_match(one.title, title)) for one in shown
    )


def links_article(article: Article, shown: Iterable[LinkedPage]) -> bool:
    """Return whether these include the page of an article."""
    return contains_page(shown, article.page, article.title)


def custom_ids(message: discord.Message) -> set[str]:
    """Return the custom ids of a message's buttons and menus."""
    return {
        each.custom_id
        for each in _components(message)
        if isinstance(each, discord.Button | discord.SelectMenu) and each.custom_id
    }


class ArticleKeys(NamedTuple):
    """Keys of the articles in a post, a catch-up or a digest.

    `listed_keys` are those of a catch-up, and the short keys of articles that joined a post.
    """

    post_keys: frozenset[str] = frozenset()
    listed_keys: frozenset[str] = frozenset()
    digest_keys: frozenset[str] = frozenset()


def article_keys_of(message: discord.Message) -> ArticleKeys:
    """Return the article keys of a message; empty if it is no post, catch-up or digest."""
    ids = custom_ids(message)
    # Watch notifications, answers and shared articles have Save buttons too.
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
    """Return whether an article's key, or its short form, is among these keys."""
    return article.key in keys or article.key[: buttons.SHORT_KEY_LENGTH] in keys


def digest_key_of(message: discord.Message) -> str | None:
    """Return the dedupe key of a digest's message; None for other messages."""
    names = (
        name.removeprefix(_PICK_PREFIX) for name in custom_ids(message) if name.startswith(_DIGEST_PREFIX)
    )
    return next(names, None)


def watch_notice_of(message: discord.Message) -> tuple[str, frozenset[str]] | None:
    """Return the dedupe key of a watch notification and its article keys; None for other messages."""
    ids = custom_ids(message)
    name = next((name.removeprefix(_STOP_PREFIX) for name in ids if name.startswith(_STOP_PREFIX)), None)
    if name is None:
        return None
    return name, _menu_values(message, _PICK_PREFIX).union(
        name.removeprefix(_SAVE_PREFIX) for name in ids if name.startswith(_SAVE_PREFIX)
    )


def _menu_values(message: discord.Message, start: str) -> frozenset[str]:
    """Return the option values of the menus whose custom id has this prefix."""
    return frozenset(
        option.value
        for each in _components(message)
        if isinstance(each, discord.SelectMenu) and each.custom_id.startswith(start)
        for option in each.options
    )


def _components(message: discord.Message) -> Iterator[discord.Component]:
    """Yield all components of a message in reading order, nested ones included."""

    def walk(component: discord.Component) -> Iterator[discord.Component]:
        yield component
        for child in getattr(component, "children", ()):
            yield from walk(child)
        if isinstance(component, discord.SectionComponent):
            yield from walk(component.accessory)

    for component in message.components:
        yield from walk(component)
