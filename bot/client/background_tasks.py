"""What goes on for as long as a process runs, whether it speaks to Discord or not."""

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
"""Seconds after which a question and the votes on its answer are deleted."""
LEFT_SERVER_RETENTION_SECONDS = 30 * DAY
"""Seconds after which what belongs to a server that sent the bot away is deleted, and watches that ended."""

CLEANUP_CHECK_SECONDS = 60.0
"""Seconds between looks at whether it is time to clean up, and up to this process."""
CLOCK_CHECK_SECONDS = 30.0
"""Seconds between looks at whether somebody set the clock."""
CLOCK_STEP_GRACE_SECONDS = 300.0
"""Seconds in which what was begun before the clock was set back may still be written."""
MAX_RETRY_DELAYS = MaxRetryDelays(MAX_BACKOFF_SECONDS, MAX_BLOCK_SECONDS, MAX_RETRY_DELAY_SECONDS)


class BackgroundTasks:
    """Runs the poller and the reader of pages behind it, where that is this process's role, and the index.

    What is to be done once for all processes is done by the one that has the lease `UPKEEP`.
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
        if room.semantic_index is not None:  # a poller compares titles, and searches nothing
            gateway = room.leases.has_role(ProcessRole.GATEWAY)
            self._loop("encoder", room.semantic_index.run if gateway else room.semantic_index.start)

    def _loop(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._loops.append((name, run))

    async def start(self) -> None:
        """Begin. Raises `StoreError`."""
        await self._room.join_cluster()
        if self._room.leases.has_role(ProcessRole.POLLER):
            await self._room.websub.reset_validators_once()
        self._tasks = [self._room.supervisor.start(*loop) for loop in self._loops]

    async def stop(self) -> None:
        """End; what is under way is as if it had never begun."""
        await stop(self._tasks)

    async def purge_expired(self) -> None:
        """Delete servers, questions and, where a setting says so, texts that are older than what is kept."""
        now, store = self._clock.now(), self._room.store
        servers = await store.servers.purge(now - LEFT_SERVER_RETENTION_SECONDS)
        if servers:
            log.info("Deleted what belonged to %d servers left long ago", servers)
        questions = await store.questions.purge(now - QUESTION_RETENTION_SECONDS)
        if questions:
            log.info("Deleted %d old questions", questions)
        await store.feedback.purge(now - EVIDENCE_WINDOW_SECONDS)
        await store.watches.purge(now - LEFT_SERVER_RETENTION_SECONDS)
        await store.article_changes.trim()
        await store.vectors.purge(now)
        if days := self._room.settings.keep_texts_days:
            texts = await store.articles.purge_texts(now - days * DAY)
            log.info("Deleted the texts of %d old articles", texts)

    async def check_clock(self) -> None:
        """Where the clock was set, let nothing wait for an hour that will not come. Raises StoreError."""
        if leap := self._leaps.check():
            log.warning("The clock was set %s by %d s", "ahead" if leap > 0 else "back", abs(leap))
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
        )  # perhaps it was while no bot ran
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
    """All of it goes on within the block. Raises `StoreError` where it cannot begin."""
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
        "ready: %d %s, %d %s, database %s: %s",
        feeds,
        "feed" if feeds == 1 else "feeds",
        articles,
        "article" if articles == 1 else "articles",
        "new" if room.store.is_new else "found",
        room.settings.database,
    )
