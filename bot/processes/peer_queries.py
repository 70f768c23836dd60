"""Queries to the process that has the shard of a server, for what only it knows.

Queries and replies are notifications of the database and are stored nowhere; unanswered queries time out.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import Context

from bot.processes.cluster_events import ClusterEvents
from bot.store import Store, StoreError

log = logging.getLogger(__name__)

QUERY_TIMEOUT_SECONDS = 1.0
"""Seconds to wait for a reply."""
_PIECE = 7_000
"""Characters per notification; PostgreSQL limits a payload to less than 8,000 bytes."""
_MOST_ASKED = 64
"""Queries of peers that are answered at a time."""

QueryHandler = Callable[[int, int], Awaitable[Collection[int] | None]]
"""Coroutine function that returns the numbers that answer a query, None if another process has to."""


class PeerQueries:
    """Queries about something in a server, answered with numbers; `handlers` answer those of peers."""

    def __init__(self, store: Store, notices: ClusterEvents, answers: Mapping[str, QueryHandler]) -> None:
        self._store, self._notices, self._answers = store, notices, answers
        self._open: dict[str, tuple[asyncio.Future[frozenset[int]], dict[int, str]]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start to answer queries of peers; a process without shards answers none."""
        self._notices.set_payload_handler("ask", self._on_query)
        self._notices.set_payload_handler("told", self._on_reply)

    async def query(self, what: str, server_id: int, about: int) -> frozenset[int] | None:
        """Return the answer of the process with the server's shard, or None without one in time."""
        name = secrets.token_hex(8)
        answered: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._open[name] = answered, {}
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_SECONDS):
                await self._store.notify(f"ask {name} {what} {server_id} {about}")
                return await answered
        except (TimeoutError, StoreError):
            return None
        finally:
            del self._open[name]

    def _on_query(self, text: str) -> None:
        name, what, *numbers = text.split()
        if name not in self._open and len(self._answering) < _MOST_ASKED and what in self._answers:
            Context().run(self._begin, name, self._answers[what](*map(int, numbers)))

    def _begin(self, name: str, answering: Awaitable[Collection[int] | None]) -> None:
        task = asyncio.create_task(self._reply(name, answering))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _reply(self, name: str, answering: Awaitable[Collection[int] | None]) -> None:
        try:
            found = await answering
            if found is None:
                return
            text = ",".join(map(str, found))
            pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)] or [""]
            for number, piece in enumerate(pieces):
                await self._store.notify(f"told {name} {number} {len(pieces)} {piece}")
        except StoreError as error:
            log.debug("peer reply failed error=%s", error)
        except Exception:
            log.exception("peer reply failed")

    def _on_reply(self, text: str) -> None:
        name, number, count, piece = text.split(" ", 3)
        answered, pieces = self._open.get(name, (None, {}))
        pieces[int(number)] = piece
        if answered is not None and not answered.done() and len(pieces) == int(count):
            whole = "".join(pieces[place] for place in range(len(pieces)))
            answered.set_result(frozenset(map(int, whole.split(","))) if whole else frozenset())
