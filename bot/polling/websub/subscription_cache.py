"""The subscriptions at hubs in memory, as polls and hubs ask for them, and written down."""

import asyncio
from collections.abc import Callable, Iterator

from bot.store import Store
from bot.store.records.source_records import PushSubscription


class SubscriptionCache:
    """By feed and by token. `on_change` is called when there is something to write or to do.

    Each belongs to the process that asks its hub; another learns of it when the hub calls there.
    """

    def __init__(self, store: Store, on_change: Callable[[], None]) -> None:
        self._store, self._on_change = store, on_change
        self._by_feed: dict[int, PushSubscription] = {}
        self._by_token: dict[str, int] = {}
        self._unwritten: set[int] = set()
        self._storing = asyncio.Lock()  # nothing is written between what is read and its being remembered

    def __iter__(self) -> Iterator[PushSubscription]:
        return iter(self._by_feed.values())

    def of_feed(self, feed_id: int) -> PushSubscription | None:
        """The one of a feed, or None."""
        return self._by_feed.get(feed_id)

    def of_token(self, token: str) -> PushSubscription | None:
        """The one that a hub names by its token, or None."""
        feed_id = self._by_token.get(token)
        return None if feed_id is None else self._by_feed.get(feed_id)

    def put(self, known: PushSubscription) -> None:
        """Let a feed have this one from now on."""
        self._remember(known)
        self._unwritten.add(known.feed_id)
        self._on_change()

    async def load(self) -> None:
        """Learn of all as they are now, but for what changed here since. Raises StoreError."""
        async with self._storing:
            there = {known.feed_id: known for known in await self._store.push_subscriptions.all()}
            for feed_id in self._by_feed.keys() - there.keys() - self._unwritten:
                self._forget(feed_id)
            for feed_id in there.keys() - self._unwritten:
                self._remember(there[feed_id])

    async def refresh(self, token: str) -> bool:
        """Learn of one as it is now; whether there is one. Raises StoreError."""
        if await self._store.push_subscriptions.of_token(token) is None:
            return False  # made-up tokens hold up nobody who waits for the lock
        async with self._storing:
            found = await self._store.push_subscriptions.of_token(token)
            if found is not None and found.feed_id not in self._unwritten:
                self._remember(found)
        return found is not None

    async def flush(self) -> None:
        """Write down what changed, one by one: a hub that calls waits for no more. Raises StoreError."""
        while self._unwritten:
            async with self._storing:
                if (feed_id := next(iter(self._unwritten), None)) is None:
                    return
                known = self._by_feed.get(feed_id)
                if known is not None:
                    await self._store.push_subscriptions.write(known)
                if known == self._by_feed.get(feed_id):  # else it changed meanwhile
                    self._unwritten.discard(feed_id)

    async def remove(self, feed_id: int) -> None:
        """Forget the one of a feed. Raises StoreError."""
        async with self._storing:
            self._forget(feed_id)
            await self._store.push_subscriptions.remove(feed_id)

    def _remember(self, known: PushSubscription) -> None:
        self._forget(known.feed_id)
        self._by_feed[known.feed_id] = known
        self._by_token[known.token] = known.feed_id

    def _forget(self, feed_id: int) -> None:
        if (before := self._by_feed.pop(feed_id, None)) is not None:
            del self._by_token[before.token]
