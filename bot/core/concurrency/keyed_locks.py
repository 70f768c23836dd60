"""Locks per key, each held by one task at a time."""

import asyncio


class KeyedLocks(dict[int, asyncio.Event | None]):
    """Locks by key, of which only the locked keys are stored; an uncontended lock costs one dict entry.

    The value of a locked key is None until another task waits for it, then the event that wakes the task.
    Use: `if key in locks: await locks.wait_until_free(key)`, then `locks[key] = None`, and
    `locks.release(key)` in a finally block.
    """

    async def wait_until_free(self, key: int) -> None:
        """Wait until a key is unlocked; the caller must lock it before its next await."""
        while key in self:
            event = self[key]
            if event is None:
                event = self[key] = asyncio.Event()
            await event.wait()

    def release(self, key: int) -> None:
        """Unlock a key and wake the tasks that wait for it."""
        if (event := self.pop(key)) is not None:
            event.set()
