"""Loading of due feeds from the store into the poll queue."""

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
"""Due feeds loaded from the store at a time."""
MAX_QUEUED_FEEDS = 8_192
"""Queued feeds from which on no more are loaded."""
MAX_IDLE_SECONDS = 60
"""Longest interval between two queries for due feeds: other processes write to the store too."""
MIN_QUERY_INTERVAL_SECONDS = 2
"""Shortest interval between two queries, so that feeds are loaded in batches."""
MIN_SLEEP_SECONDS = 0.02
"""Hosts that become free within this time are served together."""


class DueFeedLoader:
    """A loader of due feeds, in batches, into the queue of their hosts.

    A loaded feed is excluded from further queries until its poll is written. `on_alert` is called when alerts
    or edits of posts were enqueued.
    """

    def __init__(
        self, store: Store, leases: Leases, hosts: Hosts, slots: int, on_alert: Callable[[], None]
    ) -> None:
        self._clock, self._store, self._hosts = store.clock, store, hosts
        self.write_buffer = PollWriteBuffer(store, leases, self.mark_written, on_alert)
        """Unchanged and postponed polls, to be written."""
        self.queue = PollQueue(store.clock, slots, on_low=self.wake)
        """Loaded feeds, handed out up to the number of slots."""
        self._held: set[int] = set()
        self._slots: frozenset[int] = frozenset()  # host slots that this process owns
        self._woken = asyncio.Event()
        self._look_at = 0
        self._look_now = False
        self._rests_until = 0.0
        leases.join_pool(LeasePool(FEEDS, ProcessRole.POLLER, frozenset(range(HOST_SLOT_COUNT))))
        leases.add_listener(FEEDS, self._slots_changed)

    def wake(self) -> None:
        """Query the store at once: feeds became due, or the queue has room again."""
        self._look_now = True
        self._woken.set()

    def mark_written(self, feed_ids: Collection[int], soonest: int) -> None:
        """Let queries return these feeds again, as their polls are written; query by `next_due_at`."""
        self._held.difference_update(feed_ids)
        self._held |= self.write_buffer.pending_among(feed_ids)
        if soonest < self._look_at:
            self._look_at = soonest
            self._woken.set()

    def release(self, feed_id: int, *, pause: int = 0) -> None:
        """Release a feed that was not polled and stays due.

        The next query waits `pause_seconds`.
        """
        self._held.discard(feed_id)
        if pause:
            self._look_at = max(self._look_at, self._clock.now() + pause)

    def on_host_polled(self, host: Host) -> None:
        """Wake the loader if the next feed of this host may be polled before it wakes by itself."""
        if host.next_request_at < self._rests_until - MIN_SLEEP_SECONDS:
            self._woken.set()

    async def run(self) -> None:
        """Load due feeds until cancelled."""
        self._look_now = True
        while True:
            self._woken.clear()
            try:
                if await self._store.is_writable():
                    await self._load_due()
                else:  # Polling is pointless while its results cannot be stored.
                    self._look_later()
            except StoreError as error:
                log_unless_reported("due feeds query failed", error)
                self._look_later()
            await self._sleep_until_due(self.queue.wake_takers())

    def clear(self) -> None:
        """Forget all loaded feeds, as if they had not been loaded."""
        self.queue.clear()
        self._held.clear()

    def _look_later(self) -> None:
        self._look_now = False
        self._look_at = self._clock.now() + ERROR_BACKOFF_SECONDS

    async def _load_due(self) -> None:
        now = self._clock.now()
        while (self._look_now or self._look_at <= now) and self._has_room():
            self._look_now = False  # A wake-up during the query leads to another one.
            full = [share for share in self.queue.saturated_tenants if isinstance(share, int)]
            slots = None if self._owns_all_slots() else self._slots
            feeds = await self._store.feeds.due_for_polling(
                now, BATCH_SIZE, self._held, besides=full, slots=slots
            )
            has_all = self._owns_all_slots()
            for feed in feeds:
                if (
                    has_all or host_slot(feed.url) in self._slots
                ):  # The slot may have been lost during the query.
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
        """Take over gained host slots and drop the queued feeds of lost ones.

        A poll in progress may end; its record is refused.
        """
        self._slots = (self._slots | gained) - lost
        for host in self._hosts.in_slots(gained):
            host.is_owned = True
        for host in self._hosts.in_slots(lost):
            host.is_owned = False
            self._held.difference_update(self.queue.drop_host(host))
        if gained:
            self.wake()
