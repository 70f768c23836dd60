"""The long-lived tasks of a process, supervised in one place.

A task that fails is logged with its traceback and started again after a pause; one that keeps failing is a
problem of the process (`/healthz`). Short tasks, such as one post, belong to whoever began them.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from functools import partial

from bot.core.clock import Clock
from bot.store import DatabaseFault

log = logging.getLogger(__name__)

RESTART_PAUSE_SECONDS = 10.0
"""Seconds until a task that failed starts again."""
MOST_FAILURES, FAILURE_WINDOW_SECONDS = 3, 300.0
"""Failures of one name within so many seconds that make it a problem."""


class Supervisor:
    """Starts the long-lived tasks of a process, and starts them again when they fail."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_FAILURES))

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run a function until it returns; the task, to be cancelled. Several may have one name.

        It runs in an empty context: it speaks nobody's language and belongs to nobody's request.
        """
        return Context().run(partial(asyncio.create_task, self._supervise(name, run), name=name))

    def failing(self) -> list[str]:
        """Return the names of tasks that keep failing."""
        since = self._clock.monotonic() - FAILURE_WINDOW_SECONDS
        return [
            name for name, times in self._failures.items() if len(times) == MOST_FAILURES and times[0] > since
        ]

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await run()
            except BaseException as error:
                if _is_to_end(error):
                    raise
                if not isinstance(error, DatabaseFault):  # the store has said it
                    self._failures[name].append(self._clock.monotonic())
                    log.exception("%s failed, restart in %.0f s", name, RESTART_PAUSE_SECONDS)
            else:
                return
            await self._clock.sleep(RESTART_PAUSE_SECONDS)


async def stop(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their ends."""
    for task in (ending := [*tasks]):
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


def _is_to_end(error: BaseException) -> bool:
    """Whether the task was cancelled (by a request, else it is a failure), or the process ends."""
    task = asyncio.current_task()
    is_cancelled = task is not None and task.cancelling() > 0
    return is_cancelled or isinstance(error, KeyboardInterrupt | SystemExit)
