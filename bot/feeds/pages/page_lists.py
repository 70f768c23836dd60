"""The lists of a page that repeat themselves: articles of a blog, news, topics of a forum (runs in a worker).

Links that look alike are a group. Its items are the largest elements that hold one of its links each, and no
other's; what they tell (a title, a date, a text) says how likely the group is what the page is there for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.feeds.entries import absolute, line
from bot.feeds.pages.element_text import DATE, SILENT, published, text_of
from bot.text import urls

if TYPE_CHECKING:
    from lxml.html import HtmlElement

FEWEST_ITEMS = 3
MOST_ITEMS = 100
MOST_LISTS = 5
MOST_LINKS = 5_000
FEWEST_WORDS = 2.5
"""Of a list's titles, on average: shorter ones are a menu or tags."""
LEAST_SCORE = 3.0
"""Of the best list, so that it is one."""
LEAST_OF_BEST = 0.25
"""What part of the best list's score another one has."""
SHORT_ARTICLE = 1_200
"""Characters that may stand beside a list: more is an article with others below it."""
LONG_ITEM = 1_500
"""Characters of an item that is no teaser; in a dated list of one site it may be the whole text."""
MAX_TITLE = 300

_CHROME = frozenset({"nav", "footer", "aside", "form", "header"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ROLES = frozenset({"navigation", "contentinfo", "complementary", "banner"})
_LOOKED_AT = 3
"""Elements above a link that say how it looks."""
_SENTENCES = frozenset({"p", "li", "td", "dd", "blockquote", "em", "strong", "b", "i", "span"})
_AROUND = 40
_FOLLOWING = 3
_EXCERPT = 60
_PROSE = 80
_DIGITS = re.compile(r"\d+")
_A_DISCUSSION = re.compile(
    r"\bschema\.org/QAPage\b|\"@type\"\s*:\s*\[?\s*\"(?:DiscussionForumPosting|QAPage)\""
)
_ARTICLE = re.compile(
    r'"@type"\s*:\s*\[?\s*"(?:NewsArticle|ReportageNewsArticle|Article|BlogPosting|Product)"'
)


@dataclass(frozen=True, slots=True)
class ListItem:
    """What a list links to; `published` is in seconds of UTC where the page tells it."""

    url: str
    title: str
    published: int | None


@dataclass(frozen=True, slots=True)
class PageList:
    """A list of a page, in the page's order."""

    items: tuple[ListItem, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    element: HtmlElement
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class _Group:
    """Links of one look; what stands around each and around no other; the score of all."""

    links: list[_Link]
    items: list[list[HtmlElement]]
    score: float


def lists(page: bytes, content_type: str, url: str) -> tuple[PageList, ...]:
    """The lists that can be followed at a page, the best first; none where it is there for something else."""
    from lxml.etree import LxmlError  # noqa: PLC0415 - only workers read pages
    from lxml.html import HTMLParser, document_fromstring  # noqa: PLC0415 - likewise

    from bot.feeds.pages.article_extraction import MAX_ATTRIBUTES, decoded  # noqa: PLC0415 - likewise
    from bot.text.html import has_crowded_tag  # noqa: PLC0415 - likewise

    markup = decoded(page, content_type)
    if has_crowded_tag(markup, MAX_ATTRIBUTES):
        return ()
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = document_fromstring(markup.encode(), parser=parser)
    except (LxmlError, ValueError):
        return ()
    if _A_DISCUSSION.search(markup):
        return ()
    groups = sorted(_groups(tree, url), key=lambda group: group.score, reverse=True)
    if not groups or groups[0].score < LEAST_SCORE:
        return ()
    enough = [group for group in groups if group.score >= LEAST_OF_BEST * groups[0].score]
    short = SHORT_ARTICLE / 3 if len(_ARTICLE.findall(markup)) == 1 else SHORT_ARTICLE
    if _is_about_something(tree, enough, short):
        return ()
    found: list[PageList] = []
    seen: set[str] = set()
    for group in enough:
        items = tuple(_items(group))
        if not seen.issuperset(item.url for item in items):
            seen.update(item.url for item in items)
            found.append(PageList(items))
    return tuple(found[:MOST_LISTS])


def _groups(tree: HtmlElement, url: str) -> Iterator[_Group]:
    base = next((absolute(each.get("href"), url) for each in tree.iter("base") if each.get("href")), None)
    here = _page(url)
    headings = [text_of(heading) for heading in tree.iter("h1")]
    own = headings[0] if len(headings) == 1 else ""
    looks: dict[str, dict[str, HtmlElement]] = defaultdict(dict)
    for element in list(tree.iter("a"))[:MOST_LINKS]:
        href = (element.get("href") or "").strip()
        address = None if href.startswith("#") else absolute(href, base or url)
        title = _title(element)
        if address is None or _page(address) == here or title in {"", own}:
            continue
        if (date := DATE.search(title)) is not None and len(date[0]) > len(title) / 2:
            continue
        for look in _looks(element):
            known = looks[look].setdefault(address, element)
            if len(text_of(known)) < len(text_of(element)):
                looks[look][address] = element
    for links in looks.values():
        if FEWEST_ITEMS <= len(links) <= MOST_ITEMS:
            group = _group(links, urls.host(url))
            if group.score > 0:
                yield group


def _page(url: str) -> str:
    return url.partition("#")[0].rstrip("/")


def _looks(element: HtmlElement) -> set[str]:
    """How a link looks, by the elements above it: with all their classes near it, and with the first alone.

    Some publishers give each article its topics as classes.
    """
    fine, coarse = [], []
    for depth, above in enumerate((element, *element.iterancestors())):
        names = _DIGITS.sub("", above.get("class") or "").split() if depth <= _LOOKED_AT else []
        fine.append(f"{above.tag}.{' '.join(sorted(names))}")
        coarse.append(f"{above.tag}.{''.join(names[:1])}")
    return {"<".join(fine), "<".join(coarse)}


def _group(links: dict[str, HtmlElement], host: str) -> _Group:
    elements = list(links.values())
    whole = _whole(elements)
    items = [_with_what_follows(item, set(whole)) for item in whole]
    titles = [_title(element) for element in elements]
    if len(set(titles)) <= len(titles) / 2:  # "Read more": what is linked is named beside it
        titles = [_heading(item) for item in whole]
    made = [_Link(element, url, title) for (url, element), title in zip(links.items(), titles, strict=True)]
    return _Group(made, items, _score(made, items, host))


def _whole(links: list[HtmlElement]) -> list[HtmlElement]:
    """For each link the largest element around it that holds no other of the group."""
    holding: dict[HtmlElement, int] = defaultdict(int)
    for link in links:
        for above in link.iterancestors():
            holding[above] += 1
    return [
        next((each for each in reversed(list(link.iterancestors())) if holding[each] == 1), link)
        for link in links
    ]


def _with_what_follows(item: HtmlElement, items: set[HtmlElement]) -> list[HtmlElement]:
    """An item and what stands between it and the next, as the second row of each in a table."""
    found = [item]
    for sibling in item.itersiblings():
        if sibling in items:
            return found
        found.append(sibling)
        if len(found) > _FOLLOWING:
            break
    return [item]


def _score(links: list[_Link], items: list[list[HtmlElement]], host: str) -> float:
    """How likely it is a list of what is new: by its titles, dates and texts, and where it stands."""
    count = len(links)
    words = sum(min(12, len(link.title.split())) for link in links) / count
    replies = sum(link.title.lower().startswith("re:") for link in links)
    if 2 * replies > count:  # the posts of a discussion
        return 0.0
    inline = sum(_is_inline(link.element) for link in links) / count
    if words < FEWEST_WORDS or inline > 1 / 2:
        return 0.0
    pairs = list(zip(links, items, strict=True))
    headed = sum(_is_heading(link.element) or link.title == _heading(item[0]) for link, item in pairs) / count
    dated = sum(published(item, link.url) is not None for link, item in pairs) / count
    told = sum(len(text_of(item[0])) - len(link.title) >= _EXCERPT for link, item in pairs) / count
    chrome = sum(_in_chrome(link.element) for link in links) / count
    at_home = sum(urls.host(link.url) == host for link in links) / count
    long = sum(len(text_of(item[0])) for item in items) / count > LONG_ITEM
    if long and (dated < 1 / 2 or at_home < 1 / 2):
        return 0.0
    worth = (words / 6) * (1 + headed + 1.5 * dated + 0.7 * told)
    return float(worth * min(count, 30) ** 0.5 * (1 - 0.8 * chrome) * (0.8 + 0.2 * at_home))


def _is_about_something(tree: HtmlElement, groups: list[_Group], short: float) -> bool:
    """Whether more is written beside the lists than in them: an article, a product, a discussion."""
    inside: set[HtmlElement] = set()
    for part in (part for group in groups for item in group.items for part in item):
        inside.update(part.iter("*"))
    beside = 0
    for element in tree.iter("*"):
        if element.tag not in SILENT and element.tag != "a" and element not in inside:
            pieces = (element.text, *(child.tail for child in element))
            lengths = (len(" ".join(piece.split())) for piece in pieces if piece)
            beside += sum(length for length in lengths if length >= _PROSE)
    within = sum(len(text_of(element)) for group in groups[:1] for item in group.items for element in item)
    return beside > max(short, within / 3)


def _items(group: _Group) -> Iterator[ListItem]:
    for link, item in zip(group.links, group.items, strict=True):
        yield ListItem(link.url, link.title, published(item, link.url))


def _heading(item: HtmlElement) -> str:
    return next((text for each in item.iter(*_HEADINGS) if (text := line(text_of(each), MAX_TITLE))), "")


def _title(link: HtmlElement) -> str:
    """The heading within a link, else its words, else what it says to those who do not see it."""
    heading = next((each for each in link.iter(*_HEADINGS) if text_of(each)), None)
    return line(text_of(link if heading is None else heading), MAX_TITLE) or line(
        link.get("title") or link.get("aria-label") or "", MAX_TITLE
    )


def _is_heading(link: HtmlElement) -> bool:
    above = [each.tag for _, each in zip(range(_LOOKED_AT), link.iterancestors(), strict=False)]
    return not _HEADINGS.isdisjoint(above) or any(True for _ in link.iter(*_HEADINGS))


def _is_inline(link: HtmlElement) -> bool:
    """Whether a link is a part of a sentence."""
    parent = link.getparent()
    if parent is None or parent.tag not in _SENTENCES:
        return False
    around = [parent.text, *(child.tail for child in parent)]
    return sum(len(" ".join(text.split())) for text in around if text) >= _AROUND


def _in_chrome(link: HtmlElement) -> bool:
    return any(
        above.tag in _CHROME - {"header"}
        or above.get("role") in _ROLES
        or (above.tag == "header" and above.getparent() is not None and above.getparent().tag == "body")
        for above in link.iterancestors()
    )
