"""Requests to Reddit's API for the posts of its feeds, with an application that the operator registered at Reddit.

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
"""URL at which an application exchanges its id and secret for an access token of Reddit's API."""
API_URL = "https://oauth.reddit.com"
"""URL of Reddit's API, for requests with an access token."""
_RATE_LIMIT_WINDOW_SECONDS = 600
"""Seconds over which Reddit averages an application's requests, by its "Reddit Data API Wiki"."""
_EXPIRY_MARGIN_SECONDS = 60
"""Number of seconds before the expiry of an access token from which on it is not used any more."""
SendRequest = Callable[
    [str, URL, dict[str, str], Mapping[str, str] | None], AbstractAsyncContextManager[aiohttp.ClientResponse]
]
"""Function that sends a request with a method, URL, headers and form, and follows no redirect."""

_MAX_TOKEN_BYTES = 16_384
_GRANT_STATUSES = {HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""HTTP statuses of Reddit's replies that grant an application a token or refuse it; others are failures."""
_HOST_PATTERN = re.compile(r"(?:\w+\.)?reddit\.com")
_LISTING_PATH_PATTERN = re.compile(
    r"(?P<place>(?:/r/[\w+-]+)?)(?P<order>(?:/(?:hot|new|top|rising|controversial))?)/?\.rss"
    r"|(?P<user>/u(?:ser)?/[\w-]+(?:/submitted)?)/?\.rss"
)


def is_reddit_host(host: str) -> bool:
    """Return whether a host name is Reddit's."""
    return _HOST_PATTERN.fullmatch(host.lower()) is not None


def build_api_path(url: str) -> str | None:
    """Return path and query of Reddit's API for the posts of the Reddit feed at a URL, or None for any other URL.

    Feeds of comments, and feeds with a person's own token (`feed=`), are fetched as they are.
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
    """Return an error of Reddit's API, with a more specific code if the API refused the request (403 or 429)."""
    if error.code == "http-403":
        return FeedError(REDDIT_FORBIDDEN, error.detail, url=error.url)
    if error.code == RATE_LIMITED:
        wait_seconds = error.retry_after or _RATE_LIMIT_WINDOW_SECONDS
        return FeedError(REDDIT_RATE_LIMITED, error.detail, retry_after=wait_seconds, url=error.url)
    return error


class RedditApplication:
    """The operator's application at Reddit (id and secret), with its current access token."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._authorization = aiohttp.encode_basic_auth(client_id, client_secret, encoding="utf-8")
        self._token, self._expires_at = "", 0.0
        self._token_lock = asyncio.Lock()

    async def get_token(self, send: SendRequest) -> str:
        """Return an access token of Reddit's API, a new one if there is none that is valid.

        Raises FeedError: reddit-application if Reddit refuses the application, or the code of another HTTP status.
        """
        async with self._token_lock:
            if time.monotonic() >= self._expires_at:
                await self._request_token(send)
            return self._token

    def forget_token(self) -> None:
        """Forget the access token, which Reddit refused, so that a new one is requested."""
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
    """Reply of Reddit to a request for an access token; a refusal may have status 200, too, but no token."""

    access_token: str
    expires_in: float
