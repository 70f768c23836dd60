"""Nothing is sent for a server whose shard may be another process's by now.

A process may be stopped at any moment, with its machine or alone, and go on when another has taken over and
sent what it was about to send. So the lease is looked at when there is a connection, and nothing is left but
to write the request.
"""

from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.store import LeaseLost

current_server_id: ContextVar[int | None] = ContextVar("acting_for", default=None)
"""The server that the requests of a task are for; None: what they do is nobody else's to do."""


class LeaseGuard:
    """Hooks for discord.py's session. `holds` tells whether this process may act for a server."""

    def __init__(self, holds: Callable[[int], bool]) -> None:
        self._holds_lease = holds

    def attach(self, trace: aiohttp.TraceConfig) -> None:
        """Hook into a session."""
        trace.on_connection_create_end.append(self._check)
        trace.on_connection_reuseconn.append(self._check)

    async def _check(self, _session: aiohttp.ClientSession, _context: SimpleNamespace, _about: Any) -> None:  # noqa: ANN401 - of either hook
        server_id = current_server_id.get()
        if server_id is not None and not self._holds_lease(server_id):
            raise LeaseLost
