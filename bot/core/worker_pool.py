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

from bot.core.worker_process import HEADER, WorkerDied, WorkerError, WorkerTimeout, decode_reply

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
"""Environment that makes glibc return the memory of a document to the system once it is freed (mallopt(3)).
"""
_ENV_ALLOWLIST = frozenset(
    "COVERAGE_PROCESS_CONFIG COVERAGE_PROCESS_START HOME LANG LC_ALL LC_CTYPE LD_LIBRARY_PATH MPLCONFIGDIR "
    "PATH PYTHONPYCACHEPREFIX TMPDIR TZ XDG_CACHE_HOME".split()
)
_BOOTSTRAP_CODE = (
    "import sys; sys.path[:] = {path!r}; "
    "from bot.core.worker_process import run_worker; run_worker({descriptor}, {tired})"
)


class WorkerPool:
    """A pool of at most `count` worker processes for one event loop.

    Calls are served in order, by one process as long as no call waits longer than `SCALE_UP_DELAY_SECONDS`. A
    worker is replaced once it has used `recycle_rss_bytes` of memory. After `idle_seconds` without a call,
    all workers but `min_idle` end; None keeps all.
    """

    def __init__(
        self,
        count: int = 1,
        *,
        recycle_rss_bytes: int = RECYCLE_RSS_BYTES,
        idle_seconds: float | None = None,
        min_idle: int = 0,
    ) -> None:
        self._count, self._min_idle = count, min_idle
        self._recycle_rss_bytes = recycle_rss_bytes
        self._idle_seconds = idle_seconds
        self._reap_timer: asyncio.TimerHandle | None = None
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._dying: list[subprocess.Popen[bytes]] = []
        self._slot_waiters: deque[asyncio.Future[None]] = deque()
        self._used_slots = 0
        self._closed = False

    async def close(self) -> None:
        """Kill the worker processes; waiting and running calls are cancelled."""
        self._closed = True
        if self._reap_timer is not None:
            self._reap_timer.cancel()
        for future in self._slot_waiters:
            future.cancel()
        for worker in [*self._busy, *self._idle]:
            self._discard(worker)
        self._idle.clear()
        while self._reap():  # noqa: ASYNC110 - no portable event reports the end of a process
            await asyncio.sleep(0.002)

    async def run(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: float,  # noqa: ASYNC109 - limits the worker's time, not this task's
    ) -> T:
        """Call `function(*args)`, a module-level function, in a worker and return its result.

        `timeout` is in seconds from when a worker is free. The result must be plain data of the declared
        return type; of an exception, the arguments and plain attributes are kept.

        Raises WorkerTimeout, WorkerDied, or the exception that the function raised.
        """
        name = f"{function.__module__}:{function.__qualname__}"
        await self._acquire_slot()
        worker: _Worker | None = None
        is_reusable = False
        try:
            worker = await self._get_or_spawn()
            self._busy.add(worker)
            is_reusable, outcome = await worker.call(name, args, timeout, _return_type(function))
        finally:
            if worker is not None:
                self._busy.discard(worker)
                if is_reusable and not self._closed:
                    worker.free_since = asyncio.get_running_loop().time()
                    self._idle.append(worker)  # Last in, first out: idle workers can end.
                    self._schedule_reap()
                else:
                    self._discard(worker)
            self._used_slots -= 1
            self._grant_next()
        if isinstance(outcome, BaseException):
            raise outcome
        return cast("T", outcome)

    async def _acquire_slot(self) -> None:
        if self._closed:
            raise asyncio.CancelledError
        if not self._used_slots:
            self._used_slots = 1
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._slot_waiters.append(future)
        scale_up_timer = loop.call_later(SCALE_UP_DELAY_SECONDS, self._grant_next)
        try:
            await future
        except asyncio.CancelledError:
            if future in self._slot_waiters:
                self._slot_waiters.remove(future)
            elif not future.cancelled():  # It had just got a slot.
                self._used_slots -= 1
                self._grant_next()
            raise
        finally:
            scale_up_timer.cancel()

    def _grant_next(self) -> None:
        """Give a free worker slot to the call that has waited longest."""
        while self._slot_waiters and self._used_slots < self._count:
            future = self._slot_waiters.popleft()
            if not future.done():
                self._used_slots += 1
                future.set_result(None)
                return

    async def _get_or_spawn(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if not worker.is_lost:
                return worker
            self._discard(worker)
        self._reap()
        return await _Worker.start(self._recycle_rss_bytes)

    def _schedule_reap(self) -> None:
        """Schedule the end of workers without calls."""
        if self._reap_timer is None and self._idle_seconds is not None:
            self._reap_timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._reap_idle)

    def _reap_idle(self) -> None:
        loop, idle_seconds = asyncio.get_running_loop(), self._idle_seconds or 0.0
        now = loop.time()
        while len(self._idle) > self._min_idle and self._idle[0].free_since + idle_seconds <= now:
            self._discard(self._idle.pop(0))
        delays = [self._idle[0].free_since + idle_seconds - now] if len(self._idle) > self._min_idle else []
        delays += [1.0] if self._reap() else []
        self._reap_timer = loop.call_later(max(min(delays), 0.01), self._reap_idle) if delays else None

    def _discard(self, worker: _Worker) -> None:
        worker.kill()
        if worker.process not in self._dying:
            self._dying.append(worker.process)

    def _reap(self) -> bool:
        """Forget worker processes that have ended; return whether some are still running."""
        self._dying = [process for process in self._dying if process.poll() is None]
        return bool(self._dying)


