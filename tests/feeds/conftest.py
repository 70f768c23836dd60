"""Fixtures: a fetcher, workers, and servers with broken HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.core.concurrency.worker_pool import WorkerPool
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from tests.support.workers.reused_workers import ReusedWorkers

RawServer = Callable[[Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]], Awaitable[str]]


async def fetch_error_code(fetcher: Fetcher, url: str, **options: object) -> str:
    """Fetch a URL and return the code of the error."""
    with pytest.raises(FeedError) as caught:
        await fetcher.get(url, **options)  # type: ignore[arg-type]  # options of `Fetcher.get`
    return caught.value.code


@pytest.fixture
async def fetcher(settings) -> AsyncIterator[Fetcher]:
    async with Fetcher(settings) as opened:
        yield opened


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    pool = ReusedWorkers()
    yield pool
    await pool.close()


@pytest.fixture
async def raw_server() -> AsyncIterator[RawServer]:
    """A function that starts a TCP server, whose coroutine answers each connection, and returns its URL."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> str:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                tasks.add(task)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await answer(reader, writer)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
