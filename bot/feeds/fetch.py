"""HTTP client for feeds and pages, bounded in time and size, that refuses private addresses."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from http import HTTPStatus
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp
from aiohttp.resolver import AsyncResolver
from yarl import URL

from bot.core.configuration.host_rules import find_host_rule
from bot.core.configuration.settings import Settings
from bot.core.models import Validators
from bot.core.received_values import parse_field_value, parse_integer
from bot.core.version import __version__
from bot.feeds import fetch_errors, known_sites, reddit_api
from bot.feeds.connection_errors import to_feed_error
from bot.feeds.decompress import decompress
from bot.feeds.fetch_errors import FeedError
from bot.feeds.poll_schedule import parse_rate_limit_wait, parse_retry_after
from bot.feeds.ssrf_guard import SocketFactory, check_url, make_socket_factory
from bot.feeds.time_limits import SharedTimeout
from bot.text.urls import has_credentials

FEED_ACCEPT_HEADER = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.4, */*;q=0.3"
)
"""`Accept` header of a request for a feed."""
PAGE_ACCEPT_HEADER = "text/html, application/xhtml+xml, */*;q=0.5"
"""`Accept` header of a request for a web page."""

PUBLISHED_FEEDS_PATH = "/feeds/"
"""Path, under the bot's public URL, of the feeds that the bot publishes; it refuses to fetch them itself."""
MAX_REDIRECTS = 5
"""Maximum number of redirects that one request follows."""
DNS_TIMEOUT_SECONDS = 5.0
"""Timeout in seconds of a query to a name server; each query is tried twice."""

_PERMANENT_REDIRECT_STATUSES = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT}
_REDIRECT_STATUSES = _PERMANENT_REDIRECT_STATUSES | {
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
}
_METHOD_PRESERVING_REDIRECT_STATUSES = {HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT}
"""HTTP statuses of redirects that keep the method and body of a request (RFC 9110 §15.4)."""
_SUCCESS_STATUSES = range(200, 300)
_NOT_MODIFIED_STATUS = HTTPStatus.NOT_MODIFIED
"""HTTP status 304; a constant, because the lookup in the enumeration is slow."""
_PROXY_SESSION = "proxy"
"""Name of the session for requests through a proxy; the other sessions are named by the scheme of the URL."""
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)
"""Setting that turns off aiohttp's timeouts: another timer bounds a request with all its redirects."""


class FetchResult(NamedTuple):
    """Response to a request, after redirects.

    `url` is the final URL without credentials. `permanent_url` is the URL to use from now on if there were redirects
    and all were permanent (301, 308), otherwise None. `body` is decompressed, and empty if `is_not_modified`.
    `body_hash` is a hash of 16 bytes over the body as received, or the stored one after a response 304. Names in
    `headers` are case-insensitive; invalid values (RFC 9110 §5.5) are left out.
    """

    status: int
    url: str
    permanent_url: str | None
    is_not_modified: bool
    body: bytes
    body_hash: bytes
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """`Content-Type` header with its parameters, or "" if the response has none."""
        return self.get_header("content-type") or ""

    def get_header(self, name: str) -> str | None:
        """Return the first header of a name, or None if the response has no such header."""
        return self.headers.get(name)


