"""Codes for why a feed or an article's page could not be read; they are stored and shown to users."""

BAD_URL = "bad-url"
DNS_NOT_FOUND = "dns"
DNS_UNAVAILABLE = "lookup"
REFUSED_ADDRESS = "refused-address"
OWN_FEED = "own-feed"
CONNECTION_FAILED = "connect"
TLS = "tls"
TIMEOUT = "timeout"
INVALID_RESPONSE = "bad-answer"
TOO_LARGE = "too-large"
BAD_REDIRECT = "redirects"
TRUNCATED = "truncated"
ENCODING = "encoding"
GONE = "gone"
RATE_LIMITED = "rate-limited"
NOT_A_FEED = "not-a-feed"
LIST_NOT_FOUND = "list-lost"
REQUIRES_JAVASCRIPT = "needs-script"
ROBOTS_DISALLOWED = "robots"
NOT_A_PAGE = "not-a-page"
NO_ARTICLE = "no-article"
UNRELATED_PAGE = "other-page"
NO_EXTRA_TEXT = "nothing-more"
PARSE_TIMEOUT = "parse-timeout"
PARSER_CRASHED = "parse-died"


class FeedError(Exception):
    """Failure to fetch or read a feed or the page of an article.

    `code` is one of this module's constants, or `http-` and a status such as `http-404`. `detail` is an
    English text for logs, without secrets. `retry_after` is the number of seconds that the server asked to
    wait, or None.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


HTTP_ERRORS = frozenset(f"http-{status}" for status in range(1000))
"""Codes that name the HTTP status of the response."""
CLIENT_ERRORS = frozenset(f"http-{status}" for status in range(400, 500))
"""Codes of HTTP statuses for a request that the server cannot or will not fulfil (RFC 9110 §15.5)."""
SERVER_ERRORS = frozenset(f"http-{status}" for status in range(500, 600))
"""Codes of HTTP statuses for an error of the server (RFC 9110 §15.6)."""


def get_http_code(status: int) -> str:
    """Return the error code, such as `http-404`, for an HTTP status that is not a success (RFC 9110)."""
    return {410: GONE, 429: RATE_LIMITED}.get(status, f"http-{status}")
