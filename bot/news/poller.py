"""Polls feeds: a loop that sleeps until one is due, asks politely, and writes what came.

Due feeds are taken from the store in batches and wait in a queue for their host. Polls without news are
written many at a time; a poll with news is one transaction of its own.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable, Iterable
from functools import partial

from bot.clock import Clock
from bot.feeds import errors
from bot.feeds.errors import FeedError
from bot.feeds.fetch import Fetched, Fetcher
from bot.feeds.schedule import AFTER_TOO_MANY
from bot.news import notices
from bot.news.hosts import Host, Hosts
from bot.news.intake import Intake
from bot.news.visits import Outcome, PollReport, Visits
from bot.settings import Settings
from bot.store import Store, StoreError
from bot.store.polls import Recorded
from bot.text import urls
from bot.words import Feed
from bot.workers import Workers

__all__ = ["Outcome", "PollReport", "Poller"]

log = logging.getLogger(__name__)

FLUSH_EVERY = 0.5
"""Seconds that a poll without news waits to be written together with others."""
FLUSH_AT = 200
TAKEN = 256
"""Due feeds taken from the store at a time."""
LONGEST_REST = 60
"""Seconds after which the store is asked again although nothing was to be due: others write to it too."""
AFTER_TROUBLE = 5
"""Seconds to wait when the store cannot be used."""


class Poller:
    """Polls feeds, one by one with `poll` or all that are due with `run`."""

    def __init__(
        self, settings: Settings, clock: Clock, store: Store, fetcher: Fetcher, workers: Workers
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._fetcher = fetcher
        self.intake = Intake(settings, store, workers)
        self.visits = Visits(settings, clock, store, self.intake)
        self.on_recorded: Callable[[Recorded], None] = _ignore
        """Called after each poll that was recorded with articles or dispatches."""
        self.last_answer: int | None = None
        """When a publisher last answered, in seconds of UTC."""

        self._hosts = Hosts(clock)
        self._unwritten: dict[int, Feed] = {}
        self._enough = asyncio.Event()
        self._some = asyncio.Event()
        self._flushing = asyncio.Lock()

        self._held: set[int] = set()  # feeds that are queued, in flight or unwritten
        self._queued = 0
        self._ready: list[tuple[float, int, Host]] = []  # idle hosts with a queue, by when they are free
        self._order = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._look_at = 0  # when the store is asked for due feeds
        self._rests_until = 0.0  # monotonic
        self._woken = asyncio.Event()
        self._running = False

    async def poll(self, feed: Feed, *, polite: bool = True) -> PollReport:
        """Poll one feed now and write what came of it; never raises for what the feed does.

        `polite=False` is for an address that a person named: its host may be asked at once and several times.
        Raises StoreError.
        """
        report = await self._poll(feed, polite=polite)
        await self._flush()
        return report

    async def take(self, feed: Feed, fetched: Fetched) -> Feed:
        """Write an answer that was fetched without us, as if it came of a poll; the feed after it.

        Raises FeedError, StoreError.
        """
        async with self.intake.turn(feed.id):
            feed = self._unwritten.get(feed.id) or await self._store.feeds.get(feed.id) or feed
            report = await self.visits.answered(feed, fetched)
            self._keep(report)
        await self._flush()
        return report.feed

    def wake(self) -> None:
        """Look for due feeds at once: a feed was followed, or made due."""
        self._look_at = 0
        self._woken.set()

    async def run(self) -> None:
        """Poll what is due, for ever. Cancel it to end it: polls under way are as if they had never begun."""
        flusher = asyncio.create_task(self._keep_flushing(), name="poller: writes")
        self._running = True
        self._look_at = 0
        try:
            while True:
                self._woken.clear()
                try:
                    await self._take_due()
                except StoreError:
                    log.exception("cannot look for due feeds")
                    self._look_at = self._clock.now() + AFTER_TROUBLE
                self._start()
                await self._rest()
        finally:
            self._running = False
            tasks = [*self._tasks, flusher]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hosts.clear()
            self._ready.clear()
            self._held.clear()
            self._queued = 0
            try:
                await self._flush()
            except StoreError:
                log.exception("the last polls without news were not written")

    async def _take_due(self) -> None:
        now = self._clock.now()
        while self._look_at <= now and self._queued < TAKEN // 2:
            feeds = await self._store.feeds.due(now, TAKEN, self._held)
            for feed in feeds:
                self._enqueue(feed)
            if len(feeds) < TAKEN:
                following = await self._store.feeds.next_due(self._held)
                latest = now + LONGEST_REST
                self._look_at = latest if following is None else min(max(following, now + 1), latest)

    def _enqueue(self, feed: Feed) -> None:
        self._held.add(feed.id)
        self._queued += 1
        host = self._hosts.of(urls.host(feed.url))
        host.queue.append(feed)
        if not host.busy and len(host.queue) == 1:
            self._offer(host)

    def _offer(self, host: Host) -> None:
        heapq.heappush(self._ready, (host.free_at, next(self._order), host))

    def _start(self) -> None:
        """Start polls of hosts that are free, as long as there are slots."""
        now = self._clock.monotonic()
        while self._ready and self._ready[0][0] <= now and len(self._tasks) < self._settings.poll_concurrency:
            _, _, host = heapq.heappop(self._ready)
            feed = host.queue.popleft()
            host.busy = True
            self._queued -= 1
            task = asyncio.create_task(self._attempt(feed))
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, host))

    def _ended(self, host: Host, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        host.busy = False
        if host.queue:
            self._offer(host)
        if not self._running:
            return
        self._start()
        waits_for_host = bool(self._ready) and self._ready[0][0] < self._rests_until
        if waits_for_host or (self._look_at <= self._clock.now() and self._queued < TAKEN // 2):
            self._woken.set()

    async def _rest(self) -> None:
        """Sleep until the store is to be asked, a host is free or somebody wakes us."""
        seconds = float(LONGEST_REST)
        if self._queued < TAKEN // 2:
            seconds = self._look_at - self._clock.now()
        if self._ready and len(self._tasks) < self._settings.poll_concurrency:
            seconds = min(seconds, self._ready[0][0] - self._clock.monotonic())
        seconds = max(seconds, 0.0)
        self._rests_until = self._clock.monotonic() + seconds
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((timer, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()
            self._rests_until = 0.0

    async def _attempt(self, feed: Feed) -> None:
        try:
            report = await self._poll(feed, polite=True)
        except StoreError:
            log.exception("cannot record a poll of %s", urls.masked(feed.url))
            self._held.discard(feed.id)
            self._look_at = max(self._look_at, self._clock.now() + AFTER_TROUBLE)
            return
        if report.recorded is not None:
            self._written((report.feed,))

    async def _poll(self, feed: Feed, *, polite: bool) -> PollReport:
        async with self.intake.turn(feed.id) as waited:
            if waited:  # for another poll of it, after which the feed is not what it was
                feed = self._unwritten.get(feed.id) or await self._store.feeds.get(feed.id) or feed
            report = await self._report(feed, polite=polite)
            await notices.tell(self._store, self._settings, feed, report.feed)
            self._keep(report)
        return report

    def _keep(self, report: PollReport) -> None:
        """Have a poll without news written soon, or tell of one that was recorded."""
        if report.recorded is None:
            self._unwritten[report.feed.id] = report.feed
            self._some.set()
            if len(self._unwritten) >= FLUSH_AT:
                self._enough.set()
        elif report.recorded.new_ids or report.recorded.channel_ids:
            self.on_recorded(report.recorded)

    async def _report(self, feed: Feed, *, polite: bool) -> PollReport:
        host = self._hosts.of(urls.host(feed.url))
        try:
            if not polite:
                fetched = await self._fetch(feed)
            elif host.held_until > self._clock.now():
                return self.visits.postponed(feed, host.held_until)
            else:
                async with self._hosts.visit(host):
                    fetched = await self._fetch(feed)
            return await self.visits.answered(feed, fetched)
        except FeedError as error:
            wait = error.retry_after
            if wait is None and error.code == errors.RATE_LIMITED:
                wait = AFTER_TOO_MANY
            if wait:
                host.held_until = max(host.held_until, self._clock.now() + wait)
            log.info("%s: %s", urls.masked(feed.url), error)
            return self.visits.failed(feed, error)
        except StoreError:
            raise
        except Exception as error:
            log.exception("cannot poll %s", urls.masked(feed.url))
            return self.visits.failed(feed, FeedError(errors.PARSE_DIED, type(error).__name__))

    async def _fetch(self, feed: Feed) -> Fetched:
        fetched = await self._fetcher.get(feed.url, validators=feed.validators)
        self.last_answer = self._clock.now()
        return fetched

    async def _keep_flushing(self) -> None:
        while True:
            await self._some.wait()
            try:
                async with asyncio.timeout(FLUSH_EVERY):
                    await self._enough.wait()
            except TimeoutError:
                pass
            try:
                await self._flush()
            except StoreError:
                log.exception("cannot write polls without news")
                await self._clock.sleep(AFTER_TROUBLE)

    async def _flush(self) -> None:
        """Write the polls without news, in one transaction."""
        async with self._flushing:
            self._some.clear()
            self._enough.clear()
            batch, self._unwritten = self._unwritten, {}
            if not batch:
                return
            try:
                await self._store.polls.record_quiet(list(batch.values()))
            except BaseException:
                self._unwritten = batch | self._unwritten
                self._some.set()
                raise
            self._written(batch.values())

    def _written(self, feeds: Iterable[Feed]) -> None:
        """The store knows these feeds as they are now, and can tell when they are due."""
        for feed in feeds:
            if feed.id not in self._unwritten:
                self._held.discard(feed.id)
            if feed.next_poll < self._look_at:
                self._look_at = feed.next_poll
                self._woken.set()


def _ignore(recorded: Recorded) -> None:
    """What nobody waits for."""
