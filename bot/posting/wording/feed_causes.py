"""Why a feed or a page could not be read, in words: for each code of `feeds.fetch_errors`."""

from __future__ import annotations

from bot.core.locale import _
from bot.feeds import fetch_errors

_CAUSES = {
    fetch_errors.BAD_URL: lambda: _("That isn’t a web address. Try something like theverge.com."),
    fetch_errors.DNS: lambda: _(
        "No site has this name. Check the spelling; if it’s right, the site is gone or Telex is offline."
    ),
    fetch_errors.LOOKUP: lambda: _(
        "I couldn’t look up the site’s name (DNS). If this lasts, tell whoever runs this bot."
    ),
    fetch_errors.REFUSED_ADDRESS: lambda: _(
        "This address is on a private network. Only whoever runs Telex can allow that."
    ),
    fetch_errors.OWN_FEED: lambda: _("I publish this feed myself: it would only repeat what I post."),
    fetch_errors.CONNECT: lambda: _("The site isn’t responding. It may be down."),
    fetch_errors.TLS: lambda: _(
        "The site’s certificate isn’t valid, so the connection isn’t secure. Let the publisher know."
    ),
    fetch_errors.TIMEOUT: lambda: _("The site took too long to answer."),
    fetch_errors.BAD_ANSWER: lambda: _("I can’t make sense of the site’s response."),
    fetch_errors.TOO_LARGE: lambda: _("The file is too large."),
    fetch_errors.REDIRECTS: lambda: _("The site’s redirects lead nowhere. Look for the feed’s new address."),
    fetch_errors.TRUNCATED: lambda: _("The file arrived incomplete."),
    fetch_errors.ENCODING: lambda: _(
        "I can’t read the file’s compression or encoding. Let the publisher know."
    ),
    fetch_errors.GONE: lambda: _(
        "The publisher has shut this feed down. Remove it, or follow its replacement."
    ),
    fetch_errors.RATE_LIMITED: lambda: _("The site limits how often I can check it."),
    fetch_errors.NOT_A_FEED: lambda: _(
        "There’s no feed at this address. Give me the site’s address, and I’ll look for one."
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
    fetch_errors.PARSE_TIMEOUT: lambda: _("The file takes too long to read. Let the publisher know."),
    fetch_errors.PARSE_DIED: lambda: _("The file crashed my reader. Let the publisher know."),
    "http-401": lambda: _("The site asks for a username and password. Add the feed again to enter them."),
    "http-403": lambda: _("The site refused access. It may block bots; ask the publisher."),
    "http-404": lambda: _("No feed found at that address. Check it, or look for its new address."),
}


def describe(code: str) -> str:
    """What went wrong and what can be done, in the language of this task."""
    if code in _CAUSES:
        return _CAUSES[code]()
    if code.startswith("http-5"):
        return _("The site is having problems ({code}).").format(code=code)
    return _("The site returned an error ({code}). Check the address.").format(code=code)
