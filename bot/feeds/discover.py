"""The feeds of a page that a person names."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from bot.core.models import ParsedFeed
from bot.core.workers import WorkerDied, Workers, WorkerTimeout
from bot.feeds import fetch_errors, known_sites
from bot.feeds.fetch import Fetched, Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.pages.page_links import FoundFeed, links
from bot.feeds.pages.page_lists import PageList, PageLists, lists
from bot.feeds.parsing.parse import parse
from bot.feeds.worker_calls import reading
from bot.text.urls import masked

MAX_PAGE = 4 * 2**20
"""Bytes of a page that lists are looked for in."""
PARSE_TIME = 5.0
PROBE_TIME = 10.0
"""Seconds for each well-known path."""
_LEAVE_ALONE = {fetch_errors.RATE_LIMITED, fetch_errors.CONNECT, fetch_errors.TIMEOUT}
WELL_KNOWN = ("/feed", "/rss", "/feed.xml", "/atom.xml", "/rss.xml", "/index.xml")


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is at an address.

    `fetched` is there when the address, `url`, was asked, `parsed` when it is that of a feed; `page` has the
    lists of a page. The feeds are `of_site` where the page itself has none.
    """

    feeds: tuple[FoundFeed, ...] = field(default=())
    fetched: Fetched | None = None
    parsed: ParsedFeed | None = None
    page: PageLists = field(default=PageLists())
    url: str = ""
    of_site: bool = False


async def find(fetcher: Fetcher, workers: Workers, url: str, *, with_lists: bool = False) -> Discovery:
    """Find the feeds at an address: those it stands for, itself, those of its page, or those of its site.

    With the lists of its page where it has no feed, or with `with_lists` in any case.

    Raises FeedError when the address cannot be fetched, or takes too long to read.
    """
    known = known_sites.feeds_of(url)
    if len(known) > 1:
        return Discovery(tuple(FoundFeed(feed.url, feed.title, "atom") for feed in known))
    if known:
        url = known[0].url
    fetched = await fetcher.get(url)
    try:
        parsed = await _parsed(workers, fetched)
    except FeedError as error:
        if error.code != fetch_errors.NOT_A_FEED:
            raise
    else:
        return Discovery((_itself(fetched, parsed, url),), fetched, parsed)
    feeds: tuple[FoundFeed, ...] = ()
    with suppress(WorkerTimeout, WorkerDied):
        feeds = await workers.run(links, fetched.body, fetched.url, timeout=PARSE_TIME)
    of_site = False
    if not feeds:
        feeds = await _site_feeds(fetcher, workers, fetched.url)
        of_site = bool(feeds) and not _is_home(fetched.url)
    page = PageLists()
    if with_lists or of_site or not feeds:
        body, kind = fetched.body[:MAX_PAGE], fetched.content_type
        with suppress(WorkerTimeout, WorkerDied):
            page = await workers.run(lists, body, kind, fetched.url, timeout=PARSE_TIME)
    return Discovery(feeds, fetched, page=page, url=url, of_site=of_site)


def as_feed(found: Discovery, chosen: PageList) -> Discovery:
    """One of the lists that were found on a page, as a feed that was read."""
    assert found.fetched is not None
    url = list_feeds.address(found.fetched.permanent_url or found.url, chosen)
    parsed = list_feeds.as_feed(found.page, chosen.items, url)
    return Discovery((FoundFeed(url, parsed.title, parsed.format),), found.fetched, parsed)


async def _site_feeds(fetcher: Fetcher, workers: Workers, page: str) -> tuple[FoundFeed, ...]:
    """Find the feeds that the home page of a page's site names, else those at well-known paths."""
    if not _is_home(page):
        try:
            async with asyncio.timeout(PROBE_TIME):
                home = await fetcher.get(urljoin(page, "/"))
                if feeds := await workers.run(links, home.body, home.url, timeout=PARSE_TIME):
                    return feeds
        except TimeoutError:
            return ()
        except FeedError as error:
            if error.code in _LEAVE_ALONE:
                return ()
        except (WorkerTimeout, WorkerDied):
            pass
    return await _well_known(fetcher, workers, page)


def _is_home(page: str) -> bool:
    return urlsplit(page).path in {"", "/"}


async def _well_known(fetcher: Fetcher, workers: Workers, page: str) -> tuple[FoundFeed, ...]:
    account = known_sites.beside(page)
    for path in (account, *WELL_KNOWN) if account else WELL_KNOWN:
        try:
            async with asyncio.timeout(PROBE_TIME):
                fetched = await fetcher.get(urljoin(page, path))
                parsed = await _parsed(workers, fetched)
        except TimeoutError:
            break
        except FeedError as error:
            if error.code in _LEAVE_ALONE:
                break
        else:
            return (_itself(fetched, parsed, fetched.url),)
    return ()


def _itself(fetched: Fetched, parsed: ParsedFeed, url: str) -> FoundFeed:
    return FoundFeed(fetched.permanent_url or url, parsed.title or masked(fetched.url), parsed.format)


async def _parsed(workers: Workers, fetched: Fetched) -> ParsedFeed:
    with reading():
        return await workers.run(parse, fetched.body, fetched.content_type, fetched.url, timeout=PARSE_TIME)
