"""HTTP routes of published feeds at secret addresses: of channels, and of users' bookmarks."""

import math
from hashlib import blake2b
from http import HTTPStatus

from aiohttp import ETag, web

from bot.client.discord_client import TelexBot
from bot.client.peer_servers import PUBLIC_CHANNEL_MARK
from bot.client.web import client_address
from bot.core.concurrency.rate_limits import FailedLookupLimiter, TokenBucket
from bot.feeds.fetch import PUBLISHED_FEEDS_PATH
from bot.posting.publishing.bookmark_feed_builder import (
    BOOKMARKS_ENTRY_KIND,
    MAX_BOOKMARK_ENTRIES,
    build_bookmark_feed,
)
from bot.posting.publishing.channel_feed_builder import ChannelFeedBuilder
from bot.posting.publishing.feed_serializers import FORMAT_BY_EXTENSION, PublishedFeed, build_feed_url
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store import StoreError
from bot.store.records.outbox_records import ChannelFeed
from bot.store.records.people_records import BookmarkFeed

MAX_REQUESTS = 60
"""Maximum number of requests for one published feed in a burst."""
PERIOD_SECONDS = 60.0
"""Number of seconds from one burst of requests for a published feed until another one is allowed."""
MAX_AGE_SECONDS = 300
"""Seconds for which a reader's client may cache the document of a published feed."""
RETRY_AFTER_SECONDS = 60
"""Seconds in the header `Retry-After` while Discord or the database cannot be asked."""

_MAX_TOKEN_LENGTH = 100


class PublishedFeedRoutes:
    """Request handlers of published feeds; the secret in an address is neither stored nor logged.

    Other processes are asked about their servers through the client's `peer_servers`.
    """

    def __init__(self, client: TelexBot, public_url: str) -> None:
        self._client, self._public_url = client, public_url
        services = client.services
        self._rate_limiter = TokenBucket(services.clock, max_tokens=MAX_REQUESTS, period_seconds=PERIOD_SECONDS)
        self._failed_lookup_limiter = FailedLookupLimiter(services.clock)
        self._trusted_proxies = services.settings.trusted_proxies
        self._feed_builder = ChannelFeedBuilder(client.store, client.languages)

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes of feeds, whose entries are posts, stories, digests or bookmarks; aiohttp adds HEAD."""
        return [web.get(PUBLISHED_FEEDS_PATH + "{token}/{entry_kind}.{extension}", self._serve_feed)]

    async def _serve_feed(self, request: web.Request) -> web.Response:
        token, entry_kind, extension = (
            request.match_info[group_name] for group_name in ("token", "entry_kind", "extension")
        )
        if extension not in FORMAT_BY_EXTENSION or len(token) > _MAX_TOKEN_LENGTH:
            return _build_error_response(HTTPStatus.NOT_FOUND)
        try:
            stored_feed = await self._find_stored_feed(token, entry_kind)
            if stored_feed is None:
                wait_seconds = self._failed_lookup_limiter.count_miss(
                    client_address.resolve_client_address(request, self._trusted_proxies)
                )
                return (
                    _build_error_response(HTTPStatus.NOT_FOUND)
                    if not wait_seconds
                    else _build_too_many_requests_response(wait_seconds)
                )
            if wait_seconds := self._rate_limiter.retry_after(stored_feed):
                return _build_too_many_requests_response(wait_seconds)
            self._rate_limiter.consume(stored_feed)
            self_url = build_feed_url(self._public_url, token, entry_kind, extension)
            feed_or_response = (
                await self._load_bookmark_feed(stored_feed, self_url)
                if isinstance(stored_feed, BookmarkFeed)
                else await self._load_channel_feed(stored_feed, entry_kind, self_url)
            )
        except (StoreError, *DISCORD_ERRORS):
            return _build_error_response(HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS)
        return (
            feed_or_response
            if isinstance(feed_or_response, web.Response)
            else _build_document_response(request, feed_or_response, extension)
        )

    async def _find_stored_feed(self, token: str, entry_kind: str) -> ChannelFeed | BookmarkFeed | None:
        if entry_kind == BOOKMARKS_ENTRY_KIND:
            return await self._client.store.bookmark_feeds.get_by_token(token)
        return await self._client.store.channel_feeds.get_by_token(token)

    async def _load_bookmark_feed(self, bookmark_feed: BookmarkFeed, self_url: str) -> PublishedFeed:
        """Return the feed of a user's bookmarks, without those from servers that the user has left."""
        store, user_id = self._client.store, bookmark_feed.user_id
        hidden_server_ids = [
            server_id
            for server_id in await store.bookmarks.load_server_ids(user_id)
            if await self._client.peer_servers.has_user_left(server_id, user_id)
        ]
        bookmarks = await store.bookmark_feeds.list_bookmarks(user_id, hidden_server_ids, MAX_BOOKMARK_ENTRIES)
        return build_bookmark_feed(bookmark_feed, bookmarks, self_url)

    async def _load_channel_feed(
        self, channel_feed: ChannelFeed, entry_kind: str, self_url: str
    ) -> PublishedFeed | web.Response:
        readable_feed_ids = await self._client.peer_servers.load_feed_ids_readable_in_channel(
            channel_feed.server_id, channel_feed.channel_id
        )
        guild = await self._client.peer_servers.fetch_server(channel_feed.server_id)
        if readable_feed_ids is None or guild is None:
            return _build_error_response(HTTPStatus.SERVICE_UNAVAILABLE, retry_after_seconds=RETRY_AFTER_SECONDS)
        if PUBLIC_CHANNEL_MARK not in readable_feed_ids:
            return _build_error_response(HTTPStatus.FORBIDDEN)
        channel = guild.get_channel_or_thread(channel_feed.channel_id)
        if channel is None and not self._client.store.shards.serves(guild.id):
            channel = await guild.fetch_channel(channel_feed.channel_id)
        channel_name = guild.name if channel is None else channel.name
        published_feed = await self._feed_builder.build(
            channel_feed, guild, channel_name, readable_feed_ids, entry_kind, self_url
        )
        return published_feed or _build_error_response(HTTPStatus.NOT_FOUND)


