"""Requests to the bot's own HTTP server: raw bytes to its pages, and documents that a hub pushes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

import feedparser  # noqa: F401 - instrumented only if it is imported here

from bot.client.health import Health
from bot.client.services import open_services
from bot.client.web.feed_routes import PublishedFeedRoutes
from bot.client.web.metrics import MetricsCollector
from bot.client.web.status_routes import StatusRoutes
from bot.client.web.websub_routes import WebSubRoutes
from bot.core.configuration.settings_reading import read_settings
from tests.fuzz.fuzz_target import FuzzTarget
from tests.fuzz.open_boundary import OpenBoundary
from tests.fuzz.targets import feed_documents
from tests.polling.test_pushed_feeds import DAY, Hub, open_hub
from tests.support.clocks import ManualClock
from tests.support.discord_world import open_world
from tests.support.feed_server import FeedServer, make_rss, make_rss_item

PUBLIC_URL = "http://127.0.0.1:1"
RESPONSE_SECONDS = 5.0
"""Seconds within which the server must answer a request that is complete or was cut off."""


class _OwnServer(NamedTuple):
    port: int
    clock: ManualClock


@asynccontextmanager
async def _open_own_server(folder: Path) -> AsyncIterator[_OwnServer]:
    settings = replace(read_settings(), database=folder / "telex.db", public_url=PUBLIC_URL)
    clock = ManualClock()
    async with open_services(settings, clock) as services, open_world(services, clock) as world:
        health = Health(services)
        routes = [
            *StatusRoutes(services, health).build_routes(),
            *PublishedFeedRoutes(world.bot, PUBLIC_URL).build_routes(),
            *WebSubRoutes(services.websub_subscriber, settings, services.maintenance).build_routes(),
        ]
        async with MetricsCollector(services, health).serve("127.0.0.1", 0, routes) as port:
            yield _OwnServer(port, clock)


async def _check_request(server: _OwnServer, data: bytes) -> None:
    """Send a request and no more; the answer is HTTP, names no versions, and repeats no markup."""
    server.clock.advance(60)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(RESPONSE_SECONDS):
                response = await reader.read()
            assert not response or response.startswith(b"HTTP/1."), response[:100]
            assert b"<script" not in response
            assert b"Traceback" not in response
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def load_request_seeds() -> Iterator[bytes]:
    """Yield requests to every page, right and wrong."""
    for path in (
        "/healthz",
        "/metrics",
        "/status",
        "/status.json",
        "/feeds/token/posts.xml",
        "/feeds/token/stories.json",
        "/websub/token",
        "/websub/token?hub.mode=subscribe&hub.topic=x&hub.challenge=<script>&hub.lease_seconds=9",
    ):
        for method, headers, body in (
            ("GET", 'Accept-Language: fr;q=0.9, en\r\nIf-None-Match: W/"a"\r\n', ""),
            ("HEAD", "If-Modified-Since: Mon, 04 May 2026 08:00:00 GMT\r\nX-Forwarded-For: 1.1.1.1, x\r\n", ""),
            ("POST", f"X-Hub-Signature: sha256={'0' * 64}\r\nContent-Length: 6\r\n", "<rss/>"),
            ("POST", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "5\r\n<rss>\r\n0\r\n\r\n"),
        ):
            yield f"{method} {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}".encode()
    yield b"\x16\x03\x01\x02\x00\x01"
    yield b"GET / HTTP/9.9\r\n\r\n"


@asynccontextmanager
async def _open_pushing_hub(folder: Path) -> AsyncIterator[Hub]:
    settings = replace(
        read_settings(), database=folder / "telex.db", allow_private_addresses=(ip_network("127.0.0.0/8"),)
    )
    clock = ManualClock()
    server = await FeedServer().start()
    try:
        async with open_hub(settings, server, clock) as hub:
            await hub.follow_pushed_feed()
            yield hub
    finally:
        await server.stop()


async def _check_push(hub: Hub, data: bytes) -> None:
    """Push a document with the right signature, and with a wrong one."""
    hub.clock.advance(DAY // 300)
    assert await hub.push(data, secret="guessed") in {202, 413, 429}
    assert await hub.push(data) in {202, 413, 429}


def load_push_seeds() -> Iterator[bytes]:
    """Yield documents of feeds, first the next one of the feed that was followed."""
    yield make_rss(*map(make_rss_item, (1, 2, 3)), title="Wire").encode()
    yield from feed_documents.load_xml_seeds()


_SERVER = OpenBoundary(_open_own_server, _check_request, max_inputs=3_000)
_HUB = OpenBoundary(_open_pushing_hub, _check_push, max_inputs=300)
TARGETS = (
    FuzzTarget(
        name="own-pages",
        check=_SERVER.check,
        close=_SERVER.close,
        load_seeds=load_request_seeds,
        tokens=tuple(
            token + b" "
            for token in b"GET HEAD POST OPTIONS HTTP/1.1 HTTP/1.0 \r\n \r\n\r\n /healthz /metrics "
            b"/status /status.json "
            b"/feeds/ .xml .json /websub/ hub.mode= hub.challenge= hub.lease_seconds= %00 %ff ../ "
            b"Host: Content-Length: "
            b"Transfer-Encoding: chunked X-Hub-Signature: sha256= sha1= If-None-Match: "
            b"If-Modified-Since: Accept-Language: "
            b"X-Forwarded-For: Expect: 100-continue Upgrade: Connection: Range: 99999999999999999999 \x00 \xff".split()
        ),
        max_bytes=4096,
        max_cost_bytes=0,
    ),
    FuzzTarget(
        name="websub",
        check=_HUB.check,
        close=_HUB.close,
        load_seeds=load_push_seeds,
        tokens=feed_documents.TARGETS[0].tokens,
        max_cost_bytes=0,
    ),
)
