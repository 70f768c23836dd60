"""Background tasks of a process, with or without a connection to Discord."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.client.services import Services
from bot.core.clock import ClockJumpDetector
from bot.core.preferences import ProcessRole
from bot.polling.full_text_fetcher import MAX_RETRY_DELAY_SECONDS
from bot.posting.sending.blocked_channels import MAX_BLOCK_SECONDS
from bot.posting.sending.outcome_recorder import MAX_BACKOFF_SECONDS
from bot.processes.leases import UPKEEP
from bot.processes.supervision import stop
from bot.store.records.outbox_records import MaxRetryDelays
from bot.stories.preference_model import EVIDENCE_WINDOW_SECONDS

log = logging.getLogger(__name__)

DAY = 86_400
QUESTION_RETENTION_SECONDS = 90 * DAY
"""Age in seconds after which questions and the votes on their answers are deleted."""
LEFT_SERVER_RETENTION_SECONDS = 30 * DAY
"""Seconds after which the data of a server that removed the bot, and ended watches, are deleted."""

CLEANUP_CHECK_SECONDS = 60.0
"""Seconds between checks whether the daily clean-up is due and this process's job."""
CLOCK_CHECK_SECONDS = 30.0
"""Seconds between checks for clock jumps."""
CLOCK_STEP_GRACE_SECONDS = 300.0
"""Seconds after the clock was set back in which work that began before may still write its times."""
MAX_RETRY_DELAYS = MaxRetryDelays(MAX_BACKOFF_SECONDS, MAX_BLOCK_SECONDS, MAX_RETRY_DELAY_SECONDS)
"""Longest delays of sends, of blocked channels and of page fetches, in seconds."""


class BackgroundTasks:
    """The index updater, the daily clean-up and, with the role, the poller and the page fetcher.

    Work that is done once for all processes is done by the owner of the upkeep lease.
    """

    def __init__(self, room: Services) -> None:
        self._room, self._clock = room, room.clock
        self._leaps = ClockJumpDetector(room.clock)
        self._settled_at = 0.0
        self._loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        if room.leases.has_role(ProcessRole.POLLER):
            self._loop("poller", room.poller.run)
            if room.full_text_fetcher.is_enabled:
                self._loop("reader", room.full_text_fetcher.run)
            if room.websub.enabled:
                self._loop("pushes", room.websub.run)
        self._loop("clean-up", self._clean_daily)
        self._loop("index", room.index.run)
        self._loop("clock", self._watch_clock)
        if room.semantic_index is not None:  # A poller compares titles but does not search.
            gateway = room.leases.has_role(ProcessRole.GATEWAY)
            self._loop("encoder", room.semantic_index.run if gateway else room.semantic_index.start)

    def _loop(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._loops.append((name, run))

    async def start(self) -> None:
        """Start the tasks. Raises `StoreError`."""
        await self._room.join_cluster()
        if self._room.leases.has_role(ProcessRole.POLLER):
            await self._room.websub.reset_validators_once()
        self._tasks = [self._room.supervisor.start(*loop) for loop in self._loops]

    async def stop(self) -> None:
        """Cancel the tasks; unfinished work leaves no trace."""
        await stop(self._tasks)

    async def purge_expired(self) -> None:
        """Delete expired servers, questions, votes, watches and article texts. Raises StoreError.

        Article texts expire only if `keep_texts_days` is set.
        """
        now, store = self._clock.now(), self._room.store
        servers = await store.servers.purge(now - LEFT_SERVER_RETENTION_SECONDS)
        if servers:
            log.info("expired servers deleted count=%d", servers)
        questions = await store.questions.purge(now - QUESTION_RETENTION_SECONDS)
        if questions:
            log.info("expired questions deleted count=%d", questions)
        await store.feedback.purge(now - EVIDENCE_WINDOW_SECONDS)
        await store.watches.purge(now - LEFT_SERVER_RETENTION_SECONDS)
        await store.article_changes.trim()
        await store.vectors.purge(now)
        if days := self._room.settings.keep_texts_days:
            texts = await store.articles.purge_texts(now - days * DAY)
            log.info("expired texts deleted articles=%d", texts)

    async def check_clock(self) -> None:
        """Detect a clock jump and correct times that would now be far in the future. Raises StoreError."""
        if leap := self._leaps.check():
            log.warning("clock jumped seconds=%+d", leap)
        if leap < 0:
            self._room.poller.shift_clock(-leap)
            for heard in self._room.on_clock_stepped_back:
                heard(-leap)
            self._settled_at = self._clock.monotonic() + CLOCK_STEP_GRACE_SECONDS
        if self._clock.monotonic() <= self._settled_at:
            await self._room.store.repair_after_clock_step(MAX_RETRY_DELAYS)

    async def _watch_clock(self) -> None:
        self._settled_at = (
            self._clock.monotonic() + CLOCK_STEP_GRACE_SECONDS
        )  # It may have been set back before the start.
        while True:
            await self.check_clock()
            await self._clock.sleep(CLOCK_CHECK_SECONDS)

    async def _clean_daily(self) -> None:
        cleaned: float | None = None
        while True:
            now = self._clock.monotonic()
            if (cleaned is None or now - cleaned >= DAY) and self._room.leases.owned(UPKEEP):
                cleaned = now
                await self.purge_expired()
            await self._clock.sleep(CLEANUP_CHECK_SECONDS)


@asynccontextmanager
async def run_background_tasks(room: Services) -> AsyncIterator[None]:
    """Run the background tasks within the block. Raises `StoreError` if they cannot start."""
    loops = BackgroundTasks(room)
    await loops.start()
    try:
        await _log_start(room)
        yield
    finally:
        await loops.stop()


async def _log_start(room: Services) -> None:
    feeds, articles = await room.store.feeds.count(), await room.store.articles.count()
    log.info(
        "ready feeds=%d articles=%d database=%s new=%s",
        feeds,
        articles,
        room.settings.database,
        "yes" if room.store.is_new else "no",
    )
