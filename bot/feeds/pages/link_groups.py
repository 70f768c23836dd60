"""Groups of similar links on a page, scored as possible lists of news (runs in a worker).

An item of a group is what belongs to one of its links: its container, which is the largest element without another
link of the group, and at times the elements after it. The titles, dates and texts of the items say how likely the
group is the main list of the page.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.core.received_values import to_single_line
from bot.feeds.pages.element_text import (
    DATE_PATTERN,
    SILENT_TAGS,
    HtmlElement,
    find_outermost_containers,
    find_publication_time,
    get_text,
)
from bot.feeds.parsing.entries import resolve_url
from bot.text import urls
from bot.text.discord_text import truncate_utf16

MIN_ITEMS = 3
"""Minimum number of links in a group of similar links that may be a list of news."""
MAX_ITEMS = 100
"""Maximum number of links in a group of similar links that may be a list of news."""
MAX_LINKS = 5_000
"""Maximum number of links of a page that are examined."""
MIN_MEAN_TITLE_WORDS = 2.5
"""Minimum mean number of words of a list's titles; shorter titles are a menu or tags."""
MAX_MEAN_ITEM_CHARS = 1_500
"""Maximum mean number of characters of a list's items; a list of dated items of one site may have more."""
MAX_TITLE_CHARS = 300
"""Maximum number of characters of an item's title."""
MAX_SUMMARY_CHARS = 600
"""Maximum number of characters of an item's summary."""
MAX_OPENING_UNITS = 120
"""Maximum length, in UTF-16 units, of the first line of a message without a title, which serves as its title."""
SINGLE_AUTHOR_RATIO = 0.9
"""Minimum share of a list's messages that must link to the same author to count as the messages of a channel."""
MIN_PASSAGE_CHARS = 80
"""Minimum number of characters of a text that is a passage and no label."""

_CHROME_TAGS = frozenset({"nav", "footer", "aside", "form"})
"""Tags of elements around the content of a page: its chrome, such as menus."""
_HEADING_TAGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_CHROME_ROLES = frozenset({"navigation", "contentinfo", "complementary", "banner"})
_STYLED_ANCESTOR_COUNT = 3
"""Number of the nearest ancestors of a link whose classes count when the links of a page are grouped by style."""
_SENTENCE_TAGS = frozenset({"p", "li", "td", "dd", "blockquote", "em", "strong", "b", "i", "span"})
_INLINE_TAGS = frozenset({"a", "abbr", "b", "br", "code", "em", "i", "mark", "small", "span", "strong", "time"})
_MIN_SURROUNDING_CHARS = 40
"""Minimum number of characters beside a link in a sentence that make it an inline link."""
_MAX_TRAILING_SIBLINGS = 3
"""Maximum number of elements after the one with a list item's link that may belong to the item, too."""
_MIN_EXCERPT_CHARS = 60
"""Minimum number of characters of an item, besides its title, that count as an excerpt."""
_TIMESTAMP_LINK_PREFIX = "@"
"""Prefix of the style hashes of links that show only a time, which lead to messages without titles."""
_DIGITS_PATTERN = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class ListItem:
    """Item of a list on a web page.

    `published` is Unix time in seconds, or None if the page does not show it. `summary` is the longest
    passage beside the title, or "" if there are only labels and numbers.
    """

    url: str
    title: str
    published: int | None
    summary: str = ""


class Link(NamedTuple):
    """Link of a group, with the title of the page or message that it leads to."""

    element: HtmlElement
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class LinkGroup:
    """Links of one style on a page, the elements that belong to each, and how likely they are a list of news.

    `style_signatures` are hashes of the tags and classes above a link: the signature that all links of the
    group share, then further signatures of the first link.
    """

    style_signatures: tuple[str, ...]
    links: list[Link]
    element_lists: list[list[HtmlElement]]
    score: float


def find_link_groups(
    tree: HtmlElement, url: str, followed_style_signatures: AbstractSet[str] = frozenset()
) -> Iterator[LinkGroup]:
    """Yield the groups of similar links on a page that may be lists of news.

    Groups in the style of a followed list, by `followed_style_signatures` (hashes of tags and classes), are also
    yielded if they are short or unlikely to be a list.
    """
    elements_by_url_by_signature: dict[str, dict[str, HtmlElement]] = defaultdict(dict)
    for link_url, element, is_time in _iter_outbound_links(tree, url):
        for signature in (
            _TIMESTAMP_LINK_PREFIX + style_signature if is_time else style_signature
            for style_signature in _compute_style_signatures(element)
        ):
            longest_element = elements_by_url_by_signature[signature].setdefault(link_url, element)
            if len(get_text(longest_element)) < len(get_text(element)):
                elements_by_url_by_signature[signature][link_url] = element
    for signature, elements_by_url in elements_by_url_by_signature.items():
        is_followed = signature in followed_style_signatures
        if (1 if is_followed else MIN_ITEMS) <= len(elements_by_url) <= MAX_ITEMS:
            group = _build_group(signature, elements_by_url, urls.parse_host(url))
            if group.links and (group.score > 0 or is_followed):
                yield group


