"""One word to the channels of a feed when it breaks, with cause and remedy, and one when it is back."""

from __future__ import annotations

from bot.core import locale
from bot.core.locale import _
from bot.core.models import Feed, FeedState
from bot.core.settings import Settings
from bot.feeds.fetch_errors import describe
from bot.store.records import Alert, AlertKind
from bot.text import safe, urls

BROKEN_AFTER = 86_400
"""Seconds that a feed fails before its readers are told; one that is gone for good is told at once."""
BROKEN_TIMES = 3
_NAME = 100  # UTF-16 units


def alert(settings: Settings, before: Feed, after: Feed) -> Alert | None:
    """What a poll calls for, if anything, told by the feed before and after it.

    It is called for at every poll of a feed in trouble; whoever was told is not told again.
    """
    if after.failures:
        since = after.failing_since or 0
        if after.state is FeedState.GONE:
            return _alert(settings, after, AlertKind.GONE, since)
        if (after.last_poll or 0) - since >= BROKEN_AFTER and after.failures >= BROKEN_TIMES:
            return _alert(settings, after, AlertKind.BROKEN, since)
    elif before.failures:
        return _alert(settings, after, AlertKind.BACK, before.failing_since or 0)
    return None


def _alert(settings: Settings, feed: Feed, kind: AlertKind, since: int) -> Alert:
    texts = {}
    for language in locale.LANGUAGES:
        with locale.use(language):
            texts[language] = _words(feed, kind)
    return Alert(feed.id, kind, since, texts, locale.supported(settings.language) or "en")


def _words(feed: Feed, kind: AlertKind) -> str:
    name = safe.plain(feed.title, _NAME) or safe.plain(urls.masked(feed.url), _NAME)
    cause = describe(feed.error or "")
    match kind:
        case AlertKind.GONE:
            return _("The feed “{feed}” is gone. {cause}").format(feed=name, cause=cause)
        case AlertKind.BROKEN:
            return _("The feed “{feed}” could not be read for a day. {cause} I keep trying.").format(
                feed=name, cause=cause
            )
        case AlertKind.BACK:
            return _("The feed “{feed}” can be read again. What it published meanwhile follows.").format(
                feed=name
            )
