"""Sentences on why a feed or page could not be read, for each code of an error or outcome of a page fetch."""

from bot.core.i18n import N_, _
from bot.feeds import fetch_errors, reddit_api
from bot.polling.full_text_fetcher import CRASHED_OUTCOME
from bot.store.records.content_records import PageFetch, PageFetchOutcome
from bot.text import urls

_SENTENCE_BY_CODE = {
    fetch_errors.BAD_URL: N_("That isn’t a web address. Try something like theverge.com."),
    fetch_errors.DNS_NOT_FOUND: N_(
        "I can’t reach that site. Check the spelling; if it’s right, the site is gone or I’m offline."
    ),
    fetch_errors.DNS_UNAVAILABLE: N_(
        "I couldn’t look up the site’s name (DNS). If this lasts, tell whoever runs this bot."
    ),
    fetch_errors.REFUSED_ADDRESS: N_(
        "This address is on a private network. Whoever runs Telex can allow it (TELEX_ALLOW_PRIVATE_ADDRESSES)."
    ),
    fetch_errors.OWN_FEED: N_("This is one of my own feeds: following it would only repeat what I post."),
    fetch_errors.SOURCE_BLOCKED: N_("Whoever runs this bot has blocked this site."),
    fetch_errors.CONNECTION_FAILED: N_("The site isn’t responding. It may be down."),
    fetch_errors.TLS_FAILED: N_(
        "The site’s certificate isn’t valid, so the connection isn’t secure. Let the publisher know."
    ),
    fetch_errors.TIMEOUT: N_("The site took too long to answer."),
    fetch_errors.PROXY_FAILED: N_(
        "I can’t get through the proxy that this Telex uses for the site. Whoever runs it can check TELEX_HOSTS."
    ),
    fetch_errors.INVALID_RESPONSE: N_("I can’t make sense of the site’s response."),
    fetch_errors.TOO_LARGE: N_("The file is too large."),
    fetch_errors.BAD_REDIRECT: N_("The site keeps redirecting me. Look for the feed’s new address."),
    fetch_errors.TRUNCATED_BODY: N_("The file arrived incomplete."),
    fetch_errors.BAD_ENCODING: N_("I can’t read the file’s compression or encoding. Let the publisher know."),
    fetch_errors.FEED_GONE: N_("The publisher has shut this feed down. Remove it, or follow its replacement."),
    fetch_errors.RATE_LIMITED: N_(
        "The site limits how often I can check it. If this lasts, whoever runs Telex can send fewer requests, or send "
        "them through a proxy (TELEX_HOSTS)."
    ),
    fetch_errors.REDDIT_APPLICATION_REFUSED: N_(
        "Reddit refuses this Telex’s application. Whoever runs it can check TELEX_REDDIT_ID and TELEX_REDDIT_SECRET."
    ),
    fetch_errors.REDDIT_FORBIDDEN: N_("Reddit doesn’t let me read this. It may be private or banned."),
    fetch_errors.REDDIT_RATE_LIMITED: N_(
        "Reddit limits how often this Telex’s application can ask. I’ll try again by myself."
    ),
    fetch_errors.NOT_A_FEED: N_("There’s no feed at this address. Give me the site’s address, and I’ll look for one."),
    fetch_errors.LIST_NOT_FOUND: N_(
        "The page has changed, and the list isn’t on it anymore. Add the page again to pick another list, "
        "and remove this one."
    ),
    fetch_errors.REQUIRES_JAVASCRIPT: N_(
        "The page only works with JavaScript, which Telex doesn’t run. Look for a feed or another page of the site."
    ),
    fetch_errors.ROBOTS_DISALLOWED: N_("The site doesn’t let bots read this page (robots.txt)."),
    fetch_errors.NOT_A_PAGE: N_("There’s no web page at this address anymore."),
    fetch_errors.PARSE_TIMEOUT: N_("The file takes too long to read. Let the publisher know."),
    fetch_errors.PARSER_CRASHED: N_("The file crashed my reader. Let the publisher know."),
    "http-401": N_("The site asks for a username and password. Add the feed again to enter them."),
    "http-403": N_(
        "The site refused access. It may block bots: ask the publisher. Whoever runs Telex can set headers, a user "
        "agent or a proxy for it (TELEX_HOSTS)."
    ),
    "http-404": N_("No feed found at that address. Check it, or look for its new address."),
}


_REDDIT_REFUSAL = N_(
    "Reddit refuses addresses that many share. Follow the address of your own feed (reddit.com/prefs/feeds), or ask "
    "whoever runs Telex to set up an application (TELEX_REDDIT_ID)."
)
_REFUSAL_CODES = {"http-403", fetch_errors.RATE_LIMITED}


