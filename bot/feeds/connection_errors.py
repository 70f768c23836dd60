"""Translation of errors of connections into FeedError, which says by a code why a feed can't be fetched."""

import ssl

import aiodns
import aiohttp

from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.ssrf_guard import REFUSAL_TEXT


def to_feed_error(error: aiohttp.ClientError | OSError, timeout_seconds: float) -> FeedError:
    """Return the FeedError, whose code says why a feed can't be fetched, for an exception of aiohttp or a socket.

    `timeout_seconds` is the time that the request had.
    """
    if isinstance(error, TimeoutError):
        return FeedError(fetch_errors.TIMEOUT, f"no answer in {timeout_seconds:g} s")
    if isinstance(error, aiohttp.ClientError):
        return _to_client_error(error)
    return FeedError(fetch_errors.CONNECTION_FAILED, error.strerror or type(error).__name__)


def _to_client_error(error: aiohttp.ClientError) -> FeedError:
    """Return the FeedError for an exception of aiohttp other than a timeout."""
    if isinstance(error, aiohttp.ClientOSError) and REFUSAL_TEXT in str(error):
        return FeedError(fetch_errors.REFUSED_ADDRESS, "private or special address")
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return FeedError(fetch_errors.PROXY_FAILED, type(error).__name__)
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FeedError(fetch_errors.TLS_FAILED, cause.verify_message)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _to_dns_error(error.os_error)
    for exception_type, code, detail in _FEED_ERRORS_BY_EXCEPTION:
        if isinstance(error, exception_type):
            return FeedError(code, detail)
    return FeedError(fetch_errors.CONNECTION_FAILED, type(error).__name__)


def _to_dns_error(error: OSError) -> FeedError:
    """Return the FeedError for a failed DNS lookup: no such host name, or no answer from a resolver."""
    cause = error.__cause__
    if isinstance(cause, aiodns.error.DNSError) and cause.args[0] not in _NAME_NOT_FOUND_CODES:
        return FeedError(fetch_errors.DNS_UNAVAILABLE, str(error))
    return FeedError(fetch_errors.DNS_NOT_FOUND, "host name not found")


_NAME_NOT_FOUND_CODES = {
    aiodns.error.ARES_ENODATA,
    aiodns.error.ARES_ENOTFOUND,
    aiodns.error.ARES_ENONAME,
    aiodns.error.ARES_EBADNAME,
    aiodns.error.ARES_EBADQUERY,
}
"""Error codes of a DNS lookup that mean that the host name does not exist or is invalid."""

_FEED_ERRORS_BY_EXCEPTION: tuple[tuple[type[Exception], str, str], ...] = (
    (aiohttp.ClientSSLError, fetch_errors.TLS_FAILED, "no TLS connection"),
    (aiohttp.ClientPayloadError, fetch_errors.TRUNCATED_BODY, "the body is cut short"),
    (aiohttp.InvalidURL, fetch_errors.BAD_URL, "not a URL"),
    (aiohttp.ClientResponseError, fetch_errors.INVALID_RESPONSE, "not a valid HTTP answer"),
)
"""Classes of exceptions, each with code and detail of its FeedError; the first class that fits counts."""
