"""What one process asks of another: of who has the shard of a server, what only that knows.

Questions and answers are notices of the database and kept nowhere. Who is not answered in time does without.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context

from bot.processes.notices import Notices
from bot.store import Store, StoreError

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that who asks waits."""
_PIECE = 7_000  # characters; a notice has fewer than 8,000 bytes
_MOST_ASKED = 64  # questions of others that are answered at a time

Answer = Callable[[int, int], Awaitable[Collection[int] | None]]
"""Makes numbers of numbers; None: another process is to answer, or nobody can."""


class Inquiries:
    """Questions about a server and a person, answered with numbers. `answer` is this process's part."""

    def __init__(self, store: Store, notices: Notices, answer: Answer) -> None:
        self._store, self._notices, self._answer = store, notices, answer
        self._open: dict[str, tuple[asyncio.Future[frozenset[int]], dict[int, str]]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Hear what others ask."""
        self._notices.hear("ask", self._asked)
        self._notices.hear("told", self._told)

    def stop(self) -> None:
        """Hear nothing more."""
        self._notices.hear("ask", None)
        self._notices.hear("told", None)
        for task in self._answering:
            task.cancel()

    async def ask(self, server_id: int, person_id: int) -> frozenset[int] | None:
        """What the process with the server's shard answers; None where nobody does in time."""
        name = secrets.token_hex(8)
        answered: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._open[name] = answered, {}
        try:
            async with asyncio.timeout(PATIENCE):
                await self._store.tell(f"ask {name} {server_id} {person_id}")
                return await answered
        except (TimeoutError, StoreError):
            return None
        finally:
            del self._open[name]

    def _asked(self, text: str) -> None:
        name, server_id, person_id = text.split()
        if name not in self._open and len(self._answering) < _MOST_ASKED:
            Context().run(self._begin, name, int(server_id), int(person_id))

    def _begin(self, name: str, server_id: int, person_id: int) -> None:
        task = asyncio.create_task(self._reply(name, server_id, person_id))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _reply(self, name: str, server_id: int, person_id: int) -> None:
        try:
            found = await self._answer(server_id, person_id)
            if found is None:
                return
            text = ",".join(map(str, found))
            pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)] or [""]
            for number, piece in enumerate(pieces):
                await self._store.tell(f"told {name} {number} {len(pieces)} {piece}")
        except StoreError as error:
            log.debug("A process was not answered: %s", error)
        except Exception:
            log.exception("A process was not answered")

    def _told(self, text: str) -> None:
        name, number, count, piece = text.split(" ", 3)
        answered, pieces = self._open.get(name, (None, {}))
        pieces[int(number)] = piece
        if answered is not None and not answered.done() and len(pieces) == int(count):
            whole = "".join(pieces[place] for place in range(len(pieces)))
            answered.set_result(frozenset(map(int, whole.split(","))) if whole else frozenset())
