"""Recognition of the articles in an earlier message of the bot, by keys in custom ids and by links.

Keys are exact. But if several feeds carry a page, it has one key per feed, and a message contains only one of
these keys; then the link and the title in the message decide.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import discord

from bot.core.models import Article
from bot.posting.rendering import buttons, messages
from bot.text import shared_links, urls

_SAVE_PREFIX, _STOP_WATCH_PREFIX, _VOTE_PREFIX, _MORE_LIKE_PREFIX = (
    "telex:save:",
    "telex:stop:",
    "telex:vote:",
    "telex:like:",
)
_SAVE_MENU_PREFIX = "telex:pick:"
_DIGEST_MENU_PREFIX = f"{_SAVE_MENU_PREFIX}digest:"
_LINK_PATTERN = re.compile(r"\[((?:[^\[\]\\]|\\.)+)\]\((https?://[^()\s]+)\)")
_ESCAPE_PATTERN = re.compile(r"\\(.)")


class LinkedPage(NamedTuple):
    """Page that a message links to: a key made from its URL, and the title or outlet name of the link.

    `title` is "" if the message shows no title, or a machine translation of it.
    """

    page_key: str
    title: str


def list_linked_pages(message: discord.Message) -> list[LinkedPage]:
    """Return the pages that a message links to, in order: a post's own article first."""
    titles_and_urls: list[tuple[str, str]] = []
    for embed in message.embeds:
        if embed.url:
            titles_and_urls.append((embed.title or "", embed.url))
        titles_and_urls += _LINK_PATTERN.findall(embed.description or "")
    component_text = "\n".join(list_texts(message))
    titles_and_urls += _LINK_PATTERN.findall(component_text)
    all_text = "\n".join((component_text, *(embed.description or "" for embed in message.embeds)))
    is_translated = f"-# {messages.TRANSLATION_MARK} " in all_text  # Only the first title is translated.
    return [
        LinkedPage(
            urls.compute_page_key(url),
            "" if is_translated and index == 0 else _ESCAPE_PATTERN.sub(r"\1", title),
        )
        for index, (title, url) in enumerate(titles_and_urls)
    ]


def list_texts(message: discord.Message) -> list[str]:
    """Return the texts of a message's layout, in order."""
    return [component.content for component in _iter_components(message) if isinstance(component, discord.TextDisplay)]


def contains_page(linked_pages: Iterable[LinkedPage], page_key: str, title: str) -> bool:
    """Return whether the linked pages include the page with a key, with a title that matches.

    Titles are compared because different articles may share a page; a linked page without a title always
    matches.
    """
    return any(
        linked_page.page_key == page_key
        and (not linked_page.title or shared_links.titles_match(linked_page.title, title))
        for linked_page in linked_pages
    )


def links_article(article: Article, linked_pages: Iterable[LinkedPage]) -> bool:
    """Return whether the linked pages include the page of an article."""
    return contains_page(linked_pages, article.page_key, article.title)


def list_custom_ids(message: discord.Message) -> set[str]:
    """Return the custom ids of a message's buttons and menus."""
    return {
        component.custom_id
        for component in _iter_components(message)
        if isinstance(component, discord.Button | discord.SelectMenu) and component.custom_id
    }


class ArticleKeys(NamedTuple):
    """Keys of the articles in a message: in a post, in a catch-up (list of articles), or in a digest.

    `listed_keys` are the keys in a catch-up and the short keys of articles that were added to a post (joined).
    """

    post_keys: frozenset[str] = frozenset()
    listed_keys: frozenset[str] = frozenset()
    digest_keys: frozenset[str] = frozenset()


def parse_article_keys(message: discord.Message) -> ArticleKeys:
    """Return the article keys of a message, which are empty if it is no post, catch-up or digest."""
    message_custom_ids = list_custom_ids(message)
    # Watch notifications, answers and shared articles have Save buttons too.
    if any(
        custom_id.startswith((_STOP_WATCH_PREFIX, _VOTE_PREFIX, _MORE_LIKE_PREFIX)) for custom_id in message_custom_ids
    ):
        return ArticleKeys()
    save_matches = [
        match for custom_id in message_custom_ids if (match := re.fullmatch(buttons.SAVE_ID_PATTERN, custom_id))
    ]
    more_matches = [
        match for custom_id in message_custom_ids if (match := re.fullmatch(buttons.MORE_ID_PATTERN, custom_id))
    ]
    joined_short_keys = "".join(joined_match["joined"] or "" for joined_match in (*save_matches, *more_matches))
    short_keys = {
        joined_short_keys[offset : offset + buttons.SHORT_KEY_LENGTH]
        for offset in range(0, len(joined_short_keys), buttons.SHORT_KEY_LENGTH)
    }
    digest_keys = _list_menu_values(message, _DIGEST_MENU_PREFIX)
    listed_keys = (_list_menu_values(message, _SAVE_MENU_PREFIX) - digest_keys) | short_keys
    return ArticleKeys(frozenset(save_match["key"] for save_match in save_matches), listed_keys, digest_keys)


def matches_key(article: Article, keys: Collection[str]) -> bool:
    """Return whether the keys include the key of an article, in full or in its short form."""
    return article.key in keys or article.key[: buttons.SHORT_KEY_LENGTH] in keys


def parse_digest_key(message: discord.Message) -> str | None:
    """Return the unique key in a digest's message (dedupe key); None for messages that are no digest."""
    dedupe_keys = (
        custom_id.removeprefix(_SAVE_MENU_PREFIX)
        for custom_id in list_custom_ids(message)
        if custom_id.startswith(_DIGEST_MENU_PREFIX)
    )
    return next(dedupe_keys, None)


def parse_watch_notification(message: discord.Message) -> tuple[str, frozenset[str]] | None:
    """Return the unique key and the article keys of a saved search's notification; None for other messages."""
    message_custom_ids = list_custom_ids(message)
    dedupe_key = next(
        (
            custom_id.removeprefix(_STOP_WATCH_PREFIX)
            for custom_id in message_custom_ids
            if custom_id.startswith(_STOP_WATCH_PREFIX)
        ),
        None,
    )
    if dedupe_key is None:
        return None
    return dedupe_key, _list_menu_values(message, _SAVE_MENU_PREFIX).union(
        custom_id.removeprefix(_SAVE_PREFIX) for custom_id in message_custom_ids if custom_id.startswith(_SAVE_PREFIX)
    )


def _list_menu_values(message: discord.Message, id_prefix: str) -> frozenset[str]:
    """Return the option values of a message's menus whose custom id begins with a prefix."""
    return frozenset(
        option.value
        for component in _iter_components(message)
        if isinstance(component, discord.SelectMenu) and component.custom_id.startswith(id_prefix)
        for option in component.options
    )


def _iter_components(message: discord.Message) -> Iterator[discord.Component]:
    """Yield all components of a message in reading order, including nested components."""

    def iter_nested_components(component: discord.Component) -> Iterator[discord.Component]:
        yield component
        for child in getattr(component, "children", ()):
            yield from iter_nested_components(child)
        if isinstance(component, discord.SectionComponent):
            yield from iter_nested_components(component.accessory)

    for component in message.components:
        yield from iter_nested_components(component)
