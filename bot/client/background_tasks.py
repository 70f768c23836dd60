"""Background tasks of a process, whether or not it is connected to Discord."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.client.services import Services
from bot.core.clock import ClockJumpDetector
from bot.core.preferences import ProcessRole
from bot.operating import server_erasures
from bot.operating.audit_follower import AuditFollower
from bot.polling.full_text_fetcher import MAX_RETRY_DELAY_SECONDS
from bot.posting.sending.blocked_channels import MAX_BLOCK_SECONDS
from bot.posting.sending.outcome_recorder import MAX_BACKOFF_SECONDS
from bot.processes.heap import release_free_memory
from bot.processes.leases import UPKEEP_LEASE_KIND
from bot.processes.service_manager import READY, get_watchdog_seconds, notify_service_manager, run_watchdog
from bot.processes.supervision import cancel_and_wait
from bot.store.records.outbox_records import MaxRetryDelays
from bot.stories.preference_model import EVIDENCE_WINDOW_SECONDS

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400
QUESTION_RETENTION_SECONDS = 90 * DAY_SECONDS
"""Age in seconds after which questions and the votes on their answers are deleted."""
REMOVED_PAGE_RETENTION_SECONDS = 3600
"""Seconds until a saved page that its user removed is deleted; until then, the user may undo the removal."""
ENDED_RETENTION_SECONDS = 30 * DAY_SECONDS
"""Seconds until data that ended is deleted: of servers without the bot, watches, muted stories, proposals, notices."""

CLEANUP_CHECK_SECONDS = 60.0
"""Seconds between two checks whether the daily clean-up is due and this process has to do it."""
HEAP_TRIM_SECONDS = 300.0
"""Seconds between two times that free memory is returned to the system."""
CLOCK_CHECK_SECONDS = 30.0
"""Seconds between two checks for jumps of the wall clock."""
CLOCK_REPAIR_SECONDS = 300.0
"""Seconds after the start, or a jump back of the clock, during which stored times far in the future are corrected.

