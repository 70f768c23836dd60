"""Limit for the bytes of pushed documents in memory."""

from collections import Counter


class BodyBudget:
    """Budget for bodies in memory: at most `max_bytes` in all, and `max_hub_bytes` for each hub."""

    def __init__(self, max_bytes: int, max_hub_bytes: int) -> None:
        self._max_bytes, self._max_hub_bytes = max_bytes, max_hub_bytes
        self._used_bytes_by_hub: Counter[str] = Counter()

    @property
    def used_bytes(self) -> int:
        """Number of bytes that the bodies of all hubs use."""
        return self._used_bytes_by_hub.total()

    def reserve(self, hub: str, size: int) -> bool:
        """Reserve bytes for a body of a hub and return True, or return False if a limit would be exceeded."""
        if self._used_bytes_by_hub[hub] + size > self._max_hub_bytes or self.used_bytes + size > self._max_bytes:
            return False
        self._used_bytes_by_hub[hub] += size
        return True

    def release(self, hub: str, size: int) -> None:
        """Release the bytes of a hub's body, so that they can be reserved again."""
        self._used_bytes_by_hub[hub] -= size
        if not self._used_bytes_by_hub[hub]:
            del self._used_bytes_by_hub[hub]
