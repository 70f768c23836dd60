"""Discovery of the feeds of a web page."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from bot.core.models import ParsedFeed
from bot.core.worker_pool import WorkerDied, WorkerPool, WorkerTimeout
from bot.feeds import fetch_errors, known_sites
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.pages.page_links import FoundFeed, feed_links
from bot.feeds.pages.page_lists import PageList, PageLists, find_lists
from bot.feeds.parsing.parse import parse
from bot.feeds.worker_calls import parse_errors_as_feed_errors
from bot.text.urls import redact

MAX_PAGE = 4 * 2**20
"""Bytes of a page that are searched for lists."""
PARSE_TIMEOUT_SECONDS = 5.0
"""Seconds that a worker may take to parse one document."""
PROBE_TIMEOUT_SECONDS = 10.0
"""Seconds for each well-known path."""
_LEAVE_ALONE = {fetch_errors.RATE_LIMITED, fetch_errors.CONNECTION_FAILED, fetch_errors.TIMEOUT}
"""Codes of errors after which a host gets no further probes."""
WELL_KNOWN = ("/feed", "/rss", "/feed.xml", "/atom.xml", "/rss.xml", "/index.xml")
"""Paths at which many sites have their feed."""


@dataclass(frozen=True, slots=True)
class DiscoveryResult:
    """The feeds and lists found at a URL.

    `response` is set when `url` was fetched, `parsed` when it is a feed; `page_lists` has the lists of a web
    page. With `is_from_site`, `feeds` are those of the site, because the page itself has none.
    """

    feeds: tuple[FoundFeed, ...] = field(default=())
    fetched: FetchResult | None = None
    parsed: ParsedFeed | None = None
    page: PageLists = field(default=PageLists())
    url: str = ""
    of_site: bool = False


async def discover_feeds(
    fetcher: Fetcher, workers: WorkerPool, url: str, *, with_lists: bool = False
) -> DiscoveryResult:
    """Find the feeds at a URL: a known site's, the document itself, its page's, or its site's.

    Also returns the lists of the page where it has no feed of its own, and always with `with_lists`.
    Raises FeedError if the URL cannot be fetched or takes too long to parse.
    """
    known = known_sites.feeds_for_url(url)
    if len(known) > 1:
        return DiscoveryResult(tuple(FoundFeed(feed.url, feed.title, "atom") for feed in known))
    if known:
        url = known[0].url
    fetched = await fetcher.get(url)
    try:
        parsed = await _parsed(workers, fetched)
    except FeedError as error:
        if error.code != fetch_errors.NOT_A_FEED:
            raise
    else:
        return DiscoveryResult((_as_found_feed(fetched, parsed, url),), fetched, parsed)
    feeds: tuple[FoundFeed, ...] = ()
    with suppress(WorkerTimeout, WorkerDied):
        feeds = await workers.run(feed_links, fetched.body, fetched.url, timeout=PARSE_TIMEOUT_SECONDS)
    of_site = False
    if not feeds:
        feeds = await _site_feeds(fetcher, workers, fetched.url)
        of_site = bool(feeds) and not _is_home(fetched.url)
    page = PageLists()
    if with_lists or of_site or not feeds:
        body, kind = fetched.body[:MAX_PAGE], fetched.content_type
        with suppress(WorkerTimeout, WorkerDied):
            page = await workers.run(find_lists, body, kind, fetched.url, timeout=PARSE_TIMEOUT_SECONDS)
    return DiscoveryResult(feeds, fetched, page=page, url=url, of_site=of_site)


def list_as_feed(found: DiscoveryResult, chosen: PageList) -> DiscoveryResult:
    """Return the discovery result of a page's list as that of a parsed feed."""
    assert found.fetched is not None
    url = list_feeds.list_url(found.fetched.permanent_url or found.url, chosen)
    parsed = list_feeds.as_feed(found.page, chosen.items, url)
    return DiscoveryResult((FoundFeed(url, parsed.title, parsed.format),), found.fetched, parsed)


async def _site_feeds(fetcher: Fetcher, workers: WorkerPool, page: str) -> tuple[FoundFeed, ...]:
    """Find the feeds that the home page of a page's site names, else those at well-known paths."""
    if not _is_home(page):
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                home = await fetcher.get(urljoin(page, "/"))
                if feeds := await workers.run(feed_links, home.body, home.url, timeout=PARSE_TIMEOUT_SECONDS):
                    return feeds
        except TimeoutError:
            return ()
        except FeedError as error:
            if error.code in _LEAVE_ALONE:
                return ()
        except (WorkerTimeout, WorkerDied):
            pass
    return await _probe_well_known(fetcher, workers, page)


def _is_home(page: str) -> bool:
    return urlsplit(page).path in {"", "/"}


async def _probe_well_known(fetcher: Fetcher, workers: WorkerPool, page: str) -> tuple[FoundFeed, ...]:
    account = known_sites.mastodon_feed_url(page)
    for path in (account, *WELL_KNOWN) if account else WELL_KNOWN:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                fetched = await fetcher.get(urljoin(page, path))
                parsed = await _parsed(workers, fetched)
        except TimeoutError:
            break
        except FeedError as error:
            if error.code in _LEAVE_ALONE:
                break
        else:
            return (_as_found_feed(fetched, parsed, fetched.url),)
    return ()


def _as_found_feed(fetched: FetchResult, parsed: ParsedFeed, url: str) -> FoundFeed:
    return FoundFeed(fetched.permanent_url or url, parsed.title or redact(fetched.url), parsed.format)


async def _parsed(workers: WorkerPool, fetched: FetchResult) -> ParsedFeed:
    with parse_errors_as_feed_errors():
        return await workers.run(
            parse, fetched.body, fetched.content_type, fetched.url, timeout=PARSE_TIMEOUT_SECONDS
        )
