"""A feed under a test's hand, and the ways in which Discord's answers get lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from discord.http import Route
from simcord.builders import ChannelHandle

from bot.core.models import Feed
from tests.support.discord_world import World
from tests.support.feed_server import FeedServer, make_rss, make_rss_item


@dataclass
class FeedPublisher:
    """A feed that `channels` follow. It published an article 0, which is posted, before a test begins."""

    world: World
    server: FeedServer
    path: str = "/feed"
    items: list[str] = field(default_factory=list)
    feed: Feed | None = None

    @property
    def url(self) -> str:
        return self.server.origin + self.path

    async def begin(self, *channels: ChannelHandle) -> None:
        """Let channels (`news` unless said) follow the feed, as if it had no other articles before."""
        await self.publish(make_rss_item(0), polled=False)
        for channel in channels or (self.world.news,):
            self.feed = await self.world.follow(self.url, channel)
        await self.poll()
        await self.world.deliver()

    async def publish(self, *items: str, polled: bool = True) -> None:
        """Put items on top of the feed, oldest given first, and poll it."""
        self.items = [*reversed(items), *self.items]
        self.server.serve(self.path, make_rss(*self.items))
        if polled:
            await self.poll()

    async def poll(self) -> None:
        assert self.feed is not None
        await self.world.poll(self.feed)

    async def post(self, *items: str) -> None:
        """The same, and what is due because of it is posted."""
        await self.publish(*items)
        await self.world.deliver()

    async def correct(self, number: int, **changes: Any) -> None:
        """The newest item becomes this article, and what is due because of it is posted or edited."""
        self.items = self.items[1:]
        await self.article(number, **changes)
        await self.world.deliver()

    async def article(self, number: int, **changes: Any) -> None:
        """Publish article `number`, a minute younger than the one before."""
        await self.publish(make_rss_item(number, published=self.world.clock.now() - 3600 + number * 60, **changes))


@dataclass
class ResponseLosses:
    """Loses Discord's answers: the request takes effect, and the bot hears nothing or an error of ours.

    A message with a nonce that Discord has seen is answered with the first message, as Discord does.
    """

    world: World
    lose: Callable[[Route], Exception | None] = lambda _route: None
    requests: list[Route] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        http = self.world.bot.http
        original_request = http.request
        answer_by_nonce: dict[str, Any] = {}

        async def request(route: Route, **options: Any) -> Any:
            self.requests.append(route)
            body = options.get("json") or {}
            self.bodies.append(body)
            nonce = body.get("nonce") if isinstance(body, dict) else None
            answer = answer_by_nonce[nonce] if nonce in answer_by_nonce else await original_request(route, **options)
            if nonce is not None:
                answer_by_nonce[nonce] = answer
            error = self.lose(route)
            if error is not None:
                raise error
            return answer

        http.request = request  # type: ignore[method-assign]

    def lose_next(self, path: str, *, times: int, error: Exception | None = None) -> None:
        """Lose the answers to the next requests that send something to a path such as `/messages`."""
        remaining_losses = times

        def lose(route: Route) -> Exception | None:
            nonlocal remaining_losses
            if route.method == "POST" and route.path.endswith(path) and remaining_losses:
                remaining_losses -= 1
                return error or aiohttp.ServerDisconnectedError()
            return None

        self.lose = lose

    def nonces(self) -> list[str]:
        """The nonces that messages were sent with."""
        return [body["nonce"] for body in self.bodies if isinstance(body, dict) and "nonce" in body]
