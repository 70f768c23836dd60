"""A hub that a feed on loopback names, and that pushes to a bot in a process of its own (WebSub)."""

from __future__ import annotations

import hmac
import socket
from http import HTTPStatus

import aiohttp
from aiohttp import web

from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.wire.scene import Scene
from tests.support.wire.waiting import wait_until


class WebSubHub:
    """The hub of the scene's feed."""

    def __init__(self, server: FeedServer) -> None:
        self._forms: list[dict[str, str]] = []
        self._hub = server.handle("/hub", self._subscribed)
        self._server = server

    async def _subscribed(self, request: web.Request) -> web.Response:
        self._forms.append(dict(await request.post()))  # type: ignore[arg-type]  # a form of texts
        return web.Response(status=202)

    async def confirm_subscription(self, scene: Scene) -> None:
        """Start the bot, and let it ask for what its feed publishes."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        headers = {"Link": f"<{self._hub}>; rel=hub"}
        self._server.serve("/feed.xml", make_rss(make_rss_item(1), title="With a hub"), headers=headers)
        await scene.make_feeds_due()
        scene.start(TELEX_PUBLIC_URL=f"http://{address}", TELEX_HEALTH_ADDRESS=address)
        await wait_until(lambda: bool(self._forms))
        await wait_until(lambda: _is_listening(address))  # The bot may ask before it can be asked: a hub tries again.
        challenge_query = {f"hub.{name}": self._forms[0][f"hub.{name}"] for name in ("mode", "topic", "lease_seconds")}
        query = {**challenge_query, "hub.challenge": "x"}
        async with aiohttp.request("GET", self._forms[0]["hub.callback"], params=query) as answer:
            assert (answer.status, await answer.text()) == (200, "x")

    async def push(self, number: int) -> None:
        """Push an article."""
        body = make_rss(make_rss_item(number, title=f"Article {number}")).encode()
        digest = hmac.new(self._forms[0]["hub.secret"].encode(), body, "sha256").hexdigest()
        headers = {"X-Hub-Signature": f"sha256={digest}", "Content-Type": "application/rss+xml"}
        async with aiohttp.request("POST", self._forms[0]["hub.callback"], data=body, headers=headers) as answer:
            assert answer.status == HTTPStatus.ACCEPTED


async def _is_listening(address: str) -> bool:
    try:
        async with aiohttp.request("GET", f"http://{address}/healthz"):
            return True
    except aiohttp.ClientConnectorError:
        return False
