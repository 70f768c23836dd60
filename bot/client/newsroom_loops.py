"""What goes on for as long as a process runs, whether it speaks to Discord or not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.client.services import Newsroom
from bot.core.choices import Role
from bot.core.clock import Leaps
from bot.polling.page_reader import LONGEST_WAIT
from bot.posting.sending.blocked_channels import LONGEST_BLOCK
from bot.posting.sending.outcome_records import LONGEST_RETRY
from bot.processes.leases import UPKEEP
from bot.processes.supervision import stop
from bot.store.records.outbox_records import LongestWaits
from bot.stories.server_taste import REMEMBERED

log = logging.getLogger(__name__)

DAY = 86_400
KEEP_QUESTIONS = 90 * DAY
"""Seconds after which a question and the votes on its answer are deleted."""
KEEP_LEFT_SERVERS = 30 * DAY
"""Seconds after which what belongs to a server that sent the bot away is deleted, and watches that ended."""

LOOK_FOR_WORK = 60.0
"""Seconds between looks at whether it is time to clean up, and up to this process."""
LOOK_AT_CLOCK = 30.0
"""Seconds between looks at whether somebody set the clock."""
LATECOMERS = 300.0
"""Seconds in which what was begun before the clock was set back may still be written."""
LONGEST_WAITS = LongestWaits(LONGEST_RETRY, LONGEST_BLOCK, LONGEST_WAIT)


class NewsroomLoops:
    """Runs the poller and the reader of pages behind it, where that is this process's role, and the index.

    What is to be done once for all processes is done by the one that has the lease `UPKEEP`.
    """

    def __init__(self, room: Newsroom) -> None:
        self._room, self._clock = room, room.clock
        self._leaps = Leaps(room.clock)
        self._settled_at = 0.0
        self._loops: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        if room.leases.has(Role.POLLER):
            self._loop("poller", room.poller.run)
            if room.reader.wanted:
                self._loop("reader", room.reader.run)
            if room.pushes.enabled:
                self._loop("pushes", room.pushes.run)
        self._loop("clean-up", self._clean_daily)
        self._loop("index", room.index.run)
        self._loop("clock", self._watch_clock)
        if room.meaning is not None:  # a poller compares titles, and searches nothing
            gateway = room.leases.has(Role.GATEWAY)
            self._loop("encoder", room.meaning.run if gateway else room.meaning.ready)

    def _loop(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._loops.append((name, run))

    async def start(self) -> None:
        """Begin. Raises `StoreError`."""
        await self._room.begin()
        if self._room.leases.has(Role.POLLER):
            await self._room.pushes.begin()
        self._tasks = [self._room.supervisor.start(*loop) for loop in self._loops]

    async def stop(self) -> None:
        """End; what is under way is as if it had never begun."""
        await stop(self._tasks)

    async def clean(self) -> None:
        """Delete servers, questions and, where a setting says so, texts that are older than what is kept."""
        now, store = self._clock.now(), self._room.store
        servers = await store.servers.purge(now - KEEP_LEFT_SERVERS)
        if servers:
            log.info("Deleted what belonged to %d servers left long ago", servers)
        questions = await store.questions.purge(now - KEEP_QUESTIONS)
        if questions:
            log.info("Deleted %d old questions", questions)
        await store.opinions.purge(now - REMEMBERED)
        await store.watches.purge(now - KEEP_LEFT_SERVERS)
        await store.changes.trim()
        await store.vectors.purge(now)
        if days := self._room.settings.keep_texts_days:
            texts = await store.articles.forget_texts(now - days * DAY)
            log.info("Deleted the texts of %d old articles", texts)

    async def look_at_clock(self) -> None:
        """Where the clock was set, let nothing wait for an hour that will not come. Raises StoreError."""
        if leap := self._leaps.look():
            log.warning("The clock was set %s by %d s", "ahead" if leap > 0 else "back", abs(leap))
        if leap < 0:
            self._room.poller.clock_set_back(-leap)
            for heard in self._room.on_clock_set_back:
                heard(-leap)
            self._settled_at = self._clock.monotonic() + LATECOMERS
        if self._clock.monotonic() <= self._settled_at:
            await self._room.store.clock_set_back(LONGEST_WAITS)

    async def _watch_clock(self) -> None:
        self._settled_at = self._clock.monotonic() + LATECOMERS  # perhaps it was while no bot ran
        while True:
            await self.look_at_clock()
            await self._clock.sleep(LOOK_AT_CLOCK)

    async def _clean_daily(self) -> None:
        cleaned: float | None = None
        while True:
            now = self._clock.monotonic()
            if (cleaned is None or now - cleaned >= DAY) and self._room.leases.held(UPKEEP):
                cleaned = now
                await self.clean()
            await self._clock.sleep(LOOK_FOR_WORK)


@asynccontextmanager
async def going_on(room: Newsroom) -> AsyncIterator[None]:
    """All of it goes on within the block. Raises `StoreError` where it cannot begin."""
    loops = NewsroomLoops(room)
    await loops.start()
    try:
        await _log_start(room)
        yield
    finally:
        await loops.stop()


async def _log_start(room: Newsroom) -> None:
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
