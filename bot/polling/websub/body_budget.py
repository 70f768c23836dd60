"""Limit for the bytes of pushed documents in memory."""

from collections import Counter


class BodyBudget:
    """Budget for pushed documents in memory: at most `max_bytes` in all, and `max_hub_bytes` for each WebSub hub."""

    def __init__(self, max_bytes: int, max_hub_bytes: int) -> None:
        self._max_bytes, self._max_hub_bytes = max_bytes, max_hub_bytes
        self._used_bytes_by_hub_host: Counter[str] = Counter()

    @property
    def used_bytes(self) -> int:
        """Number of bytes of the pushed bodies from all hubs that are in memory now."""
        return self._used_bytes_by_hub_host.total()

    def reserve(self, hub_host: str, byte_count: int) -> bool:
        """Reserve memory for a document of a hub and return True, or return False if a limit would be exceeded."""
        if (
            self._used_bytes_by_hub_host[hub_host] + byte_count > self._max_hub_bytes
            or self.used_bytes + byte_count > self._max_bytes
        ):
            return False
        self._used_bytes_by_hub_host[hub_host] += byte_count
        return True

    def release(self, hub_host: str, byte_count: int) -> None:
        """Release the memory of a hub's document, so that it can be reserved again."""
        self._used_bytes_by_hub_host[hub_host] -= byte_count
        if not self._used_bytes_by_hub_host[hub_host]:
            del self._used_bytes_by_hub_host[hub_host]
