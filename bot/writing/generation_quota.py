"""Daily quota of generated texts."""

from bot.core.configuration.settings import Settings
from bot.store import Store

DAY_SECONDS = 86_400
"""Length of a day in seconds."""
MAX_SERVER_SHARE = 0.25
"""Maximum share of the daily quota of generated texts that one server may use; one text is always allowed."""


class GenerationQuota:
    """Quota of texts that a language model may generate in 24 hours, in total and per server."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._max_per_day = settings.model_daily

    async def has_quota(self, server_id: int | None) -> bool:
        """Return whether one more text may be generated for a server, or for no server (None). Raises StoreError."""
        since = self._store.clock.now() - DAY_SECONDS
        total_count, server_count = await self._store.generated_texts.count_since(since, server_id)
        return total_count < self._max_per_day and server_count < max(1, MAX_SERVER_SHARE * self._max_per_day)
