"""Extraction of the content of any web page, such as title, text, site, author and date (runs in a worker)."""

from typing import NamedTuple
from urllib.parse import urljoin

from bot.core.received_values import clean_text
from bot.feeds.pages.article_extraction import extract_article_text
from bot.feeds.pages.element_text import decode_page, parse_html
from bot.feeds.parsing.entries import MAX_TITLE_CHARS, MAX_URL_CHARS
from bot.text import language, urls
from bot.text.characters import strip_invisible
from bot.text.times import feed_dates

MAX_NAME_CHARS = 100
"""Maximum number of characters of the name of a site or an author."""
MAX_SUMMARY_CHARS = 1_000
"""Maximum number of characters of a page's description of itself."""
LANGUAGE_SAMPLE_CHARS = 4_000
"""Maximum number of characters of a text by which its language is detected."""


class PageContent(NamedTuple):
    """Content of a web page.

    `summary` is the page's description of itself. `text` is "" if the page has no text of its own, `title`, `summary`
    and `site_name` are "" if it names none. `published` is Unix time in seconds, or None if the page has no date.
    """

    title: str
    summary: str
    text: str
    site_name: str
    author: str | None
    language: str | None
    image_url: str | None
    published: int | None


def extract_page(page: bytes, content_type: str, url: str) -> PageContent:
    """Return the content of a page (runs in a worker).

    Raises FeedError (parse-died) for tags that would take too long to parse.
    """
    from trafilatura.metadata import extract_metadata  # noqa: PLC0415 - only this worker needs it

    tree = parse_html(decode_page(page, content_type))
    if tree is None:
        return PageContent("", "", "", "", None, None, None, None)
    declared_language = language.parse_primary_subtag(tree.get("lang"))
    metadata = extract_metadata(tree, default_url=url, extensive=False)
    text = extract_article_text(page, content_type, url)
    title = _to_line(metadata.title, MAX_TITLE_CHARS)
    summary = _to_line(metadata.description, MAX_SUMMARY_CHARS)
    image_url = urls.canonicalize(urljoin(url, metadata.image or ""))
    sample_text = "\n".join((title, summary, text[:LANGUAGE_SAMPLE_CHARS]))
    return PageContent(
        title=title,
        summary=summary,
        text=text,
        site_name=_to_line(metadata.sitename, MAX_NAME_CHARS),
        author=_to_line(metadata.author, MAX_NAME_CHARS) or None,
        language=language.detect_language(sample_text, declared_language),
        image_url=image_url if metadata.image and 0 < len(image_url) <= MAX_URL_CHARS else None,
        published=feed_dates.parse_date(metadata.date, must_be_only_date=True),
    )


def _to_line(text: str | None, max_chars: int) -> str:
    """Return a text of a page as one line of at most `max_chars`, without invisible characters, or "" for None."""
    return strip_invisible(" ".join(clean_text(text or "").split()))[:max_chars].strip()
