"""One word to the channels of a feed when it breaks, with cause and remedy, and one when it is back."""

from __future__ import annotations

from collections.abc import Callable

from bot.core import locale
from bot.core.locale import _
from bot.core.models import Feed, FeedState
from bot.core.settings import Settings
from bot.feeds.fetch_errors import describe
from bot.store.records import Alert, AlertKind, SurplusKind
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


def surplus(settings: Settings, feed: Feed, kind: SurplusKind, since: int) -> Alert:
    """What a feed calls for that brings more than its share, since a time; also at every such poll."""
    return _of(settings, feed, AlertKind.SURPLUS, since, lambda: _TOO_MUCH[kind]().format(feed=_name(feed)))


_TOO_MUCH: dict[SurplusKind, Callable[[], str]] = {
    SurplusKind.ENTRIES: lambda: _(
        "The feed “{feed}” brings more articles than I can keep. I keep the newest and check it less often; "
        "the rest isn’t posted."
    ),
    SurplusKind.IDENTITIES: lambda: _(
        "The feed “{feed}” renames all its entries at every check, so I can’t tell which ones are new. I’ve "
        "stopped posting those until it settles down, and check it less often."
    ),
    SurplusKind.CHANGES: lambda: _(
        "The feed “{feed}” keeps changing its articles. I edit each post a few times, then less and less."
    ),
}


def _alert(settings: Settings, feed: Feed, kind: AlertKind, since: int) -> Alert:
    cause = feed.error or ""
    return _of(
        settings, feed, kind, since, lambda: _TROUBLE[kind]().format(feed=_name(feed), cause=describe(cause))
    )


_TROUBLE: dict[AlertKind, Callable[[], str]] = {
    AlertKind.GONE: lambda: _("The feed “{feed}” is gone. {cause}"),
    AlertKind.BROKEN: lambda: _("The feed “{feed}” could not be read for a day. {cause} I keep trying."),
    AlertKind.BACK: lambda: _("The feed “{feed}” can be read again. What it published meanwhile follows."),
}


def _of(settings: Settings, feed: Feed, kind: AlertKind, since: int, words: Callable[[], str]) -> Alert:
    texts = {}
    for language in locale.LANGUAGES:
        with locale.use(language):
            texts[language] = words()
    return Alert(feed.id, kind, since, texts, locale.supported(settings.language) or "en")


def _name(feed: Feed) -> str:
    return safe.plain(feed.title, _NAME) or safe.plain(urls.masked(feed.url), _NAME)
