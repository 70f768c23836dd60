"""Loading of due feeds from the store into the poll queue.

Hosts are hashed to 64 groups, the host slots, which processes lease: a process polls the feeds of its slots only.
"""

import asyncio
from collections.abc import Collection

from bot.core.clock import wait_for_event
from bot.core.models import DueFeed
from bot.core.preferences import ProcessRole
from bot.polling.due_queue import PollQueue
from bot.polling.host_throttle import Host, Hosts
from bot.polling.poll_result_writer import (
    ERROR_BACKOFF_SECONDS,
    PollResultWriter,
    PostponedPoll,
    log_unless_reported,
)
from bot.processes.leases import HOST_SLOT_LEASE_KIND, Leases
from bot.processes.maintenance_mode import MaintenanceMode
from bot.store import Store, StoreError
from bot.store.records.process_records import LeasePool
from bot.text.host_slots import HOST_SLOT_COUNT, get_host_slot

BATCH_SIZE = 1_024
"""Maximum number of due feeds loaded from the store at a time."""
MAX_QUEUED_FEEDS = 8_192
"""Number of queued feeds from which on no more feeds are loaded."""
MAX_IDLE_SECONDS = 60
"""Maximum number of seconds between two queries for due feeds: other processes write to the store, too."""
MIN_QUERY_INTERVAL_SECONDS = 2
"""Minimum number of seconds until the next scheduled query for due feeds, so that feeds are loaded in batches."""
MIN_SLEEP_SECONDS = 0.02
"""Minimum number of seconds to sleep until a host is free, so that hosts free within this time are polled together."""


