"""Who is next when many want the same few things: whoever had least of them so far.

One mechanism for every share of a server: polling slots, documents being read, edits, requests to Discord.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

HEADROOM_FACTOR = 3
"""A key gets another slot while it has fewer than so many times those that are free: some always are."""
DEFAULT_COST = 1.0
"""What a turn is taken to cost until the first one has ended."""
_SWEEP_THRESHOLD = 10_000  # keys from which on those without a claim are forgotten


class Ticket(NamedTuple, Generic[T]):
    """Something that waited and is out now, for a key that was charged so much in advance."""

    key: Hashable
    item: T
    estimated_cost: float


class FairQueue(Generic[T]):
    """What waits, by key, with `slots` out at a time: start-time fair queueing (Goyal, Vin, Cheng 1996).

    What a turn cost is known when it ends. Whoever asked for nothing for a while has saved nothing up. The
    bound on a key is the dynamic threshold of Choudhury and Hahne (1998): alone it gets most slots, and
    the next to come finds one.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        """May change at any time: what is out beyond it ends as usual."""
        self.in_flight = 0
        """Turns that were taken and have not ended."""
        self._length = 0
        self._in_flight_by_key: dict[Hashable, int] = {}
        self._used: dict[Hashable, float] = {}
        self._waiting: dict[Hashable, deque[T]] = {}
        self._heap: list[tuple[float, int, Hashable]] = []  # keys that wait; stale where used differs
        self._order = itertools.count()
        self._parked: set[Hashable] = set()  # keys that wait and hold as much as they may
        self._virtual_time = 0.0  # what the key served last had used then
        self._usual = DEFAULT_COST

    def __len__(self) -> int:
        return self._length

    @property
    def has_capacity(self) -> bool:
        """Whether it is worth asking for the next."""
        return bool(self._heap) and self.in_flight < self.slots

    def usage(self, key: Hashable) -> float:
        """What counts as used up by a key: the least goes first."""
        return max(self._used.get(key, 0.0), self._virtual_time)

    def put(self, key: Hashable, item: T) -> None:
        """Let something wait."""
        self._length += 1
        if key in self._waiting:
            self._waiting[key].append(item)
            return
        self._waiting[key] = deque((item,))
        if key not in self._in_flight_by_key:
            if len(self._used) >= _SWEEP_THRESHOLD:
                self._sweep()
            self._used[key] = self.usage(key)
        self._push_key(key)

    def try_acquire(self) -> Ticket[T] | None:
        """The next, or None when nothing waits that may go. `end` must follow."""
        while self.has_capacity:
            used, _, key = heapq.heappop(self._heap)
            if used != self._used[key]:
                self._push_key(key)
            elif self._is_over_share(key):
                self._parked.add(key)
            else:
                return self._issue_ticket(key, used)
        return None

    def release(self, turn: Ticket[T], cost: float) -> None:
        """A turn ended that cost so much."""
        key = turn.key
        self.in_flight -= 1
        self._used[key] += cost - turn.estimated_cost
        self._usual += (cost - self._usual) / 8
        self._in_flight_by_key[key] -= 1
        if not self._in_flight_by_key[key]:
            del self._in_flight_by_key[key]
        for each in self._parked:
            self._push_key(each)
        self._parked.clear()

    def clear(self) -> list[T]:
        """Take out what waits."""
        waiting = [item for line in self._waiting.values() for item in line]
        self._waiting.clear()
        self._heap.clear()
        self._parked.clear()
        self._length = 0
        return waiting

    def _push_key(self, key: Hashable) -> None:
        heapq.heappush(self._heap, (self._used[key], next(self._order), key))

    def _is_over_share(self, key: Hashable) -> bool:
        return self._in_flight_by_key.get(key, 0) >= HEADROOM_FACTOR * (self.slots - self.in_flight)

    def _sweep(self) -> None:
        claims = self._waiting.keys() | self._in_flight_by_key.keys()
        self._used = {
            key: used for key, used in self._used.items() if used > self._virtual_time or key in claims
        }

    def _issue_ticket(self, key: Hashable, used: float) -> Ticket[T]:
        self._virtual_time = max(self._virtual_time, used)
        self.in_flight += 1
        self._length -= 1
        self._in_flight_by_key[key] = self._in_flight_by_key.get(key, 0) + 1
        self._used[key] = used + self._usual
        line = self._waiting[key]
        item = line.popleft()
        if not line:
            del self._waiting[key]
        elif self._is_over_share(key):
            self._parked.add(key)
        else:
            self._push_key(key)
        return Ticket(key, item, self._usual)


class FairSemaphore:
    """Slots that tasks wait for: `async with slots.turn(key)`. A turn costs the seconds that it took."""

    def __init__(self, slots: int) -> None:
        self._queue: FairQueue[asyncio.Future[Ticket[Any]]] = FairQueue(slots)

    def usage(self, key: Hashable) -> float:
        """What counts as used up by a key: the least goes first."""
        return self._queue.usage(key)

    @asynccontextmanager
    async def acquire(self, key: Hashable) -> AsyncIterator[None]:
        """Hold a slot within the block, from when it is the key's turn."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[Ticket[Any]] = loop.create_future()
        self._queue.put(key, mine)
        self._grant_waiting()
        started = 0.0
        try:
            await mine
            started = loop.time()
            yield
        finally:
            if mine.done() and not mine.cancelled():
                self._queue.release(mine.result(), loop.time() - started if started else 0.0)
                self._grant_waiting()

    def _grant_waiting(self) -> None:
        while (turn := self._queue.try_acquire()) is not None:
            if turn.item.done():  # whoever waited was cancelled
                self._queue.release(turn, 0.0)
            else:
                turn.item.set_result(turn)
