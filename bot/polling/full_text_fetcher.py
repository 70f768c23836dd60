"""Fetching of the pages of articles that have only a teaser in their feed: once each, in the background.

A poll stores which pages to fetch; the article is posted without waiting. Search, answers and, if the
settings say so, the excerpts of posts use the text of the page.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from bot.core.settings import Settings
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_pages import PageFetcher
from bot.polling.host_throttle import Host, Hosts
from bot.processes.leases import FEEDS, Leases
from bot.store import Store, StoreError
from bot.store.records.content_records import PageFetchJob, PageFetchOutcome
from bot.text import urls
from bot.text.host_slots import HOST_SLOT_COUNT, host_name

log = logging.getLogger(__name__)

MAX_CONCURRENT_PAGES = 4
"""Pages fetched at a time, each from another host."""
CLAIM_BATCH_SIZE = 64
"""Pages claimed at a time; those whose host must wait are released."""
MIN_HOST_PAUSE_SECONDS = 5.0
"""Least seconds between two pages of a host; a random part of up to as much is added."""
ATTEMPTS = 3
"""Attempts to fetch a page."""
RETRY_DELAYS_SECONDS = (600, 3600)
"""Seconds until the second and third attempt; a random part of up to half is added."""
MAX_RETRY_DELAY_SECONDS = RETRY_DELAYS_SECONDS[-1] * 3 // 2
"""Longest delay between two attempts in seconds."""
LONGEST_REST = 60.0
"""Longest seconds between two queries for due pages."""
ERROR_BACKOFF_SECONDS = 30.0
"""Seconds to wait when the store cannot be used."""
MANY = 10_000
"""Hosts whose pause is remembered before expired ones are forgotten."""
CRASHED = "died"
"""Outcome of a page whose fetch ended the process."""

_TRANSIENT_CODES = {
    fetch_errors.DNS_NOT_FOUND,
    fetch_errors.DNS_UNAVAILABLE,
    fetch_errors.CONNECTION_FAILED,
    fetch_errors.TIMEOUT,
    fetch_errors.TRUNCATED,
    fetch_errors.RATE_LIMITED,
    fetch_errors.INVALID_RESPONSE,
}


class FullTextFetcher:
    """A fetcher of articles' pages: `run` in the background, `fetch_due` for some feeds once."""

    def __init__(
        self, settings: Settings, store: Store, pages: PageFetcher, hosts: Hosts, leases: Leases
    ) -> None:
        self._settings, self._clock, self._store, self._leases = settings, store.clock, store, leases
        self._pages, self._hosts = pages, hosts
        self.outcomes: Counter[str] = Counter()
        """Page fetches since the start, by their outcome."""
        self.on_read: Callable[[], None] = _ignore
        """Called after a page was stored: its text may match watches."""
        self._rests_until: dict[str, float] = {}  # monotonic, by host
        self._random = Random()  # noqa: S311 - spreads requests over time

    @property
    def is_enabled(self) -> bool:
        """Whether the settings want pages fetched."""
        return self._settings.full_text != "never"

    async def run(self) -> None:
        """Fetch due pages until cancelled; unfinished ones are fetched after the next start."""
        await self._leases.start()
        under_way: dict[asyncio.Task[None], PageFetchJob] = {}
        try:
            while self.is_enabled:
                try:
                    await self._begin(under_way)
                    seconds = await self._until_next(under_way)
                except StoreError:
                    log.exception("page query failed")
                    seconds = ERROR_BACKOFF_SECONDS
                await self._wait_for_work(under_way, seconds)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def fetch_due(self, feed_ids: Collection[int], *, seconds: float, polite: bool = True) -> int:
        """Fetch the due pages of some feeds for at most `max_seconds`; return how many were fetched.

        `polite=False` is for feeds that a user named: it does not pause between requests. Raises StoreError.
        """
        before = self.outcomes[PageFetchOutcome.FETCHED]
        try:
            async with asyncio.timeout(seconds):
                while taken := await self._store.page_fetches.claim_due(
                    MAX_CONCURRENT_PAGES, feed_ids=feed_ids
                ):
                    by_host: dict[str, list[PageFetchJob]] = {}
                    for page in taken:
                        by_host.setdefault(host_name(page.url), []).append(page)
                    await asyncio.gather(*(self._read_all(each, polite=polite) for each in by_host.values()))
        except TimeoutError:
            log.info("page fetches postponed reason=timeout")
        return self.outcomes[PageFetchOutcome.FETCHED] - before

    async def _read_all(self, pages: Sequence[PageFetchJob], *, polite: bool) -> None:
        for page in pages:
            await self._read(page, polite=polite)

    async def _begin(self, under_way: dict[asyncio.Task[None], PageFetchJob]) -> None:
        free = MAX_CONCURRENT_PAGES - len(under_way)
        if free <= 0:
            return
        busy = {host_name(page.url) for page in under_way.values()}
        in_hand = [page.article_id for page in under_way.values()]
        later: dict[int, int] = {}
        for page in await self._store.page_fetches.claim_due(
            CLAIM_BATCH_SIZE, besides=in_hand, slots=self._slots
        ):
            name = host_name(page.url)
            rests = self._rests_until.get(name, 0.0) - self._clock.monotonic()
            if free and name not in busy and rests <= 0:
                task = asyncio.create_task(self._read_safely(page))
                under_way[task] = page
                busy.add(name)
                free -= 1
            else:
                wait = max(rests, MIN_HOST_PAUSE_SECONDS if name in busy else 1.0)
                later[page.article_id] = self._clock.now() + math.ceil(wait)
        if later:
            await self._store.page_fetches.release_claims(later)

    @property
    def _slots(self) -> frozenset[int] | None:
        """Host slots that this process owns; None for all."""
        held = self._leases.owned(FEEDS)
        return None if len(held) == HOST_SLOT_COUNT else held

    async def _until_next(self, under_way: dict[asyncio.Task[None], PageFetchJob]) -> float:
        in_hand = [page.article_id for page in under_way.values()]
        following = await self._store.page_fetches.next_due(in_hand, slots=self._slots)
        if following is None or len(under_way) >= MAX_CONCURRENT_PAGES:
            return LONGEST_REST
        return min(max(following - self._clock.now(), 1.0), LONGEST_REST)

    async def _wait_for_work(self, under_way: dict[asyncio.Task[None], PageFetchJob], seconds: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((timer, *under_way), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        for task in [task for task in under_way if task.done()]:
            del under_way[task]

    async def _read_safely(self, page: PageFetchJob) -> None:
        try:
            await self._read(page, polite=True)
        except Exception:
            log.exception("page record failed url=%s", urls.redact(page.url))

    async def _read(self, page: PageFetchJob, *, polite: bool) -> None:
        """Fetch a page and store the outcome. Raises StoreError."""
        if page.attempts > ATTEMPTS:  # Earlier attempts ended the process or left no outcome.
            await self._finish(page, CRASHED)
            return
        host = self._hosts.get(page.url)
        now = self._clock.now()
        if polite and host.backoff_until > now:
            await self._store.page_fetches.release_claims({page.article_id: host.backoff_until})
            return
        delay = 0.0
        try:
            text = await self._store.page_fetches.text_of_page(page.page)
            if text is None:
                text, delay = await self._pages.fetch_article_text(
                    page.url,
                    title=page.title,
                    teaser=page.teaser,
                    visit=self._hosts.throttle_for(polite=polite),
                )
        except FeedError as error:
            await self._failed(page, host, error)
        except StoreError:
            raise
        except Exception as error:
            log.exception("page crashed url=%s", urls.redact(page.url))
            await self._failed(page, host, FeedError(fetch_errors.PARSER_CRASHED, type(error).__name__))
        else:
            await self._store.page_fetches.store_text(
                page.article_id, text, edit=self._settings.full_text == "always"
            )
            self.outcomes[PageFetchOutcome.FETCHED] += 1
            log.debug("page fetched url=%s characters=%d", urls.redact(page.url), len(text))
            self.on_read()
        finally:
            self._pause_host(host_name(page.url), max(delay, MIN_HOST_PAUSE_SECONDS))

    async def _failed(self, page: PageFetchJob, host: Host, error: FeedError) -> None:
        wait = host.back_off(error)
        passing = error.code in _TRANSIENT_CODES or error.code.startswith("http-5")
        if not passing or page.attempts >= ATTEMPTS:
            await self._finish(page, error.code, error)
            return
        later = RETRY_DELAYS_SECONDS[page.attempts - 1]
        later += self._random.randrange(later // 2)
        due = self._clock.now() + max(later, wait)
        await self._store.page_fetches.finish(page.article_id, error.code, due=due)

    async def _finish(self, page: PageFetchJob, outcome: str, error: FeedError | None = None) -> None:
        await self._store.page_fetches.finish(page.article_id, outcome)
        self.outcomes[outcome] += 1
        log.info("page failed url=%s error=%s", urls.redact(page.url), error or outcome)

    def _pause_host(self, name: str, seconds: float) -> None:
        now = self._clock.monotonic()
        if len(self._rests_until) >= MANY:
            self._rests_until = {each: until for each, until in self._rests_until.items() if until > now}
        self._rests_until[name] = now + seconds * (1 + self._random.random())


def _ignore() -> None:
    """Do nothing."""
