"""The blocked sources in memory, which every request looks at."""

from bot.store import Store
from bot.text.source_patterns import SourcePatterns


class BlockedSourceCache:
    """Cache of the blocked sources, read when they are first needed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._patterns: SourcePatterns | None = None
        self._forget_count = 0

    def forget(self) -> None:
        """Read the blocked sources again when they are needed next."""
        self._patterns = None
        self._forget_count += 1

    async def load(self) -> SourcePatterns:
        """Return the patterns of the blocked sources. Raises StoreError."""
        if self._patterns is not None:
            return self._patterns
        forget_count = self._forget_count
        patterns = SourcePatterns(source.pattern for source in await self._store.blocked_sources.list_all())
        if forget_count == self._forget_count:  # Otherwise they may have changed since they were read.
            self._patterns = patterns
        return patterns

    async def covers(self, url: str) -> bool:
        """Return whether an operator blocks the source of a URL. Raises StoreError."""
        return (await self.load()).find_covering(url) is not None