def _worker_environment() -> dict[str, str]:
    """Return the environment of a worker, without tokens, keys and passwords."""
    return {name: setting for name, setting in os.environ.items() if name in _ENV_ALLOWLIST} | _MALLOC_ENV


@cache
def _return_type(function: Callable[..., object]) -> object:
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
        self._reply: asyncio.Future[tuple[bool, object]] | None = None
        self._result_type: object = None
        self._received = bytearray()
        self._imported_modules: set[str] = set()

    @classmethod
    async def start(cls, recycle_rss_bytes: int) -> _Worker:
        parent_socket, worker_socket = socket.socketpair()
        with worker_socket:
            bootstrap_source = _BOOTSTRAP_CODE.format(
                path=sys.path, descriptor=worker_socket.fileno(), tired=recycle_rss_bytes
            )
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - returns in a millisecond; runs our interpreter
                [sys.executable, "-P", "-c", bootstrap_source],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[worker_socket.fileno()],
                env=_worker_environment(),
                start_new_session=True,  # Ctrl-C in the terminal must not reach it.
            )
        worker = cls(process)
        await asyncio.get_running_loop().create_connection(lambda: worker, sock=parent_socket)
        return worker

    async def call(
        self, name: str, args: tuple[object, ...], timeout_seconds: float, result_type: object
    ) -> tuple[bool, object]:
        """Send a call to the worker and wait for the reply.

        Return whether the worker is still usable, and the result of type `result_type` or the exception.
        """
        if self._transport is None:
            raise RuntimeError("a worker without its connection")
        payload = pickle.dumps((name, args, timeout_seconds), pickle.HIGHEST_PROTOCOL)
        loop = asyncio.get_running_loop()
        self._result_type = result_type
        self._reply, started_at = loop.create_future(), loop.time()
        self._transport.writelines((HEADER.pack(len(payload)), payload))
        module = name.partition(":")[0]
        is_first_call = module not in self._imported_modules
        self._imported_modules.add(module)
        timed_out = False, WorkerTimeout(f"{name} took more than {timeout_seconds:g} s")
        try:
            async with asyncio.timeout(timeout_seconds + (STARTUP_GRACE_SECONDS if is_first_call else 0)):
                is_reusable, outcome = await self._reply
        except TimeoutError:
            return timed_out
        finally:
            self._reply = None
        # The worker's own timer starts after the import and ends it even if the parent is gone.
        is_self_terminated = isinstance(outcome, WorkerDied) and loop.time() - started_at >= timeout_seconds
        return timed_out if is_self_terminated else (is_reusable, outcome)

    def kill(self) -> None:
        """Kill the worker process; its running call is cancelled."""
        if self._reply is not None:
            self._reply.cancel()
        if self._transport is not None:
            self._transport.abort()
        self.process.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < HEADER.size:
            return
        size = HEADER.size + HEADER.unpack_from(self._received)[0]
        if len(self._received) < size:
            return
        reply, self._received = memoryview(self._received)[HEADER.size : size], bytearray()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(decode_reply(reply, self._result_type))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - signature of asyncio.Protocol
        self.is_lost = True
        if self._reply is not None and not self._reply.done():
            self._reply.set_result((False, WorkerDied("the worker process ended before it answered")))
