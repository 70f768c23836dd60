"""All that works without a chat window, opened and closed together."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import tzinfo

from bot.core import local_time
from bot.core.clock import Clock, SystemClock
from bot.core.preferences import ProcessRole
from bot.core.settings import Settings
from bot.core.worker_pool import WorkerPool
from bot.feeds.fetch import Fetcher
from bot.polling.following.follow_service import FollowService
from bot.polling.full_text_fetcher import FullTextFetcher
from bot.polling.poller import Poller
from bot.polling.websub.websub_subscriber import WebSubSubscriber
from bot.posting.wording import alert_texts
from bot.processes.cluster_events import ClusterEvents
from bot.processes.leases import UPKEEP, Leases
from bot.processes.supervision import Supervisor
from bot.search.index.index_updater import COMMIT_INTERVAL_SECONDS, IDLE_COMMIT_INTERVAL_SECONDS, IndexUpdater
from bot.search.searching import Searcher
from bot.search.semantic.semantic_index import SemanticIndex, open_semantic_index
from bot.store import Store, use_keys
from bot.store.records.process_records import LeasePool
from bot.stories.preference_cache import PreferenceModelCache
from bot.stories.story_lookup import StoryLookup
from bot.writing import model_services
from bot.writing.model_services import ModelServices

MAX_WORKERS = 2
"""Processes that parse, draw and count, at most: one is enough most of the time."""
WORKER_IDLE_SECONDS = 60.0
"""Seconds until one is given up that was not needed."""
QUESTION_WORKER_IDLE_SECONDS = 300.0
"""Seconds after a question until the process that read for it, some 40 MB, is given up."""


THREAD_SWITCH_SECONDS = 0.001
"""Seconds for which a thread may keep the others waiting: the loop waits for those that store and index."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the command line and the Discord client share."""

    settings: Settings
    clock: Clock
    store: Store
    supervisor: Supervisor
    leases: Leases
    notices: ClusterEvents
    fetcher: Fetcher
    workers: WorkerPool
    poller: Poller
    follow_service: FollowService
    index: IndexUpdater
    searcher: Searcher
    full_text_fetcher: FullTextFetcher
    websub: WebSubSubscriber
    tastes: PreferenceModelCache
    semantic_index: SemanticIndex | None = None  # with the extra `semantic`
    text_generator: ModelServices | None = None  # where a model service is configured
    on_clock_stepped_back: list[Callable[[int], None]] = field(default_factory=list)
    """Called where somebody set the clock back, with by how many seconds."""

    async def join_cluster(self) -> None:
        """Take part in the work of those that run on this database; once is enough. Raises `StoreError`."""
        await self.leases.start()
        self.notices.start()

    async def time_zone_of(self, server_id: int) -> tzinfo:
        """The time zone in which the days of a server begin. Raises `StoreError`."""
        return local_time.load_zone((await self.store.preferences.of_server(server_id)).time_zone)


@asynccontextmanager
async def open_services(
    settings: Settings, clock: Clock | None = None, *, create: bool = True
) -> AsyncIterator[Services]:
    """Open the database, connections and workers, and close them at the end. Raises StoreError.

    The poller does not run by itself. A database that is missing is made where it is to `create` one; one
    that was moved is refused.
    """
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    clock = clock or SystemClock()
    use_keys(settings.secret_key)
    store = await Store.open(settings.database, clock, create=create)
    supervisor = Supervisor(clock)
    leases, notices = Leases(store, settings.roles, supervisor), ClusterEvents(store, supervisor)
    leases.join_pool(LeasePool(UPKEEP, min(settings.roles, default=ProcessRole.POLLER), frozenset({0})))
    notices.subscribe("leases", leases.wake)
    is_searched = ProcessRole.GATEWAY in settings.roles
    index = IndexUpdater(
        store,
        settings.index_folder,
        between=COMMIT_INTERVAL_SECONDS if is_searched else IDLE_COMMIT_INTERVAL_SECONDS,
    )
    workers = WorkerPool(MAX_WORKERS, patience=WORKER_IDLE_SECONDS, min_idle=1)
    readers = WorkerPool(patience=QUESTION_WORKER_IDLE_SECONDS)
    try:
        await store.must_be_current()
        async with (
            Fetcher(settings) as fetcher,
            open_semantic_index(settings, store) as meaning,
            model_services.open_model_services(settings, clock, store) as writing,
        ):
            searcher = Searcher(store, index, meaning, workers=readers)
            story_lookup = StoryLookup(store, index, meaning)
            words = alert_texts.alert_texts_by_language
            poller = Poller(settings, store, fetcher, workers, words, leases, supervisor, story_lookup)
            notices.subscribe("feeds", poller.wake)
            following = FollowService(store, fetcher, workers, poller)
            reader = FullTextFetcher(settings, store, poller.pages, poller.hosts, leases)
            pushes = WebSubSubscriber(settings, store, fetcher, poller, leases)
            try:
                yield Services(
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
                    PreferenceModelCache(store, workers),
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
