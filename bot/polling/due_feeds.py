"""Which feeds this process is to poll now, and when it asks the store for more of them."""

import asyncio
from collections.abc import Callable, Collection

from bot.core.clock import wait_for_event
from bot.core.models import DueFeed
from bot.core.preferences import ProcessRole
from bot.polling.due_queue import PollQueue
from bot.polling.host_throttle import Host, Hosts
from bot.polling.poll_write_buffer import (
    ERROR_BACKOFF_SECONDS,
    PollWriteBuffer,
    PostponedPoll,
    log_unless_reported,
)
from bot.processes.leases import FEEDS, Leases
from bot.store import Store, StoreError
from bot.store.records.process_records import LeasePool
from bot.text.host_slots import HOST_SLOT_COUNT, host_slot

BATCH_SIZE = 1_024
"""Due feeds taken from the store at a time."""
MAX_QUEUED_FEEDS = 8_192
"""Queued feeds from which on no more are taken."""
MAX_IDLE_SECONDS = 60
"""Seconds after which the store is asked again although nothing was to be due: others write to it too."""
MIN_QUERY_INTERVAL_SECONDS = 2
"""Seconds between two looks for feeds that come to be due: what comes to be due together costs less."""
MIN_SLEEP_SECONDS = 0.02
"""Seconds; hosts that become free sooner are served together."""


class DueFeedLoader:
    """Takes due feeds from the store in batches, into a queue for their hosts.

    A feed is held from then on until it is written; the store is not asked for it meanwhile. `on_told` is
    called where servers are owed an alert, or the edit of a post.
    """

    def __init__(
        self, store: Store, leases: Leases, hosts: Hosts, slots: int, on_alert: Callable[[], None]
    ) -> None:
        self._clock, self._store, self._hosts = store.clock, store, hosts
        self.write_buffer = PollWriteBuffer(store, leases, self.mark_written, on_alert)
        """Polls without news, to be written."""
        self.queue = PollQueue(store.clock, slots, on_low=self.wake)
        """What was taken, so many at a time."""
        self._held: set[int] = set()
        self._slots: frozenset[int] = frozenset()  # of hosts that are this process's to ask
        self._woken = asyncio.Event()
        self._look_at = 0  # when the store is asked
        self._look_now = False  # or as soon as can be
        self._rests_until = 0.0  # monotonic
        leases.join_pool(LeasePool(FEEDS, ProcessRole.POLLER, frozenset(range(HOST_SLOT_COUNT))))
        leases.add_listener(FEEDS, self._slots_changed)

    def wake(self) -> None:
        """Ask the store at once: it has something for which there was no reason, or no room."""
        self._look_now = True
        self._woken.set()

    def mark_written(self, feed_ids: Collection[int], soonest: int) -> None:
        """The store knows these feeds as they are now, and can tell when they are due: at `soonest` then."""
        self._held.difference_update(feed_ids)
        self._held |= self.write_buffer.pending_among(feed_ids)
        if soonest < self._look_at:
            self._look_at = soonest
            self._woken.set()

    def release(self, feed_id: int, *, pause: int = 0) -> None:
        """A feed was not polled and stays due; the store is not asked for so many seconds."""
        self._held.discard(feed_id)
        if pause:
            self._look_at = max(self._look_at, self._clock.now() + pause)

    def on_host_polled(self, host: Host) -> None:
        """A feed of a host was polled, for which another one waits."""
        if host.next_request_at < self._rests_until - MIN_SLEEP_SECONDS:
            self._woken.set()

    async def run(self) -> None:
        """Take what is due, for ever."""
        self._look_now = True
        while True:
            self._woken.clear()
            try:
                if await self._store.is_writable():
                    await self._load_due()
                else:  # nobody is asked for what could not be kept
                    self._look_later()
            except StoreError as error:
                log_unless_reported("cannot look for due feeds", error)
                self._look_later()
            await self._sleep_until_due(self.queue.wake_takers())

    def clear(self) -> None:
        """Forget what was taken: it is as if it had never been."""
        self.queue.clear()
        self._held.clear()

    def _look_later(self) -> None:
        self._look_now = False
        self._look_at = self._clock.now() + ERROR_BACKOFF_SECONDS

    async def _load_due(self) -> None:
        now = self._clock.now()
        while (self._look_now or self._look_at <= now) and self._has_room():
            self._look_now = False  # what happens from here on is another reason to look
            full = [share for share in self.queue.saturated_tenants if isinstance(share, int)]
            slots = None if self._owns_all_slots() else self._slots
            feeds = await self._store.feeds.due_for_polling(
                now, BATCH_SIZE, self._held, besides=full, slots=slots
            )
            has_all = self._owns_all_slots()
            for feed in feeds:
                if has_all or host_slot(feed.url) in self._slots:  # else it was lost meanwhile
                    self._enqueue(feed)
            if len(feeds) == BATCH_SIZE:
                self._look_at = 0
            else:
                following = await self._store.feeds.next_due(self._held, slots=slots)
                latest = now + MAX_IDLE_SECONDS
                self._look_at = (
                    latest
                    if following is None
                    else min(max(following, now + MIN_QUERY_INTERVAL_SECONDS), latest)
                )

    def _enqueue(self, feed: DueFeed) -> None:
        self._held.add(feed.id)
        later = self.queue.put(self._hosts.get(feed.url), feed)
        if later is not None:
            self.write_buffer.add(feed.id, PostponedPoll(feed.id, later))

    def _has_room(self) -> bool:
        return len(self.queue) < MAX_QUEUED_FEEDS

    def _owns_all_slots(self) -> bool:
        return len(self._slots) == HOST_SLOT_COUNT

    async def _sleep_until_due(self, until_free: float | None) -> None:
        seconds = float(MAX_IDLE_SECONDS)
        if self._has_room():
            seconds = max(self._look_at - self._clock.now(), 0)
        if until_free is not None:
            seconds = min(seconds, max(until_free, MIN_SLEEP_SECONDS))
        self._rests_until = self._clock.monotonic() + seconds
        try:
            await wait_for_event(self._clock, self._woken, seconds)
        finally:
            self._rests_until = 0.0

    def _slots_changed(self, gained: frozenset[int], lost: frozenset[int]) -> None:
        """Other hosts are this process's to ask. What is under way may end; its record is refused."""
        self._slots = (self._slots | gained) - lost
        for host in self._hosts.in_slots(gained):
            host.is_owned = True
        for host in self._hosts.in_slots(lost):
            host.is_owned = False
            self._held.difference_update(self.queue.drop_host(host))
        if gained:
            self.wake()
