"""A limit for the bytes of pushed documents in memory."""

from collections import Counter


class BodyBudget:
    """Bytes of bodies in memory: at most `max_bytes` in all, and `max_hub_bytes` for each hub."""

    def __init__(self, limit: int, hub_limit: int) -> None:
        self._limit, self._hub_limit = limit, hub_limit
        self._used: Counter[str] = Counter()

    @property
    def used(self) -> int:
        """Bytes that are in use by all hubs."""
        return self._used.total()

    def take(self, hub: str, size: int) -> bool:
        """Reserve bytes for a hub; return False if a limit would be exceeded."""
        if self._used[hub] + size > self._hub_limit or self.used + size > self._limit:
            return False
        self._used[hub] += size
        return True

    def release(self, hub: str, size: int) -> None:
        """Release bytes of a hub."""
        self._used[hub] -= size
        if not self._used[hub]:
            del self._used[hub]
