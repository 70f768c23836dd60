"""Cache of the sources (sites or parts of them) that operators block, which every request is checked against."""

from bot.store import Store
from bot.text.source_patterns import SourcePatterns


class BlockedSourceCache:
    """Cache of the sources (sites or parts of them) that operators block, read when they are first needed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._patterns: SourcePatterns | None = None
        self._forget_count = 0

    def forget(self) -> None:
        """Forget the blocked sources, so that they are read again when they are needed next."""
        self._patterns = None
        self._forget_count += 1

    async def load(self) -> SourcePatterns:
        """Return the URL patterns of the sources that operators block. Raises StoreError."""
        if self._patterns is not None:
            return self._patterns
        forget_count = self._forget_count
        patterns = SourcePatterns(source.pattern for source in await self._store.blocked_sources.list_all())
        if forget_count == self._forget_count:  # Otherwise they may have changed since they were read.
            self._patterns = patterns
        return patterns

    async def covers(self, url: str) -> bool:
        """Return whether an operator blocks the site of a URL, or the URL's part of it. Raises StoreError."""
        return (await self.load()).find_covering(url) is not None
