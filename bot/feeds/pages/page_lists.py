"""Lists on a web page: articles of a blog, news, topics of a forum (runs in a worker)."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

from bot.core.received_values import to_single_line
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import link_groups
from bot.feeds.pages.element_text import SILENT_TAGS, HtmlElement, decode_page, get_text, parse_html
from bot.feeds.pages.link_groups import MAX_TITLE_CHARS, MIN_PASSAGE_CHARS, LinkGroup, ListItem
from bot.feeds.parsing.entries import parse_language_tag

MAX_LISTS = 5
"""Maximum number of lists that are returned for one page."""
MIN_SCORE = 3.0
"""Minimum score of the best group of links on a page for the page to have lists."""
MIN_RELATIVE_SCORE = 0.25
"""Minimum score of another list, as a share of the best score on the page."""
MAX_PROSE_CHARS = 1_200
"""Maximum number of characters of prose beside short lists; a page with more is an article with links.

A page that is marked as an article or a product may have a third of it.
"""
MIN_BODY_CHARS = 200
"""Minimum number of characters of a page with scripts; a page with fewer shows nothing without them."""

_DISCUSSION_PATTERN = re.compile(r"\bschema\.org/QAPage\b|\"@type\"\s*:\s*\[?\s*\"(?:DiscussionForumPosting|QAPage)\"")
_META_TAG_REGEX = r"<meta\b[^>]{0,300}\b"
_ARTICLE_OG_TYPE_PATTERN = re.compile(_META_TAG_REGEX + r"og:type[\"'\s][^>]{0,100}\barticle\b", re.IGNORECASE)
_PUBLISHED_TIME_PATTERN = re.compile(_META_TAG_REGEX + r"article:published_time\b", re.IGNORECASE)
"""Pattern of the meta tag with the publication time of an article (https://ogp.me/#type_article)."""
_ARTICLE_SCHEMA_PATTERN = re.compile(
    r'"@type"\s*:\s*\[?\s*"(?:NewsArticle|ReportageNewsArticle|Article|BlogPosting|Product)"'
)


@dataclass(frozen=True, slots=True)
class PageList:
    """List of links found on a web page, such as articles or topics; its items are in the page's order.

    `style_signatures` are hashes of the tags and classes above its links: the one that all links share, then further
    ones of the first link.
    """

    items: tuple[ListItem, ...]
    style_signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageLists:
    """Title, language and lists of links of a web page, best list first; an article or a discussion has no lists.

    `requires_javascript`: the page shows next to nothing without its scripts.
    """

    title: str = ""
    language: str | None = None
    lists: tuple[PageList, ...] = ()
    requires_javascript: bool = False


class ParsedPage:
    """Parsed web page; a page that cannot be parsed has no elements."""

    def __init__(self, page: bytes, content_type: str, url: str) -> None:
        self._url = url
        self._markup = decode_page(page, content_type)
        self._tree: HtmlElement | None = None
        with suppress(FeedError):
            self._tree = parse_html(self._markup)

    def iter_elements(self, *tags: str) -> Iterator[HtmlElement]:
        """Yield the elements with these tags in document order."""
        if self._tree is not None:
            yield from self._tree.iter(*tags)

    def describe(self, lists: tuple[PageList, ...] = ()) -> PageLists:
        """Return title and language of the page, together with `lists`; all empty if the page cannot be parsed."""
        if self._tree is None:
            return PageLists()
        title = next(
            (to_single_line(get_text(title_element), MAX_TITLE_CHARS) for title_element in self._tree.iter("title")),
            "",
        )
        has_scripts = next(self._tree.iter("script"), None) is not None
        body_chars = sum(len(get_text(body)) for body in self._tree.iter("body"))
        language = parse_language_tag(self._tree.get("lang"))
        return PageLists(title, language, lists, requires_javascript=has_scripts and body_chars < MIN_BODY_CHARS)

    def find_lists(self) -> tuple[PageList, ...]:
        """Return the lists of links of the page, best first; () if it has none, or is an article or a discussion."""
        if self._tree is None or _DISCUSSION_PATTERN.search(self._markup):
            return ()
        if _ARTICLE_OG_TYPE_PATTERN.search(self._markup) and _PUBLISHED_TIME_PATTERN.search(self._markup):
            return ()
        groups = sorted(self.find_groups(), key=lambda group: group.score, reverse=True)
        if not groups or groups[0].score < MIN_SCORE:
            return ()
        list_groups = [group for group in groups if group.score >= MIN_RELATIVE_SCORE * groups[0].score]
        max_prose_chars = (
            MAX_PROSE_CHARS / 3 if len(_ARTICLE_SCHEMA_PATTERN.findall(self._markup)) == 1 else MAX_PROSE_CHARS
        )
        if _has_own_content(self._tree, list_groups, max_prose_chars):
            return ()
        page_lists: list[PageList] = []
        listed_urls: set[str] = set()
        for group in list_groups:
            items = tuple(link_groups.iter_list_items(group))
            if not listed_urls.issuperset(item.url for item in items):
                listed_urls.update(item.url for item in items)
                page_lists.append(PageList(items, group.style_signatures))
        return tuple(page_lists[:MAX_LISTS])

    def find_groups(self, followed_style_signatures: AbstractSet[str] = frozenset()) -> Iterator[LinkGroup]:
        """Yield the groups of links that may be lists, and those in the style of a followed list in any case.

        `followed_style_signatures` are hashes of the tags and classes above the links of that list.
        """
        if self._tree is not None:
            yield from link_groups.find_link_groups(self._tree, self._url, followed_style_signatures)


def read_page_lists(page: bytes, content_type: str, url: str) -> PageLists:
    """Return title, language and lists of a web page (runs in a worker)."""
    parsed_page = ParsedPage(page, content_type, url)
    return parsed_page.describe(parsed_page.find_lists())


def _has_own_content(tree: HtmlElement, groups: list[LinkGroup], max_prose_chars: float) -> bool:
    """Return whether a page has much text beside its lists, as an article or a product has.

    That is more than `max_prose_chars` characters, and more than a third of the text of the first list.
    """
    list_elements: set[HtmlElement] = set()
    for part in (part for group in groups for elements in group.element_lists for part in elements):
        list_elements.update(part.iter("*"))
    prose_chars = 0
    for element in tree.iter("*"):
        if element.tag not in SILENT_TAGS and element.tag != "a" and element not in list_elements:
            texts = (element.text, *(child.tail for child in element))
            lengths = (len(" ".join(text.split())) for text in texts if text)
            prose_chars += sum(length for length in lengths if length >= MIN_PASSAGE_CHARS)
    list_chars = sum(
        len(get_text(element)) for group in groups[:1] for elements in group.element_lists for element in elements
    )
    return prose_chars > max(max_prose_chars, list_chars / 3)
