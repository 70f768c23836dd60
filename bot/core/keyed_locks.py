"""One at a time for each key."""

import asyncio


class KeyedLocks(dict[int, asyncio.Event | None]):
    """Who has their turn, by key. It costs next to nothing where nobody waits, which is nearly always.

    `if key in turns: await turns.free(key)`, then `turns[key] = None`, and `turns.end(key)` in a finally.
    """

    async def wait_until_free(self, key: int) -> None:
        """Wait until nobody has the turn; taking it must follow at once."""
        while key in self:
            event = self[key]
            if event is None:
                event = self[key] = asyncio.Event()
            await event.wait()

    def release(self, key: int) -> None:
        """Give the turn up."""
        if (event := self.pop(key)) is not None:
            event.set()
