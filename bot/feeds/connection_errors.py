"""What goes wrong between here and a publisher's server, as a code of `fetch_errors`."""

import ssl

import aiodns
import aiohttp

from bot.feeds import fetch_errors
from bot.feeds.addresses import REFUSED
from bot.feeds.fetch_errors import FeedError


def translated(error: aiohttp.ClientError) -> FeedError:
    """What an error of aiohttp is for a feed."""
    if isinstance(error, aiohttp.ClientOSError) and REFUSED in str(error):
        return FeedError(fetch_errors.REFUSED_ADDRESS, "private or special address")
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FeedError(fetch_errors.TLS, cause.verify_message)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _not_looked_up(error.os_error)
    for kind, code, detail in _MEANINGS:
        if isinstance(error, kind):
            return FeedError(code, detail)
    return FeedError(fetch_errors.CONNECT, type(error).__name__)


def _not_looked_up(error: OSError) -> FeedError:
    """There is no such name, or nobody could be asked."""
    cause = error.__cause__
    if isinstance(cause, aiodns.error.DNSError) and cause.args[0] not in _NO_SUCH_NAME:
        return FeedError(fetch_errors.LOOKUP, str(error))
    return FeedError(fetch_errors.DNS, "host name not found")


_NO_SUCH_NAME = {
    aiodns.error.ARES_ENODATA,
    aiodns.error.ARES_ENOTFOUND,
    aiodns.error.ARES_ENONAME,
    aiodns.error.ARES_EBADNAME,
    aiodns.error.ARES_EBADQUERY,
}

_MEANINGS: tuple[tuple[type[Exception], str, str], ...] = (
    (aiohttp.ClientSSLError, fetch_errors.TLS, "no TLS connection"),
    (aiohttp.ClientPayloadError, fetch_errors.TRUNCATED, "the body is cut short"),
    (aiohttp.InvalidURL, fetch_errors.BAD_URL, "not a URL"),
    (aiohttp.ClientResponseError, fetch_errors.BAD_ANSWER, "not a valid HTTP answer"),
)
