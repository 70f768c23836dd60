"""Waiting for what happens in another process, which sends no event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 90.0
"""Seconds; a busy machine takes many. What never happens is told before the test’s own time is up."""


async def wait_until(happened: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Ask again and again until `happened()`, or what it awaits, is true. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            answer = happened()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.02)
