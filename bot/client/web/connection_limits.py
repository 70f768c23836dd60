"""Limits of the connections to the bot's HTTP server, so that strangers leave Discord and feeds their descriptors."""

import asyncio
import logging
import resource
from collections import Counter, OrderedDict
from collections.abc import Callable

from aiohttp import ClientConnectionResetError, web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

log = logging.getLogger(__name__)

HEADER_TIMEOUT_SECONDS = 10.0
"""Seconds within which the header of a connection's first request must be complete."""
IDLE_TIMEOUT_SECONDS = 30.0
"""Seconds after a request within which its response must be read and the header of the next one be complete."""
MAX_CONNECTIONS = 8_192
"""Maximum number of connections at a time, where the process may open enough files."""
_MAX_DESCRIPTOR_SHARE = 4
"""Number by which the limit of open files is divided for the maximum of connections."""


class ConnectionLimiter:
    """Bound of the connections of an HTTP server, and of the time that each may take to send a header.

    Beyond the bound, the connection that has waited longest for a complete header is closed; if all handle requests,
    the new connection is.
    """

    def __init__(self) -> None:
        soft_limit, _hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        has_limit = soft_limit != resource.RLIM_INFINITY
        self._max_connections = (
            min(MAX_CONNECTIONS, soft_limit // _MAX_DESCRIPTOR_SHARE) if has_limit else MAX_CONNECTIONS
        )
        self._connections: set[asyncio.BaseTransport] = set()
        self._timer_by_waiting_transport: OrderedDict[asyncio.BaseTransport, asyncio.TimerHandle] = OrderedDict()
        self.close_count_by_reason: Counter[str] = Counter()
        self.malformed_request_count = 0

    def limit(self, create_protocol: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """Return a factory of the protocols of `create_protocol`, whose connections are limited."""
        return lambda: _LimitedConnection(create_protocol(), self)

    def open(self, transport: asyncio.Transport) -> bool:
        """Count a new connection and return True, or return False if it must be closed."""
        if len(self._connections) >= self._max_connections:
            longest_waiting_transport = next(iter(self._timer_by_waiting_transport), None)
            self._abort(longest_waiting_transport or transport, "full")
            if longest_waiting_transport is None:
                return False
        self._connections.add(transport)
        self._start_timer(transport, HEADER_TIMEOUT_SECONDS)
        return True

    def forget(self, transport: asyncio.BaseTransport) -> None:
        """Stop counting a connection."""
        self._connections.discard(transport)
        self._stop_timer(transport)

    @web.middleware
    async def track_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request, whose header is complete, without a time limit of its connection."""
        transport = request.transport
        if transport is None:
            return await handler(request)
        self._stop_timer(transport)
        try:
            return await handler(request)
        finally:
            if transport in self._connections:
                self._start_timer(transport, IDLE_TIMEOUT_SECONDS)

    def filter_log_record(self, record: logging.LogRecord) -> bool:
        """Return whether a record of the server is neither a malformed request nor a connection that its client ended.

        A malformed request is counted and logged in one line.
        """
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ClientConnectionResetError):
            return False
        if not isinstance(error, HttpProcessingError):
            return True
        self.malformed_request_count += 1
        log.debug("request malformed error=%s", type(error).__name__)  # Its text may quote secrets in addresses.
        return False

    def _start_timer(self, transport: asyncio.BaseTransport, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._abort, transport, "slow")
        self._timer_by_waiting_transport[transport] = timer

    def _stop_timer(self, transport: asyncio.BaseTransport) -> None:
        if (timer := self._timer_by_waiting_transport.pop(transport, None)) is not None:
            timer.cancel()

    def _abort(self, transport: asyncio.BaseTransport, reason: str) -> None:
        self.close_count_by_reason[reason] += 1
        self.forget(transport)
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class _LimitedConnection(asyncio.Protocol):
    """Protocol that hands all events to another one while the limiter lets the connection live."""

    def __init__(self, protocol: asyncio.Protocol, limiter: ConnectionLimiter) -> None:
        self._protocol, self._limiter = protocol, limiter
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport) and self._limiter.open(transport):
            self._transport = transport
            self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._limiter.forget(self._transport)
            self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._transport is None else self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


def create_server_logger(limiter: ConnectionLimiter) -> logging.Logger:
    """Return the logger of an HTTP server, without the tracebacks of what clients do wrong."""
    server_logger = logging.getLogger("bot.client.web.server")
    server_logger.filters.clear()
    server_logger.addFilter(limiter.filter_log_record)
    return server_logger
