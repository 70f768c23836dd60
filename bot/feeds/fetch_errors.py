"""Codes for why a feed or an article's page could not be read; they are stored and shown to users."""

BAD_URL = "bad-url"
"""The text is no http(s) URL with a host."""
DNS_NOT_FOUND = "dns"
"""No site has the host name."""
DNS_UNAVAILABLE = "lookup"
"""The host name could not be looked up, because no name server answered."""
REFUSED_ADDRESS = "refused-address"
"""The host has a private or special IP address, which Telex does not connect to."""
OWN_FEED = "own-feed"
"""The URL is a feed that this bot publishes itself."""
SOURCE_BLOCKED = "source-blocked"
"""The operator blocks the site, or one that it redirects to."""
CONNECTION_FAILED = "connect"
"""The connection was refused or lost."""
TLS_FAILED = "tls"
"""No encrypted connection could be made, for example because the certificate is invalid."""
TIMEOUT = "timeout"
"""The response did not arrive in time."""
INVALID_RESPONSE = "bad-answer"
"""The response is not valid HTTP."""
TOO_LARGE = "too-large"
"""The body exceeds the maximum size."""
PROXY_FAILED = "proxy"
"""The proxy of the operator's rule for the host cannot be reached, or lets no request through."""
BAD_REDIRECT = "redirects"
"""There are too many redirects, or a redirect leads to no web address or from https to http with credentials."""
TRUNCATED_BODY = "truncated"
"""The body is incomplete."""
BAD_ENCODING = "encoding"
"""The compression or the text encoding of the body is unknown, or the body does not conform to it."""
FEED_GONE = "gone"
"""The publisher has removed the feed for good (HTTP status 410)."""
RATE_LIMITED = "rate-limited"
"""The server got too many requests (HTTP status 429)."""
REDDIT_APPLICATION_REFUSED = "reddit-application"
"""Reddit refused the id and secret of the operator's application."""
REDDIT_FORBIDDEN = "reddit-forbidden"
"""Reddit's API refused the operator's application a feed (HTTP status 403), which is private or banned."""
REDDIT_RATE_LIMITED = "reddit-rate-limited"
"""Reddit's API got too many requests of the operator's application (HTTP status 429)."""
NOT_A_FEED = "not-a-feed"
"""The document is no feed."""
LIST_NOT_FOUND = "list-lost"
"""The list that a feed is made from is no longer on its web page."""
REQUIRES_JAVASCRIPT = "needs-script"
"""The web page shows next to nothing without JavaScript."""
ROBOTS_DISALLOWED = "robots"
"""robots.txt forbids the page, or is too large to be read."""
NOT_A_PAGE = "not-a-page"
"""The response for a web page is no HTML."""
NO_ARTICLE = "no-article"
"""The web page has no text long enough for an article."""
UNRELATED_PAGE = "other-page"
"""The web page is about something else than the article, such as a consent form."""
NO_EXTRA_TEXT = "nothing-more"
"""The web page has no more text than the feed gives."""
PARSE_TIMEOUT = "parse-timeout"
"""Parsing took too long."""
PARSER_CRASHED = "parse-died"
"""The parser raised an unexpected error or ended its process."""


class FeedError(Exception):
    """Failure to fetch or read a feed or the page of an article.

    `code` is one of this module's constants, or `http-` and a status such as `http-404`. `detail` is an
    English text for logs, without secrets. `retry_after` is the number of seconds that the server asked to
    wait, or None. `url` is the URL of a response that was a failure, "" after other failures.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after: int | None = None, url: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.url = url

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


HTTP_ERROR_CODES = frozenset(f"http-{status}" for status in range(1000))
"""Codes that name the HTTP status of the response."""
CLIENT_ERROR_CODES = frozenset(f"http-{status}" for status in range(400, 500))
"""Codes of HTTP statuses for a request that the server cannot or will not fulfil (RFC 9110 §15.5)."""
SERVER_ERROR_CODES = frozenset(f"http-{status}" for status in range(500, 600))
"""Codes of HTTP statuses for an error of the server (RFC 9110 §15.6)."""


def get_error_code(status: int) -> str:
    """Return the error code, such as `http-404`, for an HTTP status that is not a success (RFC 9110)."""
    return {410: FEED_GONE, 429: RATE_LIMITED}.get(status, f"http-{status}")
