"""What became of the page of an article, in words."""

from __future__ import annotations

from bot.core.locale import _
from bot.feeds import fetch_errors
from bot.polling.page_reader import DIED
from bot.posting.wording import feed_causes
from bot.store.records import PageEnd, Reading


def sentence(page: Reading, *, when: str) -> str:
    """Whether a page was read for more than the feed gives, or why not, in the language of this task.

    `when` is the time of it as it is to be shown.
    """
    if page.outcome == PageEnd.READ:
        return _("the feed gives only a beginning; I read the page ({when})").format(when=when)
    if page.outcome is None:
        return _("the feed gives only a beginning; I am about to read the page")
    reason = _reason(page.outcome)
    if page.due is not None:
        return _("the feed gives only a beginning; I will try again to read the page. {reason}").format(
            reason=reason
        )
    return _("the feed gives only a beginning; I did not read the page. {reason}").format(reason=reason)


def _reason(outcome: str) -> str:
    if outcome.startswith("http-") or outcome == fetch_errors.GONE:
        return _("The site answered with an error ({code}).").format(code=outcome)
    broken = _("It could not be read: it broke the reader.")
    reasons = {
        PageEnd.PRIVATE: _("The address of the feed or of the page is secret."),
        PageEnd.SHARED: _("The feed gives several articles the same address."),
        PageEnd.BACKLOG: _("It was in the feed already when I began to read it."),
        PageEnd.TOO_MANY: _("The feed had too many articles that day."),
        PageEnd.FORGOTTEN: _("Its texts were deleted for their age."),
        fetch_errors.ROBOTS: _("Its publisher does not want programs to read it (robots.txt)."),
        fetch_errors.NOT_A_PAGE: _("It is not a page of text."),
        fetch_errors.TOO_LARGE: _("It is too large."),
        fetch_errors.NO_ARTICLE: _("I found no article in it."),
        fetch_errors.OTHER_PAGE: _("Something else stands there, such as a form or a front page."),
        fetch_errors.NOTHING_MORE: _("It says no more than the feed."),
        fetch_errors.PARSE_TIMEOUT: _("It takes too long to read."),
        fetch_errors.PARSE_DIED: broken,
        DIED: broken,
    }
    return reasons.get(outcome) or feed_causes.describe(outcome)
