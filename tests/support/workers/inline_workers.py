"""Workers that are no processes, for feeds that a test writes itself: starting one costs as much as a bot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from bot.core.concurrency.worker_pool import WorkerPool

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class InlineWorkers(WorkerPool):
    """Calls run where they are made."""

    async def run(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: float,  # noqa: ASYNC109 - as in Workers
    ) -> T:
        return function(*args)
