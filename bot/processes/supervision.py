"""Supervision of the long-lived tasks of a process.

A task that fails is logged with its traceback and restarted after a pause; a task that keeps failing is
reported as a problem of the process (`/healthz`). Short tasks, such as one post, are run elsewhere (by a
`KeyedRunner`), and only their faults are reported here.
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
"""Seconds between the failure of a task and its restart."""
UNHEALTHY_FAILURE_COUNT = 3
"""Number of failures of one task within `FAILURE_WINDOW_SECONDS` from which the process is unhealthy."""
FAILURE_WINDOW_SECONDS = 300.0
"""Number of seconds within which the failures of a task are counted together."""


class Supervisor:
    """Supervisor of the long-lived tasks of a process, which restarts them when they fail."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failure_times_by_task: defaultdict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=UNHEALTHY_FAILURE_COUNT)
        )

    def start(self, task_name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run a function as a task, restarting it on failure until it returns; return the task.

        Several tasks may have one name. The function runs in an empty context, without the language of the
        current task.
        """
        return Context().run(partial(asyncio.create_task, self._supervise(task_name, run), name=task_name))

    def list_failing_task_names(self) -> list[str]:
        """Return the names of tasks that failed `UNHEALTHY_FAILURE_COUNT` times within `FAILURE_WINDOW_SECONDS`."""
        window_start = self._clock.monotonic() - FAILURE_WINDOW_SECONDS
        return [
            task_name
            for task_name, failure_times in self._failure_times_by_task.items()
            if len(failure_times) == UNHEALTHY_FAILURE_COUNT and failure_times[0] > window_start
        ]

    def report_failure(self, task_name: str, error: BaseException, **subject: object) -> None:
        """Log the error that ended a task, and count it; do nothing if it is a database fault, which is logged already.

        `subject` names what the task was working on, for the log.
        """
        if not isinstance(error, DatabaseFault):
            self._failure_times_by_task[task_name].append(self._clock.monotonic())
            fields = "".join(f" {name}={identifier}" for name, identifier in subject.items())
            log.error("task failed task=%s%s", task_name, fields, exc_info=error)

    async def _supervise(self, task_name: str, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await run()
            except BaseException as error:
                if _is_intended_end(error):
                    raise
                self.report_failure(task_name, error)
            else:
                return
            await self._clock.sleep(RESTART_PAUSE_SECONDS)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in (cancelled_tasks := [*tasks]):
        task.cancel()
    await asyncio.gather(*cancelled_tasks, return_exceptions=True)


def _is_intended_end(error: BaseException) -> bool:
    """Return whether the error that ended the current task was a requested cancellation or the end of the process."""
    task = asyncio.current_task()
    is_cancelled = task is not None and task.cancelling() > 0
    return is_cancelled or isinstance(error, KeyboardInterrupt | SystemExit)
