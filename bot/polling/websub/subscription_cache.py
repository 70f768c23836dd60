"""A cache of the WebSub subscriptions in the store."""

import asyncio
from collections.abc import Callable, Iterator

from bot.store import Store
from bot.store.records.source_records import PushSubscription


class SubscriptionCache:
    """The WebSub subscriptions by feed and by token; `on_change` is called when one is put.

    Each subscription belongs to the process that owns the hub's host; another one loads it when the hub calls
    there.
    """

    def __init__(self, store: Store, on_change: Callable[[], None]) -> None:
        self._store, self._on_change = store, on_change
        self._by_feed: dict[int, PushSubscription] = {}
        self._by_token: dict[str, int] = {}
        self._unwritten: set[int] = set()
        # Nothing may be written between reading a row and caching it.
        self._storing = asyncio.Lock()

    def __iter__(self) -> Iterator[PushSubscription]:
        return iter(self._by_feed.values())

    def of_feed(self, feed_id: int) -> PushSubscription | None:
        """Return the subscription of a feed, None without one."""
        return self._by_feed.get(feed_id)

    def of_token(self, token: str) -> PushSubscription | None:
        """Return the subscription with a token, None without one."""
        feed_id = self._by_token.get(token)
        return None if feed_id is None else self._by_feed.get(feed_id)

    def put(self, known: PushSubscription) -> None:
        """Set the subscription of its feed, to be written by `flush`."""
        self._remember(known)
        self._unwritten.add(known.feed_id)
        self._on_change()

    async def load(self) -> None:
        """Load all subscriptions, except those with changes to be written. Raises StoreError."""
        async with self._storing:
            there = {known.feed_id: known for known in await self._store.push_subscriptions.all()}
            for feed_id in self._by_feed.keys() - there.keys() - self._unwritten:
                self._forget(feed_id)
            for feed_id in there.keys() - self._unwritten:
                self._remember(there[feed_id])

    async def refresh(self, token: str) -> bool:
        """Load the subscription with a token; return whether there is one. Raises StoreError."""
        if await self._store.push_subscriptions.of_token(token) is None:
            return False  # Invented tokens must not contend for the lock.
        async with self._storing:
            found = await self._store.push_subscriptions.of_token(token)
            if found is not None and found.feed_id not in self._unwritten:
                self._remember(found)
        return found is not None

    async def flush(self) -> None:
        """Write the changes, one by one, so that a calling hub waits for one only. Raises StoreError."""
        while self._unwritten:
            async with self._storing:
                if (feed_id := next(iter(self._unwritten), None)) is None:
                    return
                known = self._by_feed.get(feed_id)
                if known is not None:
                    await self._store.push_subscriptions.write(known)
                if known == self._by_feed.get(feed_id):  # It may have changed meanwhile.
                    self._unwritten.discard(feed_id)

    async def remove(self, feed_id: int) -> None:
        """Remove the subscription of a feed. Raises StoreError."""
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
