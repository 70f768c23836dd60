"""Waiting for what happens in another process, which sends no event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(happened: Callable[[], object], *, within: float = 30) -> None:
    """Ask again and again until `happened()`, or what it awaits, is true. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            answer = happened()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.02)
