"""Polls feeds: a loop that sleeps until one is due, asks politely, and writes what came.

Due feeds are taken from the store in batches and wait in a queue for their host. Polls without news are
written many at a time; a poll with news is one transaction of its own.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.core.keyed_locks import Turns
from bot.core.models import DueFeed, Feed
from bot.core.settings import Settings
from bot.core.workers import Workers
from bot.feeds import fetch_errors, schedule
from bot.feeds.fetch import Fetched, Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages import list_feeds
from bot.feeds.pages.article_pages import Pages
from bot.feeds.robots import Robots
from bot.polling.due_feeds import DueFeeds
from bot.polling.feed_alerts import FeedAlerts, Words
from bot.polling.hosts import Host, Hosts
from bot.polling.intake import Intake
from bot.polling.poll_results import Outcome, PollRecorder, PollReport
from bot.polling.quiet_polls import AFTER_TROUBLE, log_trouble
from bot.polling.shares import Shares
from bot.processes.leases import FEEDS, Leases
from bot.processes.supervision import Supervisor, stop
from bot.store import LeaseLost, Store, StoreError
from bot.store.records.process_records import Fence
from bot.store.records.source_records import Recorded
from bot.stories.story_lookup import StoryLookup
from bot.text import urls
from bot.text.host_slots import slot_of

log = logging.getLogger(__name__)

REST_AFTER_TROUBLE = 60
"""Seconds for which a host is left alone that answered in vain."""


class Poller:
    """Polls feeds, one by one with `poll` or all that are due with `run`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        fetcher: Fetcher,
        workers: Workers,
        words: Words,
        leases: Leases,
        supervisor: Supervisor,
        story_lookup: StoryLookup | None = None,
    ) -> None:
        clock = self._clock = store.clock
        self._store, self._fetcher, self._leases = store, fetcher, leases
        self._supervisor = supervisor
        self.pages = Pages(fetcher, workers, Robots(clock, fetcher, workers))
        self.intake = Intake(settings, store, workers, Shares(clock))
        alerts = FeedAlerts(settings, words)
        self.recorder = PollRecorder(settings, store, self.intake, alerts, story_lookup)
        self.on_recorded: Callable[[Recorded], None] = lambda _recorded: None
        """Called after each poll that may have left something to post or to edit."""
        self.last_answer: int | None = None
        """When a publisher last answered, in seconds of UTC."""
        self.outcomes: Counter[Outcome] = Counter()
        """Polls since the start, by how they ended."""

        self.hosts = Hosts(clock)
        self._turns = Turns()  # from fetching to recording, one at a time a feed
        self._at_once = settings.poll_concurrency
        self._due = DueFeeds(
            store, leases, self.hosts, self._at_once, on_told=lambda: self.on_recorded(Recorded())
        )
        self._queue, self._quiet = self._due.queue, self._due.quiet

    async def poll(self, feed: Feed, *, polite: bool = True) -> PollReport:
        """Poll one feed now and write what came of it; never raises for what the feed does.

        `polite=False` is for an address that a person named: its host may be asked at once and several times.
        Raises StoreError.
        """
        async with self._turn(feed) as current:
            host = self.hosts.of(feed.url)
            report = await self._finished(current, host, await self._answer(current, host, polite=polite))
            await self._write(report)
        return report

    async def take(self, feed: Feed, fetched: Fetched, *, server_id: int) -> Feed:
        """Write an answer that was fetched without us, as if it came of a poll; the feed after it.

        It uses the share of the server that is about to follow the feed, where no other does.
        Raises FeedError, StoreError.
        """
        async with self._turn(feed) as current:
            report = await self.recorder.answered(current, fetched, server_id=server_id)
            await self._write(report)
        return report.feed

    async def push(self, feed: Feed, fetched: Fetched) -> bool:
        """Write what a hub pushed of a feed; whether there was anything new. Raises FeedError, StoreError."""
        async with self._turn(feed) as current:
            report = await self.recorder.pushed(current, fetched)
            if report.recorded is not None:
                self.on_recorded(report.recorded)
        return report.new > 0

    async def _write(self, report: PollReport) -> None:
        """Write a poll that somebody asked for, whoever polls the feed usually."""
        if (recorded := report.recorded) is None:
            await self._store.polls.record_quiet((report.feed,), told=(report.alert,) if report.alert else ())
            recorded = Recorded()
        self.on_recorded(recorded)
        self._due.written((report.feed.id,), report.feed.next_poll)

    @asynccontextmanager
    async def _turn(self, feed: Feed) -> AsyncIterator[Feed]:
        if feed.id in self._turns:
            await self._turns.free(feed.id)
        self._turns[feed.id] = None
        try:
            await self._quiet.write()
            yield await self._store.feeds.get(feed.id) or feed
        finally:
            self._turns.end(feed.id)

    def wake(self) -> None:
        """Look for due feeds at once: a feed was followed, or made due."""
        self._due.wake()

    def asks(self, url: str) -> bool:
        """Whether it is this process that asks the host of an address."""
        return slot_of(url) in self._leases.held(FEEDS)

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        self.hosts.clock_set_back(by)
        self.wake()

    async def run(self) -> None:
        """Poll what is due, for ever. Cancel it to end it: polls under way are as if they had never begun."""
        await self._leases.start()
        tasks = [self._supervisor.start("polling", self._work) for _ in range(self._at_once)]
        tasks.append(self._supervisor.start("polls without news", self._quiet.run))
        try:
            await self._due.run()
        finally:
            await stop(tasks)
            self._due.clear()
            try:
                await self._quiet.write()
            except StoreError as error:
                log_trouble("the last polls without news were not written", error)

    async def _work(self) -> None:
        while True:
            visit = await self._queue.take()
            host, feed = visit.host, visit.feed
            try:
                if self._store.fault is None and host.is_ours:
                    await self._poll_due(feed, host)
                else:
                    self._due.let_go(feed.id)
            except LeaseLost as error:  # whose feed it is now finds the same
                log.info("%s: %s", urls.masked(feed.url), error)
                self._due.let_go(feed.id)
            except Exception as error:  # noqa: BLE001  # it is logged, and the feed stays due
                log_trouble(f"cannot record a poll of {urls.masked(feed.url)}", error)
                host.hold(self._clock.now() + REST_AFTER_TROUBLE)
                self._due.let_go(feed.id, pause=AFTER_TROUBLE)
            except BaseException:  # this worker ends, the feed stays due
                self._due.let_go(feed.id, pause=AFTER_TROUBLE)
                raise
            finally:
                self._queue.done(visit)
                if host.queue:
                    self._due.visited(host)

    async def _poll_due(self, due: DueFeed, host: Host) -> None:
        """Poll a feed of the queue. Until it turns out that there is more to do, this is kept short."""
        waited = due.id in self._turns
        if waited:
            await self._turns.free(due.id)
        self._turns[due.id] = None
        try:
            # After another poll the feed is not what it was.
            answer = None if waited else await self._answer(due, host, polite=True)
            if answer is not None:
                self._queue.slow_feeds.took(due.id, host.took)
            if isinstance(answer, Fetched):
                unchanged = self.recorder.unchanged(due, answer, self.last_answer or 0)
                if unchanged is not None:
                    self.outcomes[Outcome.UNCHANGED] += 1
                    self._quiet.keep(due.id, unchanged)
                    return
            await self._poll_on(due, host, answer, waited=waited)
        finally:
            self._turns.end(due.id)

    async def _poll_on(
        self, due: DueFeed, host: Host, answer: Fetched | FeedError | None, *, waited: bool
    ) -> None:
        if waited:
            await self._quiet.write()
        feed = await self._store.feeds.get(due.id)
        if feed is None:
            self._due.let_go(due.id)
            return
        if waited:
            answer = await self._answer(feed, host, polite=True)
        fence = self._leases.fence(FEEDS, slot_of(due.url))
        report = await self._finished(feed, host, answer, fence=fence)
        if report.recorded is None:
            self._quiet.keep(feed.id, report.feed, report.alert)
            return
        self.on_recorded(report.recorded)
        self._due.written((feed.id,), report.feed.next_poll)

    async def _finished(
        self, feed: Feed, host: Host, answer: Fetched | FeedError | None, *, fence: Fence | None = None
    ) -> PollReport:
        try:
            if isinstance(answer, Fetched):
                report = await self.recorder.answered(feed, answer, fence=fence)
            elif answer is not None:
                report = self._failed(feed, host, answer)
            else:
                report = self.recorder.postponed(feed, host.held_until)
        except FeedError as error:
            report = self._failed(feed, host, error)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged
            report = self._failed(feed, host, _unforeseen(feed, error))
        self.outcomes[report.outcome] += 1
        return report

    async def _answer(self, feed: Feed | DueFeed, host: Host, *, polite: bool) -> Fetched | FeedError | None:
        """What the publisher of a feed answers; None where its host is to be left alone."""
        if polite and host.held_until and host.held_until > self._clock.now():
            return None
        try:
            if not polite or list_feeds.is_list(feed.url):
                fetched = await self._get(feed, polite=polite)
            else:
                now = self._clock.monotonic()
                if not host.is_free(now):
                    await host.free()
                    now = self._clock.monotonic()
                host.begin(now)
                try:
                    fetched = await self._fetcher.get(feed.url, validators=feed.validators)
                finally:
                    host.end()
                if rest := schedule.rest(fetched.headers, now=self._clock.now()):
                    host.rest(rest)
        except FeedError as error:
            return error
        except Exception as error:  # noqa: BLE001 - it is logged
            return _unforeseen(feed, error)
        self.last_answer = self._clock.now()
        return fetched

    async def _get(self, feed: Feed | DueFeed, *, polite: bool) -> Fetched:
        """Ask for a feed, or for the page of a list, which its publisher may not want read."""
        if not list_feeds.is_list(feed.url):
            return await self._fetcher.get(feed.url, validators=feed.validators)
        page = list_feeds.page_of(feed.url)
        visit = self.hosts.visits(polite=polite)
        fetched, delay = await self.pages.fetched(page, visit=visit, validators=feed.validators)
        self.hosts.of(page).rest(max(delay, schedule.rest(fetched.headers, now=self._clock.now())))
        if fetched.permanent_url is not None:
            fetched = fetched._replace(permanent_url=feed.url.replace(page, fetched.permanent_url))
        return fetched

    def _failed(self, feed: Feed, host: Host, error: FeedError) -> PollReport:
        host.failed(error)
        log.info("%s: %s", urls.masked(feed.url), error)
        return self.recorder.failed(feed, error)


def _unforeseen(feed: Feed | DueFeed, error: Exception) -> FeedError:
    log.error("cannot poll %s", urls.masked(feed.url), exc_info=error)
    return FeedError(fetch_errors.PARSE_DIED, type(error).__name__)
