"""Cache of the WebSub subscriptions in the store."""

import asyncio
from collections.abc import Callable, Iterator

from bot.store import Store
from bot.store.records.source_records import PushSubscription


class SubscriptionCache:
    """Cache of the WebSub subscriptions, by feed and by the token in the address that the hub calls.

    `on_change` is called when `replace` has changed a subscription. Each subscription belongs to the
    process that owns the hub's host; another process loads the subscription when the hub calls there.
    """

    def __init__(self, store: Store, on_change: Callable[[], None]) -> None:
        self._store, self._on_change = store, on_change
        self._subscription_by_feed_id: dict[int, PushSubscription] = {}
        self._feed_id_by_token: dict[str, int] = {}
        self._dirty_feed_ids: set[int] = set()
        # Nothing may be written between reading a row and caching it.
        self._store_lock = asyncio.Lock()

    def __iter__(self) -> Iterator[PushSubscription]:
        return iter(self._subscription_by_feed_id.values())

    def get_by_feed(self, feed_id: int) -> PushSubscription | None:
        """Return the cached subscription of a feed, or None if there is none."""
        return self._subscription_by_feed_id.get(feed_id)

    def get_by_token(self, token: str) -> PushSubscription | None:
        """Return the cached subscription whose callback URL has a token, or None if there is none."""
        feed_id = self._feed_id_by_token.get(token)
        return None if feed_id is None else self._subscription_by_feed_id.get(feed_id)

    def replace(self, subscription: PushSubscription) -> None:
        """Cache a subscription in place of the one of the same feed; `flush` writes it to the store."""
        self._cache(subscription)
        self._dirty_feed_ids.add(subscription.feed_id)
        self._on_change()

    async def load(self) -> None:
        """Replace the cached subscriptions by those in the store, except those with changes to be written.

        Raises StoreError.
        """
        async with self._store_lock:
            stored_subscription_by_feed_id = {
                subscription.feed_id: subscription for subscription in await self._store.push_subscriptions.list_all()
            }
            for feed_id in (
                self._subscription_by_feed_id.keys() - stored_subscription_by_feed_id.keys() - self._dirty_feed_ids
            ):
                self._evict(feed_id)
            for feed_id in stored_subscription_by_feed_id.keys() - self._dirty_feed_ids:
                self._cache(stored_subscription_by_feed_id[feed_id])

    async def refresh(self, token: str) -> bool:
        """Load the subscription whose callback URL has a token from the store; return whether there is one.

        A cached subscription with changes to be written stays.

        Raises StoreError.
        """
        if await self._store.push_subscriptions.get_by_token(token) is None:
            return False  # Invented tokens must not contend for the lock.
        async with self._store_lock:
            subscription = await self._store.push_subscriptions.get_by_token(token)
            if subscription is not None and subscription.feed_id not in self._dirty_feed_ids:
                self._cache(subscription)
        return subscription is not None

    async def flush(self) -> None:
        """Write the changed subscriptions one by one, so that a calling hub waits for only one write.

        Raises StoreError.
        """
        while self._dirty_feed_ids:
            async with self._store_lock:
                if (feed_id := next(iter(self._dirty_feed_ids), None)) is None:
                    return
                subscription = self._subscription_by_feed_id.get(feed_id)
                if subscription is not None:
                    await self._store.push_subscriptions.save(subscription)
                if subscription == self._subscription_by_feed_id.get(feed_id):  # It may have changed meanwhile.
                    self._dirty_feed_ids.discard(feed_id)

    async def remove(self, feed_id: int) -> None:
        """Remove the subscription of a feed from cache and store. Raises StoreError."""
        async with self._store_lock:
            self._evict(feed_id)
            await self._store.push_subscriptions.remove(feed_id)

    def _cache(self, subscription: PushSubscription) -> None:
        self._evict(subscription.feed_id)
        self._subscription_by_feed_id[subscription.feed_id] = subscription
        self._feed_id_by_token[subscription.token] = subscription.feed_id

    def _evict(self, feed_id: int) -> None:
        if (evicted_subscription := self._subscription_by_feed_id.pop(feed_id, None)) is not None:
            del self._feed_id_by_token[evicted_subscription.token]
