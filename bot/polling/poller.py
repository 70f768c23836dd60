"""The loop that polls feeds.

Due feeds are loaded in batches and queued per host. Polls without news are written in batches; a poll with
news is one transaction of its own.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.core.keyed_locks import KeyedLocks
from bot.core.models import DueFeed, Feed
from bot.core.settings import Settings
from bot.core.worker_pool import WorkerPool
from bot.feeds import fetch_errors, poll_schedule
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.pages.article_pages import PageFetcher
from bot.feeds.robots import RobotsCache
from bot.polling.due_feeds import DueFeedLoader
from bot.polling.feed_alerts import AlertTextProvider, FeedAlerts
from bot.polling.host_throttle import Host, Hosts
from bot.polling.ingest_quota import IngestQuota
from bot.polling.intake import Intake
from bot.polling.poll_recorder import PollOutcome, PollRecorder, PollReport
from bot.polling.poll_write_buffer import ERROR_BACKOFF_SECONDS, log_unless_reported
from bot.processes.leases import FEEDS, Leases
from bot.processes.supervision import Supervisor, stop
from bot.store import LeaseLost, Store, StoreError
from bot.store.records.process_records import Fence
from bot.store.records.source_records import PollWriteResult
from bot.stories.story_lookup import StoryLookup
from bot.text import urls
from bot.text.host_slots import host_slot

log = logging.getLogger(__name__)

HOST_BACKOFF_SECONDS = 60
"""Backoff of a host whose poll failed unexpectedly."""


class Poller:
    """A poller of feeds: one by one with `poll`, or all that are due with `run`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        fetcher: Fetcher,
        workers: WorkerPool,
        words: AlertTextProvider,
        leases: Leases,
        supervisor: Supervisor,
        story_lookup: StoryLookup | None = None,
    ) -> None:
        clock = self._clock = store.clock
        self._store, self._fetcher, self._leases = store, fetcher, leases
        self._supervisor = supervisor
        self.pages = PageFetcher(fetcher, workers, RobotsCache(clock, fetcher, workers))
        self.intake = Intake(settings, store, workers, IngestQuota(clock))
        alerts = FeedAlerts(settings, words)
        self.recorder = PollRecorder(settings, store, self.intake, alerts, story_lookup)
        self.on_recorded: Callable[[PollWriteResult], None] = lambda _recorded: None
        """Called after each poll that may have enqueued posts, edits or alerts."""
        self.last_response_at: int | None = None
        """Time of the last response, in seconds of UTC; None before the first."""
        self.outcomes: Counter[PollOutcome] = Counter()
        """Polls since the start, by outcome."""

        self.hosts = Hosts(clock)
        self._turns = KeyedLocks()  # held per feed from fetching to recording
        self._at_once = settings.poll_concurrency
        self._due = DueFeedLoader(
            store, leases, self.hosts, self._at_once, on_alert=lambda: self.on_recorded(PollWriteResult())
        )
        self._queue, self._quiet = self._due.queue, self._due.write_buffer

    async def poll(self, feed: Feed, *, polite: bool = True) -> PollReport:
        """Poll one feed now, write the outcome and return it; a failure of the feed raises nothing.

        `polite=False` is for a URL that a user named: its host is requested at once and several times. Raises
        StoreError.
        """
        async with self._feed_lock(feed) as current:
            host = self.hosts.get(feed.url)
            report = await self._to_report(current, host, await self._fetch(current, host, polite=polite))
            await self._write(report)
        return report

    async def ingest_fetched(self, feed: Feed, fetched: FetchResult, *, server_id: int) -> Feed:
        """Record a response fetched elsewhere as if it came from a poll; return the feed after it.

        `server_id`, which is about to follow the feed, is charged for it if nobody else follows it. Raises
        FeedError, StoreError.
        """
        async with self._feed_lock(feed) as current:
            report = await self.recorder.handle_response(current, fetched, server_id=server_id)
            await self._write(report)
        return report.feed

    async def ingest_pushed(self, feed: Feed, fetched: FetchResult) -> bool:
        """Record a document that a hub pushed; return whether it had new articles.

        Raises FeedError, StoreError.
        """
        async with self._feed_lock(feed) as current:
            report = await self.recorder.handle_push(current, fetched)
            if report.recorded is not None:
                self.on_recorded(report.recorded)
        return report.new > 0

    async def _write(self, report: PollReport) -> None:
        """Write the outcome of a poll made on request, whichever process has the feed's lease."""
        if (recorded := report.recorded) is None:
            await self._store.polls.record_unchanged(
                (report.feed,), told=(report.alert,) if report.alert else ()
            )
            recorded = PollWriteResult()
        self.on_recorded(recorded)
        self._due.mark_written((report.feed.id,), report.feed.next_poll)

    @asynccontextmanager
    async def _feed_lock(self, feed: Feed) -> AsyncIterator[Feed]:
        if feed.id in self._turns:
            await self._turns.wait_until_free(feed.id)
        self._turns[feed.id] = None
        try:
            await self._quiet.flush()
            yield await self._store.feeds.get(feed.id) or feed
        finally:
            self._turns.release(feed.id)

    def wake(self) -> None:
        """Query for due feeds at once: a feed was followed, or made due."""
        self._due.wake()

    def owns_host_of(self, url: str) -> bool:
        """Return whether this process has the lease of the URL's host slot."""
        return host_slot(url) in self._leases.owned(FEEDS)

    def shift_clock(self, by: int) -> None:
        """Correct wall-clock times after the clock was set back by so many seconds."""
        self.hosts.clock_set_back(by)
        self.wake()

    async def run(self) -> None:
        """Poll due feeds until cancelled; unfinished polls are discarded."""
        await self._leases.start()
        tasks = [self._supervisor.start("polling", self._worker_loop) for _ in range(self._at_once)]
        tasks.append(self._supervisor.start("polls without news", self._quiet.run))
        try:
            await self._due.run()
        finally:
            await stop(tasks)
            self._due.clear()
            try:
                await self._quiet.flush()
            except StoreError as error:
                log_unless_reported("last polls not written", error)

    async def _worker_loop(self) -> None:
        while True:
            visit = await self._queue.next_job()
            host, feed = visit.host, visit.feed
            try:
                if self._store.fault is None and host.is_owned:
                    await self._poll_due(feed, host)
                else:
                    self._due.release(feed.id)
            except LeaseLost as error:  # The new owner of the lease polls the feed again.
                log.info("poll discarded url=%s error=%s", urls.redact(feed.url), error)
                self._due.release(feed.id)
            except Exception as error:  # noqa: BLE001  # logged, and the feed stays due
                log_unless_reported(f"poll not recorded url={urls.redact(feed.url)}", error)
                host.back_off_until(self._clock.now() + HOST_BACKOFF_SECONDS)
                self._due.release(feed.id, pause=ERROR_BACKOFF_SECONDS)
            except BaseException:  # The worker ends, and the feed stays due.
                self._due.release(feed.id, pause=ERROR_BACKOFF_SECONDS)
                raise
            finally:
                self._queue.finish(visit)
                if host.queue:
                    self._due.on_host_polled(host)

    async def _poll_due(self, due: DueFeed, host: Host) -> None:
        """Poll a feed of the queue, on a short path if only its schedule changes."""
        waited = due.id in self._turns
        if waited:
            await self._turns.wait_until_free(due.id)
        self._turns[due.id] = None
        try:
            # After another poll the loaded feed is outdated.
            answer = None if waited else await self._fetch(due, host, polite=True)
            if answer is not None:
                self._queue.slow_feeds.record(due.id, host.response_seconds)
            if isinstance(answer, FetchResult):
                unchanged = self.recorder.try_unchanged(due, answer, self.last_response_at or 0)
                if unchanged is not None:
                    self.outcomes[PollOutcome.UNCHANGED] += 1
                    self._quiet.add(due.id, unchanged)
                    return
            await self._poll_fully(due, host, answer, waited=waited)
        finally:
            self._turns.release(due.id)

    async def _poll_fully(
        self, due: DueFeed, host: Host, answer: FetchResult | FeedError | None, *, waited: bool
    ) -> None:
        if waited:
            await self._quiet.flush()
        feed = await self._store.feeds.get(due.id)
        if feed is None:
            self._due.release(due.id)
            return
        if waited:
            answer = await self._fetch(feed, host, polite=True)
        fence = self._leases.fence(FEEDS, host_slot(due.url))
        report = await self._to_report(feed, host, answer, fence=fence)
        if report.recorded is None:
            self._quiet.add(feed.id, report.feed, report.alert)
            return
        self.on_recorded(report.recorded)
        self._due.mark_written((feed.id,), report.feed.next_poll)

    async def _to_report(
        self, feed: Feed, host: Host, answer: FetchResult | FeedError | None, *, fence: Fence | None = None
    ) -> PollReport:
        try:
            if isinstance(answer, FetchResult):
                report = await self.recorder.handle_response(feed, answer, fence=fence)
            elif answer is not None:
                report = self._failed(feed, host, answer)
            else:
                report = self.recorder.postpone(feed, host.backoff_until)
        except FeedError as error:
            report = self._failed(feed, host, error)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged
            report = self._failed(feed, host, _unforeseen(feed, error))
        self.outcomes[report.outcome] += 1
        return report

    async def _fetch(
        self, feed: Feed | DueFeed, host: Host, *, polite: bool
    ) -> FetchResult | FeedError | None:
        """Fetch a feed; return the response or the error, None while its host is backing off."""
        if polite and host.backoff_until and host.backoff_until > self._clock.now():
            return None
        try:
            if not polite or list_feeds.is_list_url(feed.url):
                fetched = await self._get(feed, polite=polite)
            else:
                now = self._clock.monotonic()
                if not host.is_free(now):
                    await host.wait_until_free()
                    now = self._clock.monotonic()
                host.begin_request(now)
                try:
                    fetched = await self._fetcher.get(feed.url, validators=feed.validators)
                finally:
                    host.end_request()
                if rest := poll_schedule.rate_limit_wait(fetched.headers, now=self._clock.now()):
                    host.extend_pause(rest)
        except FeedError as error:
            return error
        except Exception as error:  # noqa: BLE001 - it is logged
            return _unforeseen(feed, error)
        self.last_response_at = self._clock.now()
        return fetched

    async def _get(self, feed: Feed | DueFeed, *, polite: bool) -> FetchResult:
        """Fetch a feed, or the page of a list if robots.txt allows it."""
        if not list_feeds.is_list_url(feed.url):
            return await self._fetcher.get(feed.url, validators=feed.validators)
        page = list_feeds.page_url(feed.url)
        visit = self.hosts.throttle_for(polite=polite)
        fetched, delay = await self.pages.fetch(page, visit=visit, validators=feed.validators)
        self.hosts.get(page).extend_pause(
            max(delay, poll_schedule.rate_limit_wait(fetched.headers, now=self._clock.now()))
        )
        if fetched.permanent_url is not None:
            fetched = fetched._replace(permanent_url=feed.url.replace(page, fetched.permanent_url))
        return fetched

    def _failed(self, feed: Feed, host: Host, error: FeedError) -> PollReport:
        host.back_off(error)
        log.info("feed failed url=%s error=%s", urls.redact(feed.url), error)
        return self.recorder.handle_failure(feed, error)


def _unforeseen(feed: Feed | DueFeed, error: Exception) -> FeedError:
    log.error("poll crashed url=%s", urls.redact(feed.url), exc_info=error)
    return FeedError(fetch_errors.PARSER_CRASHED, type(error).__name__)