def describe_feed_error(code: str, url: str = "") -> str:
    """Return a sentence on an error of a feed and what can be done about it, in the current language.

    `url` is the URL of the feed, or "" if it is unknown; then the sentence is a general one.
    """
    if code in _REFUSAL_CODES and reddit_api.is_reddit_host(urls.parse_host(url) or ""):
        return _(_REDDIT_REFUSAL)
    if code in _SENTENCE_BY_CODE:
        return _(_SENTENCE_BY_CODE[code])
    if code in fetch_errors.SERVER_ERROR_CODES:
        return _("The site is having problems ({code}).").format(code=code)
    return _("The site returned an error ({code}). Check the address.").format(code=code)


_PAGE_SENTENCE_BY_CODE = {
    fetch_errors.BAD_URL: N_("That isn’t a web address. It should look like https://example.com/article."),
    fetch_errors.OWN_FEED: N_("This is one of my own feeds, not a page."),
    fetch_errors.TOO_LARGE: N_("This page is too large for me to save."),
    fetch_errors.BAD_REDIRECT: N_("The site keeps redirecting me, so I can’t read this page."),
    fetch_errors.FEED_GONE: N_("This page is gone."),
    fetch_errors.RATE_LIMITED: N_("The site limits how often I can read its pages. Try again later."),
    fetch_errors.NOT_A_PAGE: N_("This link leads to a file or a picture, not to a web page."),
    fetch_errors.PARSE_TIMEOUT: N_("This page takes too long to read."),
    fetch_errors.PARSER_CRASHED: N_("This page crashed my reader."),
    "http-401": N_("This page is only for people who sign in."),
    "http-403": N_("The site refused access. It may block bots."),
    "http-404": N_("There’s no page at this address."),
}


def describe_page_error(code: str) -> str:
    """Return a sentence on why a page that a user wants to save cannot be read, in the current language."""
    return _(_PAGE_SENTENCE_BY_CODE[code]) if code in _PAGE_SENTENCE_BY_CODE else describe_feed_error(code)


def page_fetch_sentence(page_fetch: PageFetch, *, when: str) -> str:
    """Return whether the web page of an article was read, or why not, in the current language.

    `when` is the formatted time at which the page was fetched.
    """
    if page_fetch.outcome == PageFetchOutcome.FETCHED:
        return _("the feed only has a teaser, so I read the page ({when})").format(when=when)
    if page_fetch.outcome is None:
        return _("the feed only has a teaser; I’m about to read the page")
    reason = _page_fetch_reason(page_fetch.outcome)
    if page_fetch.due_at is not None:
        return _("the feed only has a teaser; I’ll try the page again. {reason}").format(reason=reason)
    return _("the feed only has a teaser, and I didn’t read the page. {reason}").format(reason=reason)


def _page_fetch_reason(outcome: str) -> str:
    if outcome in fetch_errors.HTTP_ERROR_CODES or outcome == fetch_errors.FEED_GONE:
        return _("The site returned an error ({code}).").format(code=outcome)
    crashed_sentence = _("It crashed my reader.")
    reason_by_outcome = {
        PageFetchOutcome.PRIVATE: _("The address of the feed or the page is secret."),
        PageFetchOutcome.AMBIGUOUS_URL: _("The feed gives several articles the same address."),
        PageFetchOutcome.BACKLOG_SKIPPED: _("It was already in the feed when I started reading it."),
        PageFetchOutcome.TOO_MANY: _("The feed had too many articles that day."),
        PageFetchOutcome.PURGED: _("Its text was deleted because of its age."),
        fetch_errors.ROBOTS_DISALLOWED: _("Its publisher doesn’t allow bots (robots.txt)."),
        fetch_errors.NOT_A_PAGE: _("It isn’t a page of text."),
        fetch_errors.TOO_LARGE: _("It’s too large."),
        fetch_errors.NO_ARTICLE: _("I found no article on it."),
        fetch_errors.UNRELATED_PAGE: _("It shows something else, such as a form or a home page."),
        fetch_errors.NO_EXTRA_TEXT: _("It has no more text than the feed."),
        fetch_errors.PARSE_TIMEOUT: _("It takes too long to read."),
        fetch_errors.PARSER_CRASHED: crashed_sentence,
        CRASHED_OUTCOME: crashed_sentence,
    }
    return reason_by_outcome.get(outcome) or describe_feed_error(outcome)
