"""The feeds of a page that a person names."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from bot.feeds import errors, sites
from bot.feeds.entries import absolute, line
from bot.feeds.errors import FeedError
from bot.feeds.fetch import Fetched, Fetcher
from bot.feeds.parse import parse
from bot.text.urls import masked
from bot.words import ParsedFeed
from bot.workers import WorkerDied, Workers, WorkerTimeout

MAX_FEEDS = 10
PARSE_TIME = 5.0
PROBE_TIME = 10.0
"""Seconds for each well-known path."""
WELL_KNOWN = ("/feed", "/rss", "/feed.xml", "/atom.xml", "/rss.xml", "/index.xml")

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


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is at an address. `fetched` and `parsed` are there when the address itself is that of a feed."""

    feeds: tuple[FoundFeed, ...] = field(default=())
    fetched: Fetched | None = None
    parsed: ParsedFeed | None = None


def links(body: bytes, url: str) -> tuple[FoundFeed, ...]:
    """The feeds that an HTML page links to, at most ten, those of comments last (runs in a worker).

    They are in `<link rel=alternate>` (WHATWG HTML, link types); where there is none, where a known site
    has them, else in `<a>` by their look.
    """
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
    if not found and (known := sites.in_page(body, url)):
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


async def find(fetcher: Fetcher, workers: Workers, url: str) -> Discovery:
    """The feeds at an address: those it stands for, itself, those of its page, or at well-known paths.

    Raises FeedError when the address cannot be fetched, or takes too long to read.
    """
    known = sites.feeds_of(url)
    if len(known) > 1:
        return Discovery(tuple(FoundFeed(feed.url, feed.title, "atom") for feed in known))
    if known:
        url = known[0].url
    fetched = await fetcher.get(url)
    try:
        parsed = await _parsed(workers, fetched)
    except FeedError as error:
        if error.code != errors.NOT_A_FEED:
            raise
    else:
        return Discovery((_itself(fetched, parsed, url),), fetched, parsed)
    try:
        feeds = await workers.run(links, fetched.body, fetched.url, timeout=PARSE_TIME)
    except (WorkerTimeout, WorkerDied):
        feeds = ()
    return Discovery(feeds or await _well_known(fetcher, workers, fetched.url))


async def _well_known(fetcher: Fetcher, workers: Workers, page: str) -> tuple[FoundFeed, ...]:
    """The first well-known path that is a feed, asked one after the other."""
    account = sites.beside(page)
    for path in (account, *WELL_KNOWN) if account else WELL_KNOWN:
        try:
            async with asyncio.timeout(PROBE_TIME):
                fetched = await fetcher.get(urljoin(page, path))
                parsed = await _parsed(workers, fetched)
        except TimeoutError:
            break
        except FeedError as error:
            if error.code in {errors.RATE_LIMITED, errors.CONNECT, errors.TIMEOUT}:
                break
        else:
            return (_itself(fetched, parsed, fetched.url),)
    return ()


def _itself(fetched: Fetched, parsed: ParsedFeed, url: str) -> FoundFeed:
    return FoundFeed(fetched.permanent_url or url, parsed.title or masked(fetched.url), parsed.format)


async def _parsed(workers: Workers, fetched: Fetched) -> ParsedFeed:
    try:
        return await workers.run(parse, fetched.body, fetched.content_type, fetched.url, timeout=PARSE_TIME)
    except WorkerTimeout as error:
        raise FeedError(errors.PARSE_TIMEOUT) from error
    except WorkerDied as error:
        raise FeedError(errors.PARSE_DIED, str(error)) from error
