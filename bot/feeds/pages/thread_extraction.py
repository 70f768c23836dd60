"""Extraction of a discussion's posts: repeated texts, each with author or time (runs in a worker)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import NamedTuple

from bot.feeds.pages.element_text import HtmlElement, outermost_containers
from bot.text.html import to_text

MOST_POSTS = 500
"""Posts above which a group is no discussion."""
FEWEST_LETTERS = 200
"""Characters of all posts of a page together."""
LEAST_SHARE = 0.3
"""Share of the largest group's text that the posts must have."""
MIN_ATTRIBUTED_RATIO = 0.6
"""Share of the posts that have an author or a time."""
MIN_ARTICLE_COVERAGE = 0.7
"""Share of an extracted article that is in the posts if they are the main text, not comments."""
MAX_SINGLE_POST_COVERAGE = 0.7
"""Share of an extracted article that may be in a single post."""

_TRIED = 8
"""Groups that are tried, best first."""
_LONGEST_NAME = 40
"""Characters of an author's name or a time."""
_NEAR = 400
"""Characters at both ends of a post in which its date is searched."""
_LINE = 30
"""Characters of a line that identifies a text."""
_QUOTE_PREFIX_CHARS = 60
"""Characters of a line that are compared to find it in another post."""

_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"\w+")
_ELEMENTS = ("article", "blockquote", "dd", "div", "li", "section", "span", "table", "td", "tr")
_PLAIN = frozenset({"p", "br", "b", "i", "em", "strong", "code", "pre", "blockquote"})
_SILENT = frozenset({"a", "script", "style", "noscript", "template", "button", "select", "textarea"})
_DATED = re.compile(
    r"\b(?:19|20)\d\d\b|\b\d{1,2}[/.:]\d\d|\b\d+ ?(?:min|h|hours?|days?|months?|years?|ans?|jours?|mois)\b"
)
_TIMES = ".//time | .//*[@datetime] | .//*[@itemprop='datePublished' or @itemprop='dateCreated']"
_NAMES = (
    ".//*[@itemprop='author']//*[@itemprop='name']",
    ".//a[contains(concat(' ', @rel, ' '), ' author ')]",
    ".//*[contains(@class, 'username') or contains(@class, 'author') or contains(@class, 'poster')]",
)
_DECLARED = re.compile(
    r'"@type"\s*:\s*\[?\s*"(?:DiscussionForumPosting|QAPage)"'
    r"|schema\.org/(?:DiscussionForumPosting|QAPage|Question)\b"
)
"""Declarations for search engines: https://schema.org/DiscussionForumPosting, https://schema.org/QAPage."""
_ADDRESS = re.compile(
    r"//(?:[\w-]+\.)*(?:forums?|boards?|discuss|community)\."
    r"|/(?:forums?|threads?|topics?|t|questions|discussions?|comments)/"
    r"|(?:viewtopic|showthread)\b|[?&](?:topic|t|tid|threadid)=\d",
    re.IGNORECASE,
)
"""URLs of discussions of forum software: Discourse, phpBB, vBulletin, XenForo, SMF."""


class _Group(NamedTuple):
    """Elements of one style, none within another.

    `char_count` is the characters of their text, `density` the characters per tag.
    """

    letters: int
    density: float
    elements: list[HtmlElement]


def extract_posts(tree: HtmlElement) -> list[str]:
    """Return the posts of a page's discussion in order, each with author and time; empty without one.

    Comments on an article are found as well; `spans_posts` tells them apart. Leaves the tree unchanged.
    """
    groups = sorted(_groups(tree), key=lambda group: group.letters * group.density, reverse=True)
    most = max((group.letters for group in groups), default=0)
    if most < FEWEST_LETTERS:
        return []
    for group in groups[:_TRIED]:
        bodies = group.elements
        whole = outermost_containers(bodies)
        if group.letters >= LEAST_SHARE * most and sum(map(_is_signed, whole)) >= MIN_ATTRIBUTED_RATIO * len(
            bodies
        ):
            said = " ".join(_words(body.text_content()) for body in bodies)
            texts = ((post, body, _text(body, said)) for post, body in zip(whole, bodies, strict=True))
            return [f"{_signature(post, body)}{text}" for post, body, text in texts if text]
    return []


