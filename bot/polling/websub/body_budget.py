"""How many bytes of pushed documents are held at once."""

from collections import Counter


class BodyBudget:
    """Bytes of bodies under way: at most `limit` in all, and `hub_limit` for each hub."""

    def __init__(self, limit: int, hub_limit: int) -> None:
        self._limit, self._hub_limit = limit, hub_limit
        self._used: Counter[str] = Counter()

    @property
    def used(self) -> int:
        """Bytes that are taken, of all hubs."""
        return self._used.total()

    def take(self, hub: str, size: int) -> bool:
        """Take so many bytes for a hub; False where they are too many."""
        if self._used[hub] + size > self._hub_limit or self.used + size > self._limit:
            return False
        self._used[hub] += size
        return True

    def release(self, hub: str, size: int) -> None:
        """Give so many bytes back."""
        self._used[hub] -= size
        if not self._used[hub]:
            del self._used[hub]
