"""Groups of similar links on a page, scored as possible lists of news (runs in a worker).

The items of a group are the largest elements that hold exactly one of its links. Their title, date and text
say how likely the group is the main list of the page.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.feeds.pages.element_text import (
    DATE,
    SILENT,
    HtmlElement,
    outermost_containers,
    publication_time,
    text_of,
)
from bot.feeds.parsing.entries import absolute_url, single_line
from bot.text import urls
from bot.text.discord_text import truncate_utf16

FEWEST_ITEMS = 3
"""Links of a group that may be a list."""
MOST_ITEMS = 100
"""Links above which a group is no list."""
MOST_LINKS = 5_000
"""Links of a page that are examined."""
FEWEST_WORDS = 2.5
"""Mean number of words of a list's titles; shorter ones are a menu or tags."""
LONG_ITEM = 1_500
"""Characters above which an item is no teaser; in a dated list of one site it may be the full text."""
MAX_TITLE = 300
"""Characters of a title."""
MAX_SUMMARY = 600
"""Characters of a summary."""
LONGEST_OPENING = 120
"""Longest opening of a message without a title, in UTF-16 units."""
SINGLE_AUTHOR_RATIO = 0.9
"""Share of the messages of a channel that link to its author."""
MIN_PASSAGE_CHARS = 80
"""Characters from which a text is a passage and no label."""