def is_declared_discussion(markup: str, url: str) -> bool:
    """Return whether a page declares itself a discussion, or its URL is that of one."""
    return bool(_ADDRESS.search(url) or _DECLARED.search(markup))


def spans_posts(text: str, texts: list[str]) -> bool:
    """Return whether an extracted article is spread over the posts rather than one text with comments."""
    posts_words = list(map(_words, texts))
    lines = [words for line in text.split("\n") if len(words := _words(line)) >= _LINE]
    within = [
        sum(len(line) for line in lines if line[:_QUOTE_PREFIX_CHARS] in words) for words in posts_words
    ]
    whole = sum(map(len, lines))
    return sum(within) >= MIN_ARTICLE_COVERAGE * whole > 0 and max(within) <= MAX_SINGLE_POST_COVERAGE * whole


def _groups(tree: HtmlElement) -> Iterator[_Group]:
    looks: dict[str, list[HtmlElement]] = defaultdict(list)
    for element in tree.iter(*_ELEMENTS):
        for look in _looks(element):
            looks[look].append(element)
    letters = _letters(tree)
    for elements in looks.values():
        known = set(elements)
        outermost = [each for each in elements if not any(above in known for above in each.iterancestors())]
        if 1 < len(outermost) <= MOST_POSTS:
            held = sum(letters[each] for each in outermost)
            tags = sum(1 for each in outermost for inner in each.iter("*") if inner.tag not in _PLAIN)
            yield _Group(held, held / max(1, tags), outermost)


def _looks(element: HtmlElement) -> Iterator[str]:
    if name := element.get("class"):
        yield f"{element.tag}.{' '.join(sorted(_DIGITS.sub('', name).split()))}"
    if (name := element.get("id")) and _DIGITS.search(name):
        yield f"{element.tag}#{_DIGITS.sub('', name)}"
    if name := element.get("itemprop"):
        yield f"{element.tag}@{name}"


def _letters(tree: HtmlElement) -> dict[HtmlElement, int]:
    found: dict[HtmlElement, int] = {}
    below: dict[HtmlElement, int] = defaultdict(int)
    for element in reversed(list(tree.iter("*"))):
        held = below.pop(element, 0) + len((element.text or "").strip())
        found[element] = held = 0 if element.tag in _SILENT else held
        if (parent := element.getparent()) is not None:
            below[parent] += held + len((element.tail or "").strip())
    return found


def _is_signed(post: HtmlElement) -> bool:
    if post.xpath(_TIMES) or post.xpath(_NAMES[0]):
        return True
    text = " ".join(post.text_content().split())
    return bool(_DATED.search(text[:_NEAR]) or _DATED.search(text[-_NEAR:]))


def _signature(post: HtmlElement, body: HtmlElement) -> str:
    """Return author and time of a post, as the page writes them, on a line of its own."""
    inside = set(body.iter("*"))
    name = next((name for path in _NAMES for name in _short(post.xpath(path), inside)), "")
    time = next(_short(post.iter("time"), inside), "")
    line = ", ".join(filter(None, (name, time)))
    return f"{line}\n" if line else ""


def _short(elements: Iterable[HtmlElement], inside: set[HtmlElement]) -> Iterator[str]:
    for element in elements:
        text = " ".join(element.text_content().split())
        if element not in inside and 1 < len(text) <= _LONGEST_NAME:
            yield text


def _text(body: HtmlElement, said: str) -> str:
    """Return the text of a post without link previews and quotations of other posts."""
    body = deepcopy(body)
    for part in list(body.iter("blockquote", "aside")):
        if part is not body and part.getparent() is not None and (part.tag == "aside" or _quotes(part, said)):
            part.drop_tree()
    return _markup_text(body)


def _quotes(part: HtmlElement, said: str) -> bool:
    """Return whether a quotation names its source or is the text of another post."""
    if "quote" in (part.get("class") or "").lower() or part.find(".//cite") is not None:
        return True
    lines = [words for line in _markup_text(part).split("\n") if len(words := _words(line)) >= _LINE // 2]
    known = sum(len(line) for line in lines if said.count(line[:_QUOTE_PREFIX_CHARS]) > 1)
    return 2 * known >= sum(map(len, lines))


def _markup_text(element: HtmlElement) -> str:
    from lxml.html import tostring  # noqa: PLC0415 - only this worker needs it

    return to_text(tostring(element, encoding="unicode", with_tail=False))


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
