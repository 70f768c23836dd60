"""What became of the page of an article, in words."""

from __future__ import annotations

from bot.core.locale import _
from bot.feeds import fetch_errors
from bot.polling.page_reader import DIED
from bot.posting.wording import feed_causes
from bot.store.records.content_records import PageEnd, Reading


def sentence(page: Reading, *, when: str) -> str:
    """Whether a page was read for more than the feed gives, or why not, in the language of this task.

    `when` is the time of it as it is to be shown.
    """
    if page.outcome == PageEnd.READ:
        return _("the feed only has a teaser, so I read the page ({when})").format(when=when)
    if page.outcome is None:
        return _("the feed only has a teaser; I’m about to read the page")
    reason = _reason(page.outcome)
    if page.due is not None:
        return _("the feed only has a teaser; I’ll try the page again. {reason}").format(reason=reason)
    return _("the feed only has a teaser, and I didn’t read the page. {reason}").format(reason=reason)


def _reason(outcome: str) -> str:
    if outcome.startswith("http-") or outcome == fetch_errors.GONE:
        return _("The site returned an error ({code}).").format(code=outcome)
    broken = _("It crashed my reader.")
    reasons = {
        PageEnd.PRIVATE: _("The address of the feed or the page is secret."),
        PageEnd.SHARED: _("The feed gives several articles the same address."),
        PageEnd.BACKLOG: _("It was already in the feed when I started reading it."),
        PageEnd.TOO_MANY: _("The feed had too many articles that day."),
        PageEnd.FORGOTTEN: _("Its text was deleted because of its age."),
        fetch_errors.ROBOTS: _("Its publisher doesn’t allow bots (robots.txt)."),
        fetch_errors.NOT_A_PAGE: _("It isn’t a page of text."),
        fetch_errors.TOO_LARGE: _("It’s too large."),
        fetch_errors.NO_ARTICLE: _("I found no article on it."),
        fetch_errors.OTHER_PAGE: _("It shows something else, such as a form or a home page."),
        fetch_errors.NOTHING_MORE: _("It says no more than the feed."),
        fetch_errors.PARSE_TIMEOUT: _("It takes too long to read."),
        fetch_errors.PARSE_DIED: broken,
        DIED: broken,
    }
    return reasons.get(outcome) or feed_causes.describe(outcome)
