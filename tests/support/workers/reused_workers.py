"""Worker processes that go from test to test, as in a bot they go from call to call.

To import for each test what reads feeds would be more than half of what many tests cost. Only a process that
is idle and healthy when its pool closes is kept: whatever a test broke ends with it. Tests of the processes
themselves use `bot.core.concurrency.worker_pool.WorkerPool`.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from subprocess import Popen

from bot.core.concurrency.worker_pool import WorkerPool, _Worker

MAX_IDLE_PROCESSES = 4
"""Processes that wait for the next test."""


@dataclass
class IdleWorkers:
    """Processes that nobody uses, by how much memory they may hold; the oldest has imported most."""

    _processes: dict[int, list[tuple[int, Popen[bytes], socket.socket]]] = field(default_factory=dict)

    def put(self, worker: _Worker, memory_limit: int) -> bool:
        """Take an idle process from its pool and its event loop. Whether there was room."""
        idle = self._processes.setdefault(memory_limit, [])
        transport = worker._transport  # noqa: SLF001 - taken over
        if transport is None or worker.is_lost or worker.process.poll() is not None or len(idle) >= MAX_IDLE_PROCESSES:
            return False
        connection = transport.get_extra_info("socket").dup()
        transport.abort()  # closes the event loop's end alone
        idle.append((worker.process.pid, worker.process, connection))
        return True

    async def take(self, memory_limit: int) -> _Worker | None:
        """A process, if there is one."""
        idle = self._processes.setdefault(memory_limit, [])
        while idle:
            oldest = min(idle)
            idle.remove(oldest)
            _, process, connection = oldest
            if process.poll() is not None:
                connection.close()
                continue
            return await _wrap_process(process, connection)
        return None

    def close(self) -> None:
        """End them all."""
        for idle in self._processes.values():
            for _, process, connection in idle:
                connection.close()
                process.kill()
                process.wait()
        self._processes.clear()


async def _wrap_process(process: Popen[bytes], connection: socket.socket) -> _Worker:
    worker = _Worker(process)
    await asyncio.get_running_loop().create_connection(lambda: worker, sock=connection)
    return worker


IDLE_WORKERS = IdleWorkers()


class ReusedWorkers(WorkerPool):
    """A pool that takes its processes from the stable, and gives them back."""

    async def close(self) -> None:
        self._idle_workers = [
            worker for worker in self._idle_workers if not IDLE_WORKERS.put(worker, self._recycle_rss_bytes)
        ]
        await super().close()

    async def _get_or_start_worker(self) -> _Worker:
        if not self._idle_workers and (worker := await IDLE_WORKERS.take(self._recycle_rss_bytes)) is not None:
            return worker
        return await super()._get_or_start_worker()

    def _schedule_idle_end(self) -> None:
        """Leave idle processes to the next test: simcord waits for a timer that is due within seconds."""
