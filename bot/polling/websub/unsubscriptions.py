"""Subscriptions at hubs that end: the hub is told (section 5.1 of WebSub), and asks whether that is meant."""

import asyncio
import logging
from collections.abc import Mapping

from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.polling.host_throttle import Hosts
from bot.store.records.source_records import PushSubscription
from bot.text import urls

log = logging.getLogger(__name__)

MOST = 1_000
"""Ends that hubs may still confirm."""


class Unsubscriptions:
    """Those of one process. A hub that does not listen finds its next push refused."""

    def __init__(self, fetcher: Fetcher, hosts: Hosts) -> None:
        self._fetcher, self._hosts = fetcher, hosts
        self._ended: dict[str, PushSubscription] = {}  # by their tokens
        self._tasks: set[asyncio.Task[None]] = set()

    def request(self, known: PushSubscription, form: dict[str, str]) -> None:
        """Tell a hub, and hold nobody up."""
        if len(self._ended) >= MOST:
            del self._ended[next(iter(self._ended))]
        self._ended[known.token] = known
        task = asyncio.create_task(self._post(known, form))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def contains(self, token: str) -> bool:
        """Whether this is the token of one that ended."""
        return token in self._ended

    def confirms(self, token: str, query: Mapping[str, str]) -> bool:
        """Whether a hub asks for the end of one that did end."""
        ended = self._ended.get(token)
        is_about = ended is not None and query.get("hub.topic") == ended.topic
        return is_about and query.get("hub.mode") == "unsubscribe"

    async def close(self) -> None:
        """Tell nobody any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _post(self, known: PushSubscription, form: dict[str, str]) -> None:
        try:
            async with self._hosts.throttled(known.hub):
                await self._fetcher.post(known.hub, form)
        except FeedError as error:
            log.info("%s was not told of an end: %s", urls.redact(known.hub), error)
