"""Polls feeds: a loop that sleeps until one is due, asks politely, and writes what came.

Due feeds are taken from the store in batches and wait in a queue for their host. Polls without news are
written many at a time; a poll with news is one transaction of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from bot.core.choices import Role
from bot.core.clock import Clock, wait
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
from bot.feeds.schedule import AFTER_TOO_MANY
from bot.polling.due_queue import DueQueue, Visit
from bot.polling.feed_alerts import FeedAlerts, Words
from bot.polling.hosts import Host, Hosts
from bot.polling.intake import Intake
from bot.polling.poll_results import Outcome, PollRecorder, PollReport
from bot.polling.quiet_polls import AFTER_TROUBLE, Postponed, QuietPolls, log_trouble
from bot.polling.shares import Shares
from bot.processes.leases import FEEDS, Leases
from bot.store import LeaseLost, Store, StoreError
from bot.store.records.process_records import Fence, Share
from bot.store.records.source_records import Recorded
from bot.stories.story_lookup import StoryLookup
from bot.text import urls
from bot.text.host_slots import SLOTS, slot_of

__all__ = ["Outcome", "PollReport", "Poller"]

log = logging.getLogger(__name__)

TAKEN = 1_024
"""Due feeds taken from the store at a time."""
MOST = 8_192
"""Queued feeds from which on no more are taken."""
LONGEST_REST = 60
"""Seconds after which the store is asked again although nothing was to be due: others write to it too."""
SHORTEST_REST = 0.02
"""Seconds; hosts that become free sooner are served together."""
REST_AFTER_TROUBLE = 60
"""Seconds for which a host is left alone that answered in vain."""


class Poller:
    """Polls feeds, one by one with `poll` or all that are due with `run`."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store,
        fetcher: Fetcher,
        workers: Workers,
        words: Words,
        leases: Leases,
        story_lookup: StoryLookup | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._fetcher = fetcher
        self._leases = leases
        self._slots: frozenset[int] = frozenset()
        leases.share(Share(FEEDS, Role.POLLER, frozenset(range(SLOTS))))
        leases.listen(FEEDS, self._slots_changed)
        self.pages = Pages(fetcher, workers, Robots(clock, fetcher, workers))
        self.intake = Intake(settings, store, workers, Shares(clock))
        alerts = FeedAlerts(settings, words)
        self.recorder = PollRecorder(settings, clock, store, self.intake, alerts, story_lookup)
        self.on_recorded: Callable[[Recorded], None] = _ignore
        """Called after each poll that was recorded with articles or dispatches."""
        self.last_answer: int | None = None
        """When a publisher last answered, in seconds of UTC."""
        self.outcomes: Counter[Outcome] = Counter()
        """Polls since the start, by how they ended."""

        self._woken = asyncio.Event()
        self.hosts = Hosts(clock)
        self._queue = DueQueue(clock, settings.poll_concurrency, on_low=self._look_soon)
        self._turns = Turns()  # from fetching to recording, one at a time a feed
        self._held: set[int] = set()  # feeds that are queued, being polled or unwritten
        self._look_at = 0  # when the store is asked for due feeds
        self._look_now = False  # or as soon as can be
        self._rests_until = 0.0  # monotonic

        self._quiet = QuietPolls(clock, store, leases, self._written, self._told)

    async def poll(self, feed: Feed, *, polite: bool = True) -> PollReport:
        """Poll one feed now and write what came of it; never raises for what the feed does.

        `polite=False` is for an address that a person named: its host may be asked at once and several times.
        Raises StoreError.
        """
        async with self._turn(feed) as current:
            report = await self._finished(current, self.hosts.of(feed.url), None, polite=polite)
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
        self._written({report.feed.id}, report.feed.next_poll)

    @asynccontextmanager
    async def _turn(self, feed: Feed) -> AsyncIterator[Feed]:
        """Alone with a feed, as the store knows it."""
        if feed.id in self._turns:
            await self._turns.free(feed.id)
        self._turns[feed.id] = None
        try:
            await self._quiet.write()
            yield await self._store.feeds.get(feed.id) or feed
        finally:
            self._turns.end(feed.id)

    def _told(self) -> None:
        """Servers are owed an alert."""
        self.on_recorded(Recorded())

    def wake(self) -> None:
        """Look for due feeds at once: a feed was followed, or made due."""
        self._look_now = True
        self._woken.set()

    def _look_soon(self) -> None:
        """The store may have feeds for which there was no room."""
        self._look_at = 0
        self._woken.set()

    def asks(self, url: str) -> bool:
        """Whether it is this process that asks the host of an address."""
        return slot_of(url) in self._leases.held(FEEDS)

    def _slots_changed(self, gained: frozenset[int], lost: frozenset[int]) -> None:
        """Other hosts are this process's to ask. What is under way may end; its record is refused."""
        self._slots = (self._slots | gained) - lost
        for host in self.hosts.on(lost) if lost else ():
            self._held.difference_update(self._queue.drop(host))
        if gained:
            self.wake()

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        self.hosts.clock_set_back(by)
        self._look_at = 0
        self.wake()

    async def run(self) -> None:
        """Poll what is due, for ever. Cancel it to end it: polls under way are as if they had never begun."""
        await self._leases.start()
        self._look_now = True
        tasks = [asyncio.create_task(self._work()) for _ in range(self._settings.poll_concurrency)]
        tasks.append(asyncio.create_task(self._quiet.run()))
        try:
            while True:
                self._woken.clear()
                try:
                    if await self._store.takes_writes():
                        await self._take_due()
                    else:  # nobody is asked for what could not be kept
                        self._look_later()
                except StoreError as error:
                    log_trouble("cannot look for due feeds", error)
                    self._look_later()
                await self._rest(self._queue.hand_out())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._queue.clear()
            self._held.clear()
            try:
                await self._quiet.write()
            except StoreError as error:
                log_trouble("the last polls without news were not written", error)

    def _look_later(self) -> None:
        self._look_now = False
        self._look_at = self._clock.now() + AFTER_TROUBLE

    async def _take_due(self) -> None:
        now = self._clock.now()
        while (self._look_now or self._look_at <= now) and self._has_room():
            self._look_now = False  # what happens from here on is another reason to look
            full = [share for share in self._queue.full if isinstance(share, int)]
            slots = None if len(self._slots) == SLOTS else self._slots
            feeds = await self._store.feeds.due_in_brief(now, TAKEN, self._held, besides=full, slots=slots)
            for feed in feeds:
                if slots is not None and slot_of(feed.url) not in self._slots:
                    continue  # lost meanwhile
                self._held.add(feed.id)
                later = self._queue.put(self.hosts.of(feed.url), feed)
                if later is not None:
                    self._quiet.keep(feed.id, Postponed(feed.id, later))
            if len(feeds) == TAKEN:
                self._look_at = 0
            else:
                following = await self._store.feeds.next_due(self._held, slots=slots)
                latest = now + LONGEST_REST
                self._look_at = latest if following is None else min(max(following, now + 1), latest)

    def _has_room(self) -> bool:
        return len(self._queue) < MOST

    async def _rest(self, until_free: float | None) -> None:
        """Sleep until the store is to be asked, a host is free or somebody wakes us."""
        seconds = float(LONGEST_REST)
        if self._has_room():
            seconds = max(self._look_at - self._clock.now(), 0)
        if until_free is not None:
            seconds = min(seconds, max(until_free, SHORTEST_REST))
        self._rests_until = self._clock.monotonic() + seconds
        try:
            await wait(self._clock, self._woken, seconds)
        finally:
            self._rests_until = 0.0

    async def _work(self) -> None:
        """Poll one feed of the queue after the other."""
        while True:
            visit = await self._queue.take()
            host, feed = visit.host, visit.feed
            try:
                if self._store.fault is None and slot_of(feed.url) in self._slots:
                    await self._poll_due(visit)
                else:
                    self._held.discard(feed.id)
            except LeaseLost as error:  # whose feed it is now finds the same
                log.info("%s: %s", urls.masked(feed.url), error)
                self._held.discard(feed.id)
            except Exception as error:  # noqa: BLE001  # it is logged, and the feed stays due
                log_trouble(f"cannot record a poll of {urls.masked(feed.url)}", error)
                self._held.discard(feed.id)
                host.hold(self._clock.now() + REST_AFTER_TROUBLE)
                self._look_at = max(self._look_at, self._clock.now() + AFTER_TROUBLE)
            finally:
                self._queue.done(visit)
            if host.queue and host.free_at < self._rests_until - SHORTEST_REST:
                self._woken.set()

    async def _poll_due(self, visit: Visit) -> None:
        """Poll a feed of the queue. Until it turns out that there is more to do, this is kept short."""
        due, host = visit.feed, visit.host
        waited = due.id in self._turns
        if waited:
            await self._turns.free(due.id)
        self._turns[due.id] = None
        try:
            answer: Fetched | FeedError | None = None
            # After another poll the feed is not what it was.
            if not waited and (not host.held_until or host.held_until <= self._clock.now()):
                try:
                    answer = await self._ask(due, host)
                except FeedError as error:
                    answer = error
                else:
                    self.last_answer = now = self._clock.now()
                    unchanged = self.recorder.unchanged(due, answer, now)
                    if unchanged is not None:
                        self.outcomes[Outcome.UNCHANGED] += 1
                        self._quiet.keep(due.id, unchanged)
                        return
            if waited:
                await self._quiet.write()
            feed = await self._store.feeds.get(due.id)
            if feed is None:
                self._held.discard(due.id)
                return
            fence = self._leases.fence(FEEDS, slot_of(due.url))
            report = await self._finished(feed, host, answer, polite=True, fence=fence)
            if report.recorded is None:
                self._quiet.keep(feed.id, report.feed, report.alert)
                return
            if report.recorded.new_ids or report.recorded.channel_ids:
                self.on_recorded(report.recorded)
            self._written({feed.id}, report.feed.next_poll)
        finally:
            self._turns.end(due.id)

    async def _finished(
        self,
        feed: Feed,
        host: Host,
        answer: Fetched | FeedError | None,
        *,
        polite: bool,
        fence: Fence | None = None,
    ) -> PollReport:
        """Poll a feed whose turn it is, or go on from the answer; news is recorded."""
        try:
            report = await self._report(feed, host, answer, polite=polite, fence=fence)
        except FeedError as error:
            report = self._failed(feed, host, error)
        except StoreError:
            raise
        except Exception as error:
            log.exception("cannot poll %s", urls.masked(feed.url))
            report = self._failed(feed, host, FeedError(fetch_errors.PARSE_DIED, type(error).__name__))
        self.outcomes[report.outcome] += 1
        return report

    async def _report(
        self,
        feed: Feed,
        host: Host,
        answer: Fetched | FeedError | None,
        *,
        polite: bool,
        fence: Fence | None,
    ) -> PollReport:
        if isinstance(answer, FeedError):
            return self._failed(feed, host, answer)
        if answer is None and polite:
            if host.held_until > self._clock.now():
                return self.recorder.postponed(feed, host.held_until)
            answer = await self._ask(feed, host)
        elif answer is None:
            answer = await self._get(feed, polite=False)
        self.last_answer = self._clock.now()
        return await self.recorder.answered(feed, answer, fence=fence)

    async def _ask(self, feed: Feed | DueFeed, host: Host) -> Fetched:
        if list_feeds.is_list(feed.url):
            return await self._get(feed, polite=True)
        now = self._clock.monotonic()
        if not host.is_free(now):
            await host.free()
            now = self._clock.monotonic()
        host.begin(now)
        rest = 0
        try:
            fetched = await self._fetcher.get(feed.url, validators=feed.validators)
            rest = schedule.rest(fetched.headers, now=self._clock.now())
            return fetched
        finally:
            host.end()
            if rest:
                host.rest(rest)
            if isinstance(feed, DueFeed):
                self._queue.asked(feed, self._clock.monotonic() - now)

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
        wait = error.retry_after
        if wait is None and error.code == fetch_errors.RATE_LIMITED:
            wait = AFTER_TOO_MANY
        if wait:
            host.hold(self._clock.now() + wait)
        log.info("%s: %s", urls.masked(feed.url), error)
        return self.recorder.failed(feed, error)

    def _written(self, feed_ids: Collection[int], soonest: int) -> None:
        """The store knows these feeds as they are now, and can tell when they are due: at `soonest` then."""
        self._held.difference_update(feed_ids)
        self._held.update(feed_id for feed_id in feed_ids if feed_id in self._quiet)
        if soonest < self._look_at:
            self._look_at = soonest
            self._woken.set()


def _ignore(recorded: Recorded) -> None:
    """What nobody waits for."""
