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

ROOM = 3
"""A key gets another slot while it has fewer than so many times those that are free: some always are."""
USUAL = 1.0
"""What a turn is taken to cost until the first one has ended."""
_SWEPT = 10_000  # keys from which on those without a claim are forgotten


class Turn(NamedTuple, Generic[T]):
    """Something that waited and is out now, for a key that was charged so much in advance."""

    key: Hashable
    item: T
    charged: float


class FairQueue(Generic[T]):
    """What waits, by key, with `slots` out at a time: start-time fair queueing (Goyal, Vin, Cheng 1996).

    What a turn cost is known when it ends. Whoever asked for nothing for a while has saved nothing up. The
    bound on a key is the dynamic threshold of Choudhury and Hahne (1998): alone it gets most slots, and
    the next to come finds one.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        """May change at any time: what is out beyond it ends as usual."""
        self.out = 0
        """Turns that were taken and have not ended."""
        self._length = 0
        self._held: dict[Hashable, int] = {}
        self._used: dict[Hashable, float] = {}
        self._waiting: dict[Hashable, deque[T]] = {}
        self._line: list[tuple[float, int, Hashable]] = []  # keys that wait; stale where used differs
        self._order = itertools.count()
        self._set_aside: set[Hashable] = set()  # keys that wait and hold as much as they may
        self._begun = 0.0  # what the key served last had used then
        self._usual = USUAL

    def __len__(self) -> int:
        return self._length

    @property
    def may_give(self) -> bool:
        """Whether it is worth asking for the next."""
        return bool(self._line) and self.out < self.slots

    def used(self, key: Hashable) -> float:
        """What counts as used up by a key: the least goes first."""
        return max(self._used.get(key, 0.0), self._begun)

    def put(self, key: Hashable, item: T) -> None:
        """Let something wait."""
        self._length += 1
        if key in self._waiting:
            self._waiting[key].append(item)
            return
        self._waiting[key] = deque((item,))
        if key not in self._held:
            if len(self._used) >= _SWEPT:
                self._sweep()
            self._used[key] = self.used(key)
        self._stand(key)

    def take(self) -> Turn[T] | None:
        """The next, or None when nothing waits that may go. `end` must follow."""
        while self.may_give:
            used, _, key = heapq.heappop(self._line)
            if used != self._used[key]:
                self._stand(key)
            elif self._holds_enough(key):
                self._set_aside.add(key)
            else:
                return self._taken(key, used)
        return None

    def end(self, turn: Turn[T], cost: float) -> None:
        """A turn ended that cost so much."""
        key = turn.key
        self.out -= 1
        self._used[key] += cost - turn.charged
        self._usual += (cost - self._usual) / 8
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
        for each in self._set_aside:
            self._stand(each)
        self._set_aside.clear()

    def clear(self) -> list[T]:
        """Take out what waits."""
        waiting = [item for line in self._waiting.values() for item in line]
        self._waiting.clear()
        self._line.clear()
        self._set_aside.clear()
        self._length = 0
        return waiting

    def _stand(self, key: Hashable) -> None:
        heapq.heappush(self._line, (self._used[key], next(self._order), key))

    def _holds_enough(self, key: Hashable) -> bool:
        return self._held.get(key, 0) >= ROOM * (self.slots - self.out)

    def _sweep(self) -> None:
        claims = self._waiting.keys() | self._held.keys()
        self._used = {key: used for key, used in self._used.items() if used > self._begun or key in claims}

    def _taken(self, key: Hashable, used: float) -> Turn[T]:
        self._begun = max(self._begun, used)
        self.out += 1
        self._length -= 1
        self._held[key] = self._held.get(key, 0) + 1
        self._used[key] = used + self._usual
        line = self._waiting[key]
        item = line.popleft()
        if not line:
            del self._waiting[key]
        elif self._holds_enough(key):
            self._set_aside.add(key)
        else:
            self._stand(key)
        return Turn(key, item, self._usual)


class FairSlots:
    """Slots that tasks wait for: `async with slots.turn(key)`. A turn costs the seconds that it took."""

    def __init__(self, slots: int) -> None:
        self._queue: FairQueue[asyncio.Future[Turn[Any]]] = FairQueue(slots)

    def used(self, key: Hashable) -> float:
        """What counts as used up by a key: the least goes first."""
        return self._queue.used(key)

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Hold a slot within the block, from when it is the key's turn."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[Turn[Any]] = loop.create_future()
        self._queue.put(key, mine)
        self._hand_out()
        started = 0.0
        try:
            await mine
            started = loop.time()
            yield
        finally:
            if mine.done() and not mine.cancelled():
                self._queue.end(mine.result(), loop.time() - started if started else 0.0)
                self._hand_out()

    def _hand_out(self) -> None:
        while (turn := self._queue.take()) is not None:
            if turn.item.done():  # whoever waited was cancelled
                self._queue.end(turn, 0.0)
            else:
                turn.item.set_result(turn)
