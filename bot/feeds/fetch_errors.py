"""Codes for why a feed or an article's page could not be read; they are stored and shown to users."""

from bot.core.received_values import to_single_line

MAX_DETAIL_CHARS = 300
"""Maximum number of characters of the detail of an error."""

BAD_URL = "bad-url"
"""Error code: the text is no http(s) URL with a host."""
DNS_NOT_FOUND = "dns"
"""Error code: no site has the host name."""
DNS_UNAVAILABLE = "lookup"
"""Error code: the host name could not be looked up, because no name server answered."""
REFUSED_ADDRESS = "refused-address"
"""Error code: the host has a private or special IP address, which Telex does not connect to."""
OWN_FEED = "own-feed"
"""Error code: the URL is a feed that this bot publishes itself."""
SOURCE_BLOCKED = "source-blocked"
"""Error code: the operator blocks the site, or one that it redirects to."""
CONNECTION_FAILED = "connect"
"""Error code: the connection was refused or lost."""
TLS_FAILED = "tls"
"""Error code: no encrypted connection could be made, for example because the certificate is invalid."""
TIMEOUT = "timeout"
"""Error code: the response did not arrive in time."""
INVALID_RESPONSE = "bad-answer"
"""Error code: the response is not valid HTTP."""
TOO_LARGE = "too-large"
"""Error code: the body exceeds the maximum size."""
PROXY_FAILED = "proxy"
"""Error code: the proxy of the operator's rule for the host cannot be reached, or lets no request through."""
BAD_REDIRECT = "redirects"
"""Error code: too many redirects, or one that leads to no web address or from https to http with credentials."""
TRUNCATED_BODY = "truncated"
"""Error code: the body is incomplete."""
BAD_ENCODING = "encoding"
"""Error code: the compression or the text encoding of the body is unknown, or the body does not conform to it."""
FEED_GONE = "gone"
"""Error code: the publisher has removed the feed for good (HTTP status 410)."""
RATE_LIMITED = "rate-limited"
"""Error code: the server got too many requests (HTTP status 429)."""
REDDIT_APPLICATION_REFUSED = "reddit-application"
"""Error code: Reddit refused the id and secret of the operator's application."""
REDDIT_FORBIDDEN = "reddit-forbidden"
"""Error code: Reddit's API refused the operator's application a feed (HTTP status 403), which is private or banned."""
REDDIT_RATE_LIMITED = "reddit-rate-limited"
"""Error code: Reddit's API got too many requests of the operator's application (HTTP status 429)."""
NOT_A_FEED = "not-a-feed"
"""Error code: the document is no feed."""
LIST_NOT_FOUND = "list-lost"
"""Error code: the list that a feed is made from is no longer on its web page."""
REQUIRES_JAVASCRIPT = "needs-script"
"""Error code: the web page shows next to nothing without JavaScript."""
ROBOTS_DISALLOWED = "robots"
"""Error code: robots.txt forbids the page, or is too large to be read."""
NOT_A_PAGE = "not-a-page"
"""Error code: the response for a web page is no HTML."""
NO_ARTICLE = "no-article"
"""Error code: the web page has no text long enough for an article."""
UNRELATED_PAGE = "other-page"
"""Error code: the web page is about something else than the article, such as a consent form."""
NO_EXTRA_TEXT = "nothing-more"
"""Error code: the web page has no more text than the feed gives."""
PARSE_TIMEOUT = "parse-timeout"
"""Error code: parsing took too long."""
PARSER_CRASHED = "parse-died"
"""Error code: the parser raised an unexpected error or ended its process."""


class FeedError(Exception):
    """Failure to fetch or read a feed or the page of an article.

    `code` names the reason, such as `too-large`, or a status, such as `http-404`. `detail` is an English text for logs,
    without secrets. `retry_after` is the number of seconds that the server asked to wait, or None. `url` is the URL of
    a response that was a failure, "" after other failures.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after: int | None = None, url: str = "") -> None:
        self.code = code
        self.detail = to_single_line(detail, MAX_DETAIL_CHARS)
        super().__init__(code, self.detail)
        self.retry_after = retry_after
        self.url = url

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


HTTP_ERROR_CODES = frozenset(f"http-{status}" for status in range(1000))
"""Error codes, such as `http-404`, that name the HTTP status of a response."""
CLIENT_ERROR_CODES = frozenset(f"http-{status}" for status in range(400, 500))
"""Error codes for HTTP statuses 400 to 499: the server cannot or will not fulfil the request (RFC 9110 §15.5)."""
SERVER_ERROR_CODES = frozenset(f"http-{status}" for status in range(500, 600))
"""Error codes for HTTP statuses 500 to 599: an error of the server (RFC 9110 §15.6)."""


def get_error_code(status: int) -> str:
    """Return the error code, such as `http-404`, for an HTTP status that is not a success (RFC 9110)."""
    return {410: FEED_GONE, 429: RATE_LIMITED}.get(status, f"http-{status}")
