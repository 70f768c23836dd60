"""Lists on a web page: articles of a blog, news, topics of a forum (runs in a worker)."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import link_groups
from bot.feeds.pages.element_text import SILENT, HtmlElement, decode_page, parse_html, text_of
from bot.feeds.pages.link_groups import MAX_TITLE, MIN_PASSAGE_CHARS, LinkGroup, ListItem
from bot.feeds.parsing.entries import language_of, single_line

MOST_LISTS = 5
"""Lists that are returned for one page."""
LEAST_SCORE = 3.0
"""Score that the best group of a page needs to be a list."""
MIN_RELATIVE_SCORE = 0.25
"""Share of the best score that another list needs."""
SHORT_ARTICLE = 1_200
"""Characters of prose beside the lists; a page with more is an article with links below it."""
FEW_LETTERS = 200
"""Characters below which a page with scripts shows nothing without them."""

_A_DISCUSSION = re.compile(
    r"\bschema\.org/QAPage\b|\"@type\"\s*:\s*\[?\s*\"(?:DiscussionForumPosting|QAPage)\""
)
_META = r"<meta\b[^>]{0,300}\b"
_AN_ARTICLE = re.compile(_META + r"og:type[\"'\s][^>]{0,100}\barticle\b", re.IGNORECASE)
_PUBLISHED = re.compile(_META + r"article:published_time\b", re.IGNORECASE)
"""Together with `_ARTICLE_OG_TYPE_PATTERN`, marks a page as an article (https://ogp.me/#type_article)."""
_ARTICLE = re.compile(
    r'"@type"\s*:\s*\[?\s*"(?:NewsArticle|ReportageNewsArticle|Article|BlogPosting|Product)"'
)


@dataclass(frozen=True, slots=True)
class PageList:
    """A list of a page, in the page's order.

    `style_signatures` are the style signatures of its links, the list's own first.
    """

    items: tuple[ListItem, ...]
    style_signatures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageLists:
    """Title, language and lists of a page, best first; no lists if it is an article or a discussion.

    `requires_javascript`: the page shows next to nothing without its scripts.
    """

    title: str = ""
    language: str | None = None
    lists: tuple[PageList, ...] = ()
    requires_javascript: bool = False


class ParsedPage:
    """A parsed page; one that cannot be parsed has no elements."""

    def __init__(self, page: bytes, content_type: str, url: str) -> None:
        self._url = url
        self._markup = decode_page(page, content_type)
        self._tree: HtmlElement | None = None
        with suppress(FeedError):
            self._tree = parse_html(self._markup)

    def elements(self, *names: str) -> Iterator[HtmlElement]:
        """Yield the elements of these tags in document order."""
        if self._tree is not None:
            yield from self._tree.iter(*names)

    def describe(self, lists: tuple[PageList, ...] = ()) -> PageLists:
        """Return title and language of the page, together with `lists`."""
        if self._tree is None:
            return PageLists()
        title = next((single_line(text_of(each), MAX_TITLE) for each in self._tree.iter("title")), "")
        scripted = next(self._tree.iter("script"), None) is not None
        letters = sum(len(text_of(body)) for body in self._tree.iter("body"))
        language = language_of(self._tree.get("lang"))
        return PageLists(title, language, lists, requires_javascript=scripted and letters < FEW_LETTERS)

    def lists(self) -> tuple[PageList, ...]:
        """Return the lists of the page, best first."""
        if self._tree is None or _A_DISCUSSION.search(self._markup):
            return ()
        if _AN_ARTICLE.search(self._markup) and _PUBLISHED.search(self._markup):
            return ()
        groups = sorted(self.groups(), key=lambda group: group.score, reverse=True)
        if not groups or groups[0].score < LEAST_SCORE:
            return ()
        enough = [group for group in groups if group.score >= MIN_RELATIVE_SCORE * groups[0].score]
        short = SHORT_ARTICLE / 3 if len(_ARTICLE.findall(self._markup)) == 1 else SHORT_ARTICLE
        if _has_own_content(self._tree, enough, short):
            return ()
        found: list[PageList] = []
        seen: set[str] = set()
        for group in enough:
            items = tuple(link_groups.list_items(group))
            if not seen.issuperset(item.url for item in items):
                seen.update(item.url for item in items)
                found.append(PageList(items, group.style_signatures))
        return tuple(found[:MOST_LISTS])

    def groups(self, looks: AbstractSet[str] = frozenset()) -> Iterator[LinkGroup]:
        """Yield the groups that may be lists, and those of `followed_signatures` in any case."""
        if self._tree is not None:
            yield from link_groups.find_link_groups(self._tree, self._url, looks)


def find_lists(page: bytes, content_type: str, url: str) -> PageLists:
    """Return the lists that can be followed at a page (runs in a worker)."""
    read = ParsedPage(page, content_type, url)
    return read.describe(read.lists())


def _has_own_content(tree: HtmlElement, groups: list[LinkGroup], short: float) -> bool:
    """Return whether a page has more text beside its lists than in them, as an article or product has."""
    inside: set[HtmlElement] = set()
    for part in (part for group in groups for item in group.items for part in item):
        inside.update(part.iter("*"))
    beside = 0
    for element in tree.iter("*"):
        if element.tag not in SILENT and element.tag != "a" and element not in inside:
            pieces = (element.text, *(child.tail for child in element))
            lengths = (len(" ".join(piece.split())) for piece in pieces if piece)
            beside += sum(length for length in lengths if length >= MIN_PASSAGE_CHARS)
    within = sum(len(text_of(element)) for group in groups[:1] for item in group.items for element in item)
    return beside > max(short, within / 3)
