"""Extraction of the article from a web page (runs in a worker).

trafilatura finds the part of a page that holds the article. Elements that would mislead it are removed from
the tree first; afterwards `bot.text.boilerplate` drops lines that belong to no article.
"""

import re
from collections import Counter
from collections.abc import Iterable
from copy import deepcopy

from bot.core.received_values import clean_text
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import thread_extraction
from bot.feeds.pages.element_text import HtmlElement, decode_page, parse_html
from bot.text import boilerplate
from bot.text.characters import strip_invisible
from bot.text.words import split_words

MAX_TEXT_CHARS = 60_000
"""Maximum length of an article's text in characters; longer texts are cut."""

MIN_TEXT_RATIO = 0.5
"""Minimum share of a page's prose that an extracted text must have; with less, too much was lost."""
MIN_TEXT_CHARS = 250
"""Minimum number of characters of an extracted text; with fewer, the article may have been missed."""
MAX_CLUTTER_RATIO = 0.3
"""Maximum share of the text in a page's paragraphs that an element removed as clutter may contain."""

MIN_ARTICLE_WORDS = 30
"""Minimum number of words of an article; a shorter text is a notice, or the page needs JavaScript."""
MIN_KEYWORD_CHARS = 4
"""Minimum number of characters of a keyword: a word in title or teaser that says what an article is about."""
MIN_KEYWORD_OVERLAP = 0.25
"""Minimum share of the keywords of title and teaser that the text of the article's page must contain."""

_CLUTTER_TAGS = {"nav", "footer", "button", "dialog", "template"}
_CLUTTER_ROLES = {"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog"}
_NON_PROSE_TAGS = {"script", "style", "noscript", "template", "a", "textarea", "title"}
_LINK_PARAGRAPH_TAGS = {"p", "div", "h2", "h3", "h4"}

_BLOCK_TAGS = {"p", "head", "list", "quote", "table", "code"}
"""Tags, in the output of trafilatura, of elements that are paragraphs of their own."""
_LINE_TAGS = {"item", "row", "lb"}
"""Tags, in the output of trafilatura, of elements that begin a line."""
_SPACES_PATTERN = re.compile(r"[^\S\n]+")
_LINE_BREAKS_PATTERN = re.compile(r" ?\n ?")
_REPEATED_BREAKS_PATTERN = re.compile(r"\n{3,}")
_WORD_PATTERN = re.compile(r"[^\W\d_]{2}")
_NON_WORD_PATTERN = re.compile(r"[\W_]+")
_MAX_TITLE_LINES = 8
"""Maximum number of lines at the beginning of a text among which its title is looked for."""
_MIN_PROSE_CHARS = 80
"""Minimum number of characters of a paragraph of prose."""
_MAX_LINK_CHILDREN = 3
"""Maximum number of child elements of a paragraph that is removed because all its text is links."""


def extract_article(page: bytes, content_type: str, url: str, title: str, teaser: str) -> str:
    """Return the text of the article in a page (runs in a worker).

    Raises FeedError: no-article if there is none, other-page if the page is about something else (a consent
    form, the front page), nothing-more if the text is not longer than the teaser, parse-died if a tag would
    take too long to parse.
    """
    text = extract_article_text(page, content_type, url)
    words = split_words(text)
    if len(words) < MIN_ARTICLE_WORDS:
        raise FeedError(fetch_errors.NO_ARTICLE, f"{len(words)} words")
    keywords = {word for word in split_words(f"{title}\n{teaser}") if len(word) >= MIN_KEYWORD_CHARS}
    if keywords and len(keywords.intersection(words)) < MIN_KEYWORD_OVERLAP * len(keywords):
        raise FeedError(fetch_errors.UNRELATED_PAGE, "another text")
    if len(text) <= len(teaser):
        raise FeedError(fetch_errors.NO_EXTRA_TEXT, f"{len(text)} characters")
    return text


def extract_article_text(page: bytes, content_type: str, url: str) -> str:
    """Return the text of a page's article, or all posts of a discussion; "" if there is neither.

    Paragraphs are separated by empty lines. The text has at most `MAX_TEXT_CHARS` characters, without lines that belong
    to no article. Raises FeedError (parse-died) for tags that would take too long to parse.
    """
    markup = decode_page(page, content_type)
    tree = parse_html(markup)
    if tree is None:
        return ""
    posts = thread_extraction.extract_posts(tree)
    text = ""
    if not (posts and thread_extraction.is_likely_discussion(markup, url)):
        text = _extract_text(tree, url)
    if posts and (len(text) < MIN_TEXT_CHARS or thread_extraction.is_spread_over_posts(text, posts)):
        text = "\n\n".join(posts)
    text = boilerplate.strip_boilerplate(text[:MAX_TEXT_CHARS])
    return text if _WORD_PATTERN.search(text) else ""


def _extract_text(tree: HtmlElement, url: str) -> str:
    """Return the article of a page, without menus and other clutter unless most text is lost that way."""
    untouched_tree = deepcopy(tree)
    prose_chars, titles = sum(len(text) for text in _iter_prose(tree)), _find_titles(tree)
    _remove_clutter(tree)
    text = _run_trafilatura(tree, url)
    if _count_unique_chars(text) < max(MIN_TEXT_CHARS, MIN_TEXT_RATIO * prose_chars):
        full_text = _run_trafilatura(untouched_tree, url)
        text = full_text if _count_unique_chars(text) < MIN_TEXT_RATIO * _count_unique_chars(full_text) else text
    return _REPEATED_BREAKS_PATTERN.sub("\n\n", _strip_title(text, titles))


