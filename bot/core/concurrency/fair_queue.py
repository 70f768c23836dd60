"""Start-time fair queueing, which shares polls, page fetches, edits and requests fairly between servers."""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

HEADROOM_FACTOR = 3
"""Maximum number of items of one key in progress, as a multiple of the free slots, so that some stay free."""
DEFAULT_COST = 1.0
"""Cost that is estimated for an item of a queue until a first item has ended and its cost is known."""
_SWEEP_THRESHOLD = 10_000
"""Number of keys of a queue at which keys without items are removed from memory."""


class Ticket(NamedTuple, Generic[T]):
    """Item of a queue in progress, with the key it was queued under and the cost charged to the key in advance."""

    key: Hashable
    item: T
    estimated_cost: float


class FairQueue(Generic[T]):
    """A queue that is shared fairly between keys, with at most `slot_count` items in progress.

    The method is start-time fair queueing.

    The cost of an item is known when it ends; before that, `DEFAULT_COST` or later a moving mean is charged.
    A key without items earns no credit. A key alone gets most of the slots, never all: the next key that puts
    an item finds a free slot. Goyal, Vin, Cheng 1996; dynamic threshold after Choudhury and Hahne 1998.
    """

    def __init__(self, slot_count: int) -> None:
        self.slot_count = slot_count
        """Maximum number of items in progress.

        It may be changed at any time; items beyond it end normally.
        """
        self.in_flight_count = 0
        """Number of items that were taken from the queue and hold a slot."""
        self._waiting_count = 0
        self._in_flight_count_by_key: dict[Hashable, int] = {}
        self._usage_by_key: dict[Hashable, float] = {}
        self._waiting_items_by_key: dict[Hashable, deque[T]] = {}
        self._key_heap: list[tuple[float, int, Hashable]] = []  # Waiting keys; stale if the usage changed
        self._push_counter = itertools.count()
        self._parked_keys: set[Hashable] = set()  # Waiting keys at their limit of slots
        self._virtual_time = 0.0  # Usage of the key served last, and half of the cost of its item
        self._mean_cost = DEFAULT_COST

    def __len__(self) -> int:
        return self._waiting_count

    @property
    def may_start_item(self) -> bool:
        """Whether an item is waiting and a slot is free, so that `try_acquire` may return an item."""
        return bool(self._key_heap) and self.in_flight_count < self.slot_count

    def get_usage(self, key: Hashable) -> float:
        """Return the cost that a key has been charged; the key with the lowest usage is served first.

        A key that did not wait has at least the usage of the key that was served last, with half of its item's cost.
        """
        return max(self._usage_by_key.get(key, 0.0), self._virtual_time)

    def put(self, key: Hashable, item: T) -> None:
        """Append an item to the waiting items of a key."""
        self._waiting_count += 1
        if key in self._waiting_items_by_key:
            self._waiting_items_by_key[key].append(item)
            return
        self._waiting_items_by_key[key] = deque((item,))
        if key not in self._usage_by_key and len(self._usage_by_key) >= _SWEEP_THRESHOLD:
            self._remove_idle_keys()
        self._usage_by_key[key] = self.get_usage(key)
        self._push_key(key)

    def try_acquire(self) -> Ticket[T] | None:
        """Take the next item from the queue and return its ticket, which `release` needs; None if no item may start."""
        while self.may_start_item:
            usage, _, key = heapq.heappop(self._key_heap)
            if usage != self._usage_by_key[key]:
                self._push_key(key)
            elif self._is_at_limit(key):
                self._parked_keys.add(key)
            else:
                return self._issue_ticket(key, usage)
        return None

    def release(self, ticket: Ticket[T], cost: float) -> None:
        """Mark the item of a ticket as ended and charge its key the actual cost."""
        key = ticket.key
        self.in_flight_count -= 1
        self._usage_by_key[key] += cost - ticket.estimated_cost
        self._mean_cost += (cost - self._mean_cost) / 8
        self._in_flight_count_by_key[key] -= 1
        if not self._in_flight_count_by_key[key]:
            del self._in_flight_count_by_key[key]
        for parked_key in self._parked_keys:
            self._push_key(parked_key)
        self._parked_keys.clear()

    def clear(self) -> list[T]:
        """Remove all waiting items and return them."""
        items = [item for waiting_items in self._waiting_items_by_key.values() for item in waiting_items]
        self._waiting_items_by_key.clear()
        self._key_heap.clear()
        self._parked_keys.clear()
        self._waiting_count = 0
        return items

    def _push_key(self, key: Hashable) -> None:
        heapq.heappush(self._key_heap, (self._usage_by_key[key], next(self._push_counter), key))

    def _is_at_limit(self, key: Hashable) -> bool:
        return self._in_flight_count_by_key.get(key, 0) >= HEADROOM_FACTOR * (self.slot_count - self.in_flight_count)

    def _remove_idle_keys(self) -> None:
        active_keys = self._waiting_items_by_key.keys() | self._in_flight_count_by_key.keys()
        self._usage_by_key = {
            key: usage for key, usage in self._usage_by_key.items() if usage > self._virtual_time or key in active_keys
        }

    def _issue_ticket(self, key: Hashable, usage: float) -> Ticket[T]:
        # A key that puts its first item now precedes another item of this key, but ever new keys don't do so for ever.
        self._virtual_time = max(self._virtual_time, usage + self._mean_cost / 2)
        self.in_flight_count += 1
        self._waiting_count -= 1
        self._in_flight_count_by_key[key] = self._in_flight_count_by_key.get(key, 0) + 1
        self._usage_by_key[key] = usage + self._mean_cost
        waiting_items = self._waiting_items_by_key[key]
        item = waiting_items.popleft()
        if not waiting_items:
            del self._waiting_items_by_key[key]
        elif self._is_at_limit(key):
            self._parked_keys.add(key)
        else:
            self._push_key(key)
        return Ticket(key, item, self._mean_cost)


class FairSemaphore:
    """A semaphore that is shared fairly between keys: `async with semaphore.acquire(key)`.

    The cost of a slot is the number of seconds for which it was used.
    """

    def __init__(self, slot_count: int) -> None:
        self._queue: FairQueue[asyncio.Future[Ticket[Any]]] = FairQueue(slot_count)

    def get_usage(self, key: Hashable) -> float:
        """Return the seconds that a key has been charged, estimated for slots in use; the lowest is served first."""
        return self._queue.get_usage(key)

    @asynccontextmanager
    async def acquire(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for a slot for a key, and hold it within the `with` block."""
        loop = asyncio.get_running_loop()
        ticket_future: asyncio.Future[Ticket[Any]] = loop.create_future()
        self._queue.put(key, ticket_future)
        self._grant_waiting_tickets()
        started_at = 0.0
        try:
            await ticket_future
            started_at = loop.time()
            yield
        finally:
            if ticket_future.done() and not ticket_future.cancelled():
                self._queue.release(ticket_future.result(), loop.time() - started_at if started_at else 0.0)
                self._grant_waiting_tickets()

    def _grant_waiting_tickets(self) -> None:
        while (ticket := self._queue.try_acquire()) is not None:
            if ticket.item.done():  # The waiting task was cancelled.
                self._queue.release(ticket, 0.0)
            else:
                ticket.item.set_result(ticket)
