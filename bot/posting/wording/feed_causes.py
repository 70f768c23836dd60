"""Why a feed or a page could not be read, in words: for each code of `feeds.fetch_errors`."""

from __future__ import annotations

from bot.core.locale import _
from bot.feeds import fetch_errors

_CAUSES = {
    fetch_errors.BAD_URL: lambda: _(
        "This is not the address of a page on the web: it should start with https:// or http://."
    ),
    fetch_errors.DNS: lambda: _(
        "The site’s name was not found. If the address has no typing error, the site is gone, or Telex is "
        "not connected to the internet."
    ),
    fetch_errors.LOOKUP: lambda: _(
        "The site’s name could not be looked up just now. If that lasts, tell whoever runs this bot."
    ),
    fetch_errors.REFUSED_ADDRESS: lambda: _(
        "The address leads to a private network, where Telex does not go unless whoever runs it allows it."
    ),
    fetch_errors.CONNECT: lambda: _("The site does not answer. It may be down for a while."),
    fetch_errors.TLS: lambda: _(
        "The site’s certificate is not valid, so the connection is not safe. Tell the publisher."
    ),
    fetch_errors.TIMEOUT: lambda: _("The site took too long to answer."),
    fetch_errors.BAD_ANSWER: lambda: _("The site’s answer makes no sense."),
    fetch_errors.TOO_LARGE: lambda: _("The document is too large for a feed."),
    fetch_errors.REDIRECTS: lambda: _(
        "The site sends visitors in circles or nowhere. Look for the feed’s new address."
    ),
    fetch_errors.TRUNCATED: lambda: _("The document arrived cut short."),
    fetch_errors.ENCODING: lambda: _(
        "The document is packed or written in a way that cannot be read. Tell the publisher."
    ),
    fetch_errors.GONE: lambda: _(
        "The publisher has closed this feed for good. Remove it, or follow its successor."
    ),
    fetch_errors.RATE_LIMITED: lambda: _("The site asks for fewer visits."),
    fetch_errors.NOT_A_FEED: lambda: _(
        "There is no feed at this address. Give the address of the site, and Telex looks for one."
    ),
    fetch_errors.LIST_LOST: lambda: _(
        "The page has changed, and the list isn’t on it anymore. Add the page again to pick another list, "
        "and remove this one."
    ),
    fetch_errors.NEEDS_SCRIPT: lambda: _(
        "The page shows nothing without its scripts, which Telex doesn’t run. Look for a feed or another "
        "page of the site."
    ),
    fetch_errors.ROBOTS: lambda: _("The site asks programs not to read this page (robots.txt)."),
    fetch_errors.NOT_A_PAGE: lambda: _("There is no web page at this address anymore."),
    fetch_errors.PARSE_TIMEOUT: lambda: _("The document takes too long to read. Tell the publisher."),
    fetch_errors.PARSE_DIED: lambda: _(
        "The document could not be read: it broke the reader. Tell the publisher."
    ),
    "http-401": lambda: _("The site asks for a name and password. Follow the feed anew to give them."),
    "http-403": lambda: _("The site refuses access. It may keep bots out; ask the publisher."),
    "http-404": lambda: _("No feed found at that address any more. Look for its new address."),
}


def describe(code: str) -> str:
    """What went wrong and what can be done, in the language of this task."""
    if code in _CAUSES:
        return _CAUSES[code]()
    if code.startswith("http-5"):
        return _("The site has trouble of its own ({code}).").format(code=code)
    return _("The site answered with an error ({code}). Check the address.").format(code=code)
