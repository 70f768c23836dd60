"""Responses of publishers' servers, byte by byte: status line, headers and body."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

from bot.core.configuration.settings_reading import read_settings
from bot.core.models import ParsedFeed
from bot.feeds import poll_schedule, websub
from bot.feeds.fetch import Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.polling.feed_updates import build_validators
from tests.fuzz import output_checks
from tests.fuzz.fuzz_target import FuzzTarget
from tests.fuzz.open_boundary import OpenBoundary

NOW = 1_780_000_000
MAX_HEADER_CHARS = 32 * 1024
"""Number of bytes of a header that the HTTP client reads at most."""


@dataclass
class _Publisher:
    """A server that answers with any bytes, and a fetcher."""

    fetcher: Fetcher
    url: str = ""
    response: bytes = b""

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request with the bytes and close the connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.response)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def _open_publisher(_folder: Path) -> AsyncIterator[_Publisher]:
    settings = replace(
        read_settings(), allow_private_addresses=(ip_network("127.0.0.0/8"),), fetch_timeout=10, max_feed_bytes=2**20
    )
    async with Fetcher(settings) as fetcher:
        publisher = _Publisher(fetcher)
        server = await asyncio.start_server(publisher.respond, "127.0.0.1", 0)
        publisher.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed"
        yield publisher
        server.close()


async def _check_response(publisher: _Publisher, data: bytes) -> None:
    """Fetch, read all headers, and fetch again with the validators, which must be possible to send."""
    publisher.response = data.replace(b"HOST", publisher.url.encode())
    try:
        result = await publisher.fetcher.get(publisher.url)
    except FeedError as error:
        output_checks.check_storable((error.detail, error.retry_after), MAX_HEADER_CHARS)
        return
    _check_headers(result)
    validators = build_validators(result, None)
    output_checks.check_storable(validators, MAX_HEADER_CHARS)
    with contextlib.suppress(FeedError):
        await publisher.fetcher.get(publisher.url, validators=validators)


def _check_headers(result: FetchResult) -> None:
    output_checks.check_storable((result.url, result.permanent_url, result.content_type), MAX_HEADER_CHARS)
    output_checks.check_web_url(result.permanent_url, "permanent URL")
    hints = poll_schedule.parse_cache_hints(result.headers, now=NOW, parsed_feed=ParsedFeed(title=""))
    output_checks.check_storable(hints, 0)
    output_checks.check_storable(poll_schedule.parse_rate_limit_wait(result.headers, now=NOW), 0)
    hub = websub.find_hub(result.headers, ParsedFeed(title=""), result.url)
    if hub is not None:
        output_checks.check_web_url(hub.hub_url, "hub")
        output_checks.check_web_url(hub.topic_url, "topic")


def load_seeds() -> Iterator[bytes]:
    """Yield responses with all headers that are read."""
    for status, headers in (
        ("200 OK", 'ETag: "a"\r\nLast-Modified: Mon, 04 May 2026 08:00:00 GMT\r\nContent-Type: text/xml\r\n'),
        (
            "200 OK",
            'Link: <https://hub.example/>; rel="hub", <HOST>; rel=self\r\nCache-Control: max-age=60\r\nAge: 9\r\n',
        ),
        ("200 OK", "Expires: Mon, 04 May 2026 09:00:00 GMT\r\nDate: Mon, 04 May 2026 08:00:00 GMT\r\n"),
        ("200 OK", "Content-Encoding: gzip\r\nContent-Length: 5\r\nETag: W/\x1b\r\n"),
        ("200 OK", "Transfer-Encoding: chunked\r\n"),
        ("301 Moved", "Location: HOST\r\n"),
        ("308 Moved", "Location: //x@y:99999/\r\n"),
        ("302 Found", "Location: http://[::1/\r\n"),
        ("304 Not Modified", ""),
        ("429 Slow", "Retry-After: 120\r\nX-RateLimit-Reset: 99999999999\r\n"),
        ("503 Down", "Retry-After: Mon, 04 May 2026 09:00:00 GMT\r\n"),
    ):
        yield f"HTTP/1.1 {status}\r\n{headers}\r\n<rss/>".encode("latin-1")


_PUBLISHER = OpenBoundary(_open_publisher, _check_response, max_inputs=5_000)
TARGETS = (
    FuzzTarget(
        name="headers",
        check=_PUBLISHER.check,
        close=_PUBLISHER.close,
        load_seeds=load_seeds,
        tokens=tuple(
            token + b" "
            for token in b"\r\n ETag: Last-Modified: Link: rel=hub rel=self Cache-Control: max-age= "
            b"Age: Expires: Date: "
            b"Retry-After: Location: Content-Length: Content-Encoding: Content-Type: charset= "
            b"Transfer-Encoding: chunked "
            b"X-RateLimit-Reset: X-RateLimit-Remaining: HTTP/1.1 200 301 308 304 429 "
            b"99999999999999999999 -1 HOST http:// "
            b"\x1b \x7f \xff \x00 W/".split()
        ),
        max_bytes=2048,
        max_cost_bytes=0,
    ),
)
