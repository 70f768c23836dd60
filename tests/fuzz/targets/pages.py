"""Web pages: their articles, and their lists of links."""

from __future__ import annotations

from collections.abc import Iterator

import trafilatura
import trafilatura.metadata  # noqa: F401 - instrumented only if it is imported here

from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import MAX_TEXT_CHARS, extract_article
from bot.feeds.pages.list_feeds import KnownItem, build_list_url, extract_list
from bot.feeds.pages.page_content import MAX_NAME_CHARS, MAX_SUMMARY_CHARS, extract_page
from bot.feeds.pages.page_links import find_feed_links
from bot.feeds.pages.page_lists import read_page_lists
from bot.feeds.parsing.entries import MAX_TITLE_CHARS, MAX_URL_CHARS
from bot.text import discord_text
from tests.feeds.publishers import ENGLISH_PAGES, FRENCH_PAGES
from tests.fuzz import output_checks, seeds
from tests.fuzz.fuzz_target import KILOBYTE, FuzzTarget

URL = "https://site.example/news/"
NOW = 1_780_000_000
CONTENT_TYPES = ("", "text/html; charset=utf-8", "text/html; charset=iso-8859-1", "application/xhtml+xml")
TEXT = "The council voted on Monday for a tram along the river, which opens in two years and costs 90 million. " * 3

_TOKENS = (
    b"<p> </p> <div> </div> <article> <main> <h1> <h2> <a href='/1'> </a> <ul><li> <table><tr><td> <time datetime=' "
    b"<script> <style> <!-- --> <![CDATA[ <meta property='og:title' content='x'> <meta name='author' content=' "
    b"<meta property='article:published_time' content='2026-05-04'> <link rel='alternate' type='application/rss+xml' "
    b"<html lang='fr'> class='comment' class='post' id='content' &#xD800; &#0; &nbsp; <svg> <br> "
    b"<blockquote> <template> "
    b"<base href='//x'> javascript:alert(1) http://[::1 <title> <figure> <code> <select><option> charset=utf-16 "
    b'<script type="application/ld+json">{"@type":"NewsArticle"}'
).split()


def check_article(page: bytes) -> None:
    """Read a page as an article, and its feeds; all of it is bounded plain text."""
    content_type = CONTENT_TYPES[len(page) % len(CONTENT_TYPES)]
    try:
        content = extract_page(page, content_type, URL)
        output_checks.check_storable(content, MAX_TEXT_CHARS)
        output_checks.check_storable((content.title, content.summary), max(MAX_TITLE_CHARS, MAX_SUMMARY_CHARS))
        output_checks.check_storable((content.site_name, content.author), MAX_NAME_CHARS)
        output_checks.check_web_url(content.image_url, "picture")
        for text in (content.title, content.summary, content.site_name, content.author or ""):
            output_checks.check_markup(discord_text.to_markdown_line(text, 200))
        extract_article(page, content_type, URL, "Council votes for tram", "The council voted on Monday.")
    except FeedError:
        pass
    for feed_link in find_feed_links(page, URL):
        output_checks.check_storable(feed_link, MAX_URL_CHARS)
        output_checks.check_web_url(feed_link.url, "feed")


def check_lists(page: bytes) -> None:
    """Find the lists of a page, follow the first one, and find it again on the same page."""
    content_type = CONTENT_TYPES[len(page) % len(CONTENT_TYPES)]
    page_lists = read_page_lists(page, content_type, URL)
    output_checks.check_storable(page_lists, 4 * MAX_URL_CHARS)
    if not page_lists.lists:
        return
    list_url = build_list_url(URL, page_lists.lists[0])
    first_result = extract_list(page, content_type, list_url, "", (), NOW)
    output_checks.check_storable(first_result.feed, 4 * MAX_URL_CHARS)
    for entry in first_result.feed.entries:
        output_checks.check_web_url(entry.link, "link")
    known_items = [
        KnownItem(entry.link or "", entry.title, entry.summary, entry.published or NOW, NOW)
        for entry in first_result.feed.entries
    ]
    second_result = extract_list(page, content_type, list_url, first_result.signature_json, known_items, NOW)
    assert {entry.link for entry in second_result.feed.entries} <= {entry.link for entry in first_result.feed.entries}


def load_seeds() -> Iterator[bytes]:
    """Yield article pages and pages with lists, first those of tests."""
    for page in [*FRENCH_PAGES.values(), *ENGLISH_PAGES.values()]:
        yield f"<html>{page.format(TEXT, TEXT, TEXT, title='Council votes for tram')}</html>".encode()
    items = "".join(
        f"<li class='item'><h2><a href='/2026/{number}'>Council votes for tram number {number}</a></h2>"
        f"<time datetime='2026-05-{number:02}'>May</time><p>{TEXT}</p></li>"
        for number in range(1, 12)
    )
    yield f"<html><title>News</title><ul>{items}</ul></html>".encode()
    yield from seeds.read_shared_files("pages/lists", seeds.PAGE_SUFFIXES)
    yield from seeds.read_shared_files("pages", seeds.PAGE_SUFFIXES)


TARGETS = (
    FuzzTarget(
        name="page",
        check=check_article,
        load_seeds=load_seeds,
        tokens=tuple(_TOKENS),
        max_bytes=64 * KILOBYTE,
        max_cost_bytes=48 * KILOBYTE,
        max_seeds=120,
    ),
    FuzzTarget(
        name="page-list",
        check=check_lists,
        load_seeds=load_seeds,
        tokens=tuple(_TOKENS),
        max_bytes=64 * KILOBYTE,
        max_cost_bytes=48 * KILOBYTE,
        max_seeds=120,
    ),
)
