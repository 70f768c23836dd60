"""Handling of SIGTERM and SIGINT: an orderly end where possible, and an end in time in any case."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

STOP_SECONDS = 55
"""Maximum number of seconds from the first signal to the end of the bot; `compose.yaml` grants it 60."""
SHORT_STOP_SECONDS = 5
"""Maximum number of seconds from the first signal to the end of any command but the bot."""


class StopSignals:
    """Handlers of SIGTERM and SIGINT: the first signal cancels the work, later signals are ignored.

    A second cancellation would interrupt the closing of files and connections, and leave threads that never end.
    """

    def __init__(self, max_stop_seconds: int) -> None:
        """Set the maximum number of seconds between the first signal and the end of the process."""
        self.is_signal_received = False
        self._max_stop_seconds = max_stop_seconds
        self._cancel_task: Callable[[], object] | None = None

    @contextmanager
    def install(self) -> Iterator[None]:
        """Install the handlers of SIGTERM and SIGINT for the duration of a `with` block.

        The previous handlers are restored after the block, unless a signal was received.
        """
        previous_handlers = [
            (signal_number, signal.signal(signal_number, self._handle_signal))
            for signal_number in (signal.SIGTERM, signal.SIGINT)
        ]
        try:
            yield
        finally:
            if not self.is_signal_received:
                for restored_signal, previous_handler in previous_handlers:
                    signal.signal(restored_signal, previous_handler)

    def cancel_on_signal(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task of the running loop at the first signal, or at once if one was received already."""
        loop = asyncio.get_running_loop()
        self._cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.is_signal_received:
            self._cancel_task()

    def _handle_signal(self, _signal_number: int, _frame: object) -> None:
        if self.is_signal_received:
            return
        self.is_signal_received = True
        signal.signal(signal.SIGALRM, _exit_immediately)
        signal.alarm(self._max_stop_seconds)
        if self._cancel_task is not None:
            with suppress(RuntimeError):  # The loop has just been closed.
                self._cancel_task()


def _exit_immediately(_signal_number: int, _frame: object) -> NoReturn:
    """End the process without closing anything; stored data survives such an end at any moment."""
    os.write(2, b"Not everything could be closed in time; ended all the same.\n")
    os._exit(1)