Work that began before the jump may still store such times.
"""
MAX_RETRY_DELAYS = MaxRetryDelays(MAX_BACKOFF_SECONDS, MAX_BLOCK_SECONDS, MAX_RETRY_DELAY_SECONDS)
"""Maximum delays in seconds before a message, a channel that rejects messages and a web page are tried again."""


class BackgroundTasks:
    """Loops of a process, such as the index updater and, with the poller role, the poller and the page fetcher.

    One of several processes does the daily clean-up for all: the one that holds the upkeep lease (a timed lock).
    """

    def __init__(self, services: Services) -> None:
        self._services, self._clock = services, services.clock
        self._clock_jumps = ClockJumpDetector(services.clock)
        self._clock_repair_ends_at = 0.0
        self._named_loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        if services.leases.has_role(ProcessRole.POLLER):
            self._add_loop("poller", services.poller.run)
            if services.full_text_fetcher.is_enabled:
                self._add_loop("reader", services.full_text_fetcher.run)
            if services.websub_subscriber.is_enabled:
                self._add_loop("pushes", services.websub_subscriber.run)
        self._add_loop("clean-up", self._clean_daily)
        self._add_loop("index", services.index.run)
        self._add_loop("erasures", self._erase_servers)
        self._add_loop("clock", self._watch_clock)
        self._add_loop("audit log", AuditFollower(services.store, services.clock, services.cluster_events).run)
        self._add_loop("maintenance", services.maintenance.run)
        self._add_loop("heap", self._trim_heap)
        if get_watchdog_seconds() is not None:
            self._add_loop("watchdog", run_watchdog)
        if services.semantic_index is not None:  # A poller compares titles but does not search.
            is_gateway = services.leases.has_role(ProcessRole.GATEWAY)
            self._add_loop(
                "encoder",
                services.semantic_index.run if is_gateway else services.semantic_index.start_encoder,
            )

    def _add_loop(self, task_name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._named_loops.append((task_name, run))

    async def start(self) -> None:
        """Start the background tasks. Raises `StoreError` if the database fails."""
        await self._services.join_cluster()
        await self._services.maintenance.refresh()
        if self._services.leases.has_role(ProcessRole.POLLER):
            await self._services.websub_subscriber.reset_validators_once()
        self._tasks = [self._services.supervisor.start(*named_loop) for named_loop in self._named_loops]

    async def stop(self) -> None:
        """Cancel the background tasks, and wait until they have ended."""
        await cancel_and_wait(self._tasks)

    async def purge_expired(self) -> None:
        """Delete expired servers, data of people, notices, filters, entries of logs, semantic indexes, article texts.

        Saved pages expire once their user removes them, article texts only if the setting `keep_texts_days` is set. Old
        notices that were not posted yet are withdrawn. Raises StoreError.
        """
        now, store = self._clock.now(), self._services.store
        purged_server_count = await store.servers.purge(now - ENDED_RETENTION_SECONDS)
        if purged_server_count:
            log.info("expired servers deleted count=%d", purged_server_count)
        purged_question_count = await store.questions.purge(now - QUESTION_RETENTION_SECONDS)
        if purged_question_count:
            log.info("expired questions deleted count=%d", purged_question_count)
        await store.opinions.purge(now - EVIDENCE_WINDOW_SECONDS)
        await store.muted_stories.purge(now - ENDED_RETENTION_SECONDS)
        await store.watches.purge(now - ENDED_RETENTION_SECONDS)
        await store.saved_pages.purge_removed(now - REMOVED_PAGE_RETENTION_SECONDS)
        await store.proposals.purge(now - ENDED_RETENTION_SECONDS)
        await store.notices.withdraw_old()
        await store.notices.purge(now - ENDED_RETENTION_SECONDS)
        await store.filters.purge(now)
        await store.article_changes.trim_log()
        await store.encoded_articles.purge_stale_indexes(now)
        if text_retention_days := self._services.settings.keep_texts_days:
            purged_text_count = await store.articles.purge_texts(now - text_retention_days * DAY_SECONDS)
            log.info("expired texts deleted count=%d", purged_text_count)

    async def check_clock(self) -> None:
        """Detect a jump of the wall clock; after a jump back, correct stored times that are now far in the future.

        Raises StoreError.
        """
        if jump_seconds := self._clock_jumps.detect_jump():
            log.warning("clock jumped seconds=%+d", jump_seconds)
        if jump_seconds < 0:
            self._services.poller.shift_clock(-jump_seconds)
            self._clock_repair_ends_at = self._clock.monotonic() + CLOCK_REPAIR_SECONDS
        if self._clock.monotonic() <= self._clock_repair_ends_at:
            await self._services.store.repair_after_clock_step(MAX_RETRY_DELAYS)

    async def _watch_clock(self) -> None:
        self._clock_repair_ends_at = (
            self._clock.monotonic() + CLOCK_REPAIR_SECONDS
        )  # It may have been set back before the start.
        while True:
            await self.check_clock()
            await self._clock.sleep(CLOCK_CHECK_SECONDS)

    async def _trim_heap(self) -> None:
        while True:
            await self._clock.sleep(HEAP_TRIM_SECONDS)
            release_free_memory()

    async def _clean_daily(self) -> None:
        cleaned_at: float | None = None
        while True:
            now = self._clock.monotonic()
            if (cleaned_at is None or now - cleaned_at >= DAY_SECONDS) and self._services.leases.get_owned_numbers(
                UPKEEP_LEASE_KIND
            ):
                cleaned_at = now
                await self.purge_expired()
            await self._clock.sleep(CLEANUP_CHECK_SECONDS)

    async def _erase_servers(self) -> None:
        while True:
            if self._services.leases.get_owned_numbers(UPKEEP_LEASE_KIND):
                await server_erasures.erase_requested_servers(self._services.store)
            await self._clock.sleep(server_erasures.ERASURE_CHECK_SECONDS)


@asynccontextmanager
async def run_background_tasks(services: Services) -> AsyncIterator[None]:
    """Run the background tasks within the `with` block. Raises `StoreError` if they cannot start."""
    background_tasks = BackgroundTasks(services)
    await background_tasks.start()
    try:
        await _log_start(services)
        notify_service_manager(READY)
        yield
    finally:
        await background_tasks.stop()


async def _log_start(services: Services) -> None:
    feed_count, article_count = await services.store.feeds.count(), await services.store.articles.count()
    log.info(
        "ready feeds=%d articles=%d database=%s new=%s",
        feed_count,
        article_count,
        services.settings.database,
        "yes" if services.store.is_new else "no",
    )
