"""Boundaries that need something opened: a database, servers, the whole bot."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Generic, TypeVar, TypeVarTuple

from bot.client import services
from bot.core.concurrency.worker_pool import WorkerDied, WorkerPool
from tests.support.workers.inline_workers import InlineWorkers

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_INPUTS_PER_OPENING = 300
"""Number of inputs after which everything is opened anew, so that no database grows without end."""


class FuzzedWorkers(InlineWorkers):
    """Workers in this process, whose code is instrumented; what kills a worker process is reported as its death."""

    async def run(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: float,  # noqa: ASYNC109 - as in Workers
    ) -> T:
        try:
            return await super().run(function, *args, timeout=timeout)
        except (RecursionError, MemoryError) as error:
            raise WorkerDied(str(error)) from error


class _ErrorCollector(logging.Handler):
    """Collector of what is logged as an error, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []
        self._formatter = logging.Formatter("%(name)s: %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(self._formatter.format(record))


class OpenBoundary(Generic[T]):
    """What `open_context` opens in a new folder, for many inputs; `check` gets it with each of them.

    An error in the log is an error of the input.
    """

    def __init__(
        self,
        open_context: Callable[[Path], AbstractAsyncContextManager[T]],
        check: Callable[[T, bytes], Awaitable[None]],
        *,
        max_inputs: int = MAX_INPUTS_PER_OPENING,
    ) -> None:
        self._open_context, self._check, self._max_inputs = open_context, check, max_inputs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._exit_stack = AsyncExitStack()
        self._boundary: T | None = None
        self._input_count = 0

    def check(self, data: bytes) -> None:
        """Check an input. Raises AssertionError for an error in the log, and what the check raises."""
        if self._loop is None or self._input_count == self._max_inputs:
            self.close()
            self._open()
        assert self._loop is not None
        assert self._boundary is not None
        self._input_count += 1
        self._loop.run_until_complete(self._check(self._boundary, data))
        if self._errors.messages:
            messages, self._errors.messages = self._errors.messages, []
            raise AssertionError(messages[0])

    def _open(self) -> None:
        setattr(services, "WorkerPool", FuzzedWorkers)  # noqa: B010 - the name is of another class
        self._loop = asyncio.new_event_loop()
        self._exit_stack, self._errors, self._input_count = AsyncExitStack(), _ErrorCollector(), 0
        folder = Path(self._exit_stack.enter_context(tempfile.TemporaryDirectory()))
        logging.getLogger().addHandler(self._errors)
        self._boundary = self._loop.run_until_complete(self._exit_stack.enter_async_context(self._open_context(folder)))

    def close(self) -> None:
        """Close everything; without that a process with threads never ends."""
        if self._loop is None:
            return
        self._loop.run_until_complete(self._exit_stack.aclose())
        self._loop.close()
        self._loop = self._boundary = None
        logging.getLogger().removeHandler(self._errors)
        setattr(services, "WorkerPool", WorkerPool)  # noqa: B010 - the name is of another class
