"""Guard against requests for a server whose shard lease this process may have lost.

A lease makes one process the owner of a shard, a part of the servers. A process can be suspended at any
moment, alone or with its machine, and resume after a peer has taken over and sent the same message. The lease
is therefore checked once a connection is available, right before the request is written.
"""

from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.store import LeaseLost

current_server_id: ContextVar[int | None] = ContextVar("current_server_id", default=None)
"""Id of the server for which the current task makes requests; None if any process may make them."""


class LeaseGuard:
    """Tracing hooks for discord.py's HTTP session that raise LeaseLost if another process may own the server's shard.

    A request for a server needs the lease of its shard, by which one process owns it; `owns_server` returns whether
    this process has the lease, given the server's id.
    """

    def __init__(self, owns_server: Callable[[int], bool]) -> None:
        self._owns_server = owns_server

    def attach(self, trace_config: aiohttp.TraceConfig) -> None:
        """Register the hooks on the trace configuration of an HTTP session."""
        trace_config.on_connection_create_end.append(self._check_lease)
        trace_config.on_connection_reuseconn.append(self._check_lease)

    async def _check_lease(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        _params: Any,  # noqa: ANN401 - the parameters of either hook
    ) -> None:
        server_id = current_server_id.get()
        if server_id is not None and not self._owns_server(server_id):
            raise LeaseLost
