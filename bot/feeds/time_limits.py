"""Timeout that many tasks share."""

import asyncio
from types import TracebackType

_EXPIRED_START = -1.0
"""Value in place of a task's start time that marks the task as cancelled because its time was over."""


class SharedTimeout:
    """Timeout like `asyncio.timeout(seconds)` for many tasks, at half the cost.

    One timer serves all tasks, as the first to enter is the first to expire. Blocks must not be nested. A
    block that takes longer raises TimeoutError.
    """

    def __init__(self, seconds: float) -> None:
        self._timeout_seconds = seconds
        # Start time in the loop's seconds, and number of cancellations requested before.
        self._start_by_task: dict[asyncio.Task[object], tuple[float, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._start_by_task[task] = loop.time(), task.cancelling()
        if self._timer is None:
            self._timer = loop.call_later(self._timeout_seconds, self._expire)

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        started_at, cancel_count = self._start_by_task.pop(task)
        if (
            started_at == _EXPIRED_START
            and task.uncancel() <= cancel_count
            and exception_type is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def _expire(self) -> None:
        """Cancel the tasks whose time is over, and set the timer for the next task."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for task, (started_at, cancel_count) in self._start_by_task.items():
            if started_at == _EXPIRED_START:
                continue
            if started_at + self._timeout_seconds > loop.time():
                self._timer = loop.call_at(started_at + self._timeout_seconds, self._expire)
                break
            self._start_by_task[task] = _EXPIRED_START, cancel_count
            task.cancel()