class DueFeedLoader:
    """Loader of due feeds, in batches, into the queue of their hosts.

    A loaded feed is excluded from further queries until its poll is written or the feed is released.
    """

    def __init__(
        self,
        store: Store,
        leases: Leases,
        hosts: Hosts,
        queue: PollQueue,
        result_writer: PollResultWriter,
        maintenance: MaintenanceMode,
    ) -> None:
        self._clock, self._store, self._hosts = store.clock, store, hosts
        self._queue, self._result_writer, self._maintenance = queue, result_writer, maintenance
        self._loaded_feed_ids: set[int] = set()
        self._owned_slots: frozenset[int] = frozenset()  # host slots that this process has leased
        self._wake_event = asyncio.Event()
        self._next_query_at = 0  # Unix time in seconds
        self._is_query_requested = False
        self._left_out_server_ids: list[int] = []  # servers whose feeds the last query left out
        self._sleeping_until = 0.0  # monotonic
        leases.join_pool(LeasePool(HOST_SLOT_LEASE_KIND, ProcessRole.POLLER, frozenset(range(HOST_SLOT_COUNT))))
        leases.add_listener(HOST_SLOT_LEASE_KIND, self._on_slots_changed)

    def wake(self) -> None:
        """Query the store for due feeds at once: feeds became due, or the queue has room again."""
        self._is_query_requested = True
        self._wake_event.set()

    def on_tenant_drained(self) -> None:
        """Query for due feeds at once, unless the last query left out none: then another one would find none."""
        if self._left_out_server_ids or self._next_query_at <= self._clock.now():
            self.wake()

    def mark_written(self, feed_ids: Collection[int], next_due_at: int) -> None:
        """Let queries return these feeds again, as their polls are written; query by `next_due_at` (Unix time)."""
        self._loaded_feed_ids.difference_update(feed_ids)
        self._loaded_feed_ids |= self._result_writer.find_pending(feed_ids)
        if next_due_at < self._next_query_at:
            self._next_query_at = next_due_at
            self._wake_event.set()

    def release(self, feed_id: int, *, pause_seconds: int = 0) -> None:
        """Release a loaded feed that was not polled and stays due.

        The next query waits at least `pause_seconds`.
        """
        self._loaded_feed_ids.discard(feed_id)
        if pause_seconds:
            self._next_query_at = max(self._next_query_at, self._clock.now() + pause_seconds)

    def on_host_polled(self, host: Host) -> None:
        """Wake the loader if the next feed of this host may be polled before the loader wakes by itself."""
        if host.next_request_at < self._sleeping_until - MIN_SLEEP_SECONDS:
            self._wake_event.set()

    async def run(self) -> None:
        """Load due feeds into the queue of polls until cancelled."""
        self._is_query_requested = True
        while True:
            self._wake_event.clear()
            try:
                if not self._maintenance.is_on and await self._store.is_writable():
                    await self._load_due_feeds()
                else:  # Polling is pointless while its results cannot be stored.
                    self._back_off()
            except StoreError as error:
                log_unless_reported("due feeds query failed", error)
                self._back_off()
            await self._sleep_until_due(self._queue.assign_startable_jobs())

    def clear(self) -> None:
        """Forget all loaded feeds, as if they had not been loaded."""
        self._queue.clear()
        self._loaded_feed_ids.clear()

    def _back_off(self) -> None:
        self._is_query_requested = False
        self._next_query_at = self._clock.now() + ERROR_BACKOFF_SECONDS

    async def _load_due_feeds(self) -> None:
        now = self._clock.now()
        while (self._is_query_requested or self._next_query_at <= now) and self._has_queue_room():
            self._is_query_requested = False  # A wake-up during the query leads to another one.
            # A tenant is a server, by its id; saturated means that enough of its feeds are queued.
            self._left_out_server_ids = [tenant for tenant in self._queue.saturated_tenants if isinstance(tenant, int)]
            # None: of all slots.
            queried_slots = None if self._owns_all_slots() else self._owned_slots
            feeds = await self._store.feeds.list_due_for_polling(
                now,
                BATCH_SIZE,
                self._loaded_feed_ids,
                excluded_server_ids=self._left_out_server_ids,
                host_slots=queried_slots,
            )
            owns_all_slots = self._owns_all_slots()
            for feed in feeds:
                if (
                    owns_all_slots or get_host_slot(feed.url) in self._owned_slots
                ):  # The slot may have been lost during the query.
                    self._enqueue_feed(feed)
            if len(feeds) == BATCH_SIZE:
                self._next_query_at = 0
            else:
                next_due_at = await self._store.feeds.get_next_due_at(self._loaded_feed_ids, host_slots=queried_slots)
                latest_query_at = now + MAX_IDLE_SECONDS
                self._next_query_at = (
                    latest_query_at
                    if next_due_at is None
                    else min(max(next_due_at, now + MIN_QUERY_INTERVAL_SECONDS), latest_query_at)
                )

    def _enqueue_feed(self, feed: DueFeed) -> None:
        self._loaded_feed_ids.add(feed.id)
        retry_at = self._queue.enqueue(self._hosts.get(feed.url), feed)
        if retry_at is not None:
            self._result_writer.add(feed.id, PostponedPoll(feed.id, retry_at))

    def _has_queue_room(self) -> bool:
        return len(self._queue) < MAX_QUEUED_FEEDS

    def _owns_all_slots(self) -> bool:
        return len(self._owned_slots) == HOST_SLOT_COUNT

    async def _sleep_until_due(self, seconds_until_host_free: float | None) -> None:
        sleep_seconds = float(MAX_IDLE_SECONDS)
        if self._has_queue_room():
            sleep_seconds = max(self._next_query_at - self._clock.now(), 0)
        if seconds_until_host_free is not None:
            sleep_seconds = min(sleep_seconds, max(seconds_until_host_free, MIN_SLEEP_SECONDS))
        self._sleeping_until = self._clock.monotonic() + sleep_seconds
        try:
            await wait_for_event(self._clock, self._wake_event, sleep_seconds)
        finally:
            self._sleeping_until = 0.0

    def _on_slots_changed(self, gained_slots: frozenset[int], lost_slots: frozenset[int]) -> None:
        """Take over gained host slots (groups of hosts) and drop the queued feeds of lost slots.

        A poll in progress may end, but the store refuses its outcome.
        """
        self._owned_slots = (self._owned_slots | gained_slots) - lost_slots
        for host in self._hosts.list_in_slots(gained_slots):
            host.is_owned = True
        for host in self._hosts.list_in_slots(lost_slots):
            host.is_owned = False
            self._loaded_feed_ids.difference_update(self._queue.drop_host(host))
        if gained_slots:
            self.wake()
