"""The signals that end a process: in order where that is possible, and in time in any case."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

STOP_SECONDS, SHORT_STOP_SECONDS = 55, 5
"""Seconds after the first signal by which a bot, or any other command, has ended: a bot is granted 60."""


class StopSignals:
    """The signals that end a process: the first one cancels its work, all later ones change nothing.

    Cancelled a second time, work would leave what it was just closing, and threads that are never ended.
    """

    def __init__(self, seconds: int) -> None:
        """The process ends `seconds` after the first one, whatever hangs."""
        self.is_received = False
        self._seconds = seconds
        self._cancel: Callable[[], object] | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle them within the block, and for as long as the process lasts once one was received."""
        before = [
            (number, signal.signal(number, self._receive)) for number in (signal.SIGTERM, signal.SIGINT)
        ]
        try:
            yield
        finally:
            if not self.is_received:
                for number, handler in before:
                    signal.signal(number, handler)

    def cancels(self, task: asyncio.Task[Any]) -> None:
        """Let the first one cancel this task, which is that of the running loop."""
        loop = asyncio.get_running_loop()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.is_received:
            self._cancel()

    def _receive(self, _number: int, _frame: object) -> None:
        if self.is_received:
            return
        self.is_received = True
        signal.signal(signal.SIGALRM, _end_at_once)
        signal.alarm(self._seconds)
        if self._cancel is not None:
            with suppress(RuntimeError):  # the loop has just been closed
                self._cancel()


def _end_at_once(_number: int, _frame: object) -> NoReturn:
    """End the process without closing anything, whatever hangs: its data can take that at any moment."""
    os.write(2, b"Not everything could be closed in time; ended all the same.\n")
    os._exit(1)
