"""Links to feeds on a web page (runs in a worker)."""

import re
from dataclasses import dataclass
from itertools import islice

from bot.core.received_values import to_single_line
from bot.feeds import known_sites
from bot.feeds.pages.element_text import get_text
from bot.feeds.pages.page_lists import ParsedPage
from bot.feeds.parsing.entries import resolve_url
from bot.text.urls import redact

MAX_FEEDS = 10
"""Maximum number of feeds that are returned for one page."""

_MAX_PAGE_BYTES = 2 * 2**20
_MAX_LINKS, _MAX_ANCHORS = 500, 2_000
_FORMAT_BY_MEDIA_TYPE = {
    "application/rss+xml": "rss",
    "application/rdf+xml": "rss",
    "application/atom+xml": "atom",
    "application/feed+json": "json",
    "application/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
}
_COMMENTS_FEED_PATTERN = re.compile(r"comment", re.IGNORECASE)
_FEED_URL_PATTERN = re.compile(r"(?:/(?:feed|rss|atom)/?|[./](?:rss|atom|rdf)|/(?:feed|rss|atom|index)\.xml)(?:\?|$)")


@dataclass(frozen=True, slots=True)
class DiscoveredFeed:
    """Feed found at a URL, linked by a page, or named by a user.

    `format` is "rss", "atom", "json" or "xml" as a link says, the parser's name of the format if the feed
    was parsed, or "" if it is unknown.
    """

    url: str
    title: str
    format: str


def find_feed_links(body: bytes, url: str) -> tuple[DiscoveredFeed, ...]:
    """Return at most `MAX_FEEDS` feeds that a page links to, feeds of comments last (runs in a worker).

    They are the `<link rel=alternate>` of the page (WHATWG HTML, link types), else the feed that a known site, such as
    YouTube, names in its own way, else the `<a>` with a URL like a feed's.
    """
    page = ParsedPage(body[:_MAX_PAGE_BYTES], "", url)
    base_url = next(
        (
            resolve_url(base_element.get("href"), url)
            for base_element in page.iter_elements("base")
            if base_element.get("href")
        ),
        None,
    )
    page_title = next(
        (to_single_line(get_text(title_element), 200) for title_element in page.iter_elements("title")), ""
    )
    feeds_by_url: dict[str, DiscoveredFeed] = {}
    for element in islice(page.iter_elements("link"), _MAX_LINKS):
        media_type = (element.get("type") or "").partition(";")[0].strip().lower()
        relations = (element.get("rel") or "").lower().split()
        if media_type in _FORMAT_BY_MEDIA_TYPE and ("alternate" in relations or "feed" in relations):
            title = element.get("title") or page_title
            _add_feed(feeds_by_url, element.get("href"), base_url or url, title, _FORMAT_BY_MEDIA_TYPE[media_type])
    if not feeds_by_url and (site_feed := known_sites.find_feed_in_page(body, url)):
        _add_feed(feeds_by_url, site_feed.url, url, page_title, "atom")
    if not feeds_by_url:
        for element in islice(page.iter_elements("a"), _MAX_ANCHORS):
            href = element.get("href") or ""
            if _FEED_URL_PATTERN.search(href.lower()):
                _add_feed(feeds_by_url, href, base_url or url, page_title, "xml")
    sorted_feeds = sorted(
        feeds_by_url.values(), key=lambda feed: bool(_COMMENTS_FEED_PATTERN.search(feed.url + feed.title))
    )
    return tuple(sorted_feeds[:MAX_FEEDS])


def _add_feed(
    feeds_by_url: dict[str, DiscoveredFeed], href: str | None, base_url: str, title: str, feed_format: str
) -> None:
    if (url := resolve_url(href, base_url)) is not None and "/wp-json/" not in url:
        feeds_by_url.setdefault(url, DiscoveredFeed(url, to_single_line(title, 200) or redact(url), feed_format))
