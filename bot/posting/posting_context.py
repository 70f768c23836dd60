"""The services that all code for rendering and sending messages shares."""

import asyncio
from dataclasses import dataclass, field

import discord

from bot.core.clock import Clock
from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.configuration.settings import Settings
from bot.posting.audience import AudienceResolver
from bot.posting.post_languages import PostLanguages
from bot.posting.recovery.restore_reconciler import RestoreReconciler
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.processes.maintenance_mode import MaintenanceMode
from bot.processes.supervision import Supervisor
from bot.search.index.index_updater import IndexUpdater
from bot.store import WRITE_RETRY_SECONDS, DatabaseFault, LeaseLost, Store
from bot.stories.preference_cache import PreferenceModelCache
from bot.writing.model_services import ModelServices

ERROR_BACKOFF_SECONDS = 60.0
"""Seconds to wait after an unexpected error, before work is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingContext:
    """Services of one process that all code for posting shares."""

    store: Store
    client: discord.Client
    settings: Settings
    workers: WorkerPool  # for drawing and counting
    preference_models: PreferenceModelCache
    search_index: IndexUpdater
    model_services: ModelServices | None
    webhooks: ChannelWebhooks
    post_languages: PostLanguages
    audience: AudienceResolver
    restore_reconciler: RestoreReconciler
    supervisor: Supervisor
    maintenance: MaintenanceMode
    work_available: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def clock(self) -> Clock:
        """The clock that the store uses."""
        return self.store.clock

    def wake_relay(self) -> None:
        """Make the outbox relay, which sends the queued messages, check for due work now."""
        self.work_available.set()

    def handle_fault(self, task_name: str, error: BaseException, **subject: object) -> float:
        """Report an error that ended a short task; return the seconds until its next attempt.

        Faults of the database and lost leases, which pass, are not reported. `subject` names what the task was
        working on, for the log.
        """
        if isinstance(error, DatabaseFault | LeaseLost):
            return WRITE_RETRY_SECONDS
        self.supervisor.report_failure(task_name, error, **subject)
        return ERROR_BACKOFF_SECONDS
