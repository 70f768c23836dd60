"""Writer of the results of polls: those without news (new or changed articles) in batches, others as they come."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from bot.core.models import Feed
from bot.polling.poll_recorder import PollReport
from bot.processes.leases import Leases
from bot.store import DatabaseFault, Store, StoreError
from bot.store.records.source_records import Alert, UnchangedPoll

log = logging.getLogger(__name__)

FLUSH_INTERVAL_SECONDS = 0.5
"""Maximum number of seconds that a poll without news waits to be written together with others."""
FLUSH_POLL_COUNT = 1_000
"""Number of waiting polls without news at which they are written at once."""
ERROR_BACKOFF_SECONDS = 5
"""Number of seconds to wait when the store cannot be used."""


class PostponedPoll(NamedTuple):
    """Feed whose poll is postponed to `next_poll_at` (Unix time in seconds), as its host is too busy."""

    feed_id: int
    next_poll_at: int


PollResult = Feed | UnchangedPoll | PostponedPoll
"""Result of a poll without news: a feed to be written in full, or only the time of its next poll."""


class PollResultWriter:
    """Writer of the results of polls, with a buffer of those without news, which are written in batches.

    `on_written` is called with the ids of written feeds and the time at which the first of them is due;
    `on_recorded` is called when posts, edits or alerts may have been enqueued.
    """

    def __init__(
        self,
        store: Store,
        leases: Leases,
        on_written: Callable[[Collection[int], int], None],
        on_recorded: Callable[[], None],
    ) -> None:
        self._store, self._leases = store, leases
        self._on_written, self._on_recorded = on_written, on_recorded
        self._result_by_feed_id: dict[int, PollResult] = {}
        self._alert_by_feed_id: dict[int, Alert] = {}
        self._has_results_event = asyncio.Event()
        self._is_full_event = asyncio.Event()
        self._write_lock = asyncio.Lock()

    def find_pending(self, feed_ids: Iterable[int]) -> set[int]:
        """Return the ids among `feed_ids` whose polls are not written yet."""
        return self._result_by_feed_id.keys() & feed_ids

    def add(self, feed_id: int, poll_result: PollResult, alert: Alert | None = None) -> None:
        """Add the result and any alert of a feed's poll, to be written soon; they replace earlier ones of the feed.

        An alert that waits to be written stays if `alert` is None.
        """
        self._result_by_feed_id[feed_id] = poll_result
        if alert is not None:
            self._alert_by_feed_id[feed_id] = alert
        if len(self._result_by_feed_id) == 1:
            self._has_results_event.set()
        elif len(self._result_by_feed_id) >= FLUSH_POLL_COUNT:
            self._is_full_event.set()

    def add_report(self, report: PollReport) -> None:
        """Add the feed of a poll to the buffer, unless the poll's articles were recorded with it."""
        if report.write_result is None:
            self.add(report.feed.id, report.feed, report.alert)
        else:
            self._report_recorded(report)

    async def write_report(self, report: PollReport) -> None:
        """Write the result of a poll made on request, unless it was written with its articles.

        It is written even if another process has the lease to poll the feed. Raises StoreError.
        """
        if report.write_result is None:
            await self._store.polls.record_unchanged(
                (report.feed,), feed_alerts=(report.alert,) if report.alert else ()
            )
        self._report_recorded(report)

    def _report_recorded(self, report: PollReport) -> None:
        self._on_recorded()
        self._on_written((report.feed.id,), report.feed.next_poll_at)

    async def run(self) -> None:
        """Write the buffered polls at intervals until cancelled."""
        while True:
            await self._has_results_event.wait()
            try:
                async with asyncio.timeout(FLUSH_INTERVAL_SECONDS):
                    await self._is_full_event.wait()
            except TimeoutError:
                pass
            try:
                await self.flush()
            except StoreError as error:
                log_unless_reported("polls not written", error)
                await self._store.clock.sleep(ERROR_BACKOFF_SECONDS)

    async def flush(self) -> None:
        """Write all buffered polls; if that raises StoreError, keep them to be written later."""
        async with self._write_lock:
            self._has_results_event.clear()
            self._is_full_event.clear()
            result_by_feed_id, self._result_by_feed_id = self._result_by_feed_id, {}
            alert_by_feed_id, self._alert_by_feed_id = self._alert_by_feed_id, {}
            if not result_by_feed_id:
                return
            feeds = [poll_result for poll_result in result_by_feed_id.values() if isinstance(poll_result, Feed)]
            unchanged_polls = [
                poll_result for poll_result in result_by_feed_id.values() if isinstance(poll_result, UnchangedPoll)
            ]
            postponed_polls = [
                poll_result for poll_result in result_by_feed_id.values() if isinstance(poll_result, PostponedPoll)
            ]
            has_edits = False
            try:
                if postponed_polls:
                    await self._store.feeds.postpone(postponed_polls)
                if feeds or unchanged_polls:
                    has_edits = await self._store.polls.record_unchanged(
                        feeds,
                        unchanged_polls,
                        list(alert_by_feed_id.values()),
                        owner_id=self._leases.owner_id,
                    )
            except BaseException:
                self._result_by_feed_id = result_by_feed_id | self._result_by_feed_id
                self._alert_by_feed_id = alert_by_feed_id | self._alert_by_feed_id
                self._has_results_event.set()
                raise
            self._on_written(
                result_by_feed_id, min(poll_result.next_poll_at for poll_result in result_by_feed_id.values())
            )
            if alert_by_feed_id or has_edits:
                self._on_recorded()


def log_unless_reported(event: str, error: Exception) -> None:
    """Log an error, unless the store has logged it itself (`DatabaseFault`)."""
    if not isinstance(error, DatabaseFault):
        log.error("%s", event, exc_info=error)
