"""SIGTERM and SIGINT: an orderly end where possible, and an end in time in any case."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

STOP_SECONDS, SHORT_STOP_SECONDS = 55, 5
"""Seconds after the first signal by which a bot, or any other command, has ended.

A bot is granted 60 by `compose.yaml`.
"""


class StopSignals:
    """Handlers of SIGTERM and SIGINT: the first signal cancels the work, later ones are ignored.

    A second cancellation would leave half-closed what the work was closing, and threads that never end.
    """

    def __init__(self, seconds: int) -> None:
        """Let the process end at most `seconds` after the first signal."""
        self.is_received = False
        self._seconds = seconds
        self._cancel_task: Callable[[], object] | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle the signals within the block, and until the end of the process once one was received."""
        previous_handlers = [
            (signal_number, signal.signal(signal_number, self._receive))
            for signal_number in (signal.SIGTERM, signal.SIGINT)
        ]
        try:
            yield
        finally:
            if not self.is_received:
                for restored_signal, handler in previous_handlers:
                    signal.signal(restored_signal, handler)

    def cancel_on_signal(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task of the running loop at the first signal, at once if it was received already."""
        loop = asyncio.get_running_loop()
        self._cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.is_received:
            self._cancel_task()

    def _receive(self, _number: int, _frame: object) -> None:
        if self.is_received:
            return
        self.is_received = True
        signal.signal(signal.SIGALRM, _exit_immediately)
        signal.alarm(self._seconds)
        if self._cancel_task is not None:
            with suppress(RuntimeError):  # The loop has just been closed.
                self._cancel_task()


def _exit_immediately(_number: int, _frame: object) -> NoReturn:
    """End the process without closing anything; stored data survives that at any moment."""
    os.write(2, b"Not everything could be closed in time; ended all the same.\n")
    os._exit(1)