_CHROME = frozenset({"nav", "footer", "aside", "form"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ROLES = frozenset({"navigation", "contentinfo", "complementary", "banner"})
_LOOKED_AT = 3
"""Ancestors of a link whose classes are part of its style signature."""
_SENTENCES = frozenset({"p", "li", "td", "dd", "blockquote", "em", "strong", "b", "i", "span"})
_IN_LINES = frozenset({"a", "abbr", "b", "br", "code", "em", "i", "mark", "small", "span", "strong", "time"})
_AROUND = 40
_FOLLOWING = 3
_EXCERPT = 60
_TIMESTAMP_LINK_PREFIX = "@"
"""Prefix of the signatures of links that show only a time: messages without titles."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list; `published` is in seconds of UTC, None where the page does not say it.

    `summary` is the longest passage beside the title, "" where there are only labels and numbers.
    """

    url: str
    title: str
    published: int | None
    summary: str = ""


class Link(NamedTuple):
    """A link of a group, with the title of its target."""

    element: HtmlElement
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class LinkGroup:
    """Links of one style, the elements of each item, and the score of the group.

    `style_signatures` are the signature of the group and further ones of its first link.
    """

    style_signatures: tuple[str, ...]
    links: list[Link]
    items: list[list[HtmlElement]]
    score: float


def find_link_groups(
    tree: HtmlElement, url: str, looks: AbstractSet[str] = frozenset()
) -> Iterator[LinkGroup]:
    """Yield the groups of a page that may be lists, and those of `followed_signatures` in any case."""
    by_look: dict[str, dict[str, HtmlElement]] = defaultdict(dict)
    for address, element, is_time in _outbound_links(tree, url):
        for look in (
            _TIMESTAMP_LINK_PREFIX + look if is_time else look for look in _style_signatures(element)
        ):
            known = by_look[look].setdefault(address, element)
            if len(text_of(known)) < len(text_of(element)):
                by_look[look][address] = element
    for look, links in by_look.items():
        wanted = look in looks
        if (1 if wanted else FEWEST_ITEMS) <= len(links) <= MOST_ITEMS:
            group = _group(look, links, urls.host(url))
            if group.links and (group.score > 0 or wanted):
                yield group


def _outbound_links(tree: HtmlElement, url: str) -> Iterator[tuple[str, HtmlElement, bool]]:
    """Yield the links of a page to other pages: URL, element, whether the title is a time."""
    base = next((absolute_url(each.get("href"), url) for each in tree.iter("base") if each.get("href")), None)
    here = _page(url)
    headings = [text_of(heading) for heading in tree.iter("h1")]
    own = headings[0] if len(headings) == 1 else ""
    for element in list(tree.iter("a"))[:MOST_LINKS]:
        href = (element.get("href") or "").strip()
        address = None if href.startswith("#") else absolute_url(href, base or url)
        title = _title(element)
        if address is None or _page(address) == here or title in {"", own}:
            continue
        is_time = any(text_of(time) == title for time in element.iter("time"))
        if not is_time and (date := DATE.search(title)) is not None and len(date[0]) > len(title) / 2:
            continue
        yield address, element, is_time


def _page(url: str) -> str:
    return url.partition("#")[0].rstrip("/")


def _style_signatures(element: HtmlElement) -> tuple[str, ...]:
    """Hash the tags above a link, with all classes near it and with only the first ones.

    Some publishers put the topics of each article into its classes.
    """
    fine, coarse = [], []
    for depth, above in enumerate((element, *element.iterancestors())):
        names = _DIGITS.sub("", above.get("class") or "").split() if depth <= _LOOKED_AT else []
        fine.append(f"{above.tag}.{' '.join(sorted(names))}")
        coarse.append(f"{above.tag}.{''.join(names[:1])}")
    whole = dict.fromkeys(("<".join(fine), "<".join(coarse)))
    return tuple(blake2b(look.encode(), digest_size=6).hexdigest() for look in whole)


def _group(look: str, links: dict[str, HtmlElement], host: str) -> LinkGroup:
    elements = list(links.values())
    whole = outermost_containers(elements)
    if len(elements) == 1:
        whole = [next(elements[0].iterancestors(), elements[0])]
    items = [_with_trailing_siblings(item, set(whole)) for item in whole]
    titles = [_title(element) for element in elements]
    if look.startswith(_TIMESTAMP_LINK_PREFIX):
        if not _has_single_author(whole, links):
            return LinkGroup((look,), [], [], 0.0)
        titles = [_heading(item) or _opening(item) for item in whole]
    elif len(set(titles)) <= len(titles) / 2:  # "Read more": the title is beside the link
        titles = [_heading(item) for item in whole]
    made = [Link(element, url, title) for (url, element), title in zip(links.items(), titles, strict=True)]
    if look.startswith(_TIMESTAMP_LINK_PREFIX):  # Some messages are only a picture.
        items = [item for item, link in zip(items, made, strict=True) if link.title]
        made = [link for link in made if link.title]
    looks = dict.fromkeys((look, *_style_signatures(elements[0])))
    return LinkGroup(tuple(looks), made, items, _score(made, items, host) if made else 0.0)


def _with_trailing_siblings(item: HtmlElement, items: set[HtmlElement]) -> list[HtmlElement]:
    """Return an item and the elements up to the next, such as the second row of each in a table."""
    found = [item]
    for sibling in item.itersiblings():
        if sibling in items:
            return found
        found.append(sibling)
        if len(found) > _FOLLOWING:
            break
    return [item]


def _score(links: list[Link], items: list[list[HtmlElement]], host: str) -> float:
    """Score how likely a group is a list of news: by titles, dates, texts and place in the page."""
    count = len(links)
    words = sum(min(12, len(link.title.split())) for link in links) / count
    replies = sum(link.title.lower().startswith("re:") for link in links)
    if 2 * replies > count:  # posts of a discussion
        return 0.0
    inline = sum(_is_inline(link.element) for link in links) / count
    if words < FEWEST_WORDS or inline > 1 / 2:
        return 0.0
    pairs = list(zip(links, items, strict=True))
    headed = sum(_is_heading(link.element) or link.title == _heading(item[0]) for link, item in pairs) / count
    dated = sum(publication_time(item, link.url) is not None for link, item in pairs) / count
    told = sum(len(text_of(item[0])) - len(link.title) >= _EXCERPT for link, item in pairs) / count
    chrome = sum(_in_chrome(link.element) for link in links) / count
    at_home = sum(urls.host(link.url) == host for link in links) / count
    long = sum(len(text_of(item[0])) for item in items) / count > LONG_ITEM
    if long and (dated < 1 / 2 or at_home < 1 / 2):
        return 0.0
    worth = (words / 6) * (1 + headed + 1.5 * dated + 0.7 * told)
    return float(worth * min(count, 30) ** 0.5 * (1 - 0.8 * chrome) * (0.8 + 0.2 * at_home))


def list_items(group: LinkGroup) -> Iterator[ListItem]:
    """Yield the items of a group."""
    for link, item in zip(group.links, group.items, strict=True):
        yield ListItem(link.url, link.title, publication_time(item, link.url), _summary(item, link.title))


def _summary(item: list[HtmlElement], title: str) -> str:
    """Return the longest passage of an item but its title: counters of replies change all the time."""
    passages = (text_of(each) for element in item for each in _passages(element))
    said = max((text for text in passages if text != title), key=len, default="")
    return single_line(said, MAX_SUMMARY) if len(said) >= MIN_PASSAGE_CHARS else ""


def _passages(item: HtmlElement) -> Iterator[HtmlElement]:
    """Yield the elements of an item that hold only text."""
    for each in item.iter("*"):
        if each.tag not in SILENT and all(inner.tag in _IN_LINES for inner in each):
            yield each


def _opening(item: HtmlElement) -> str:
    """Return the first line of the text of an item without a title."""
    said = max(_passages(item), key=lambda each: len(text_of(each)), default=None)
    if said is None:
        return ""
    lines = [said.text or ""]
    for child in said:
        if child.tag == "br":
            lines.append("")
        lines[-1] += f" {text_of(child)} {child.tail or ''}"
    opening = next((each for each in map(str.strip, lines) if len(each.split()) >= FEWEST_WORDS), "")
    return truncate_utf16(single_line(opening, MAX_TITLE), LONGEST_OPENING)


def _has_single_author(items: list[HtmlElement], links: Iterable[str]) -> bool:
    """Return whether the items link to one author under whose path they are: a channel's messages."""
    named = Counter(
        path
        for item in items
        for path in {urlsplit(each.get("href") or "").path.rstrip("/") for each in item.iter("a")}
        if path and all(urlsplit(link).path.startswith(path + "/") for link in links)
    )
    return any(count >= SINGLE_AUTHOR_RATIO * len(items) for _path, count in named.most_common(1))


def _heading(item: HtmlElement) -> str:
    return next(
        (text for each in item.iter(*_HEADINGS) if (text := single_line(text_of(each), MAX_TITLE))), ""
    )


def _title(link: HtmlElement) -> str:
    """Return the heading in a link, else its text, else its `title` or `aria-label`."""
    heading = next((each for each in link.iter(*_HEADINGS) if text_of(each)), None)
    return single_line(text_of(link if heading is None else heading), MAX_TITLE) or single_line(
        link.get("title") or link.get("aria-label") or "", MAX_TITLE
    )


def _is_heading(link: HtmlElement) -> bool:
    above = [each.tag for _, each in zip(range(_LOOKED_AT), link.iterancestors(), strict=False)]
    return not _HEADINGS.isdisjoint(above) or any(True for _ in link.iter(*_HEADINGS))


def _is_inline(link: HtmlElement) -> bool:
    parent = link.getparent()
    if parent is None or parent.tag not in _SENTENCES:
        return False
    around = [parent.text, *(child.tail for child in parent)]
    return sum(len(" ".join(text.split())) for text in around if text) >= _AROUND


def _in_chrome(link: HtmlElement) -> bool:
    return any(
        above.tag in _CHROME
        or above.get("role") in _ROLES
        or (above.tag == "header" and above.getparent() is not None and above.getparent().tag == "body")
        for above in link.iterancestors()
    )
