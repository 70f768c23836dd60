"""Loop that polls the feeds that are due.

Due feeds are loaded in batches and queued per host. Polls without news are written in batches; a poll with
news is one transaction of its own.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from bot.core.concurrency.keyed_locks import KeyedLocks
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.configuration.settings import Settings
from bot.core.models import DueFeed, Feed
from bot.feeds import fetch_errors, poll_schedule
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.pages.article_pages import PageFetcher
from bot.feeds.robots import RobotsCache
from bot.polling.due_feeds import DueFeedLoader
from bot.polling.due_queue import PollQueue
from bot.polling.feed_alerts import AlertTextProvider, FeedAlerts
from bot.polling.host_throttle import Host, Hosts
from bot.polling.ingest_quota import IngestQuota
from bot.polling.intake import Intake
from bot.polling.poll_recorder import PollOutcome, PollRecorder, PollReport
from bot.polling.poll_result_writer import ERROR_BACKOFF_SECONDS, PollResultWriter, log_unless_reported
from bot.polling.websub.hub_discovery import HubDiscovery
from bot.processes.leases import HOST_SLOT_LEASE_KIND, Leases
from bot.processes.maintenance_mode import MaintenanceMode
from bot.processes.supervision import Supervisor, cancel_and_wait
from bot.store import LeaseLost, Store, StoreError
from bot.store.records.process_records import Fence
from bot.stories.story_lookup import StoryLookup
from bot.text import urls
from bot.text.host_slots import get_host_slot

log = logging.getLogger(__name__)

HOST_BACKOFF_SECONDS = 60
"""Number of seconds without polls of a host after a poll could not be recorded."""


class Poller:
    """Poller of feeds: one feed at once with `poll`, or all that are due with `run`.

    `hubs` is told what polls find about WebSub hubs; `on_recorded` is called when posts, edits or alerts may have
    been enqueued. During maintenance by the operator nothing is polled by `run`.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        fetcher: Fetcher,
        workers: WorkerPool,
        alert_texts: AlertTextProvider,
        leases: Leases,
        supervisor: Supervisor,
        hubs: HubDiscovery,
        on_recorded: Callable[[], None],
        maintenance: MaintenanceMode,
        *,
        story_lookup: StoryLookup | None = None,
    ) -> None:
        clock = self._clock = store.clock
        self._store, self._fetcher, self._leases = store, fetcher, leases
        self._supervisor, self._maintenance = supervisor, maintenance
        self.page_fetcher = PageFetcher(fetcher, workers, RobotsCache(clock, fetcher, workers))
        self.intake = Intake(settings, store, workers, IngestQuota(clock))
        alerts = FeedAlerts(settings, alert_texts)
        self._recorder = PollRecorder(settings, store, self.intake, alerts, hubs, story_lookup)
        self._on_recorded = on_recorded
        self.last_response_at: int | None = None
        """Unix time in seconds of the last response with a document or without a change; None before the first."""
        self.outcome_counts: Counter[PollOutcome] = Counter()
        """Number of polls since the start, by outcome."""

        self.hosts = Hosts(clock, settings.hosts or {})
        self._feed_locks = KeyedLocks()  # held per feed from fetching to recording
        self._worker_count = settings.poll_concurrency
        self._queue = PollQueue(clock, self._worker_count, on_tenant_drained=self._on_tenant_drained)
        self._result_writer = PollResultWriter(store, leases, self._on_written, on_recorded)
        self._due_loader = DueFeedLoader(store, leases, self.hosts, self._queue, self._result_writer, maintenance)

    async def poll(self, feed: Feed, *, wait_for_host: bool = True) -> PollReport:
        """Poll one feed now, write the outcome and return it; a failure of the feed raises nothing.

        A blocked feed is not fetched, and nothing is written. With `wait_for_host=False`, for a URL that a user named,
        requests do not wait for the host's pause or backoff. Raises StoreError.
        """
        async with self._lock_feed(feed) as locked_feed:
            if locked_feed.blocked_since is not None:
                return PollReport(locked_feed, PollOutcome.FAILED, error_code=fetch_errors.SOURCE_BLOCKED)
            host = self.hosts.get(feed.url)
            report = await self._build_report(
                locked_feed, host, await self._fetch(locked_feed, host, wait_for_host=wait_for_host)
            )
            await self._result_writer.write_report(report)
        return report

    async def ingest_response(self, feed: Feed, response: FetchResult, *, server_id: int) -> Feed:
        """Record a response fetched elsewhere as if it came from a poll; return the feed after it.

        `server_id` is the server that is about to follow the feed; its quota is charged if nobody else
        follows the feed. Raises FeedError, StoreError.
        """
        async with self._lock_feed(feed) as locked_feed:
            report = await self._recorder.handle_response(locked_feed, response, server_id=server_id)
            await self._result_writer.write_report(report)
        return report.feed

    async def ingest_pushed_document(self, feed: Feed, response: FetchResult) -> bool:
        """Record a document that a hub pushed; return whether it had new articles.

        Raises FeedError, StoreError.
        """
        async with self._lock_feed(feed) as locked_feed:
            report = await self._recorder.handle_push(locked_feed, response)
            if report.write_result is not None:
                self._on_recorded()
        return report.new_count > 0

    @asynccontextmanager
    async def _lock_feed(self, feed: Feed) -> AsyncIterator[Feed]:
        if feed.id in self._feed_locks:
            await self._feed_locks.wait_until_free(feed.id)
        self._feed_locks[feed.id] = None
        try:
            await self._result_writer.flush()
            yield await self._store.feeds.get(feed.id) or feed
        finally:
            self._feed_locks.release(feed.id)

    def wake(self) -> None:
        """Query for due feeds at once: a feed was followed, or made due."""
        self._due_loader.wake()

    def _on_tenant_drained(self) -> None:
        self._due_loader.on_tenant_drained()

    def _on_written(self, feed_ids: Collection[int], next_due_at: int) -> None:
        self._due_loader.mark_written(feed_ids, next_due_at)

    def owns_host_of(self, url: str) -> bool:
        """Return whether this process has the lease of the slot (group of hosts) of the URL's host."""
        return get_host_slot(url) in self._leases.get_owned_numbers(HOST_SLOT_LEASE_KIND)

    def shift_clock(self, seconds: int) -> None:
        """Correct the Unix times kept for hosts after the system clock was set back by `seconds`."""
        self.hosts.shift_clock(seconds)
        self.wake()

    async def run(self) -> None:
        """Poll due feeds until cancelled; unfinished polls are discarded."""
        await self._leases.start()
        tasks = [self._supervisor.start("polling", self._worker_loop) for _ in range(self._worker_count)]
        tasks.append(self._supervisor.start("polls without news", self._result_writer.run))
        try:
            await self._due_loader.run()
        finally:
            await cancel_and_wait(tasks)
            self._due_loader.clear()
            try:
                await self._result_writer.flush()
            except StoreError as error:
                log_unless_reported("last polls not written", error)

    async def _worker_loop(self) -> None:
        while True:
            job = await self._queue.wait_for_job()
            host, feed = job.host, job.feed
            try:
                if self._store.fault is None and host.is_owned and not self._maintenance.is_on:
                    await self._poll_due(feed, host)
                else:
                    self._due_loader.release(feed.id)
            except LeaseLost as error:  # The new owner of the lease polls the feed again.
                log.info("poll discarded url=%s error=%s", urls.redact(feed.url), error)
                self._due_loader.release(feed.id)
            except Exception as error:  # noqa: BLE001  # logged, and the feed stays due
                log_unless_reported(f"poll not recorded url={urls.redact(feed.url)}", error)
                host.back_off_until(self._clock.now() + HOST_BACKOFF_SECONDS)
                self._due_loader.release(feed.id, pause_seconds=ERROR_BACKOFF_SECONDS)
            except BaseException:  # The worker ends, and the feed stays due.
                self._due_loader.release(feed.id, pause_seconds=ERROR_BACKOFF_SECONDS)
                raise
            finally:
                self._queue.release_job(job)
                if host.queue:
                    self._due_loader.on_host_polled(host)

    async def _poll_due(self, due_feed: DueFeed, host: Host) -> None:
        """Poll a feed of the queue.

        The feed is read from the store only if more than its schedule changes, or if it was polled meanwhile.
        """
        was_locked = due_feed.id in self._feed_locks
        if was_locked:
            await self._feed_locks.wait_until_free(due_feed.id)
        self._feed_locks[due_feed.id] = None
        try:
            # After another poll the loaded feed is outdated.
            fetch_outcome = None if was_locked else await self._fetch(due_feed, host, wait_for_host=True)
            if fetch_outcome is not None:
                self._queue.slow_feeds.record(due_feed.id, host.response_seconds)
            if isinstance(fetch_outcome, FetchResult):
                unchanged_poll = self._recorder.build_unchanged_poll(
                    due_feed, fetch_outcome, self.last_response_at or 0
                )
                if unchanged_poll is not None:
                    self.outcome_counts[PollOutcome.UNCHANGED] += 1
                    self._result_writer.add(due_feed.id, unchanged_poll)
                    return
            await self._poll_fully(due_feed, host, fetch_outcome, has_waited=was_locked)
        finally:
            self._feed_locks.release(due_feed.id)

    async def _poll_fully(
        self,
        due_feed: DueFeed,
        host: Host,
        fetch_outcome: FetchResult | FeedError | None,
        *,
        has_waited: bool,
    ) -> None:
        if has_waited:
            await self._result_writer.flush()
        feed = await self._store.feeds.get(due_feed.id)
        if feed is None or feed.blocked_since is not None:
            self._due_loader.release(due_feed.id)
            return
        if has_waited:
            fetch_outcome = await self._fetch(feed, host, wait_for_host=True)
        fence = self._leases.build_fence(HOST_SLOT_LEASE_KIND, get_host_slot(due_feed.url))
        report = await self._build_report(feed, host, fetch_outcome, fence=fence)
        self._result_writer.add_report(report)

    async def _build_report(
        self,
        feed: Feed,
        host: Host,
        fetch_outcome: FetchResult | FeedError | None,
        *,
        fence: Fence | None = None,
    ) -> PollReport:
        try:
            if isinstance(fetch_outcome, FetchResult):
                report = await self._recorder.handle_response(feed, fetch_outcome, fence=fence)
            elif fetch_outcome is not None:
                report = self._report_failure(feed, host, fetch_outcome)
            else:
                report = self._recorder.postpone(feed, host.backoff_until)
        except FeedError as error:
            report = self._report_failure(feed, host, error)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged
            report = self._report_failure(feed, host, _to_unexpected_error(feed, error))
        self.outcome_counts[report.outcome] += 1
        return report

    async def _fetch(self, feed: Feed | DueFeed, host: Host, *, wait_for_host: bool) -> FetchResult | FeedError | None:
        """Fetch a feed; return the response or the error, or None if its host is backing off."""
        if wait_for_host and host.backoff_until and host.backoff_until > self._clock.now():
            return None
        try:
            if not wait_for_host or list_feeds.is_list_url(feed.url):
                response = await self._get_document(feed, wait_for_host=wait_for_host)
            else:
                now = self._clock.monotonic()
                if not host.is_free(now):
                    await host.wait_until_free()
                    now = self._clock.monotonic()
                host.begin_request(now)
                try:
                    response = await self._fetcher.get(feed.url, validators=feed.validators)
                finally:
                    host.end_request()
                if wait_seconds := poll_schedule.parse_rate_limit_wait(response.headers, now=self._clock.now()):
                    host.extend_pause(wait_seconds)
        except FeedError as error:
            return error
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged
            return _to_unexpected_error(feed, error)
        self.last_response_at = self._clock.now()
        return response

    async def _get_document(self, feed: Feed | DueFeed, *, wait_for_host: bool) -> FetchResult:
        """Fetch a feed, or the page of a feed made from a list, if robots.txt allows it. Raises FeedError."""
        if not list_feeds.is_list_url(feed.url):
            return await self._fetcher.get(feed.url, validators=feed.validators)
        page_url = list_feeds.strip_list_fragment(feed.url)
        host_throttle = self.hosts.select_throttle(wait_for_host=wait_for_host)
        response, crawl_delay_seconds = await self.page_fetcher.fetch(
            page_url, host_throttle=host_throttle, validators=feed.validators
        )
        self.hosts.get(page_url).extend_pause(
            max(crawl_delay_seconds, poll_schedule.parse_rate_limit_wait(response.headers, now=self._clock.now()))
        )
        if response.permanent_url is not None:
            response = response._replace(permanent_url=feed.url.replace(page_url, response.permanent_url))
        return response

    def _report_failure(self, feed: Feed, host: Host, error: FeedError) -> PollReport:
        host.back_off_for(error)
        log.info("feed failed url=%s error=%s", urls.redact(feed.url), error)
        return self._recorder.handle_failure(feed, error)


def _to_unexpected_error(feed: Feed | DueFeed, error: Exception) -> FeedError:
    log.error("poll crashed url=%s", urls.redact(feed.url), exc_info=error)
    return FeedError(fetch_errors.PARSER_CRASHED, type(error).__name__)
