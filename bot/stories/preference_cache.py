"""Cache of the servers' preference models (what their users like), which a worker process learns on demand."""

import logging
from typing import NamedTuple

from bot.core.concurrency.worker_pool import WorkerError, WorkerPool
from bot.store import Store
from bot.stories import preference_model
from bot.stories.preference_model import EVIDENCE_WINDOW_SECONDS, NO_PREFERENCES, PreferenceModel

log = logging.getLogger(__name__)

CACHE_SECONDS = 600
"""Maximum age in seconds of a cached preference model."""
CHANGED_CACHE_SECONDS = 60
"""Maximum age in seconds of a cached preference model if people have given opinions since it was learned."""
MAX_CACHED_SERVERS = 500
"""Maximum number of servers whose preference models are cached."""
_LEARN_TIMEOUT_SECONDS = 10.0
"""Maximum time in seconds for learning the preference model of a server."""


class _CachedModel(NamedTuple):
    model: PreferenceModel
    learned_at: float  # monotonic time


class PreferenceModelCache:
    """Cache of preference models (which outlets, topics and words users like) by server.

    If a model cannot be learned, a model without preferences is used.
    """

    def __init__(self, store: Store, workers: WorkerPool) -> None:
        self._store, self._workers = store, workers
        self._cached_model_by_server_id: dict[int, _CachedModel] = {}
        self._changed_server_ids: set[int] = set()

    async def get(self, server_id: int) -> PreferenceModel:
        """Return the preference model of a server. Raises `StoreError` if the database failed."""
        now = self._store.clock.monotonic()
        cached_model = self._cached_model_by_server_id.get(server_id)
        max_age_seconds = CHANGED_CACHE_SECONDS if server_id in self._changed_server_ids else CACHE_SECONDS
        if cached_model is None or now - cached_model.learned_at >= max_age_seconds:
            self._changed_server_ids.discard(server_id)
            cached_model = _CachedModel(await self._learn_model(server_id), now)
            self._cached_model_by_server_id.pop(server_id, None)
            self._cached_model_by_server_id[server_id] = cached_model
            while len(self._cached_model_by_server_id) > MAX_CACHED_SERVERS:
                del self._cached_model_by_server_id[next(iter(self._cached_model_by_server_id))]
        return cached_model.model

    def mark_changed(self, server_id: int) -> None:
        """Let the cached model of a server expire sooner, because a user of the server gave an opinion."""
        if server_id in self._cached_model_by_server_id:
            self._changed_server_ids.add(server_id)

    def invalidate(self, server_id: int) -> None:
        """Discard the cached model of a server, so that it is learned again when needed."""
        self._cached_model_by_server_id.pop(server_id, None)

    def invalidate_all(self) -> None:
        """Discard all cached models, because data of a user or a server was deleted."""
        self._cached_model_by_server_id.clear()

    async def _learn_model(self, server_id: int) -> PreferenceModel:
        now = self._store.clock.now()
        training_data = await self._store.opinions.load_training_data(server_id, now - EVIDENCE_WINDOW_SECONDS)
        if not training_data.opinions:
            return NO_PREFERENCES
        try:
            return await self._workers.run(
                preference_model.learn_preferences,
                training_data.articles,
                training_data.opinions,
                now,
                timeout=_LEARN_TIMEOUT_SECONDS,
            )
        except WorkerError as error:
            log.warning("preference learning failed server_id=%d error=%s", server_id, error)
            return NO_PREFERENCES
