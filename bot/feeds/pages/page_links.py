"""The feeds that a page links to (runs in a worker)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.feeds import known_sites
from bot.feeds.entries import absolute, line
from bot.text.urls import masked

MAX_FEEDS = 10

_MAX_PAGE = 2 * 2**20
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
    """A feed that a page names. `format` is "rss", "atom", "json", "xml", or what the parser found."""

    url: str
    title: str
    format: str


def links(body: bytes, url: str) -> tuple[FoundFeed, ...]:
    """The feeds that an HTML page links to, at most ten, those of comments last (runs in a worker).

    They are in `<link rel=alternate>` (WHATWG HTML, link types); where there is none, where a known site
    has them, else in `<a>` by their look.
    """
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only workers read pages

    tree = LexborHTMLParser(body[:_MAX_PAGE])
    base_node = tree.css_first("base[href]")
    base = absolute(base_node.attributes.get("href"), url) if base_node else None
    heading = tree.css_first("title")
    page_title = line(heading.text(), 200) if heading else ""
    found: dict[str, FoundFeed] = {}
    for node in tree.css("link[rel][href]")[:500]:
        attributes = node.attributes
        kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
        rels = (attributes.get("rel") or "").lower().split()
        if kind in _FORMATS and ("alternate" in rels or "feed" in rels):
            _note(
                found,
                attributes.get("href"),
                base or url,
                attributes.get("title") or page_title,
                _FORMATS[kind],
            )
    if not found and (known := known_sites.in_page(body, url)):
        _note(found, known.url, url, page_title, "atom")
    if not found:
        for node in tree.css("a[href]")[:2_000]:
            href = node.attributes.get("href") or ""
            if _LOOKS_LIKE_FEED.search(href.lower()):
                _note(found, href, base or url, page_title, "xml")
    ordered = sorted(found.values(), key=lambda feed: bool(_COMMENTS.search(feed.url + feed.title)))
    return tuple(ordered[:MAX_FEEDS])


def _note(found: dict[str, FoundFeed], href: str | None, base: str, title: str, kind: str) -> None:
    if (url := absolute(href, base)) is not None and "/wp-json/" not in url:
        found.setdefault(url, FoundFeed(url, line(title, 200) or masked(url), kind))
