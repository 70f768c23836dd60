"""Background fetching of the pages of articles that have only a teaser in their feed.

A poll stores which pages to fetch; the article is posted without waiting. Each page is fetched once. Search,
answers and, if the settings say so, the excerpts of posts use the text of the page.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from bot.core.configuration.settings import Settings
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_pages import PageFetcher
from bot.polling.host_throttle import Host, Hosts
from bot.processes.leases import HOST_SLOT_LEASE_KIND, Leases
from bot.processes.maintenance_mode import MaintenanceMode
from bot.store import Store, StoreError
from bot.store.records.content_records import PageFetchJob, PageFetchOutcome
from bot.text import urls
from bot.text.host_slots import HOST_SLOT_COUNT, get_host_name

log = logging.getLogger(__name__)

MAX_CONCURRENT_PAGES = 4
"""Maximum number of pages fetched at a time, each from another host."""
CLAIM_BATCH_SIZE = 64
"""Maximum number of pages reserved at a time to be fetched; those whose host must wait are released again."""
MIN_HOST_PAUSE_SECONDS = 5.0
"""Minimum pause in seconds between two pages of a host in the background; a random part of up to as much is added."""
MAX_ATTEMPTS = 3
"""Maximum number of attempts to fetch a page."""
RETRY_DELAYS_SECONDS = (600, 3600)
"""Numbers of seconds until the second and the third attempt; a random part of up to half is added."""
MAX_RETRY_DELAY_SECONDS = RETRY_DELAYS_SECONDS[-1] * 3 // 2
"""Maximum number of seconds between two attempts to fetch a page, unless its host asks for more."""
MAX_IDLE_SECONDS = 60.0
"""Maximum number of seconds between two queries for pages to fetch."""
ERROR_BACKOFF_SECONDS = 30.0
"""Number of seconds to wait when the store cannot be used."""
MAX_REMEMBERED_HOSTS = 10_000
"""Number of hosts whose pauses are remembered before expired pauses are forgotten."""
CRASHED_OUTCOME = "died"
"""Outcome of a page whose earlier fetches ended the process or left no outcome."""

_TRANSIENT_CODES = {
    *fetch_errors.SERVER_ERROR_CODES,
    fetch_errors.DNS_NOT_FOUND,
    fetch_errors.DNS_UNAVAILABLE,
    fetch_errors.CONNECTION_FAILED,
    fetch_errors.TIMEOUT,
    fetch_errors.TRUNCATED_BODY,
    fetch_errors.RATE_LIMITED,
    fetch_errors.INVALID_RESPONSE,
}
"""Codes of errors after which a page is fetched again later."""


class FullTextFetcher:
    """Fetcher of articles' web pages, for their full text: `run` in the background, `fetch_due` once for some feeds."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        page_fetcher: PageFetcher,
        hosts: Hosts,
        leases: Leases,
        on_page_stored: Callable[[], None],
        maintenance: MaintenanceMode,
    ) -> None:
        self._settings, self._clock, self._store, self._leases = settings, store.clock, store, leases
        self._page_fetcher, self._hosts, self._maintenance = page_fetcher, hosts, maintenance
        self.outcome_counts: Counter[str] = Counter()
        """Number of finished page fetches since the start, by outcome; failures to be tried again do not count."""
        self._on_page_stored = on_page_stored  # its text may match watches (saved searches)
        self._paused_until_by_host: dict[str, float] = {}  # monotonic, by host
        self._random = Random()  # noqa: S311 - spreads requests over time

    @property
    def is_enabled(self) -> bool:
        """Whether the settings want the pages of articles fetched."""
        return self._settings.full_text != "never"

    async def run(self) -> None:
        """Fetch due pages until cancelled, or do nothing if the settings want no pages fetched.

        Pages not finished when cancelled are fetched after the next start.
        """
        await self._leases.start()
        job_by_task: dict[asyncio.Task[None], PageFetchJob] = {}
        try:
            while self.is_enabled:
                wait_seconds = MAX_IDLE_SECONDS
                try:
                    if not self._maintenance.is_on:
                        await self._start_fetches(job_by_task)
                        wait_seconds = await self._compute_seconds_until_next(job_by_task)
                except StoreError:
                    log.exception("page query failed")
                    wait_seconds = ERROR_BACKOFF_SECONDS
                await self._wait_for_work(job_by_task, wait_seconds)
        finally:
            for task in job_by_task:
                task.cancel()
            await asyncio.gather(*job_by_task, return_exceptions=True)

    async def fetch_due(self, feed_ids: Collection[int], *, max_seconds: float, wait_for_host: bool = True) -> int:
        """Fetch the due pages of some feeds for at most `max_seconds`; return how many were fetched.

        With `wait_for_host=False`, for feeds that a user named, there is no pause between requests. Raises
        StoreError.
        """
        fetched_count_before = self.outcome_counts[PageFetchOutcome.FETCHED]
        try:
            async with asyncio.timeout(max_seconds):
                while jobs := await self._store.page_fetches.claim_due(MAX_CONCURRENT_PAGES, feed_ids=feed_ids):
                    jobs_by_host: dict[str, list[PageFetchJob]] = {}
                    for job in jobs:
                        jobs_by_host.setdefault(get_host_name(job.url), []).append(job)
                    await asyncio.gather(
                        *(
                            self._fetch_pages(host_jobs, wait_for_host=wait_for_host)
                            for host_jobs in jobs_by_host.values()
                        )
                    )
        except TimeoutError:
            log.info("page fetches postponed reason=timeout")
        return self.outcome_counts[PageFetchOutcome.FETCHED] - fetched_count_before

    async def _fetch_pages(self, jobs: Sequence[PageFetchJob], *, wait_for_host: bool) -> None:
        for job in jobs:
            await self._fetch_page(job, wait_for_host=wait_for_host)

    async def _start_fetches(self, job_by_task: dict[asyncio.Task[None], PageFetchJob]) -> None:
        free_fetch_count = MAX_CONCURRENT_PAGES - len(job_by_task)
        if free_fetch_count <= 0:
            return
        busy_host_names = {get_host_name(job.url) for job in job_by_task.values()}
        running_article_ids = [job.article_id for job in job_by_task.values()]
        retry_at_by_article_id: dict[int, int] = {}
        for job in await self._store.page_fetches.claim_due(
            CLAIM_BATCH_SIZE, exclude_article_ids=running_article_ids, host_slots=self._owned_slots
        ):
            host_name = get_host_name(job.url)
            pause_seconds = self._paused_until_by_host.get(host_name, 0.0) - self._clock.monotonic()
            if free_fetch_count and host_name not in busy_host_names and pause_seconds <= 0:
                task = asyncio.create_task(self._fetch_page_safely(job))
                job_by_task[task] = job
                busy_host_names.add(host_name)
                free_fetch_count -= 1
            else:
                wait_seconds = max(pause_seconds, MIN_HOST_PAUSE_SECONDS if host_name in busy_host_names else 1.0)
                retry_at_by_article_id[job.article_id] = self._clock.now() + math.ceil(wait_seconds)
        if retry_at_by_article_id:
            await self._store.page_fetches.release_claims(retry_at_by_article_id)

    @property
    def _owned_slots(self) -> frozenset[int] | None:
        """Host slots (groups of hosts) that this process owns; None if it owns all."""
        owned_slots = self._leases.get_owned_numbers(HOST_SLOT_LEASE_KIND)
        return None if len(owned_slots) == HOST_SLOT_COUNT else owned_slots

    async def _compute_seconds_until_next(self, job_by_task: dict[asyncio.Task[None], PageFetchJob]) -> float:
        running_article_ids = [job.article_id for job in job_by_task.values()]
        next_due_at = await self._store.page_fetches.get_next_due_at(running_article_ids, host_slots=self._owned_slots)
        if next_due_at is None or len(job_by_task) >= MAX_CONCURRENT_PAGES:
            return MAX_IDLE_SECONDS
        return min(max(next_due_at - self._clock.now(), 1.0), MAX_IDLE_SECONDS)

    async def _wait_for_work(self, job_by_task: dict[asyncio.Task[None], PageFetchJob], max_seconds: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(max_seconds))
        try:
            await asyncio.wait((timer, *job_by_task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        for task in [task for task in job_by_task if task.done()]:
            del job_by_task[task]

    async def _fetch_page_safely(self, job: PageFetchJob) -> None:
        try:
            await self._fetch_page(job, wait_for_host=True)
        except Exception:
            log.exception("page record failed url=%s", urls.redact(job.url))

    async def _fetch_page(self, job: PageFetchJob, *, wait_for_host: bool) -> None:
        """Fetch a page and store its text or its failure, or postpone it if its host backs off. Raises StoreError."""
        if job.attempt_count > MAX_ATTEMPTS:  # Earlier attempts ended the process or left no outcome.
            await self._record_outcome(job, CRASHED_OUTCOME)
            return
        host = self._hosts.get(job.url)
        now = self._clock.now()
        if wait_for_host and host.backoff_until > now:
            await self._store.page_fetches.release_claims({job.article_id: host.backoff_until})
            return
        crawl_delay_seconds = 0.0
        try:
            text = await self._store.page_fetches.find_text_of_page(job.page_key)
            if text is None:
                text, crawl_delay_seconds = await self._page_fetcher.fetch_article_text(
                    job.url,
                    title=job.title,
                    teaser=job.teaser,
                    host_throttle=self._hosts.select_throttle(wait_for_host=wait_for_host),
                )
        except FeedError as error:
            await self._record_failure(job, host, error)
        except StoreError:
            raise
        except Exception as error:
            log.exception("page crashed url=%s", urls.redact(job.url))
            await self._record_failure(job, host, FeedError(fetch_errors.PARSER_CRASHED, type(error).__name__))
        else:
            await self._store.page_fetches.store_text(
                job.article_id, text, edit_posts=self._settings.full_text == "always"
            )
            self.outcome_counts[PageFetchOutcome.FETCHED] += 1
            log.debug("page fetched url=%s characters=%d", urls.redact(job.url), len(text))
            self._on_page_stored()
        finally:
            self._pause_host(get_host_name(job.url), max(crawl_delay_seconds, MIN_HOST_PAUSE_SECONDS))

    async def _record_failure(self, job: PageFetchJob, host: Host, error: FeedError) -> None:
        backoff_seconds = host.back_off_for(error)
        if error.code not in _TRANSIENT_CODES or job.attempt_count >= MAX_ATTEMPTS:
            await self._record_outcome(job, error.code, error)
            return
        delay_seconds = RETRY_DELAYS_SECONDS[job.attempt_count - 1]
        delay_seconds += self._random.randrange(delay_seconds // 2)
        due_at = self._clock.now() + max(delay_seconds, backoff_seconds)
        await self._store.page_fetches.finish(job.article_id, error.code, due_at=due_at)

    async def _record_outcome(self, job: PageFetchJob, outcome: str, error: FeedError | None = None) -> None:
        await self._store.page_fetches.finish(job.article_id, outcome)
        self.outcome_counts[outcome] += 1
        log.info("page failed url=%s error=%s", urls.redact(job.url), error or outcome)

    def _pause_host(self, host_name: str, min_seconds: float) -> None:
        now = self._clock.monotonic()
        if len(self._paused_until_by_host) >= MAX_REMEMBERED_HOSTS:
            self._paused_until_by_host = {
                paused_host_name: paused_until
                for paused_host_name, paused_until in self._paused_until_by_host.items()
                if paused_until > now
            }
        self._paused_until_by_host[host_name] = now + min_seconds * (1 + self._random.random())