def _iter_outbound_links(tree: HtmlElement, url: str) -> Iterator[tuple[str, HtmlElement, bool]]:
    """Yield the links of a page to other pages: URL, element, and whether the link shows only a time."""
    base_url = next(
        (resolve_url(base_element.get("href"), url) for base_element in tree.iter("base") if base_element.get("href")),
        None,
    )
    own_page_url = _strip_fragment(url)
    headings = [get_text(heading) for heading in tree.iter("h1")]
    page_title = headings[0] if len(headings) == 1 else ""
    for element in list(tree.iter("a"))[:MAX_LINKS]:
        href = (element.get("href") or "").strip()
        link_url = None if href.startswith("#") else resolve_url(href, base_url or url)
        title = _find_title(element)
        if link_url is None or _strip_fragment(link_url) == own_page_url or title in {"", page_title}:
            continue
        is_time = any(get_text(time_element) == title for time_element in element.iter("time"))
        if (
            not is_time
            and (date_match := DATE_PATTERN.search(title)) is not None
            and len(date_match[0]) > len(title) / 2
        ):
            continue
        yield link_url, element, is_time


def _strip_fragment(url: str) -> str:
    return url.partition("#")[0].rstrip("/")


def _compute_style_signatures(element: HtmlElement) -> tuple[str, ...]:
    """Return hashes of the tags above a link: with all classes near it, and with only each tag's first.

    The second hash is for publishers that put the topics of each article into its classes.
    """
    fine_path, coarse_path = [], []
    for depth, ancestor in enumerate((element, *element.iterancestors())):
        class_names = (
            _DIGITS_PATTERN.sub("", ancestor.get("class") or "").split() if depth <= _STYLED_ANCESTOR_COUNT else []
        )
        fine_path.append(f"{ancestor.tag}.{' '.join(sorted(class_names))}")
        coarse_path.append(f"{ancestor.tag}.{''.join(class_names[:1])}")
    style_paths = dict.fromkeys(("<".join(fine_path), "<".join(coarse_path)))
    return tuple(blake2b(style_path.encode(), digest_size=6).hexdigest() for style_path in style_paths)


def _build_group(signature: str, elements_by_url: dict[str, HtmlElement], host: str) -> LinkGroup:
    elements = list(elements_by_url.values())
    containers = find_outermost_containers(elements)
    if len(elements) == 1:
        containers = [next(elements[0].iterancestors(), elements[0])]
    element_lists = [_add_trailing_siblings(container, set(containers)) for container in containers]
    titles = [_find_title(element) for element in elements]
    if signature.startswith(_TIMESTAMP_LINK_PREFIX):
        if not _has_single_author(containers, elements_by_url):
            return LinkGroup((signature,), [], [], 0.0)
        titles = [_find_heading(container) or _find_opening(container) for container in containers]
    elif len(set(titles)) <= len(titles) / 2:  # "Read more": the title is beside the link
        titles = [_find_heading(container) for container in containers]
    group_links = [
        Link(element, url, title) for (url, element), title in zip(elements_by_url.items(), titles, strict=True)
    ]
    if signature.startswith(_TIMESTAMP_LINK_PREFIX):  # Some messages are only a picture.
        element_lists = [elements for elements, link in zip(element_lists, group_links, strict=True) if link.title]
        group_links = [link for link in group_links if link.title]
    signatures = dict.fromkeys((signature, *_compute_style_signatures(elements[0])))
    return LinkGroup(
        tuple(signatures),
        group_links,
        element_lists,
        _score_group(group_links, element_lists, host) if group_links else 0.0,
    )


def _add_trailing_siblings(container: HtmlElement, containers: set[HtmlElement]) -> list[HtmlElement]:
    """Return the container of a list item and the elements up to the next item's, such as a second table row.

    If no other container follows closely, return only the container.
    """
    item_elements = [container]
    for sibling in container.itersiblings():
        if sibling in containers:
            return item_elements
        item_elements.append(sibling)
        if len(item_elements) > _MAX_TRAILING_SIBLINGS:
            break
    return [container]


def _score_group(links: list[Link], element_lists: list[list[HtmlElement]], host: str) -> float:
    """Return how likely a group is a list of news, by its titles, dates, texts and position; 0.0 if it is none."""
    link_count = len(links)
    mean_title_words = sum(min(12, len(link.title.split())) for link in links) / link_count
    reply_count = sum(link.title.lower().startswith("re:") for link in links)
    if 2 * reply_count > link_count:  # posts of a discussion
        return 0.0
    inline_share = sum(_is_inline(link.element) for link in links) / link_count
    if mean_title_words < MIN_MEAN_TITLE_WORDS or inline_share > 1 / 2:
        return 0.0
    links_with_elements = list(zip(links, element_lists, strict=True))
    heading_share = (
        sum(
            _is_in_heading(link.element) or link.title == _find_heading(item_elements[0])
            for link, item_elements in links_with_elements
        )
        / link_count
    )
    dated_share = (
        sum(find_publication_time(item_elements, link.url) is not None for link, item_elements in links_with_elements)
        / link_count
    )
    excerpt_share = (
        sum(
            len(get_text(item_elements[0])) - len(link.title) >= _MIN_EXCERPT_CHARS
            for link, item_elements in links_with_elements
        )
        / link_count
    )
    chrome_share = sum(_is_in_chrome(link.element) for link in links) / link_count
    same_host_share = sum(urls.parse_host(link.url) == host for link in links) / link_count
    has_long_items = (
        sum(len(get_text(item_elements[0])) for item_elements in element_lists) / link_count > MAX_MEAN_ITEM_CHARS
    )
    if has_long_items and (dated_share < 1 / 2 or same_host_share < 1 / 2):
        return 0.0
    content_score = (mean_title_words / 6) * (1 + heading_share + 1.5 * dated_share + 0.7 * excerpt_share)
    return float(content_score * min(link_count, 30) ** 0.5 * (1 - 0.8 * chrome_share) * (0.8 + 0.2 * same_host_share))


