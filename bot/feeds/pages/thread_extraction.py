"""Extraction of a discussion's posts: repeated texts, most with an author or a time (runs in a worker)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import NamedTuple

from bot.feeds.pages.element_text import HtmlElement, find_outermost_containers
from bot.text.html import to_text

MAX_POSTS = 500
"""Maximum number of elements of a group that may be the posts of a discussion."""
MIN_LARGEST_GROUP_CHARS = 200
"""Minimum number of characters of the largest group of elements of one style on the page of a discussion."""
MIN_GROUP_SHARE = 0.3
"""Minimum length of a discussion's posts together, as a share of the page's longest group of similar elements."""
MIN_ATTRIBUTED_SHARE = 0.6
"""Minimum share of the posts that must have an author or a time."""
MIN_ARTICLE_COVERAGE = 0.7
"""Minimum share of the text extracted from a page that its posts contain if they are a discussion, not comments."""
MAX_SINGLE_POST_COVERAGE = 0.7
"""Maximum share of the text extracted from a page that one post contains if the posts are a discussion."""

_MAX_GROUPS_TRIED = 8
"""Maximum number of groups of elements that are examined for posts, best first."""
_MAX_NAME_OR_TIME_CHARS = 40
"""Maximum number of characters of an author's name, or of a time as the page shows it; longer texts are neither."""
_DATE_SEARCH_CHARS = 400
"""Number of characters at both ends of a post that are searched for a date or time."""
_MIN_LINE_CHARS = 30
"""Minimum number of characters of a line by which a text is found in posts; half of it for a quotation."""
_LINE_PREFIX_CHARS = 60
"""Number of characters at the beginning of a line by which the line is found in posts."""

_DIGITS_PATTERN = re.compile(r"\d+")
_WORD_PATTERN = re.compile(r"\w+")
_POST_TAGS = ("article", "blockquote", "dd", "div", "li", "section", "span", "table", "td", "tr")
_PROSE_TAGS = frozenset({"p", "br", "b", "i", "em", "strong", "code", "pre", "blockquote"})
_UNCOUNTED_TAGS = frozenset({"a", "script", "style", "noscript", "template", "button", "select", "textarea"})
_DATE_HINT_PATTERN = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}[/.:]\d\d|\b\d+ ?(?:min|h|hours?|days?|months?|years?|ans?|jours?|mois)\b"
)
_TIME_XPATH = ".//time | .//*[@datetime] | .//*[@itemprop='datePublished' or @itemprop='dateCreated']"
_AUTHOR_XPATHS = (
    ".//*[@itemprop='author']//*[@itemprop='name']",
    ".//a[contains(concat(' ', @rel, ' '), ' author ')]",
    ".//*[contains(@class, 'username') or contains(@class, 'author') or contains(@class, 'poster')]",
)
_DISCUSSION_SCHEMA_PATTERN = re.compile(
    r'"@type"\s*:\s*\[?\s*"(?:DiscussionForumPosting|QAPage)"'
    r"|schema\.org/(?:DiscussionForumPosting|QAPage|Question)\b"
)
"""Pattern of a page's declaration as a discussion: https://schema.org/DiscussionForumPosting, /QAPage, /Question."""
_DISCUSSION_URL_PATTERN = re.compile(
    r"//(?:[\w-]+\.)*(?:forums?|boards?|discuss|community)\."
    r"|/(?:forums?|threads?|topics?|t|questions|discussions?|comments)/"
    r"|(?:viewtopic|showthread)\b|[?&](?:topic|t|tid|threadid)=\d",
    re.IGNORECASE,
)
"""Pattern of discussions' URLs in forum software: Discourse, phpBB, vBulletin, XenForo, SMF."""


class _ElementGroup(NamedTuple):
    """Elements of one style on a page, none within another, which may be posts.

    `char_count` is the number of characters of their text, `density` the number of characters per tag that does not
    format prose.
    """

    char_count: int
    density: float
    elements: list[HtmlElement]


def extract_posts(tree: HtmlElement) -> list[str]:
    """Return the posts of a page's discussion in order, with author and time where known; [] if there is none.

    Quotations of other posts are left out. Comments on an article are returned, too; `is_spread_over_posts` tells them
    apart. The tree is not changed.
    """
    groups = sorted(_find_groups(tree), key=lambda group: group.char_count * group.density, reverse=True)
    max_char_count = max((group.char_count for group in groups), default=0)
    if max_char_count < MIN_LARGEST_GROUP_CHARS:
        return []
    for group in groups[:_MAX_GROUPS_TRIED]:
        bodies = group.elements
        containers = find_outermost_containers(bodies)
        if group.char_count >= MIN_GROUP_SHARE * max_char_count and sum(
            map(_has_author_or_time, containers)
        ) >= MIN_ATTRIBUTED_SHARE * len(bodies):
            all_posts_text = " ".join(_normalize_words(body.text_content()) for body in bodies)
            texts = (
                (container, body, _extract_text(body, all_posts_text))
                for container, body in zip(containers, bodies, strict=True)
            )
            return [f"{_build_author_line(container, body)}{text}" for container, body, text in texts if text]
    return []


def is_likely_discussion(markup: str, url: str) -> bool:
    """Return whether a page declares itself a discussion, or has a URL like one."""
    return bool(_DISCUSSION_URL_PATTERN.search(url) or _DISCUSSION_SCHEMA_PATTERN.search(markup))


