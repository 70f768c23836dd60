"""Stop requests for a server whose shard lease this process may have lost.

A process can be suspended at any moment, alone or with its machine, and resume after a peer has taken over
and sent what it was about to send. The lease is therefore checked once a connection is available, right
before the request is written.
"""

from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.store import LeaseLost

current_server_id: ContextVar[int | None] = ContextVar("acting_for", default=None)
"""Server on whose behalf the current task makes requests; None if no lease is needed."""


class LeaseGuard:
    """Tracing hooks for discord.py's session; `owns_server` tells whether this process has a server's lease.

    Requests without the lease raise LeaseLost.
    """

    def __init__(self, owns_server: Callable[[int], bool]) -> None:
        self._owns_server = owns_server

    def attach(self, trace: aiohttp.TraceConfig) -> None:
        """Register the hooks on the trace configuration of a session."""
        trace.on_connection_create_end.append(self._check)
        trace.on_connection_reuseconn.append(self._check)

    async def _check(self, _session: aiohttp.ClientSession, _context: SimpleNamespace, _about: Any) -> None:  # noqa: ANN401  # parameters of either hook
        server_id = current_server_id.get()
        if server_id is not None and not self._owns_server(server_id):
            raise LeaseLost
