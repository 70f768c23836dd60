"""Work of which there is some now and then: done in a task of its own, which rests after a fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from bot.core.clock import Clock
from bot.store import DatabaseFault

log = logging.getLogger(__name__)

AFTER_FAULT = 60
"""Seconds."""


class DueTask:
    """One kind of such work. `on_end` is called after each end of its task."""

    def __init__(self, clock: Clock, *, on_end: Callable[[], None]) -> None:
        self._clock, self._on_end = clock, on_end
        self._rests_until = 0
        self.task: asyncio.Task[None] | None = None

    async def start(self, now: int) -> None:
        """Begin where something is due and it was not begun."""
        due = await self.next_due()
        if self.task is None and due is not None and due <= now:
            self._begin(self._work())

    async def next_due(self) -> int | None:
        """When there is something to do, which may be past; None when there is nothing, or nobody knows."""
        due = await self._due()
        return None if due is None else max(due, self._rests_until)

    async def _due(self) -> int | None:
        """When there is something to do, but for the rest after a fault."""
        return None

    async def _work(self) -> None:
        """Do it."""
        raise NotImplementedError

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        self._rests_until -= by

    def _rest(self) -> None:
        self._rests_until = self._clock.now() + AFTER_FAULT

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.task = asyncio.create_task(work, name=type(self).__name__)
        self.task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.task = None
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            if not isinstance(fault, DatabaseFault):  # the store has said it
                log.error("%s failed", task.get_name(), exc_info=fault)
            self._rest()
        self._on_end()