_ERROR_TEXT_BY_STATUS = {
    HTTPStatus.NOT_FOUND: "There is no feed at this address.\n",
    HTTPStatus.FORBIDDEN: "Not everyone in the server can read this channel, so it isn't shared.\n",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests. Ask again later.\n",
    HTTPStatus.SERVICE_UNAVAILABLE: "Telex can't tell at the moment. Ask again later.\n",
}


def _build_error_response(status: HTTPStatus, *, retry_after_seconds: int | None = None) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    return web.Response(status=status, text=_ERROR_TEXT_BY_STATUS[status], headers=headers)


def _build_too_many_requests_response(wait_seconds: float) -> web.Response:
    return _build_error_response(HTTPStatus.TOO_MANY_REQUESTS, retry_after_seconds=math.ceil(wait_seconds))


def _build_document_response(request: web.Request, published_feed: PublishedFeed, extension: str) -> web.Response:
    """Return a response with a published feed's document, or with status 304 if the client has it already.

    See RFC 9110, sections 13.1 and 13.2.
    """
    media_type, serialize = FORMAT_BY_EXTENSION[extension]
    body = serialize(published_feed)
    etag = ETag(blake2b(body, digest_size=16).hexdigest())
    client_etags, modified_since = request.if_none_match, request.if_modified_since
    if client_etags is not None:
        is_client_up_to_date = any(client_etag.value in {"*", etag.value} for client_etag in client_etags)
    else:
        is_client_up_to_date = modified_since is not None and published_feed.updated <= modified_since.timestamp()
    response = web.Response() if not is_client_up_to_date else web.Response(status=HTTPStatus.NOT_MODIFIED)
    if not is_client_up_to_date:
        response.body = body
        response.content_type, response.charset = media_type, "utf-8"
    response.etag, response.last_modified = etag, published_feed.updated
    response.headers["Cache-Control"] = f"private, max-age={MAX_AGE_SECONDS}"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