def _run_trafilatura(tree: HtmlElement, url: str) -> str:
    import trafilatura  # noqa: PLC0415 - only this worker needs it
    from trafilatura.meta import reset_caches  # noqa: PLC0415 - only this worker needs it
    from trafilatura.settings import Document  # noqa: PLC0415 - only this worker needs it

    document = trafilatura.bare_extraction(tree, url=url, include_comments=False, with_metadata=False)
    reset_caches()  # The next page is of another publisher.
    if not isinstance(document, Document) or document.body is None:
        return ""
    text = "".join(_iter_text_pieces(document.body))[: 2 * MAX_TEXT_CHARS]
    return strip_invisible(clean_text(_LINE_BREAKS_PATTERN.sub("\n", _SPACES_PATTERN.sub(" ", text)))).strip()[
        :MAX_TEXT_CHARS
    ]


def _count_unique_chars(text: str) -> int:
    """Return the number of characters of a text, counting repeated lines once."""
    return sum(map(len, set(text.split("\n"))))


def _iter_prose(tree: HtmlElement) -> Iterable[str]:
    """Yield the texts of a page that are as long as prose and in no link or script."""
    for element in tree.iter("*"):
        if element.tag not in _NON_PROSE_TAGS:
            yield from (text for text in (element.text, element.tail) if text and len(text) >= _MIN_PROSE_CHARS)


def _find_titles(tree: HtmlElement) -> set[str]:
    titles = [element.text_content() for element in tree.iter("title", "h1")]
    titles += [meta.get("content") or "" for meta in tree.iter("meta") if meta.get("property") == "og:title"]
    return {normalized_title for title in titles if (normalized_title := _normalize_words(title))}


def _strip_title(text: str, titles: set[str]) -> str:
    """Return the text without its title and all before that, if the title is among the first lines.

    A text of which less than half would remain is returned unchanged.
    """
    lines = text.split("\n")
    for index, line in enumerate(lines[:_MAX_TITLE_LINES]):
        normalized_line = _normalize_words(line)
        if normalized_line and any(
            normalized_line == title
            or (title.startswith(normalized_line + " ") and 2 * len(normalized_line) > len(title))
            for title in titles
        ):
            remaining_text = "\n".join(lines[index + 1 :]).strip()
            return remaining_text if 2 * len(remaining_text) >= len(text) else text
    return text


def _normalize_words(text: str) -> str:
    return " ".join(_NON_WORD_PATTERN.sub(" ", text.casefold()).split())


def _remove_clutter(tree: HtmlElement) -> None:
    """Remove menus, hidden elements and other clutter, and join the parts of an article.

    Elements with much of the page's text stay: with unclosed tags, a whole article may be inside a menu, and pages
    assembled by a script have it hidden.
    """
    paragraph_chars_by_element: Counter[HtmlElement] = Counter()
    total_chars = 0
    for paragraph in tree.iter("p", "pre"):
        paragraph_chars = len(paragraph.text_content())
        total_chars += paragraph_chars
        paragraph_chars_by_element.update(dict.fromkeys(paragraph.iterancestors(), paragraph_chars))
    for element in list(tree.iter("*")):
        if _is_clutter(element) and paragraph_chars_by_element[element] <= MAX_CLUTTER_RATIO * total_chars:
            _remove_element(element)
    for element in list(tree.iter("div", "section")):
        _join_parts(element)


def _is_clutter(element: HtmlElement) -> bool:
    if element.tag in _CLUTTER_TAGS or element.get("role") in _CLUTTER_ROLES or element.get("hidden") is not None:
        return True
    style = (element.get("style") or "").replace(" ", "").lower()
    if "display:none" in style:
        return True
    return element.tag in _LINK_PARAGRAPH_TAGS and len(element) <= _MAX_LINK_CHILDREN and _is_only_links(element)


def _is_only_links(element: HtmlElement) -> bool:
    """Return whether all the text of an element but at most three characters is in links, as in "read also"."""
    text = "".join(element.text_content().split())
    link_chars = sum(len("".join(link.text_content().split())) for link in element.iter("a"))
    return 0 < len(text) <= link_chars + 3


def _remove_element(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _join_parts(element: HtmlElement) -> None:
    """Merge an element into the nearest earlier sibling of its tag and class, if both are article parts.

    Such parts are divided by, for example, an advertisement or a picture.
    """
    previous_element = element.getprevious()
    class_name = element.get("class")
    while previous_element is not None and (
        previous_element.tag != element.tag or previous_element.get("class") != class_name
    ):
        previous_element = previous_element.getprevious()
    if class_name and previous_element is not None and _is_article_part(element) and _is_article_part(previous_element):
        previous_element.extend(list(element))
        _remove_element(element)


def _is_article_part(element: HtmlElement) -> bool:
    return sum(len(paragraph.text_content()) >= _MIN_PROSE_CHARS for paragraph in element.iter("p")) > 1


def _iter_text_pieces(element: HtmlElement) -> Iterable[str]:
    separator = "\n\n" if element.tag in _BLOCK_TAGS else "\n" if element.tag in _LINE_TAGS else ""
    yield separator or (" " if element.tag == "cell" else "")
    yield element.text or ""
    for child in element:
        yield from _iter_text_pieces(child)
        yield child.tail or ""
    yield separator
