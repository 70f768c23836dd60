"""HTTP routes of channels published as feeds, at secret addresses made by server managers."""

import math
from hashlib import blake2b
from http import HTTPStatus

import aiohttp
import discord
from aiohttp import ETag, web

from bot.client.discord_client import TelexBot
from bot.client.web import client_address
from bot.core.rate_limits import MissLimit, TokenBucket
from bot.feeds.fetch import CHANNEL_FEEDS_PATH
from bot.posting.publishing.channel_feed_builder import ChannelFeedBuilder
from bot.posting.publishing.feed_serializers import FORMATS_BY_EXTENSION, PublishedFeed, feed_url
from bot.store import StoreError
from bot.store.records.outbox_records import ChannelFeed

REQUESTS, PERIOD = 60, 60.0
"""Requests per channel at once, and the seconds in which all of them are refilled."""
MAX_AGE_SECONDS = 300
"""Seconds for which a client may cache a document."""
RETRY_AFTER_SECONDS = 60
"""Seconds of `Retry-After` while Discord or the database cannot be asked."""

_LONGEST_TOKEN = 100


class ChannelFeedRoutes:
    """Request handlers of channel feeds; the secret in an address is neither stored nor logged."""

    def __init__(self, bot: TelexBot, public_url: str) -> None:
        self._bot, self._public_url = bot, public_url
        newsroom = bot.newsroom
        self._limit = TokenBucket(newsroom.clock, allowed=REQUESTS, period=PERIOD)
        self._misses = MissLimit(newsroom.clock)
        self._trusted_proxies = newsroom.settings.trusted_proxies
        self._contents = ChannelFeedBuilder(bot.store, bot.languages)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; aiohttp adds HEAD."""
        return [web.get(CHANNEL_FEEDS_PATH + "{token}/{what}.{form}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        token, what, form = (request.match_info[name] for name in ("token", "what", "form"))
        if form not in FORMATS_BY_EXTENSION or len(token) > _LONGEST_TOKEN:
            return _error_response(HTTPStatus.NOT_FOUND)
        try:
            shared = await self._bot.store.channel_feeds.of_token(token)
            if shared is None:
                wait = self._misses.count_miss(client_address.address(request, self._trusted_proxies))
                return _error_response(HTTPStatus.NOT_FOUND) if not wait else _slowed(wait)
            if wait := self._limit.retry_after(shared.channel_id):
                return _slowed(wait)
            self._limit.consume(shared.channel_id)
            told = await self._load(shared, what, feed_url(self._public_url, token, what, form))
        except (StoreError, discord.DiscordException, aiohttp.ClientError, TimeoutError):
            return _error_response(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=RETRY_AFTER_SECONDS)
        return told if isinstance(told, web.Response) else _document(request, told, form)

    async def _load(self, shared: ChannelFeed, what: str, address: str) -> PublishedFeed | web.Response:
        readable = await self._bot.peer_servers.readable_feeds_of_channel(shared.server_id, shared.channel_id)
        guild = await self._bot.peer_servers.server(shared.server_id)
        if readable is None or guild is None:
            return _error_response(HTTPStatus.SERVICE_UNAVAILABLE, retry_after=RETRY_AFTER_SECONDS)
        if 0 not in readable:
            return _error_response(HTTPStatus.FORBIDDEN)
        channel = guild.get_channel_or_thread(shared.channel_id)
        if channel is None and not self._bot.store.shards.serves(guild.id):
            channel = await guild.fetch_channel(shared.channel_id)
        name = guild.name if channel is None else channel.name
        told = await self._contents.build(shared, guild, name, readable, what, address)
        return told or _error_response(HTTPStatus.NOT_FOUND)


_WORDS = {
    HTTPStatus.NOT_FOUND: "There is no feed at this address.\n",
    HTTPStatus.FORBIDDEN: "Not everyone in the server can read this channel, so it isn't shared.\n",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests. Ask again later.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: "Telex can't tell at the moment. Ask again later.\n",
}


def _error_response(status: HTTPStatus, *, retry_after: int | None = None) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return web.Response(status=status, text=_WORDS[status], headers=headers)


def _slowed(wait: float) -> web.Response:
    return _error_response(HTTPStatus.TOO_MANY_REQUESTS, retry_after=math.ceil(wait))


def _document(request: web.Request, channel: PublishedFeed, form: str) -> web.Response:
    """Return the document, or 304 if the client has it (RFC 9110, sections 13.1 and 13.2)."""
    media_type, write = FORMATS_BY_EXTENSION[form]
    body = write(channel)
    tag = ETag(blake2b(body, digest_size=16).hexdigest())
    known, since = request.if_none_match, request.if_modified_since
    if known is not None:
        fresh = any(one.value in {"*", tag.value} for one in known)
    else:
        fresh = since is not None and channel.updated <= since.timestamp()
    answer = web.Response() if not fresh else web.Response(status=HTTPStatus.NOT_MODIFIED)
    if not fresh:
        answer.body = body
        answer.content_type, answer.charset = media_type, "utf-8"
    answer.etag, answer.last_modified = tag, channel.updated
    answer.headers["Cache-Control"] = f"private, max-age={MAX_AGE_SECONDS}"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
