"""A pool of worker processes for work that is expensive or may hang, such as parsing untrusted input.

A thread would hold the interpreter's lock and could not be stopped. A worker is a fresh Python process that
takes one call at a time over a socket pair; a worker that hangs or dies is replaced. The event loop only
waits.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, TypeVarTuple, cast, get_type_hints

from bot.core.concurrency.worker_process import HEADER_FORMAT, WorkerDied, WorkerError, WorkerTimeout, decode_reply

__all__ = ["WorkerDied", "WorkerError", "WorkerPool", "WorkerTimeout"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RECYCLE_RSS_BYTES = 192 * 2**20
"""Peak resident memory in bytes above which a worker is replaced after its call."""
SCALE_UP_DELAY_SECONDS = 0.2
"""Seconds that a call waits before another worker process (some 30 MB) is started for it."""
STARTUP_GRACE_SECONDS = 30.0
"""Seconds added to a call's timeout while a worker starts or first imports the module of a function."""

_MALLOC_ENV = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Environment that makes glibc return the memory of a document to the system once it is freed (mallopt(3))."""
_ENV_ALLOWLIST = frozenset(
    "COVERAGE_PROCESS_CONFIG COVERAGE_PROCESS_START HOME LANG LC_ALL LC_CTYPE LD_LIBRARY_PATH PATH "
    "PYTHONPYCACHEPREFIX TMPDIR TZ".split()
)
_BOOTSTRAP_CODE_TEMPLATE = (
    "import sys; sys.path[:] = {sys_path!r}; "
    "from bot.core.concurrency.worker_process import run_worker; run_worker({descriptor}, {recycle_rss_bytes})"
)


class WorkerPool:
    """A pool of at most `max_workers` worker processes for one event loop.

    Calls are served in order, by one process as long as no call waits longer than `SCALE_UP_DELAY_SECONDS`. A
    worker is replaced once it has used `recycle_rss_bytes` of memory. A worker without a call for
    `max_idle_seconds` ends if more than `min_idle_workers` are idle; None keeps all.
    """

    def __init__(
        self,
        max_workers: int = 1,
        *,
        recycle_rss_bytes: int = RECYCLE_RSS_BYTES,
        max_idle_seconds: float | None = None,
        min_idle_workers: int = 0,
    ) -> None:
        self._max_workers, self._min_idle_workers = max_workers, min_idle_workers
        self._recycle_rss_bytes = recycle_rss_bytes
        self._max_idle_seconds = max_idle_seconds
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_workers: list[_Worker] = []
        self._busy_workers: set[_Worker] = set()
        self._dying_processes: list[subprocess.Popen[bytes]] = []
        self._slot_futures: deque[asyncio.Future[None]] = deque()
        self._used_slot_count = 0
        self._is_closed = False

    async def close(self) -> None:
        """Kill the worker processes; waiting and running calls are cancelled."""
        self._is_closed = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        for slot_future in self._slot_futures:
            slot_future.cancel()
        for worker in [*self._busy_workers, *self._idle_workers]:
            self._discard_worker(worker)
        self._idle_workers.clear()
        # No portable event reports the end of a process. A process that is being started is killed once it has begun.
        while self._forget_ended_processes() or self._used_slot_count:  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    async def run(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: float,  # noqa: ASYNC109 - limits the worker's time, not this task's
    ) -> T:
        """Call `function(*args)`, a module-level function, in a worker and return its result.

        `timeout` is in seconds from when a worker is free; `STARTUP_GRACE_SECONDS` are added for a first import. The
        result must be plain data of the declared return type; of an exception, the arguments and plain attributes
        are kept.

        Raises WorkerTimeout, WorkerDied, or the exception that the function raised.
        """
        function_path = f"{function.__module__}:{function.__qualname__}"
        await self._acquire_slot()
        worker: _Worker | None = None
        is_reusable = False
        try:
            worker = await self._get_or_start_worker()
            if self._is_closed:  # meanwhile
                raise asyncio.CancelledError
            self._busy_workers.add(worker)
            is_reusable, outcome = await worker.call(function_path, args, timeout, _find_return_type(function))
        finally:
            if worker is not None:
                self._busy_workers.discard(worker)
                if is_reusable and not self._is_closed:
                    worker.free_since = asyncio.get_running_loop().time()
                    self._idle_workers.append(worker)  # Last in, first out: idle workers can end.
                    self._schedule_idle_end()
                else:
                    self._discard_worker(worker)
            self._used_slot_count -= 1
            self._grant_next_slot()
        if isinstance(outcome, BaseException):
            raise outcome
        return cast("T", outcome)

    async def _acquire_slot(self) -> None:
        if self._is_closed:
            raise asyncio.CancelledError
        if not self._used_slot_count:
            self._used_slot_count = 1
            return
        loop = asyncio.get_running_loop()
        slot_future: asyncio.Future[None] = loop.create_future()
        self._slot_futures.append(slot_future)
        scale_up_timer = loop.call_later(SCALE_UP_DELAY_SECONDS, self._grant_next_slot)
        try:
            await slot_future
        except asyncio.CancelledError:
            if slot_future in self._slot_futures:
                self._slot_futures.remove(slot_future)
            elif not slot_future.cancelled():  # It had just got a slot.
                self._used_slot_count -= 1
                self._grant_next_slot()
            raise
        finally:
            scale_up_timer.cancel()

    def _grant_next_slot(self) -> None:
        """Give a free worker slot to the call that has waited longest."""
        while self._slot_futures and self._used_slot_count < self._max_workers:
            slot_future = self._slot_futures.popleft()
            if not slot_future.done():
                self._used_slot_count += 1
                slot_future.set_result(None)
                return

    async def _get_or_start_worker(self) -> _Worker:
        while self._idle_workers:
            worker = self._idle_workers.pop()
            if not worker.is_lost:
                return worker
            self._discard_worker(worker)
        self._forget_ended_processes()
        return await _Worker.start(self._recycle_rss_bytes)

    def _schedule_idle_end(self) -> None:
        """Schedule the end of worker processes that have had no calls for a while."""
        if self._idle_timer is None and self._max_idle_seconds is not None:
            self._idle_timer = asyncio.get_running_loop().call_later(self._max_idle_seconds, self._end_idle_workers)

    def _end_idle_workers(self) -> None:
        loop, max_idle_seconds = asyncio.get_running_loop(), self._max_idle_seconds or 0.0
        now = loop.time()
        while (
            len(self._idle_workers) > self._min_idle_workers
            and self._idle_workers[0].free_since + max_idle_seconds <= now
        ):
            self._discard_worker(self._idle_workers.pop(0))
        delays_seconds = (
            [self._idle_workers[0].free_since + max_idle_seconds - now]
            if len(self._idle_workers) > self._min_idle_workers
            else []
        )
        delays_seconds += [1.0] if self._forget_ended_processes() else []
        self._idle_timer = (
            loop.call_later(max(min(delays_seconds), 0.01), self._end_idle_workers) if delays_seconds else None
        )

    def _discard_worker(self, worker: _Worker) -> None:
        worker.kill()
        if worker.process not in self._dying_processes:
            self._dying_processes.append(worker.process)

    def _forget_ended_processes(self) -> bool:
        """Forget worker processes that have ended; return whether some are still running."""
        self._dying_processes = [process for process in self._dying_processes if process.poll() is None]
        return bool(self._dying_processes)


def _build_worker_environment() -> dict[str, str]:
    """Return the environment of a worker, without tokens, keys and passwords."""
    return {
        variable_name: setting for variable_name, setting in os.environ.items() if variable_name in _ENV_ALLOWLIST
    } | _MALLOC_ENV


@cache
def _find_return_type(function: Callable[..., object]) -> object:
    """Return the declared return type of a function, or Any if it declares none."""
    return_type = get_type_hints(function).get("return", Any)
    return Any if return_type is object else return_type


class _Worker(asyncio.Protocol):
    """A worker process with the parent's end of the socket pair that connects them."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.is_lost = False
        self.free_since = asyncio.get_running_loop().time()
        self._transport: asyncio.Transport | None = None
        self._reply_future: asyncio.Future[tuple[bool, object]] | None = None
        self._result_type: object = None
        self._received_bytes = bytearray()
        self._imported_modules: set[str] = set()

    @classmethod
    async def start(cls, recycle_rss_bytes: int) -> _Worker:
        parent_socket, worker_socket = socket.socketpair()
        with worker_socket:
            bootstrap_source = _BOOTSTRAP_CODE_TEMPLATE.format(
                sys_path=sys.path, descriptor=worker_socket.fileno(), recycle_rss_bytes=recycle_rss_bytes
            )
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns in a millisecond; runs our interpreter
                [sys.executable, "-P", "-c", bootstrap_source],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[worker_socket.fileno()],
                env=_build_worker_environment(),
                start_new_session=True,  # Ctrl-C in the terminal must not reach it.
            )
        worker = cls(process)
        await asyncio.get_running_loop().create_connection(lambda: worker, sock=parent_socket)
        return worker

    async def call(
        self, function_path: str, args: tuple[object, ...], timeout_seconds: float, result_type: object
    ) -> tuple[bool, object]:
        """Send a call to the worker and wait for the reply.

        Return whether the worker is still usable, and the result of type `result_type` or the exception.
        """
        if self._transport is None:
            raise RuntimeError("a worker without its connection")
        call_payload = pickle.dumps((function_path, args, timeout_seconds), pickle.HIGHEST_PROTOCOL)
        loop = asyncio.get_running_loop()
        self._result_type = result_type
        self._reply_future, started_at = loop.create_future(), loop.time()
        self._transport.writelines((HEADER_FORMAT.pack(len(call_payload)), call_payload))
        module_name = function_path.partition(":")[0]
        is_first_call = module_name not in self._imported_modules
        self._imported_modules.add(module_name)
        timeout_outcome = False, WorkerTimeout(f"{function_path} took more than {timeout_seconds:g} s")
        try:
            async with asyncio.timeout(timeout_seconds + (STARTUP_GRACE_SECONDS if is_first_call else 0)):
                is_reusable, outcome = await self._reply_future
        except TimeoutError:
            return timeout_outcome
        finally:
            self._reply_future = None
        # The worker's own timer starts after the import and ends it even if the parent is gone.
        is_self_terminated = isinstance(outcome, WorkerDied) and loop.time() - started_at >= timeout_seconds
        return timeout_outcome if is_self_terminated else (is_reusable, outcome)

    def kill(self) -> None:
        """Kill the worker process; its running call is cancelled."""
        if self._reply_future is not None:
            self._reply_future.cancel()
        if self._transport is not None:
            self._transport.abort()
        self.process.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received_bytes += data
        if len(self._received_bytes) < HEADER_FORMAT.size:
            return
        message_size = HEADER_FORMAT.size + HEADER_FORMAT.unpack_from(self._received_bytes)[0]
        if len(self._received_bytes) < message_size:
            return
        reply_bytes, self._received_bytes = (
            memoryview(self._received_bytes)[HEADER_FORMAT.size : message_size],
            bytearray(),
        )
        if self._reply_future is not None and not self._reply_future.done():
            self._reply_future.set_result(decode_reply(reply_bytes, self._result_type))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - signature of asyncio.Protocol
        self.is_lost = True
        if self._reply_future is not None and not self._reply_future.done():
            self._reply_future.set_result((False, WorkerDied("the worker process ended before it answered")))