def iter_list_items(group: LinkGroup) -> Iterator[ListItem]:
    """Yield the items of a group of links, each with title, publication time and summary."""
    for link, item_elements in zip(group.links, group.element_lists, strict=True):
        publication_time = find_publication_time(item_elements, link.url)
        yield ListItem(link.url, link.title, publication_time, _find_summary(item_elements, link.title))


def _find_summary(item_elements: list[HtmlElement], title: str) -> str:
    """Return the longest passage of an item except its title, or "" if it has only short texts.

    Short texts, such as counters of replies, change all the time.
    """
    passages = (get_text(passage) for element in item_elements for passage in _iter_passages(element))
    longest_passage = max((passage_text for passage_text in passages if passage_text != title), key=len, default="")
    return to_single_line(longest_passage, MAX_SUMMARY_CHARS) if len(longest_passage) >= MIN_PASSAGE_CHARS else ""


def _iter_passages(container: HtmlElement) -> Iterator[HtmlElement]:
    """Yield the elements in a container that contain only text and inline elements."""
    for element in container.iter("*"):
        if element.tag not in SILENT_TAGS and all(child.tag in _INLINE_TAGS for child in element):
            yield element


def _find_opening(container: HtmlElement) -> str:
    """Return the first line of the longest passage in an item without a title, or "" if it has no text."""
    longest_passage = max(_iter_passages(container), key=lambda element: len(get_text(element)), default=None)
    if longest_passage is None:
        return ""
    lines = [longest_passage.text or ""]
    for child in longest_passage:
        if child.tag == "br":
            lines.append("")
        lines[-1] += f" {get_text(child)} {child.tail or ''}"
    opening = next((line for line in map(str.strip, lines) if len(line.split()) >= MIN_MEAN_TITLE_WORDS), "")
    return truncate_utf16(to_single_line(opening, MAX_TITLE_CHARS), MAX_OPENING_UNITS)


def _has_single_author(containers: list[HtmlElement], link_urls: Iterable[str]) -> bool:
    """Return whether most list items link to one author, whose path begins all links, as a channel's messages do."""
    path_counts = Counter(
        path
        for container in containers
        for path in {urlsplit(link_element.get("href") or "").path.rstrip("/") for link_element in container.iter("a")}
        if path and all(urlsplit(link_url).path.startswith(path + "/") for link_url in link_urls)
    )
    return any(count >= SINGLE_AUTHOR_RATIO * len(containers) for _path, count in path_counts.most_common(1))


def _find_heading(container: HtmlElement) -> str:
    return next(
        (
            text
            for heading in container.iter(*_HEADING_TAGS)
            if (text := to_single_line(get_text(heading), MAX_TITLE_CHARS))
        ),
        "",
    )


def _find_title(link_element: HtmlElement) -> str:
    """Return the heading in a link, else its text, else its `title` or `aria-label`, else ""."""
    heading = next((child for child in link_element.iter(*_HEADING_TAGS) if get_text(child)), None)
    return to_single_line(get_text(link_element if heading is None else heading), MAX_TITLE_CHARS) or to_single_line(
        link_element.get("title") or link_element.get("aria-label") or "", MAX_TITLE_CHARS
    )


def _is_in_heading(link_element: HtmlElement) -> bool:
    ancestor_tags = [
        ancestor.tag for _, ancestor in zip(range(_STYLED_ANCESTOR_COUNT), link_element.iterancestors(), strict=False)
    ]
    return not _HEADING_TAGS.isdisjoint(ancestor_tags) or any(True for _ in link_element.iter(*_HEADING_TAGS))


def _is_inline(link_element: HtmlElement) -> bool:
    parent = link_element.getparent()
    if parent is None or parent.tag not in _SENTENCE_TAGS:
        return False
    surrounding_texts = [parent.text, *(child.tail for child in parent)]
    return sum(len(" ".join(text.split())) for text in surrounding_texts if text) >= _MIN_SURROUNDING_CHARS


def _is_in_chrome(link_element: HtmlElement) -> bool:
    return any(
        ancestor.tag in _CHROME_TAGS
        or ancestor.get("role") in _CHROME_ROLES
        or (ancestor.tag == "header" and ancestor.getparent() is not None and ancestor.getparent().tag == "body")
        for ancestor in link_element.iterancestors()
    )
