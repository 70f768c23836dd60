"""Links to feeds on a web page (runs in a worker)."""

import re
from dataclasses import dataclass
from itertools import islice

from bot.feeds import known_sites
from bot.feeds.pages.element_text import text_of
from bot.feeds.pages.page_lists import ParsedPage
from bot.feeds.parsing.entries import absolute_url, single_line
from bot.text.urls import redact

MAX_FEEDS = 10
"""Feeds that are returned for one page."""

_MAX_PAGE = 2 * 2**20
_MOST_LINKS, _MOST_ANCHORS = 500, 2_000
_FORMATS = {
    "application/rss+xml": "rss",
    "application/rdf+xml": "rss",
    "application/atom+xml": "atom",
    "application/feed+json": "json",
    "application/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}
_COMMENTS = re.compile(r"comment", re.IGNORECASE)
_LOOKS_LIKE_FEED = re.compile(
    r"(?:/(?:feed|rss|atom)/?|[./](?:rss|atom|rdf)|/(?:feed|rss|atom|index)\.xml)(?:\?|$)"
)


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A feed that a page links to; `format` is "rss", "atom", "json", "xml", or the parser's."""

    url: str
    title: str
    format: str


def feed_links(body: bytes, url: str) -> tuple[FoundFeed, ...]:
    """Return at most `MAX_FEEDS` feeds that a page links to, feeds of comments last (runs in a worker).

    Looks for `<link rel=alternate>` (WHATWG HTML, link types), else for what a known site has, else for `<a>`
    with a URL like a feed's.
    """
    page = ParsedPage(body[:_MAX_PAGE], "", url)
    base = next(
        (absolute_url(each.get("href"), url) for each in page.elements("base") if each.get("href")), None
    )
    page_title = next((single_line(text_of(each), 200) for each in page.elements("title")), "")
    found: dict[str, FoundFeed] = {}
    for element in islice(page.elements("link"), _MOST_LINKS):
        kind = (element.get("type") or "").partition(";")[0].strip().lower()
        rels = (element.get("rel") or "").lower().split()
        if kind in _FORMATS and ("alternate" in rels or "feed" in rels):
            title = element.get("title") or page_title
            _add_feed(found, element.get("href"), base or url, title, _FORMATS[kind])
    if not found and (known := known_sites.feed_in_page(body, url)):
        _add_feed(found, known.url, url, page_title, "atom")
    if not found:
        for element in islice(page.elements("a"), _MOST_ANCHORS):
            href = element.get("href") or ""
            if _LOOKS_LIKE_FEED.search(href.lower()):
                _add_feed(found, href, base or url, page_title, "xml")
    ordered = sorted(found.values(), key=lambda feed: bool(_COMMENTS.search(feed.url + feed.title)))
    return tuple(ordered[:MAX_FEEDS])


def _add_feed(found: dict[str, FoundFeed], href: str | None, base: str, title: str, kind: str) -> None:
    if (url := absolute_url(href, base)) is not None and "/wp-json/" not in url:
        found.setdefault(url, FoundFeed(url, single_line(title, 200) or redact(url), kind))