class Fetcher:
    """HTTP client with shared connections, and without cookies, proxies or credentials of the machine.

    Rules of the operator for single hosts add headers or a proxy to requests there. URLs for which `is_source_blocked`
    returns True are neither fetched nor sent to, nor are redirects to them followed.

    HTTP connections are kept alive; HTTPS and proxy connections are closed after each request, since asyncio holds
    256 KiB for each TLS connection. The caller limits how many requests run at a time.
    """

    def __init__(self, settings: Settings, is_source_blocked: Callable[[str], Awaitable[bool]] | None = None) -> None:
        self._settings, self._is_source_blocked = settings, is_source_blocked
        self._shared_timeout = SharedTimeout(settings.fetch_timeout)
        self._own_feeds_url = None if settings.public_url is None else URL(settings.public_url + PUBLISHED_FEEDS_PATH)
        self._host_rules = settings.hosts or {}
        self._reddit_application = (
            reddit_api.RedditApplication(settings.reddit_id, settings.reddit_secret.text)
            if settings.reddit_secret is not None
            else None
        )
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._user_agent = f"Telex/{__version__}" + (f" (+{settings.contact})" if settings.contact else "")

    async def __aenter__(self) -> Self:
        self._resolver = AsyncResolver(timeout=DNS_TIMEOUT_SECONDS, tries=2)
        make_socket = make_socket_factory(self._settings.allow_private_addresses)
        socket_factory_by_session: dict[str, SocketFactory | None] = {
            "http": make_socket,
            "https": make_socket,
        }
        if any(rule.proxy for rule in self._host_rules.values()):
            # A proxy may have a private address: the operator chose it. It looks up the hosts itself.
            socket_factory_by_session[_PROXY_SESSION] = None
        for name, socket_factory in socket_factory_by_session.items():
            connector = aiohttp.TCPConnector(
                limit=0, force_close=name != "http", resolver=self._resolver, socket_factory=socket_factory
            )
            self._sessions[name] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=_NO_TIMEOUT,
                max_line_size=16 * 1024,
                max_field_size=32 * 1024,
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate, br, zstd"},
            )
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        await self._resolver.close()

    async def get(
        self,
        url: str,
        *,
        validators: Validators | None = None,
        accept: str = FEED_ACCEPT_HEADER,
        max_bytes: int | None = None,
        media_types: Collection[str] = (),
    ) -> FetchResult:
        """Fetch `url`, following at most `MAX_REDIRECTS` redirects.

        With `validators` (ETag, Last-Modified and hash of an earlier response), the request is conditional (RFC 9110
        §13): the result has `is_not_modified` if the response is 304, or its body has that hash. `max_bytes` is the
        maximum size of the body, both compressed and decompressed; if it is None, the limit from the settings applies.
        With `media_types`, a response that states another media type is refused. Raises FeedError with any code of
        `bot.feeds.fetch_errors` that does not concern parsing.
        """
        max_bytes = max_bytes or self._settings.max_feed_bytes
        await self._require_not_blocked(url)
        reddit_application = self._reddit_application
        try:
            with self._shared_timeout:
                if reddit_application is not None and (api_path := reddit_api.build_api_path(url)) is not None:
                    try:
                        return await self._get_from_reddit(reddit_application, url, api_path, validators, max_bytes)
                    except FeedError as error:
                        raise reddit_api.specify_refusal(error) from error
                return await self._get_following_redirects(url, validators, accept, max_bytes, media_types)
        except (aiohttp.ClientError, OSError) as error:
            raise to_feed_error(error, self._settings.fetch_timeout) from error

    async def post(self, url: str, form: Mapping[str, str]) -> None:
        """Send a form by POST and ignore the body of the response.

        Raises FeedError if an operator blocks the URL, the request fails or its response is not a success.
        """
        await self._require_not_blocked(url)
        try:
            with self._shared_timeout:
                await self._post_following_redirects(check_url(url), form)
        except (aiohttp.ClientError, OSError) as error:
            raise to_feed_error(error, self._settings.fetch_timeout) from error

    def _send(
        self, method: str, url: URL, headers: dict[str, str], form: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request with the headers that its host needs, by the operator's rule for the host if there is one."""
        rule = find_host_rule(self._host_rules, url.raw_host or "")
        return self._sessions[url.scheme if rule.proxy is None else _PROXY_SESSION].request(
            method,
            url,
            data=form,
            headers=headers | known_sites.get_request_headers(url.raw_host or "") | rule.build_headers(),
            proxy=rule.proxy,
            allow_redirects=False,
        )

    async def _require_not_blocked(self, url: str) -> None:
        if self._is_source_blocked is not None and await self._is_source_blocked(url):
            raise FeedError(fetch_errors.SOURCE_BLOCKED)

    async def _get_from_reddit(
        self,
        application: reddit_api.RedditApplication,
        url: str,
        api_path: str,
        validators: Validators | None,
        max_bytes: int,
    ) -> FetchResult:
        """Fetch the posts of a feed from Reddit's API; a token that is refused is replaced once."""
        api_url = URL(reddit_api.API_URL + api_path)
        for is_last_attempt in (False, True):
            headers = {"Authorization": f"Bearer {await application.get_token(self._send)}"}
            async with self._send(aiohttp.hdrs.METH_GET, api_url, headers) as response:
                if response.status != HTTPStatus.UNAUTHORIZED or is_last_attempt:
                    feed_url = URL(url).with_user(None)
                    return await _read_response(response, feed_url, None, validators, max_bytes, ())
            application.forget_token()
        raise AssertionError("the last attempt returns or raises")

    async def _post_following_redirects(self, target: URL, form: Mapping[str, str]) -> None:
        for _redirect_index in range(MAX_REDIRECTS + 1):
            async with self._send(aiohttp.hdrs.METH_POST, target, {}, form) as response:
                status, location = response.status, response.headers.get("Location")
            if status in _METHOD_PRESERVING_REDIRECT_STATUSES and location is not None:
                target = resolve_redirect(target, location, {})
                await self._require_not_blocked(str(target))
            elif status in _SUCCESS_STATUSES:
                return
            else:
                raise FeedError(fetch_errors.get_error_code(status))
        raise FeedError(fetch_errors.BAD_REDIRECT, f"more than {MAX_REDIRECTS} redirects")

    async def _get_following_redirects(
        self,
        url: str,
        validators: Validators | None,
        accept: str,
        max_bytes: int,
        media_types: Collection[str],
    ) -> FetchResult:
        start_url = target = check_url(url)
        headers = {"Accept": accept}
        if validators is not None:
            if etag := parse_field_value(validators.etag):  # What an earlier version stored may be invalid.
                headers["If-None-Match"] = etag
            if last_modified := parse_field_value(validators.last_modified):
                headers["If-Modified-Since"] = last_modified
        if start_url.raw_user is not None or start_url.raw_password is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(
                start_url.user or "", start_url.password or "", encoding="utf-8"
            )
            target = target.with_user(None)
        are_redirects_permanent = True
        for redirect_count in range(MAX_REDIRECTS + 1):
            own_feeds_url = self._own_feeds_url
            if (
                own_feeds_url is not None
                and target.host == own_feeds_url.host
                and target.path.startswith(own_feeds_url.path)
            ):
                raise FeedError(fetch_errors.OWN_FEED)
            async with self._send(aiohttp.hdrs.METH_GET, target, headers) as response:
                if response.status in _REDIRECT_STATUSES and "Location" in response.headers:
                    are_redirects_permanent &= response.status in _PERMANENT_REDIRECT_STATUSES
                    target = resolve_redirect(target, response.headers["Location"], headers)
                    await self._require_not_blocked(str(target))
                    continue
                permanent_url = (
                    _build_permanent_url(start_url, target, headers)
                    if redirect_count and are_redirects_permanent
                    else None
                )
                return await _read_response(response, target, permanent_url, validators, max_bytes, media_types)
        raise FeedError(fetch_errors.BAD_REDIRECT, f"more than {MAX_REDIRECTS} redirects")


def resolve_redirect(current_url: URL, location: str, headers: dict[str, str]) -> URL:
    """Return the target of a redirect; remove `Authorization` from `headers` if the origin changes.

    The change from http to https on one host is no change of origin. Raises FeedError (`BAD_REDIRECT`) if the
    target is no http(s) URL, or if a request with credentials would go from https to http.
    """
    try:
        target = check_url(str(current_url.join(URL(location)).with_fragment(None))).with_user(None)
    except (ValueError, IndexError, FeedError) as error:  # yarl raises IndexError for `http://[::1]@/`.
        raise FeedError(fetch_errors.BAD_REDIRECT, "redirect to what is not an address of the web") from error
    is_same_host = target.host == current_url.host
    is_upgrade = current_url.scheme == "http" and target.scheme == "https"
    is_downgrade = current_url.scheme == "https" and target.scheme == "http"
    if is_downgrade and ("Authorization" in headers or has_credentials(str(target))):
        raise FeedError(fetch_errors.BAD_REDIRECT, "redirect from https to http with credentials")
    if not (is_same_host and (target.port == current_url.port or (is_upgrade and target.is_default_port()))):
        headers.pop("Authorization", None)
    return target


def _build_permanent_url(start_url: URL, target: URL, headers: dict[str, str]) -> str | None:
    """Return the URL to store after permanent redirects, or None if the credentials were lost on the way."""
    if start_url.user is None and start_url.password is None:
        return str(target)
    if "Authorization" not in headers:
        return None
    return str(target.with_user(start_url.user).with_password(start_url.password))


async def _read_response(
    response: aiohttp.ClientResponse,
    url: URL,
    permanent_url: str | None,
    validators: Validators | None,
    max_bytes: int,
    media_types: Collection[str],
) -> FetchResult:
    status, headers = response.status, _read_headers(response)
    is_not_modified = status == _NOT_MODIFIED_STATUS and validators is not None
    if validators is not None and is_not_modified:
        return FetchResult(status, str(url), permanent_url, is_not_modified, b"", validators.body_hash or b"", headers)
    if status not in _SUCCESS_STATUSES:
        now = int(time.time())
        retry_after_seconds = parse_retry_after(headers.get("retry-after"), now=now)
        if retry_after_seconds is None and status == HTTPStatus.TOO_MANY_REQUESTS:
            retry_after_seconds = parse_rate_limit_wait(headers, now=now) or None
        raise FeedError(
            fetch_errors.get_error_code(status),
            (response.reason or "")[:100],
            retry_after=retry_after_seconds,
            url=str(url),
        )
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_types and media_type and media_type not in media_types:
        raise FeedError(fetch_errors.NOT_A_PAGE, media_type[:100])
    body, body_hash = await _read_body(response, max_bytes)
    is_not_modified = validators is not None and validators.body_hash == body_hash
    body = b"" if is_not_modified else await decompress(body, headers.get("content-encoding", ""), max_bytes)
    return FetchResult(status, str(url), permanent_url, is_not_modified, body, body_hash, headers)


def _read_headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """Return the headers of a response without invalid values; names are case-insensitive."""
    headers = response.headers.copy()
    headers.clear()
    for name, raw_value in response.headers.items():
        if (value := parse_field_value(raw_value)) is not None:
            headers.add(name, value)
    return headers


async def _read_body(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bytes]:
    content_length = parse_integer(response.headers.get("content-length"))
    if content_length is not None and content_length > max_bytes:
        raise FeedError(fetch_errors.TOO_LARGE, f"{content_length} bytes")
    body_hasher = blake2b(digest_size=16)
    chunks: list[bytes] = []
    received_bytes = 0
    try:
        async for chunk in response.content.iter_any():
            received_bytes += len(chunk)
            if received_bytes > max_bytes:
                raise FeedError(fetch_errors.TOO_LARGE, f"more than {max_bytes} bytes")
            body_hasher.update(chunk)
            chunks.append(chunk)
    except aiohttp.ClientPayloadError as error:
        raise FeedError(fetch_errors.TRUNCATED_BODY, f"the connection closed after {received_bytes} bytes") from error
    return b"".join(chunks), body_hasher.digest()
