"""Requests for feeds of Reddit to its API, which accepts an operator's application where feeds are refused.

Application-only OAuth: https://github.com/reddit-archive/reddit/wiki/OAuth2 ("Application Only OAuth").
Listings: https://www.reddit.com/dev/api
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from bot.feeds.fetch_errors import (
    RATE_LIMITED,
    REDDIT_APPLICATION_REFUSED,
    REDDIT_FORBIDDEN,
    REDDIT_RATE_LIMITED,
    FeedError,
    get_error_code,
)

TOKEN_URL = "https://www.reddit.com/api/v1/access_token"  # noqa: S105 - no password
"""URL at which an application exchanges its id and secret for a token."""
API_URL = "https://oauth.reddit.com"
"""URL of the API, for requests with a token."""
_RATE_LIMIT_WINDOW_SECONDS = 600
"""Seconds over which Reddit averages an application's requests, by its "Reddit Data API Wiki"."""
_EXPIRY_MARGIN_SECONDS = 60
"""Seconds before its expiry in which a token is not used any more."""
SendRequest = Callable[
    [str, URL, dict[str, str], Mapping[str, str] | None], AbstractAsyncContextManager[aiohttp.ClientResponse]
]
"""Function that sends a request with a method, URL, headers and form, and follows no redirect."""

_MAX_TOKEN_BYTES = 16_384
_GRANT_STATUSES = {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""HTTP statuses of replies about the application itself: a token, or a refusal."""
_HOST_PATTERN = re.compile(r"(?:\w+\.)?reddit\.com")
_LISTING_PATH_PATTERN = re.compile(
    r"(?P<place>(?:/r/[\w+-]+)?)(?P<order>(?:/(?:hot|new|top|rising|controversial))?)/?\.rss"
    r"|(?P<user>/u(?:ser)?/[\w-]+(?:/submitted)?)/?\.rss"
)


def is_reddit_host(host: str) -> bool:
    """Return whether a host name is Reddit's."""
    return _HOST_PATTERN.fullmatch(host.lower()) is not None


def build_api_path(url: str) -> str | None:
    """Return the path and query in Reddit's API of the posts in a feed, or None if the URL is of no such feed.

    Feeds of comments, and feeds with a person's own token (`feed=`), have none: they are fetched as they are.
    """
    parts = urlsplit(url)
    match = _LISTING_PATH_PATTERN.fullmatch(parts.path)
    if match is None or not is_reddit_host(parts.hostname or "") or re.search(r"(?:^|&)feed=", parts.query):
        return None
    user = match["user"]
    path = f"{user.removesuffix('/submitted')}/submitted" if user else match["place"] + (match["order"] or "/hot")
    query = f"{parts.query}&raw_json=1" if parts.query else "raw_json=1"
    return f"{path}?{query}"


def specify_refusal(error: FeedError) -> FeedError:
    """Return an error of Reddit's API with a code of its own if the API refused the application's request."""
    if error.code == "http-403":
        return FeedError(REDDIT_FORBIDDEN, error.detail, url=error.url)
    if error.code == RATE_LIMITED:
        wait_seconds = error.retry_after or _RATE_LIMIT_WINDOW_SECONDS
        return FeedError(REDDIT_RATE_LIMITED, error.detail, retry_after=wait_seconds, url=error.url)
    return error


class RedditApplication:
    """The operator's application at Reddit, with its current token."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._authorization = aiohttp.encode_basic_auth(client_id, client_secret, encoding="utf-8")
        self._token, self._expires_at = "", 0.0
        self._token_lock = asyncio.Lock()

    async def get_token(self, send: SendRequest) -> str:
        """Return a token, a new one if there is none that is valid.

        Raises FeedError: reddit-application if Reddit refuses the application, or the code of another HTTP status.
        """
        async with self._token_lock:
            if time.monotonic() >= self._expires_at:
                await self._request_token(send)
            return self._token

    def forget_token(self) -> None:
        """Forget a token that Reddit refused."""
        self._expires_at = 0.0

    async def _request_token(self, send: SendRequest) -> None:
        headers, form = {"Authorization": self._authorization}, {"grant_type": "client_credentials"}
        async with send(aiohttp.hdrs.METH_POST, URL(TOKEN_URL), headers, form) as response:
            status, body = response.status, b""
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _MAX_TOKEN_BYTES:
                    break
        if status not in _GRANT_STATUSES:
            raise FeedError(get_error_code(status))
        try:
            grant = msgspec.json.decode(body, type=_TokenGrant) if status == HTTPStatus.OK else None
        except msgspec.DecodeError:
            grant = None
        if grant is None:
            raise FeedError(REDDIT_APPLICATION_REFUSED, f"status {status}")
        self._token = grant.access_token
        self._expires_at = time.monotonic() + grant.expires_in - _EXPIRY_MARGIN_SECONDS


class _TokenGrant(msgspec.Struct):
    """Reply to a request for a token; a refusal has status 200, too, and no token."""

    access_token: str
    expires_in: float
