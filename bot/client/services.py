"""All services that work without Discord, which are opened and closed together."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

from bot.core import local_time
from bot.core.clock import Clock, SystemClock
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.configuration.settings import Settings
from bot.core.preferences import ProcessRole
from bot.feeds.fetch import Fetcher
from bot.operating.applicable_limits import Limits
from bot.operating.audit_follower import AUDIT_EVENT
from bot.operating.blocked_source_cache import BlockedSourceCache
from bot.polling.following.follow_service import FollowService
from bot.polling.full_text_fetcher import FullTextFetcher
from bot.polling.page_saver import PageSaver
from bot.polling.poller import Poller
from bot.polling.websub.hub_discovery import HubDiscovery
from bot.polling.websub.websub_subscriber import WebSubSubscriber
from bot.posting.wording import alert_texts
from bot.processes.cluster_events import ClusterEvents
from bot.processes.leases import UPKEEP_LEASE_KIND, Leases
from bot.processes.maintenance_mode import MaintenanceMode
from bot.processes.supervision import Supervisor
from bot.search.index.index_updater import COMMIT_INTERVAL_SECONDS, IDLE_COMMIT_INTERVAL_SECONDS, IndexUpdater
from bot.search.searching import Searcher
from bot.search.semantic.semantic_index import SemanticIndex, open_semantic_index
from bot.store import Store, set_encryption_keys
from bot.store.records.process_records import LeasePool
from bot.stories.preference_cache import PreferenceModelCache
from bot.stories.story_lookup import StoryLookup
from bot.writing import model_services
from bot.writing.model_services import ModelServices

MAX_WORKERS = 2
"""Maximum number of worker processes for parsing; one usually suffices."""
WORKER_IDLE_SECONDS = 60.0
"""Seconds without a call after which a second worker process for parsing ends."""
OCCASIONAL_WORKER_IDLE_SECONDS = 5.0
"""Seconds without a call after which the worker process for drawing and counting ends; a new one starts in 0.2 s."""
QUESTION_WORKER_IDLE_SECONDS = 300.0
"""Seconds after the last question after which the worker process for questions, some 40 MB, ends."""


THREAD_SWITCH_SECONDS = 0.001
"""Interval in seconds at which the interpreter switches threads.

