"""All that works without a chat window, opened and closed together."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import tzinfo

from bot.core import hours
from bot.core.choices import Role
from bot.core.clock import Clock, SystemClock
from bot.core.settings import Settings
from bot.core.workers import Workers
from bot.feeds.fetch import Fetcher
from bot.polling.following.feed_search import Following
from bot.polling.page_reader import Reader
from bot.polling.poller import Poller
from bot.polling.pushing.push_subscriber import PushSubscriber
from bot.posting.wording import alert_words
from bot.processes.leases import UPKEEP, Leases
from bot.processes.notices import Notices
from bot.processes.supervision import Supervisor
from bot.search.index.index_follower import BETWEEN, BETWEEN_UNSEARCHED, IndexFollower
from bot.search.searching import Searcher
from bot.search.semantic.semantic_search import Meaning, opened
from bot.store import Store, use_keys
from bot.store.records.process_records import Share
from bot.stories.known_tastes import Tastes
from bot.stories.story_lookup import StoryLookup
from bot.writing import writing_desk
from bot.writing.writing_desk import WritingDesk

WORKERS = 2
"""Processes that parse, draw and count, at most: one is enough most of the time."""
WORKERS_PATIENCE = 60.0
"""Seconds until one is given up that was not needed."""
READERS_PATIENCE = 300.0
"""Seconds after a question until the process that read for it, some 40 MB, is given up."""


SWITCH = 0.001
"""Seconds for which a thread may keep the others waiting: the loop waits for those that store and index."""


@dataclass(frozen=True, slots=True)
class Newsroom:
    """What the command line and the Discord client share."""

    settings: Settings
    clock: Clock
    store: Store
    supervisor: Supervisor
    leases: Leases
    notices: Notices
    fetcher: Fetcher
    workers: Workers
    poller: Poller
    following: Following
    index: IndexFollower
    searcher: Searcher
    reader: Reader
    pushes: PushSubscriber
    tastes: Tastes
    meaning: Meaning | None = None  # with the extra `semantic`
    writing: WritingDesk | None = None  # where a model service is configured
    on_clock_set_back: list[Callable[[int], None]] = field(default_factory=list)
    """Called where somebody set the clock back, with by how many seconds."""

    async def begin(self) -> None:
        """Take part in the work of those that run on this database; once is enough. Raises `StoreError`."""
        await self.leases.start()
        self.notices.start()

    async def zone(self, server_id: int) -> tzinfo:
        """The time zone in which the days of a server begin. Raises `StoreError`."""
        return hours.zone((await self.store.preferences.of_server(server_id)).time_zone)


@asynccontextmanager
async def open_newsroom(
    settings: Settings, clock: Clock | None = None, *, create: bool = True
) -> AsyncIterator[Newsroom]:
    """Open the database, connections and workers, and close them at the end. Raises StoreError.

    The poller does not run by itself. A database that is missing is made where it is to `create` one; one
    that was moved is refused.
    """
    sys.setswitchinterval(SWITCH)
    clock = clock or SystemClock()
    use_keys(settings.secret_key)
    store = await Store.open(settings.database, clock, create=create)
    supervisor = Supervisor(clock)
    leases, notices = Leases(store, settings.roles, supervisor), Notices(store, supervisor)
    leases.share(Share(UPKEEP, min(settings.roles, default=Role.POLLER), frozenset({0})))
    notices.on("leases", leases.wake)
    is_searched = Role.GATEWAY in settings.roles
    index = IndexFollower(
        store, settings.index_folder, between=BETWEEN if is_searched else BETWEEN_UNSEARCHED
    )
    workers = Workers(WORKERS, patience=WORKERS_PATIENCE, keep=1)
    readers = Workers(patience=READERS_PATIENCE)
    try:
        await store.must_be_current()
        async with (
            Fetcher(settings) as fetcher,
            opened(settings, store) as meaning,
            writing_desk.opened(settings, clock, store) as writing,
        ):
            searcher = Searcher(store, index, meaning, workers=readers)
            story_lookup = StoryLookup(store, index, meaning)
            words = alert_words.texts
            poller = Poller(settings, store, fetcher, workers, words, leases, supervisor, story_lookup)
            notices.on("feeds", poller.wake)
            following = Following(store, fetcher, workers, poller)
            reader = Reader(settings, store, poller.pages, poller.hosts, leases)
            pushes = PushSubscriber(settings, store, fetcher, poller, leases)
            try:
                yield Newsroom(
                    settings,
                    clock,
                    store,
                    supervisor,
                    leases,
                    notices,
                    fetcher,
                    workers,
                    poller,
                    following,
                    index,
                    searcher,
                    reader,
                    pushes,
                    Tastes(store, workers),
                    meaning,
                    writing,
                )
            finally:
                await pushes.close()
                await story_lookup.close()
    finally:
        await notices.close()
        await leases.close()
        await index.close()
        await workers.close()
        await readers.close()
        await store.close()
