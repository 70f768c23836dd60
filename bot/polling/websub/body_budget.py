"""A limit for the bytes of pushed documents in memory."""

from collections import Counter


class BodyBudget:
    """Bytes of bodies in memory: at most `max_bytes` in all, and `max_hub_bytes` for each hub."""

    def __init__(self, max_bytes: int, max_hub_bytes: int) -> None:
        self._max_bytes, self._max_hub_bytes = max_bytes, max_hub_bytes
        self._used_by_hub: Counter[str] = Counter()

    @property
    def used_bytes(self) -> int:
        """Bytes that are in use by all hubs."""
        return self._used_by_hub.total()

    def reserve(self, hub: str, size: int) -> bool:
        """Reserve bytes for a hub; return False if a limit would be exceeded."""
        if self._used_by_hub[hub] + size > self._max_hub_bytes or self.used_bytes + size > self._max_bytes:
            return False
        self._used_by_hub[hub] += size
        return True

    def release(self, hub: str, size: int) -> None:
        """Release bytes of a hub."""
        self._used_by_hub[hub] -= size
        if not self._used_by_hub[hub]:
            del self._used_by_hub[hub]