def is_spread_over_posts(text: str, posts: list[str]) -> bool:
    """Return whether a page's extracted text is spread over its posts, rather than one article with comments."""
    normalized_posts = list(map(_normalize_words, posts))
    normalized_lines = [words for line in text.split("\n") if len(words := _normalize_words(line)) >= _MIN_LINE_CHARS]
    char_counts_in_posts = [
        sum(len(line) for line in normalized_lines if line[:_LINE_PREFIX_CHARS] in normalized_post)
        for normalized_post in normalized_posts
    ]
    total_char_count = sum(map(len, normalized_lines))
    return (
        sum(char_counts_in_posts) >= MIN_ARTICLE_COVERAGE * total_char_count > 0
        and max(char_counts_in_posts) <= MAX_SINGLE_POST_COVERAGE * total_char_count
    )


def _find_groups(tree: HtmlElement) -> Iterator[_ElementGroup]:
    elements_by_signature: dict[str, list[HtmlElement]] = defaultdict(list)
    for element in tree.iter(*_POST_TAGS):
        for signature in _iter_style_signatures(element):
            elements_by_signature[signature].append(element)
    char_counts = _count_chars(tree)
    for elements in elements_by_signature.values():
        group_elements = set(elements)
        outermost_elements = [
            candidate
            for candidate in elements
            if not any(ancestor in group_elements for ancestor in candidate.iterancestors())
        ]
        if 1 < len(outermost_elements) <= MAX_POSTS:
            group_char_count = sum(char_counts[group_element] for group_element in outermost_elements)
            tag_count = sum(
                1 for member in outermost_elements for child in member.iter("*") if child.tag not in _PROSE_TAGS
            )
            yield _ElementGroup(group_char_count, group_char_count / max(1, tag_count), outermost_elements)


def _iter_style_signatures(element: HtmlElement) -> Iterator[str]:
    if attribute := element.get("class"):
        yield f"{element.tag}.{' '.join(sorted(_DIGITS_PATTERN.sub('', attribute).split()))}"
    if (attribute := element.get("id")) and _DIGITS_PATTERN.search(attribute):
        yield f"{element.tag}#{_DIGITS_PATTERN.sub('', attribute)}"
    if attribute := element.get("itemprop"):
        yield f"{element.tag}@{attribute}"


def _count_chars(tree: HtmlElement) -> dict[HtmlElement, int]:
    char_counts: dict[HtmlElement, int] = {}
    child_char_count_by_element: dict[HtmlElement, int] = defaultdict(int)
    for element in reversed(list(tree.iter("*"))):
        element_char_count = child_char_count_by_element.pop(element, 0) + len((element.text or "").strip())
        char_counts[element] = element_char_count = 0 if element.tag in _UNCOUNTED_TAGS else element_char_count
        if (parent := element.getparent()) is not None:
            child_char_count_by_element[parent] += element_char_count + len((element.tail or "").strip())
    return char_counts


def _has_author_or_time(container: HtmlElement) -> bool:
    if container.xpath(_TIME_XPATH) or container.xpath(_AUTHOR_XPATHS[0]):
        return True
    text = " ".join(container.text_content().split())
    return bool(
        _DATE_HINT_PATTERN.search(text[:_DATE_SEARCH_CHARS]) or _DATE_HINT_PATTERN.search(text[-_DATE_SEARCH_CHARS:])
    )


def _build_author_line(container: HtmlElement, body: HtmlElement) -> str:
    """Return a line with author and time of a post, as the page writes them, or "" if it has neither."""
    body_elements = set(body.iter("*"))
    name = next(
        (
            author_name
            for xpath in _AUTHOR_XPATHS
            for author_name in _iter_short_texts(container.xpath(xpath), body_elements)
        ),
        "",
    )
    time_text = next(_iter_short_texts(container.iter("time"), body_elements), "")
    author_line = ", ".join(filter(None, (name, time_text)))
    return f"{author_line}\n" if author_line else ""


def _iter_short_texts(elements: Iterable[HtmlElement], body_elements: set[HtmlElement]) -> Iterator[str]:
    for element in elements:
        text = " ".join(element.text_content().split())
        if element not in body_elements and 1 < len(text) <= _MAX_NAME_OR_TIME_CHARS:
            yield text


def _extract_text(body: HtmlElement, all_posts_text: str) -> str:
    """Return the text of a post without link previews and quotations of other posts."""
    body = deepcopy(body)
    for quotation in list(body.iter("blockquote", "aside")):
        if (
            quotation is not body
            and quotation.getparent() is not None
            and (quotation.tag == "aside" or _is_quotation(quotation, all_posts_text))
        ):
            quotation.drop_tree()
    return _to_text(body)


def _is_quotation(element: HtmlElement, all_posts_text: str) -> bool:
    """Return whether an HTML element in a post is a quotation.

    It is one if it has the class of a quotation or names its source, or if at least half of the text of its long lines
    occurs more than once in the posts; a text without long lines counts as one.
    """
    if "quote" in (element.get("class") or "").lower() or element.find(".//cite") is not None:
        return True
    normalized_lines = [
        normalized_line
        for line in _to_text(element).split("\n")
        if len(normalized_line := _normalize_words(line)) >= _MIN_LINE_CHARS // 2
    ]
    quoted_char_count = sum(
        len(line) for line in normalized_lines if all_posts_text.count(line[:_LINE_PREFIX_CHARS]) > 1
    )
    return 2 * quoted_char_count >= sum(map(len, normalized_lines))


def _to_text(element: HtmlElement) -> str:
    from lxml.html import tostring  # noqa: PLC0415 - only this worker needs it

    return to_text(tostring(element, encoding="unicode", with_tail=False))


def _normalize_words(text: str) -> str:
    return " ".join(_WORD_PATTERN.findall(text.casefold()))
