"""Why a feed, or the page of an article, could not be read, as a code that is kept, shown and acted upon."""

from __future__ import annotations

from bot.core.locale import _

BAD_URL = "bad-url"
DNS = "dns"
LOOKUP = "lookup"
REFUSED_ADDRESS = "refused-address"
CONNECT = "connect"
TLS = "tls"
TIMEOUT = "timeout"
BAD_ANSWER = "bad-answer"
TOO_LARGE = "too-large"
REDIRECTS = "redirects"
TRUNCATED = "truncated"
ENCODING = "encoding"
GONE = "gone"
RATE_LIMITED = "rate-limited"
NOT_A_FEED = "not-a-feed"
ROBOTS = "robots"
NOT_A_PAGE = "not-a-page"
NO_ARTICLE = "no-article"
OTHER_PAGE = "other-page"
NOTHING_MORE = "nothing-more"
PARSE_TIMEOUT = "parse-timeout"
PARSE_DIED = "parse-died"


class FeedError(Exception):
    """A feed, or the page of an article, could not be fetched or read.

    `code` is one of this module's constants or `http-` and a status such as `http-404`; `detail` is English,
    for logs and the curious, without secrets; `retry_after` is how many seconds the server asked to be left
    alone.
    """

    def __init__(self, code: str, detail: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


def http(status: int) -> str:
    """The code of an HTTP status that is not a success (RFC 9110, RFC 6585)."""
    return {410: GONE, 429: RATE_LIMITED}.get(status, f"http-{status}")


_CAUSES = {
    BAD_URL: lambda: _(
        "This is not the address of a page on the web: it should start with https:// or http://."
    ),
    DNS: lambda: _(
        "The site’s name was not found. If the address has no typing error, the site is gone, or Telex is "
        "not connected to the internet."
    ),
    LOOKUP: lambda: _(
        "The site’s name could not be looked up just now. If that lasts, tell whoever runs this bot."
    ),
    REFUSED_ADDRESS: lambda: _(
        "The address leads to a private network, where Telex does not go unless whoever runs it allows it."
    ),
    CONNECT: lambda: _("The site does not answer. It may be down for a while."),
    TLS: lambda: _("The site’s certificate is not valid, so the connection is not safe. Tell the publisher."),
    TIMEOUT: lambda: _("The site took too long to answer."),
    BAD_ANSWER: lambda: _("The site’s answer makes no sense."),
    TOO_LARGE: lambda: _("The document is too large for a feed."),
    REDIRECTS: lambda: _("The site sends visitors in circles or nowhere. Look for the feed’s new address."),
    TRUNCATED: lambda: _("The document arrived cut short."),
    ENCODING: lambda: _(
        "The document is packed or written in a way that cannot be read. Tell the publisher."
    ),
    GONE: lambda: _("The publisher has closed this feed for good. Remove it, or follow its successor."),
    RATE_LIMITED: lambda: _("The site asks for fewer visits."),
    NOT_A_FEED: lambda: _(
        "There is no feed at this address. Give the address of the site, and Telex looks for one."
    ),
    PARSE_TIMEOUT: lambda: _("The document takes too long to read. Tell the publisher."),
    PARSE_DIED: lambda: _("The document could not be read: it broke the reader. Tell the publisher."),
    "http-401": lambda: _("The site asks for a name and password. Follow the feed anew to give them."),
    "http-403": lambda: _("The site refuses access. It may keep bots out; ask the publisher."),
    "http-404": lambda: _("There is nothing at this address any more. Look for the feed’s new address."),
}


def describe(code: str) -> str:
    """What went wrong and what can be done, in the language of this task."""
    if code in _CAUSES:
        return _CAUSES[code]()
    if code.startswith("http-5"):
        return _("The site has trouble of its own ({code}).").format(code=code)
    return _("The site answered with an error ({code}). Check the address.").format(code=code)
