"""Reads the pages of articles of which a feed gives only a teaser: in the background, politely, each once.

Which pages those are is written down with a poll, after which the article is posted as it is. What a page
says is read by search, answers and, where the settings want it, by the excerpts of posts.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from random import Random

from bot.core.settings import Settings
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_pages import Pages
from bot.polling.hosts import Host, Hosts
from bot.processes.leases import FEEDS, Leases
from bot.store import Store, StoreError
from bot.store.records.content_records import Page, PageEnd
from bot.text import urls
from bot.text.host_slots import SLOTS, host_name

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Pages read at a time, each of another host."""
TAKEN = 64
"""Pages looked for at a time; those whose host must wait are put back."""
PAUSE = 5.0
"""Seconds between two pages of a host, at the least, and again as much by chance."""
ATTEMPTS = 3
AGAIN = (600, 3600)
"""Seconds until the second and the third attempt, and up to half as much more by chance."""
LONGEST_WAIT = AGAIN[-1] * 3 // 2
"""Seconds until another attempt at the most."""
LONGEST_REST = 60.0
AFTER_TROUBLE = 30.0
"""Seconds to wait when the store cannot be used."""
MANY = 10_000
"""Hosts whose last page is remembered before those at rest are forgotten."""
DIED = "died"

_PASSING = {
    fetch_errors.DNS,
    fetch_errors.LOOKUP,
    fetch_errors.CONNECT,
    fetch_errors.TIMEOUT,
    fetch_errors.TRUNCATED,
    fetch_errors.RATE_LIMITED,
    fetch_errors.BAD_ANSWER,
}


