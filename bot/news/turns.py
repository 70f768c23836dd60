"""One at a time for each key."""

from __future__ import annotations

import asyncio


class Turns:
    """Who has their turn, by key. It costs next to nothing where nobody waits, which is nearly always.

    `if key in turns: await turns.free(key)`, then `turns.begin(key)`, and `turns.end(key)` in a finally.
    """

    def __init__(self) -> None:
        self._taken: dict[int, asyncio.Event | None] = {}

    def __contains__(self, key: int) -> bool:
        return key in self._taken

    async def free(self, key: int) -> None:
        """Wait until nobody has the turn; `begin` must follow at once."""
        while key in self._taken:
            event = self._taken[key]
            if event is None:
                event = self._taken[key] = asyncio.Event()
            await event.wait()

    def begin(self, key: int) -> None:
        """Take the turn."""
        self._taken[key] = None

    def end(self, key: int) -> None:
        """Give it up."""
        if (event := self._taken.pop(key)) is not None:
            event.set()
