"""Runner of short background work, with at most one task a key; a key is, for example, a channel id."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

from bot.core.clock import Clock

K = TypeVar("K")

FaultHandler = Callable[[K, BaseException], float]
"""Function that reports the error that ended the work of a key, and returns the seconds to back off."""


class KeyedRunner(Generic[K]):
    """Runner of background work, with at most one task per key. While a key backs off, as after an error, none starts.

    Back-offs are measured by a clock that nobody can set. `on_fault` handles the error of a task; `on_end` is
    called when a task has ended, also by an error or a cancellation.
    """

    def __init__(self, clock: Clock, on_fault: FaultHandler[K], on_end: Callable[[K], None]) -> None:
        self._clock, self._on_fault, self._on_end = clock, on_fault, on_end
        self._task_by_key: dict[K, asyncio.Task[None]] = {}
        self._back_off_end_by_key: dict[K, float] = {}
        self._is_stopping = False

    @property
    def is_stopping(self) -> bool:
        """Whether no more work is started, because the process ends."""
        return self._is_stopping

    @property
    def tasks(self) -> Collection[asyncio.Task[None]]:
        """Tasks of the runner that are running, one per key."""
        return self._task_by_key.values()

    @property
    def unavailable_keys(self) -> frozenset[K]:
        """Keys that cannot be started now, because their task runs or they back off."""
        now = self._clock.monotonic_with_suspension()
        self._back_off_end_by_key = {
            key: back_off_end for key, back_off_end in self._back_off_end_by_key.items() if back_off_end > now
        }
        return frozenset(self._task_by_key.keys() | self._back_off_end_by_key.keys())

    def is_backing_off(self, key: K) -> bool:
        """Return whether the next start of a key is still delayed by `back_off`."""
        return self._back_off_end_by_key.get(key, 0.0) > self._clock.monotonic_with_suspension()

    def list_back_off_seconds(self) -> list[float]:
        """Return the seconds until the back-off of each key that does not run ends; 0 or less if it has ended."""
        now = self._clock.monotonic_with_suspension()
        return [
            back_off_end - now
            for key, back_off_end in self._back_off_end_by_key.items()
            if key not in self._task_by_key
        ]

    def start(self, key: K, work: Callable[[K], Coroutine[Any, Any, None]]) -> bool:
        """Run work as the task of a key; return False if the key runs, backs off or the runner stops."""
        if self._is_stopping or key in self._task_by_key or self.is_backing_off(key):
            return False
        task = self._task_by_key[key] = asyncio.create_task(work(key))
        task.add_done_callback(partial(self._on_done, key))
        return True

    def back_off(self, key: K, seconds: float) -> None:
        """Start nothing for a key until so many seconds from now; its running task goes on."""
        self._back_off_end_by_key[key] = self._clock.monotonic_with_suspension() + seconds

    async def wait_for(self, keys: Collection[K], timeout_seconds: float) -> None:
        """Wait until the tasks of some keys have ended, but at most `timeout_seconds`."""
        tasks = [self._task_by_key[key] for key in keys if key in self._task_by_key]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_seconds)

    async def stop(self, grace_seconds: float) -> None:
        """Start nothing more, wait up to `grace_seconds` for the running tasks, and cancel the rest."""
        self._is_stopping = True
        tasks = list(self.tasks)
        await self.wait_for(list(self._task_by_key), grace_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_done(self, key: K, task: asyncio.Task[None]) -> None:
        del self._task_by_key[key]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.back_off(key, self._on_fault(key, error))
        self._on_end(key)
