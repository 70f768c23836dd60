"""Loops that go on for as long as the bot runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context

from bot.core.clock import Clock
from bot.store import DatabaseFault

log = logging.getLogger(__name__)

PAUSE = 10.0
"""Seconds until a loop that failed starts again."""


class Loop:
    """A coroutine function that never ends by itself, started again when it fails all the same."""

    def __init__(self, name: str, run: Callable[[], Awaitable[None]], clock: Clock) -> None:
        self._name, self._run, self._clock = name, run, clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, in an empty context: it speaks nobody's language and belongs to nobody's request."""
        self._task = Context().run(self._create)

    async def stop(self) -> None:
        """Cancel it and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def _create(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._supervise(), name=self._name)

    async def _supervise(self) -> None:
        while True:
            try:
                await self._run()
            except DatabaseFault:  # the store has said it
                pass
            except Exception:
                log.exception("%s failed and starts again in %.0f s", self._name, PAUSE)
            await self._clock.sleep(PAUSE)
