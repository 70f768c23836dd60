"""Asking feeds for news and articles for their pages; an eye on the clock, and keeping the store clean."""

from __future__ import annotations

import logging

from bot.client.discord_client import Telex
from bot.core.clock import Leaps
from bot.polling.page_reader import LONGEST_WAIT
from bot.posting.sending.failing_places import LONGEST_BLOCK, LONGEST_RETRY
from bot.store.records.outbox_records import LongestWaits
from bot.stories.server_taste import REMEMBERED
from cogs.running.loops import LoopCog

log = logging.getLogger(__name__)

DAY = 86_400
KEEP_QUESTIONS = 90 * DAY
"""Seconds after which a question and the votes on its answer are deleted."""
KEEP_LEFT_SERVERS = 30 * DAY
"""Seconds after which what belongs to a server that sent the bot away is deleted, and watches that ended."""

LOOK_AT_CLOCK = 30.0
"""Seconds between looks at whether somebody set the clock."""
LATECOMERS = 300.0
"""Seconds in which what was begun before the clock was set back may still be written."""
LONGEST_WAITS = LongestWaits(LONGEST_RETRY, LONGEST_BLOCK, LONGEST_WAIT)


class Polling(LoopCog):
    """Runs the poller, and the reader of pages behind it."""

    def __init__(self, bot: Telex) -> None:
        super().__init__(bot)
        room = bot.newsroom
        self._store, self._clock, self._settings = room.store, room.clock, room.settings
        self._leaps = Leaps(room.clock)
        self._settled_at = 0.0
        self.loop("poller", room.poller.run)
        if room.reader.wanted:
            self.loop("reader", room.reader.run)
        if room.pushes.enabled:
            self.loop("pushes", room.pushes.run)
        self.loop("clean-up", self._clean_daily)
        self.loop("index", room.index.run)
        self.loop("clock", self._watch_clock)

    async def cog_load(self) -> None:
        """Begin to poll what is due."""
        await self.bot.newsroom.pushes.begin()
        await super().cog_load()

    async def clean(self) -> None:
        """Delete servers, questions and, where a setting says so, texts that are older than what is kept."""
        now = self._clock.now()
        servers = await self._store.servers.purge(now - KEEP_LEFT_SERVERS)
        if servers:
            log.info("Deleted what belonged to %d servers left long ago", servers)
        questions = await self._store.questions.purge(now - KEEP_QUESTIONS)
        if questions:
            log.info("Deleted %d old questions", questions)
        await self._store.opinions.purge(now - REMEMBERED)
        await self._store.watches.purge(now - KEEP_LEFT_SERVERS)
        await self._store.changes.trim()
        if self._settings.keep_texts_days:
            texts = await self._store.articles.forget_texts(now - self._settings.keep_texts_days * DAY)
            log.info("Deleted the texts of %d old articles", texts)

    async def look_at_clock(self) -> None:
        """Where the clock was set, let nothing wait for an hour that will not come. Raises StoreError."""
        if leap := self._leaps.look():
            log.warning("The clock was set %s by %d s", "ahead" if leap > 0 else "back", abs(leap))
        if leap < 0:
            self.bot.newsroom.poller.clock_set_back(-leap)
            self.bot.courier.clock_set_back(-leap)
            self._settled_at = self._clock.monotonic() + LATECOMERS
        if self._clock.monotonic() <= self._settled_at:
            await self._store.clock_set_back(LONGEST_WAITS)

    async def _watch_clock(self) -> None:
        self._settled_at = self._clock.monotonic() + LATECOMERS  # perhaps it was while no bot ran
        while True:
            await self.look_at_clock()
            await self._clock.sleep(LOOK_AT_CLOCK)

    async def _clean_daily(self) -> None:
        while True:
            await self.clean()
            await self._clock.sleep(DAY)
