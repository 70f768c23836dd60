"""Discovery of the feeds of a web page."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from bot.core.concurrency.worker_pool import WorkerDied, WorkerPool, WorkerTimeout
from bot.core.models import ParsedFeed
from bot.feeds import fetch_errors, known_sites
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.pages.page_links import DiscoveredFeed, find_feed_links
from bot.feeds.pages.page_lists import PageList, PageLists, read_page_lists
from bot.feeds.parsing.parse import parse_feed_document
from bot.feeds.worker_calls import translate_worker_errors
from bot.text.urls import redact

MAX_LIST_PAGE_BYTES = 4 * 2**20
"""Maximum number of bytes of a web page that are searched for lists of links."""
PARSE_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds that a worker may take to parse one document."""
PROBE_TIMEOUT_SECONDS = 10.0
"""Timeout in seconds of each request that looks for a feed on a site's home page or at a well-known path."""
_STOP_PROBING_CODES = {fetch_errors.RATE_LIMITED, fetch_errors.CONNECTION_FAILED, fetch_errors.TIMEOUT}
"""Codes of errors after which no further paths of a host are tried."""
WELL_KNOWN_PATHS = ("/feed", "/rss", "/feed.xml", "/atom.xml", "/rss.xml", "/index.xml")
"""Paths at which many sites have their feed."""


@dataclass(frozen=True, slots=True)
class DiscoveryResult:
    """Feeds, and lists of links that can be followed like feeds, that were found at a URL.

    `response` and `parsed_feed` are None if nothing was fetched, `parsed_feed` also if the response is no feed.
    `page_lists` has the lists of a web page, which was requested at `requested_url`. If `is_from_site`, the page is not
    the home page and names no feed; `feeds` were found on the home page or at well-known paths of its site.
    """

    feeds: tuple[DiscoveredFeed, ...] = field(default=())
    response: FetchResult | None = None
    parsed_feed: ParsedFeed | None = None
    page_lists: PageLists = field(default=PageLists())
    requested_url: str = ""
    is_from_site: bool = False


async def discover_feeds(
    fetcher: Fetcher, workers: WorkerPool, url: str, *, with_lists: bool = False
) -> DiscoveryResult:
    """Find the feeds at a URL: by a rule for its site, the document if it is one, or those that page or site name.

    The lists of links on the page are returned, too, if no feeds are found or only its site has any, or if `with_lists`
    is set. Raises FeedError if the URL cannot be fetched, or if parsing its document as a feed fails, except for a
    document that is no feed, or takes too long.
    """
    known_site_feeds = known_sites.list_feeds_for_url(url)
    if len(known_site_feeds) > 1:
        return DiscoveryResult(tuple(DiscoveredFeed(feed.url, feed.title, "atom") for feed in known_site_feeds))
    if known_site_feeds:
        url = known_site_feeds[0].url
    response = await fetcher.get(url)
    try:
        parsed_feed = await _parse_in_worker(workers, response)
    except FeedError as error:
        if error.code != fetch_errors.NOT_A_FEED:
            raise
    else:
        return DiscoveryResult((_to_discovered_feed(response, parsed_feed, url),), response, parsed_feed)
    feeds: tuple[DiscoveredFeed, ...] = ()
    with suppress(WorkerTimeout, WorkerDied):
        feeds = await workers.run(find_feed_links, response.body, response.url, timeout=PARSE_TIMEOUT_SECONDS)
    if not feeds and (account_feed_url := known_sites.build_mastodon_feed_url(response.url)):
        feeds = await _probe_urls(fetcher, workers, (account_feed_url,))
    is_from_site = False
    if not feeds:
        feeds = await _find_site_feeds(fetcher, workers, response.url)
        is_from_site = bool(feeds) and not _is_home_page(response.url)
    page_lists = PageLists()
    if with_lists or is_from_site or not feeds:
        body, content_type = response.body[:MAX_LIST_PAGE_BYTES], response.content_type
        with suppress(WorkerTimeout, WorkerDied):
            page_lists = await workers.run(
                read_page_lists, body, content_type, response.url, timeout=PARSE_TIMEOUT_SECONDS
            )
    return DiscoveryResult(feeds, response, page_lists=page_lists, requested_url=url, is_from_site=is_from_site)


def convert_list_to_feed(discovery: DiscoveryResult, page_list: PageList) -> DiscoveryResult:
    """Return a discovery result whose only feed, already parsed, is made from a list of links on the page found."""
    assert discovery.response is not None
    list_url = list_feeds.build_list_url(discovery.response.permanent_url or discovery.requested_url, page_list)
    parsed_feed = list_feeds.build_feed(discovery.page_lists, page_list.items, list_url)
    return DiscoveryResult(
        (DiscoveredFeed(list_url, parsed_feed.title, parsed_feed.format),), discovery.response, parsed_feed
    )


async def _find_site_feeds(fetcher: Fetcher, workers: WorkerPool, page_url: str) -> tuple[DiscoveredFeed, ...]:
    """Return the feeds that a site's home page names, else a feed at a well-known path; () without any."""
    if not _is_home_page(page_url):
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                home_response = await fetcher.get(urljoin(page_url, "/"))
                if feeds := await workers.run(
                    find_feed_links, home_response.body, home_response.url, timeout=PARSE_TIMEOUT_SECONDS
                ):
                    return feeds
        except TimeoutError:
            return ()
        except FeedError as error:
            if error.code in _STOP_PROBING_CODES:
                return ()
        except (WorkerTimeout, WorkerDied):
            pass
    return await _probe_urls(fetcher, workers, [urljoin(page_url, path) for path in WELL_KNOWN_PATHS])


def _is_home_page(page_url: str) -> bool:
    return urlsplit(page_url).path in {"", "/"}


async def _probe_urls(fetcher: Fetcher, workers: WorkerPool, urls: Iterable[str]) -> tuple[DiscoveredFeed, ...]:
    """Return the feed at the first of a host's URLs that has one; () if none has, or if the host fails."""
    for url in urls:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                response = await fetcher.get(url)
                parsed_feed = await _parse_in_worker(workers, response)
        except TimeoutError:
            break
        except FeedError as error:
            if error.code in _STOP_PROBING_CODES:
                break
        else:
            return (_to_discovered_feed(response, parsed_feed, response.url),)
    return ()


def _to_discovered_feed(response: FetchResult, parsed_feed: ParsedFeed, url: str) -> DiscoveredFeed:
    return DiscoveredFeed(response.permanent_url or url, parsed_feed.title or redact(response.url), parsed_feed.format)


async def _parse_in_worker(workers: WorkerPool, response: FetchResult) -> ParsedFeed:
    with translate_worker_errors():
        return await workers.run(
            parse_feed_document, response.body, response.content_type, response.url, timeout=PARSE_TIMEOUT_SECONDS
        )