It is short, because the event loop waits for threads of the store and the index.
"""


@dataclass(frozen=True, slots=True)
class Services:
    """The services that the command line and the Discord client share."""

    settings: Settings
    clock: Clock
    store: Store
    limits: Limits
    blocked_sources: BlockedSourceCache
    supervisor: Supervisor
    leases: Leases
    cluster_events: ClusterEvents
    fetcher: Fetcher
    workers: WorkerPool  # parses feeds and pages, all the time
    occasional_workers: WorkerPool  # draws pictures and counts, with libraries that parsing does not need
    poller: Poller
    follow_service: FollowService
    index: IndexUpdater
    searcher: Searcher
    full_text_fetcher: FullTextFetcher
    page_saver: PageSaver
    websub_subscriber: WebSubSubscriber
    maintenance: MaintenanceMode
    preference_models: PreferenceModelCache
    semantic_index: SemanticIndex | None = None  # None without the extra `semantic`
    model_services: ModelServices | None = None  # None unless a model service is configured

    async def join_cluster(self) -> None:
        """Make this process known to the others on this database, unless it is already. Raises `StoreError`."""
        await self.leases.start()
        self.cluster_events.start()

    async def load_time_zone(self, server_id: int) -> tzinfo:
        """Return the time zone of a server. Raises `StoreError`."""
        return local_time.load_zone((await self.store.preferences.get_by_server(server_id)).time_zone)


@asynccontextmanager
async def open_services(
    settings: Settings, clock: Clock | None = None, *, create: bool = True
) -> AsyncIterator[Services]:
    """Open the database, connections and workers within the `with` block. Raises StoreError.

    The poller must be started separately. A missing database is created only if `create` is set; a database
    that was moved to another location is refused.
    """
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    clock = clock or SystemClock()
    set_encryption_keys(settings.secret_key)
    store = await Store.open(settings.database, clock, create=create)
    limits, blocked_sources = Limits(settings, store), BlockedSourceCache(store)
    supervisor = Supervisor(clock)
    leases, cluster_events = Leases(store, settings.roles, supervisor), ClusterEvents(store, supervisor)
    leases.join_pool(
        LeasePool(UPKEEP_LEASE_KIND, min(settings.roles, default=ProcessRole.POLLER), numbers=frozenset({0}))
    )
    cluster_events.subscribe("leases", leases.wake)
    cluster_events.subscribe(AUDIT_EVENT, blocked_sources.forget)
    is_gateway = ProcessRole.GATEWAY in settings.roles
    index = IndexUpdater(
        store,
        settings.index_folder,
        commit_interval_seconds=COMMIT_INTERVAL_SECONDS if is_gateway else IDLE_COMMIT_INTERVAL_SECONDS,
    )
    workers = WorkerPool(MAX_WORKERS, max_idle_seconds=WORKER_IDLE_SECONDS, min_idle_workers=1)
    occasional_workers = WorkerPool(max_idle_seconds=OCCASIONAL_WORKER_IDLE_SECONDS)
    question_workers = WorkerPool(max_idle_seconds=QUESTION_WORKER_IDLE_SECONDS)
    try:
        await store.require_not_moved()
        async with (
            Fetcher(settings, blocked_sources.covers) as fetcher,
            open_semantic_index(settings, store) as semantic_index,
            model_services.open_model_services(settings, clock, store) as optional_model_services,
        ):
            searcher = Searcher(store, index, semantic_index, workers=question_workers)
            story_lookup = StoryLookup(store, index, semantic_index)
            alert_text_provider = alert_texts.build_alert_texts
            hub_discovery, announce_outbox = HubDiscovery(settings, store), partial(cluster_events.announce, "outbox")
            maintenance, preference_models = MaintenanceMode(store), PreferenceModelCache(store, occasional_workers)
            cluster_events.subscribe(AUDIT_EVENT, maintenance.request_refresh)
            cluster_events.subscribe(AUDIT_EVENT, preference_models.invalidate_all)  # A server may have been erased.
            cluster_events.subscribe(AUDIT_EVENT, announce_outbox)  # A notice may have been sent.
            maintenance.add_listener(announce_outbox)
            maintenance.add_listener(partial(cluster_events.announce, "feeds"))
            poller = Poller(
                settings,
                store,
                fetcher,
                workers,
                alert_text_provider,
                leases,
                supervisor,
                hub_discovery,
                announce_outbox,
                maintenance,
                story_lookup=story_lookup,
            )
            cluster_events.subscribe("feeds", poller.wake)
            cluster_events.subscribe(AUDIT_EVENT, poller.wake)  # Imported settings may have new feeds.
            follow_service = FollowService(store, limits, fetcher, workers, poller)
            full_text_fetcher = FullTextFetcher(
                settings, store, poller.page_fetcher, poller.hosts, leases, announce_outbox, maintenance
            )
            websub_subscriber = WebSubSubscriber(settings, store, fetcher, poller, leases, hub_discovery)
            try:
                yield Services(
                    settings,
                    clock,
                    store,
                    limits,
                    blocked_sources,
                    supervisor,
                    leases,
                    cluster_events,
                    fetcher,
                    workers,
                    occasional_workers,
                    poller,
                    follow_service,
                    index,
                    searcher,
                    full_text_fetcher,
                    PageSaver(store, limits, poller.page_fetcher, poller.hosts),
                    websub_subscriber,
                    maintenance,
                    preference_models,
                    semantic_index,
                    optional_model_services,
                )
            finally:
                await websub_subscriber.close()
                await story_lookup.close()
    finally:
        await cluster_events.close()
        await leases.close()
        await index.close()
        await workers.close()
        await occasional_workers.close()
        await question_workers.close()
        await store.close()