class Reader:
    """Reads pages: `run` for as long as the bot does, `read_due` those of some feeds and then no more."""

    def __init__(self, settings: Settings, store: Store, pages: Pages, hosts: Hosts, leases: Leases) -> None:
        self._settings, self._clock, self._store, self._leases = settings, store.clock, store, leases
        self._pages, self._hosts = pages, hosts
        self.outcomes: Counter[str] = Counter()
        """Readings since the start, by how they ended."""
        self.on_read: Callable[[], None] = _ignore
        """Called after a page was read: watches may have something to tell."""
        self._rests_until: dict[str, float] = {}  # monotonic, by host
        self._random = Random()  # noqa: S311 - spreads visits over time

    @property
    def wanted(self) -> bool:
        """Whether the settings want pages read at all."""
        return self._settings.full_text != "never"

    async def run(self) -> None:
        """Read what is due, for ever. What is under way when it is cancelled is read after the next start."""
        await self._leases.start()
        under_way: dict[asyncio.Task[None], Page] = {}
        try:
            while self.wanted:
                try:
                    await self._begin(under_way)
                    seconds = await self._until_next(under_way)
                except StoreError:
                    log.exception("cannot look for pages to read")
                    seconds = AFTER_TROUBLE
                await self._rest(under_way, seconds)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def read_due(self, feed_ids: Collection[int], *, seconds: float, polite: bool = True) -> int:
        """Read the pages of some feeds that are due, for so many seconds at the most; how many were read.

        `polite=False` is for feeds that a person named: their hosts may be asked without pauses.
        Raises StoreError.
        """
        before = self.outcomes[PageEnd.READ]
        try:
            async with asyncio.timeout(seconds):
                while taken := await self._store.readings.take(AT_ONCE, feed_ids=feed_ids):
                    by_host: dict[str, list[Page]] = {}
                    for page in taken:
                        by_host.setdefault(host_name(page.url), []).append(page)
                    await asyncio.gather(*(self._read_all(each, polite=polite) for each in by_host.values()))
        except TimeoutError:
            log.info("The rest of the pages is read later")
        return self.outcomes[PageEnd.READ] - before

    async def _read_all(self, pages: Sequence[Page], *, polite: bool) -> None:
        for page in pages:
            await self._read(page, polite=polite)

    async def _begin(self, under_way: dict[asyncio.Task[None], Page]) -> None:
        free = AT_ONCE - len(under_way)
        if free <= 0:
            return
        busy = {host_name(page.url) for page in under_way.values()}
        in_hand = [page.article_id for page in under_way.values()]
        later: dict[int, int] = {}
        for page in await self._store.readings.take(TAKEN, besides=in_hand, slots=self._slots):
            name = host_name(page.url)
            rests = self._rests_until.get(name, 0.0) - self._clock.monotonic()
            if free and name not in busy and rests <= 0:
                task = asyncio.create_task(self._read_safely(page))
                under_way[task] = page
                busy.add(name)
                free -= 1
            else:
                wait = max(rests, PAUSE if name in busy else 1.0)
                later[page.article_id] = self._clock.now() + math.ceil(wait)
        if later:
            await self._store.readings.put_back(later)

    @property
    def _slots(self) -> frozenset[int] | None:
        """Those of the hosts that this process asks; None: all."""
        held = self._leases.held(FEEDS)
        return None if len(held) == SLOTS else held

    async def _until_next(self, under_way: dict[asyncio.Task[None], Page]) -> float:
        in_hand = [page.article_id for page in under_way.values()]
        following = await self._store.readings.next_due(in_hand, slots=self._slots)
        if following is None or len(under_way) >= AT_ONCE:
            return LONGEST_REST
        return min(max(following - self._clock.now(), 1.0), LONGEST_REST)

    async def _rest(self, under_way: dict[asyncio.Task[None], Page], seconds: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((timer, *under_way), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        for task in [task for task in under_way if task.done()]:
            del under_way[task]

    async def _read_safely(self, page: Page) -> None:
        try:
            await self._read(page, polite=True)
        except Exception:
            log.exception("cannot record how reading %s ended", urls.masked(page.url))

    async def _read(self, page: Page, *, polite: bool) -> None:
        """Read a page and write what came of it. Raises StoreError."""
        if page.attempts > ATTEMPTS:  # it ended the process each time, or nobody knows what it did
            await self._ended(page, DIED)
            return
        host = self._hosts.of(page.url)
        now = self._clock.now()
        if polite and host.held_until > now:
            await self._store.readings.put_back({page.article_id: host.held_until})
            return
        delay = 0.0
        try:
            text = await self._store.readings.known(page.page)
            if text is None:
                text, delay = await self._pages.read(
                    page.url, title=page.title, teaser=page.teaser, visit=self._hosts.visits(polite=polite)
                )
        except FeedError as error:
            await self._failed(page, host, error)
        except StoreError:
            raise
        except Exception as error:
            log.exception("cannot read %s", urls.masked(page.url))
            await self._failed(page, host, FeedError(fetch_errors.PARSE_DIED, type(error).__name__))
        else:
            await self._store.readings.keep(page.article_id, text, edit=self._settings.full_text == "always")
            self.outcomes[PageEnd.READ] += 1
            log.debug("%s: read, %d characters", urls.masked(page.url), len(text))
            self.on_read()
        finally:
            self._let_rest(host_name(page.url), max(delay, PAUSE))

    async def _failed(self, page: Page, host: Host, error: FeedError) -> None:
        wait = host.failed(error)
        passing = error.code in _PASSING or error.code.startswith("http-5")
        if not passing or page.attempts >= ATTEMPTS:
            await self._ended(page, error.code, error)
            return
        later = AGAIN[page.attempts - 1]
        later += self._random.randrange(later // 2)
        due = self._clock.now() + max(later, wait)
        await self._store.readings.end(page.article_id, error.code, due=due)

    async def _ended(self, page: Page, outcome: str, error: FeedError | None = None) -> None:
        await self._store.readings.end(page.article_id, outcome)
        self.outcomes[outcome] += 1
        log.info("%s was not read: %s", urls.masked(page.url), error or outcome)

    def _let_rest(self, name: str, seconds: float) -> None:
        now = self._clock.monotonic()
        if len(self._rests_until) >= MANY:
            self._rests_until = {each: until for each, until in self._rests_until.items() if until > now}
        self._rests_until[name] = now + seconds * (1 + self._random.random())


def _ignore() -> None:
    """What nobody waits for."""
