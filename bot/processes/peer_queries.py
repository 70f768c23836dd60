"""Queries to the process that has the shard of a server, for what only that process knows.

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
"""Maximum number of seconds to wait for the reply to a query."""
_CHUNK_CHARS = 7_000
"""Maximum number of characters of a reply per notification; PostgreSQL allows less than 8,000 bytes."""
_MAX_CONCURRENT_REPLIES = 64
"""Maximum number of queries of other processes that are answered at a time; further ones are ignored."""

_QUERY_EVENT = "ask"
"""Name of the notification that carries a query."""
_REPLY_EVENT = "told"
"""Name of the notification that carries a part of a reply."""

QueryHandler = Callable[[int, int], Awaitable[Collection[int] | None]]
"""Coroutine function from a server id and a subject id to the ids that answer a query about the subject.

It returns None if another process has to answer.
"""


class PeerQueries:
    """Client and server of queries between processes, by database notifications; answers are sets of ids.

    All processes get a query; the one with the server's shard answers. `handler_by_query_name` maps names of
    queries to the functions that answer them when another process asks.
    """

    def __init__(
        self, store: Store, cluster_events: ClusterEvents, handler_by_query_name: Mapping[str, QueryHandler]
    ) -> None:
        self._store, self._cluster_events, self._handler_by_query_name = (
            store,
            cluster_events,
            handler_by_query_name,
        )
        self._future_and_chunks_by_query_id: dict[str, tuple[asyncio.Future[frozenset[int]], dict[int, str]]] = {}
        self._reply_tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start to receive queries of other processes, and replies to own queries."""
        self._cluster_events.set_payload_handler(_QUERY_EVENT, self._on_query)
        self._cluster_events.set_payload_handler(_REPLY_EVENT, self._on_reply)

    async def query(self, query_name: str, server_id: int, subject_id: int) -> frozenset[int] | None:
        """Return the ids with which the process that has the server's shard answers a query about a subject.

        `subject_id` is the id of what the query is about, such as a user. Return None if there is no answer
        within `QUERY_TIMEOUT_SECONDS`, or if the database fails.
        """
        query_id = secrets.token_hex(8)
        reply_future: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._future_and_chunks_by_query_id[query_id] = reply_future, {}
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_SECONDS):
                await self._store.notify(f"{_QUERY_EVENT} {query_id} {query_name} {server_id} {subject_id}")
                return await reply_future
        except (TimeoutError, StoreError):
            return None
        finally:
            del self._future_and_chunks_by_query_id[query_id]

    def _on_query(self, payload: str) -> None:
        query_id, query_name, *argument_texts = payload.split()
        if (
            query_id not in self._future_and_chunks_by_query_id  # Not a query of this process
            and len(self._reply_tasks) < _MAX_CONCURRENT_REPLIES
            and query_name in self._handler_by_query_name
        ):
            Context().run(
                self._start_reply,
                query_id,
                self._handler_by_query_name[query_name](*map(int, argument_texts)),
            )

    def _start_reply(self, query_id: str, answer_awaitable: Awaitable[Collection[int] | None]) -> None:
        task = asyncio.create_task(self._send_reply(query_id, answer_awaitable))
        self._reply_tasks.add(task)
        task.add_done_callback(self._reply_tasks.discard)

    async def _send_reply(self, query_id: str, answer_awaitable: Awaitable[Collection[int] | None]) -> None:
        try:
            answer_ids = await answer_awaitable
            if answer_ids is None:
                return
            ids_text = ",".join(map(str, answer_ids))
            chunks = [ids_text[offset : offset + _CHUNK_CHARS] for offset in range(0, len(ids_text), _CHUNK_CHARS)] or [
                ""
            ]
            for chunk_index, chunk in enumerate(chunks):
                await self._store.notify(f"{_REPLY_EVENT} {query_id} {chunk_index} {len(chunks)} {chunk}")
        except StoreError as error:
            log.debug("peer reply failed error=%s", error)
        except Exception:
            log.exception("peer reply failed")

    def _on_reply(self, payload: str) -> None:
        query_id, index_text, count_text, chunk = payload.split(" ", 3)
        reply_future, chunk_by_index = self._future_and_chunks_by_query_id.get(query_id, (None, {}))
        chunk_by_index[int(index_text)] = chunk
        if reply_future is not None and not reply_future.done() and len(chunk_by_index) == int(count_text):
            joined_text = "".join(chunk_by_index[chunk_index] for chunk_index in range(len(chunk_by_index)))
            reply_future.set_result(frozenset(map(int, joined_text.split(","))) if joined_text else frozenset())
