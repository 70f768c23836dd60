"""Extraction of the article from a web page (runs in a worker).

trafilatura finds the part of a page that holds the article. Elements that would mislead it are removed from
the tree first; afterwards `bot.text.boilerplate` drops lines that belong to no article.
"""

import re
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy

from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import thread_extraction
from bot.feeds.pages.element_text import HtmlElement, decode_page, parse_html
from bot.feeds.parsing.entries import clean_text
from bot.text import boilerplate
from bot.text.characters import strip_invisible
from bot.text.words import words as words_of

MAX_TEXT = 60_000
"""Longest text of an article in characters."""

MIN_TEXT_RATIO = 0.5
"""Share of a text below which an extraction has lost too much of it."""
MIN_TEXT_CHARS = 250
"""Characters below which an extraction may have missed the article."""
MAX_CLUTTER_RATIO = 0.3
"""Share of a page's paragraphs above which an element is not removed as clutter."""

FEWEST_WORDS = 30
"""Words of an article; a shorter text is a notice, or the page needs JavaScript."""
MIN_KEYWORD_CHARS = 4
"""Characters of a word of title or teaser that says what the article is about."""
MIN_KEYWORD_OVERLAP = 0.25
"""Share of the keywords of title and teaser that the page of the article must contain."""

_FURNITURE = {"nav", "footer", "button", "dialog", "template"}
_ROLES = {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog"}
_SILENT = {"script", "style", "noscript", "template", "a", "textarea", "title"}
_LINK_PARAGRAPHS = {"p", "div", "h2", "h3", "h4"}

_BLOCK_TAGS = {"p", "head", "list", "quote", "table", "code"}
_LINES = {"item", "row", "lb"}
_SPACES = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n ?")
_MANY_BREAKS = re.compile(r"\n{3,}")
_A_WORD = re.compile(r"[^\W\d_]{2}")
_NO_WORD = re.compile(r"[\W_]+")
_FIRST = 8
"""Lines among which the title of an article may stand."""
_PART = 80
"""Characters of a paragraph of prose."""
_MOST_CHILDREN = 3
"""Child elements of a paragraph that may be only a link."""


def extract_article(page: bytes, content_type: str, url: str, title: str, teaser: str) -> str:
    """Return the text of the article in a page (runs in a worker).

    Raises FeedError: no-article if there is none, other-page if the page is about something else (a consent
    form, the front page), nothing-more if the text is no longer than the teaser, parse-died as
    `extract_article_text` does.
    """
    text = article_text(page, content_type, url)
    words = words_of(text)
    if len(words) < FEWEST_WORDS:
        raise FeedError(fetch_errors.NO_ARTICLE, f"{len(words)} words")
    wanted = {word for word in words_of(f"{title}\n{teaser}") if len(word) >= MIN_KEYWORD_CHARS}
    if wanted and len(wanted.intersection(words)) < MIN_KEYWORD_OVERLAP * len(wanted):
        raise FeedError(fetch_errors.UNRELATED_PAGE, "another text")
    if len(text) <= len(teaser):
        raise FeedError(fetch_errors.NO_EXTRA_TEXT, f"{len(text)} characters")
    return text


def article_text(page: bytes, content_type: str, url: str) -> str:
    """Return the text of a page's article, or all posts of a discussion, "" if there is none.

    Paragraphs are separated by empty lines. Raises FeedError (parse-died) for tags that would take too long
    to parse.
    """
    markup = decode_page(page, content_type)
    tree = parse_html(markup)
    if tree is None:
        return ""
    posts = thread_extraction.extract_posts(tree)
    text = ""
    if not (posts and thread_extraction.is_declared_discussion(markup, url)):
        text = _article(tree, url)
    if posts and (len(text) < MIN_TEXT_CHARS or thread_extraction.spans_posts(text, posts)):
        text = "\n\n".join(posts)
    text = boilerplate.strip_boilerplate(text[:MAX_TEXT])
    return text if _A_WORD.search(text) else ""


def _article(tree: HtmlElement, url: str) -> str:
    """Extract the article without clutter, or with it if that gives far more text."""
    untouched = deepcopy(tree)
    prose, titles = sum(len(text) for text in _prose_fragments(tree)), _titles(tree)
    _remove_clutter(tree)
    text = _extracted(tree, url)
    if _unique_length(text) < max(MIN_TEXT_CHARS, MIN_TEXT_RATIO * prose):
        whole = _extracted(untouched, url)
        text = whole if _unique_length(text) < MIN_TEXT_RATIO * _unique_length(whole) else text
    return _MANY_BREAKS.sub("\n\n", _without_title(text, titles))


def _extracted(tree: HtmlElement, url: str) -> str:
    import trafilatura  # noqa: PLC0415 - only this worker needs it
    from trafilatura.meta import reset_caches  # noqa: PLC0415 - only this worker needs it
    from trafilatura.settings import Document  # noqa: PLC0415 - only this worker needs it

    found = trafilatura.bare_extraction(tree, url=url, include_comments=False, with_metadata=False)
    reset_caches()  # The next page is of another publisher.
    if not isinstance(found, Document) or found.body is None:
        return ""
    text = "".join(_pieces(found.body))[: 2 * MAX_TEXT]
    return strip_invisible(clean_text(_BREAKS.sub("\n", _SPACES.sub(" ", text)))).strip()[:MAX_TEXT]


def _unique_length(text: str) -> int:
    """Return the number of characters of a text, counting repeated lines once."""
    return sum(map(len, set(text.split("\n"))))


def _prose_fragments(tree: HtmlElement) -> Iterable[str]:
    """Yield the texts of a page that are as long as sentences."""
    for element in tree.iter("*"):
        if element.tag not in _SILENT:
            yield from (text for text in (element.text, element.tail) if text and len(text) >= _PART)


def _titles(tree: HtmlElement) -> set[str]:
    said = [element.text_content() for element in tree.iter("title", "h1")]
    said += [meta.get("content") or "" for meta in tree.iter("meta") if meta.get("property") == "og:title"]
    return {words for title in said if (words := _words(title))}


def _without_title(text: str, titles: set[str]) -> str:
    """Remove the title, if it is among the first lines, and everything before it."""
    lines = text.split("\n")
    for index, line in enumerate(lines[:_FIRST]):
        words = _words(line)
        if words and any(
            words == title or (title.startswith(words + " ") and 2 * len(words) > len(title))
            for title in titles
        ):
            rest = "\n".join(lines[index + 1 :]).strip()
            return rest if 2 * len(rest) >= len(text) else text
    return text


def _words(text: str) -> str:
    return " ".join(_NO_WORD.sub(" ", text.casefold()).split())


def _remove_clutter(tree: HtmlElement) -> None:
    """Remove elements that are not read or mislead, except those with much of the page's text.

    Unclosed markup puts whole articles inside a menu, and pages assembled by a script bring them hidden.
    """
    held: Counter[HtmlElement] = Counter()
    whole = 0
    for paragraph in tree.iter("p", "pre"):
        length = len(paragraph.text_content())
        whole += length
        held.update(dict.fromkeys(paragraph.iterancestors(), length))
    for element in list(tree.iter("*")):
        if _is_furniture(element) and held[element] <= MAX_CLUTTER_RATIO * whole:
            _drop(element)
    for element in list(tree.iter("div", "section")):
        _join_parts(element)


def _is_furniture(element: HtmlElement) -> bool:
    if element.tag in _FURNITURE or element.get("role") in _ROLES or element.get("hidden") is not None:
        return True
    style = (element.get("style") or "").replace(" ", "").lower()
    if "display:none" in style:
        return True
    return element.tag in _LINK_PARAGRAPHS and len(element) <= _MOST_CHILDREN and _is_link(element)


def _is_link(element: HtmlElement) -> bool:
    """Return whether all the text of an element is links, as in "read also"."""
    text = "".join(element.text_content().split())
    linked = sum(len("".join(link.text_content().split())) for link in element.iter("a"))
    return 0 < len(text) <= linked + 3


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _join_parts(element: HtmlElement) -> None:
    """Merge an article's part into the previous one, from which an advertisement or picture divides it."""
    previous = element.getprevious()
    name = element.get("class")
    while previous is not None and (previous.tag != element.tag or previous.get("class") != name):
        previous = previous.getprevious()
    if name and previous is not None and _is_part(element) and _is_part(previous):
        previous.extend(list(element))
        _drop(element)


def _is_part(element: HtmlElement) -> bool:
    return sum(len(paragraph.text_content()) >= _PART for paragraph in element.iter("p")) > 1


def _pieces(element: HtmlElement) -> Iterable[str]:
    around = "\n\n" if element.tag in _BLOCK_TAGS else "\n" if element.tag in _LINES else ""
    yield around or (" " if element.tag == "cell" else "")
    yield element.text or ""
    for child in element:
        yield from _pieces(child)
        yield child.tail or ""
    yield around
