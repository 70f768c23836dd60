"""Unsubscribing from WebSub hubs (section 5.1 of the specification), and verification that the bot asked for it."""

import asyncio
import logging
from collections.abc import Mapping

from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.polling.host_throttle import Hosts
from bot.store import StoreError
from bot.store.records.source_records import PushSubscription
from bot.text import urls

log = logging.getLogger(__name__)

MAX_PENDING_UNSUBSCRIPTIONS = 1_000
"""Maximum number of ended subscriptions that are remembered, as their hubs may still ask for verification."""


class Unsubscriptions:
    """Ended WebSub subscriptions of this process.

    If a hub ignores the request to end a subscription, its next push is refused.
    """

    def __init__(self, fetcher: Fetcher, hosts: Hosts) -> None:
        self._fetcher, self._hosts = fetcher, hosts
        self._ended_subscription_by_token: dict[str, PushSubscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, subscription: PushSubscription, form: dict[str, str]) -> None:
        """Ask the hub to end a subscription by posting a form to it, in the background."""
        if len(self._ended_subscription_by_token) >= MAX_PENDING_UNSUBSCRIPTIONS:
            del self._ended_subscription_by_token[next(iter(self._ended_subscription_by_token))]
        self._ended_subscription_by_token[subscription.token] = subscription
        task = asyncio.create_task(self._post_form(subscription, form))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def contains(self, token: str) -> bool:
        """Return whether an ended subscription has this token in the URL that its hub calls."""
        return token in self._ended_subscription_by_token

    def confirms(self, token: str, query: Mapping[str, str]) -> bool:
        """Return whether a hub's query asks to verify the end of a subscription that this process ended."""
        subscription = self._ended_subscription_by_token.get(token)
        is_same_topic = subscription is not None and query.get("hub.topic") == subscription.topic
        return is_same_topic and query.get("hub.mode") == "unsubscribe"

    async def close(self) -> None:
        """Cancel all requests to hubs to end subscriptions."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post_form(self, subscription: PushSubscription, form: dict[str, str]) -> None:
        try:
            async with self._hosts.throttle(subscription.hub):
                await self._fetcher.post(subscription.hub, form)
        except (FeedError, StoreError) as error:
            log.info("unsubscribe failed hub=%s error=%s", urls.redact(subscription.hub), error)
