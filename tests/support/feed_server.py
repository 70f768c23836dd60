"""A publisher on loopback whose feeds a test writes and whose visitors it can count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from html import escape
from http import HTTPStatus

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request as the server saw it."""

    path: str
    headers: dict[str, str]


@dataclass
class FeedServer:
    """Serves what a test tells it to, with ETags, and remembers who asked."""

    origin: str = ""
    visits: list[Visit] = field(default_factory=list)
    _pages: dict[str, Handler] = field(default_factory=dict)
    _runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1") -> FeedServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.origin = f"http://{host}:{port}"
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def serve(
        self,
        path: str,
        body: bytes | str = b"",
        *,
        content_type: str = "application/rss+xml",
        status: int = 200,
        headers: dict[str, str] | None = None,
        etag: bool = True,
    ) -> str:
        """Answer `path` with `body` from now on; a matching If-None-Match gets 304. Returns the URL."""
        raw = body.encode() if isinstance(body, str) else body
        tag = f'"{hash(raw) & 0xFFFFFFFF:x}"'

        async def handler(request: web.Request) -> web.StreamResponse:
            extra = dict(headers or {})
            if etag and status == HTTPStatus.OK:
                extra.setdefault("ETag", tag)
                if request.headers.get("If-None-Match") == extra["ETag"]:
                    return web.Response(status=304, headers=extra)
            extra.setdefault("Content-Type", content_type)
            return web.Response(status=status, body=raw, headers=extra)

        return self.handle(path, handler)

    def handle(self, path: str, handler: Handler) -> str:
        """Answer `path` with a coroutine. Returns the URL."""
        self._pages[path] = handler
        return self.origin + path

    def redirect(self, path: str, to: str, status: int = 301) -> str:
        """Send visitors of `path` on to `to`. Returns the URL."""
        return self.serve(path, status=status, headers={"Location": to}, etag=False)

    def count(self, path: str) -> int:
        """How often `path` was asked for."""
        return sum(visit.path == path for visit in self.visits)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.visits.append(Visit(request.path, dict(request.headers)))
        handler = self._pages.get(request.path)
        if handler is None:
            return web.Response(status=404)
        response = await handler(request)
        await asyncio.sleep(0)
        return response


def make_rss_item(number: int, *, title: str | None = None, body: str = "", published: int | None = None) -> str:
    """One RSS item with a link, a guid and a date of its own."""
    publication_date = f"<pubDate>{formatdate(published)}</pubDate>" if published is not None else ""
    return (
        f"<item><title>{escape(title or f'Article {number}')}</title>"
        f"<link>https://news.example/articles/{number}</link>"
        f"<guid isPermaLink='false'>article-{number}</guid>{publication_date}"
        f"<description>{escape(body or f'What article {number} tells.')}</description></item>"
    )


def make_rss(*rss_items: str, title: str = "Example News", language: str = "en") -> str:
    """An RSS 2.0 document around items, newest first as publishers order them."""
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{escape(title)}</title><link>https://news.example/</link><language>{language}</language>"
        f"<description>News</description>{''.join(rss_items)}</channel></rss>"
    )
