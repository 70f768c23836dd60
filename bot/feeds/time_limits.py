"""One limit for how long many tasks may each wait."""

import asyncio
from types import TracebackType

_EXPIRED = -1.0
"""When they began who were cancelled."""


class SharedTimeout:
    """`with limit:` is `async with asyncio.timeout(seconds):` for many tasks, at half the price.

    There is one timer: whoever began first is late first. Not for blocks within blocks. Raises TimeoutError.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[object], tuple[float, int]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._begun[task] = loop.time(), task.cancelling()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        since, cancelling = self._begun.pop(task)
        if since == _EXPIRED and task.uncancel() <= cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        """Cancel who is late, and come back for the next."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for task, (since, cancelling) in self._begun.items():
            if since == _EXPIRED:
                continue
            if since + self._seconds > loop.time():
                self._timer = loop.call_at(since + self._seconds, self._expire)
                break
            self._begun[task] = _EXPIRED, cancelling
            task.cancel()
