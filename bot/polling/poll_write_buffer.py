"""A write buffer for polls without news."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from bot.core.models import Feed
from bot.processes.leases import Leases
from bot.store import DatabaseFault, Store, StoreError
from bot.store.records.source_records import Alert, UnchangedPoll

log = logging.getLogger(__name__)

FLUSH_INTERVAL_SECONDS = 0.5
"""Seconds that a poll without news waits to be written together with others."""
FLUSH_THRESHOLD = 1_000
"""Polls that are written without waiting any longer."""
ERROR_BACKOFF_SECONDS = 5
"""Seconds to wait when the store cannot be used."""


class PostponedPoll(NamedTuple):
    """A feed with an appointment at its host, in seconds of UTC."""

    feed_id: int
    next_poll: int


class PollWriteBuffer:
    """A write buffer for polls without news, by feed id.

    `on_written` is called with the ids of written feeds and the first time when one of them is due;
    `on_alert` when alerts or edits of posts were enqueued.
    """

    def __init__(
        self,
        store: Store,
        leases: Leases,
        on_written: Callable[[Collection[int], int], None],
        on_told: Callable[[], None],
    ) -> None:
        self._store, self._leases = store, leases
        self._on_written, self._on_told = on_written, on_told
        self._unwritten: dict[int, Feed | UnchangedPoll | PostponedPoll] = {}
        self._untold: dict[int, Alert] = {}
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._writing = asyncio.Lock()

    def pending_among(self, feed_ids: Iterable[int]) -> set[int]:
        """Return those of these feeds that are not written yet."""
        return self._unwritten.keys() & feed_ids

    def add(
        self, feed_id: int, polled: Feed | UnchangedPoll | PostponedPoll, alert: Alert | None = None
    ) -> None:
        """Add the poll of a feed, replacing an earlier one, to be written soon."""
        self._unwritten[feed_id] = polled
        if alert is not None:
            self._untold[feed_id] = alert
        if len(self._unwritten) == 1:
            self._some.set()
        elif len(self._unwritten) >= FLUSH_THRESHOLD:
            self._enough.set()

    async def run(self) -> None:
        """Flush the buffer at intervals until cancelled."""
        while True:
            await self._some.wait()
            try:
                async with asyncio.timeout(FLUSH_INTERVAL_SECONDS):
                    await self._enough.wait()
            except TimeoutError:
                pass
            try:
                await self.flush()
            except StoreError as error:
                log_unless_reported("polls not written", error)
                await self._store.clock.sleep(ERROR_BACKOFF_SECONDS)

    async def flush(self) -> None:
        """Write all polls in one transaction. Raises StoreError, and keeps the polls then."""
        async with self._writing:
            self._some.clear()
            self._enough.clear()
            batch, self._unwritten = self._unwritten, {}
            told, self._untold = self._untold, {}
            if not batch:
                return
            feeds = [polled for polled in batch.values() if isinstance(polled, Feed)]
            unchanged = [polled for polled in batch.values() if isinstance(polled, UnchangedPoll)]
            postponed = [polled for polled in batch.values() if isinstance(polled, PostponedPoll)]
            has_edits = False
            try:
                if postponed:
                    await self._store.feeds.postpone(postponed)
                if feeds or unchanged:
                    has_edits = await self._store.polls.record_unchanged(
                        feeds, unchanged, list(told.values()), owner=self._leases.owner
                    )
            except BaseException:
                self._unwritten = batch | self._unwritten
                self._untold = told | self._untold
                self._some.set()
                raise
            self._on_written(batch, min(polled.next_poll for polled in batch.values()))
            if told or has_edits:
                self._on_told()


def log_unless_reported(what: str, error: Exception) -> None:
    """Log an error, unless the store has logged it itself (`DatabaseFault`)."""
    if not isinstance(error, DatabaseFault):
        log.error("%s", what, exc_info=error)
