"""One word to the channels of a feed when it breaks, with cause and remedy, and one when it is back."""

from collections.abc import Callable, Mapping

from bot.core import locale
from bot.core.models import Feed, FeedState
from bot.core.settings import Settings
from bot.feeds import fetch_errors
from bot.store.records.source_records import Alert, AlertKind, SurplusKind

BROKEN_AFTER = 86_400
"""Seconds that a feed fails before its readers are told; one that is gone for good is told at once."""
BROKEN_TIMES = 3
LOST_AFTER = 3_600
"""The same for a list that is no longer on its page: that is a new page rather than a fault that passes."""

_LOST = {fetch_errors.LIST_LOST, fetch_errors.NEEDS_SCRIPT}

Words = Callable[[Feed, AlertKind, SurplusKind | None], Mapping[str, str]]
"""Gives the text of a notice by language; whoever makes messages chooses it."""


class FeedAlerts:
    """Decides what the readers of a feed are told."""

    def __init__(self, settings: Settings, words: Words) -> None:
        self._words = words
        self._language = locale.supported(settings.language) or "en"

    def after(self, before: Feed, after: Feed) -> Alert | None:
        """What a poll calls for, if anything, told by the feed before and after it.

        It is called for at every poll of a feed in trouble; whoever was told is not told again.
        """
        if after.failures:
            since = after.failing_since or 0
            if after.state is FeedState.GONE:
                return self._alert(after, AlertKind.GONE, since)
            patience = LOST_AFTER if after.error in _LOST else BROKEN_AFTER
            if (after.last_poll or 0) - since >= patience and after.failures >= BROKEN_TIMES:
                return self._alert(after, AlertKind.BROKEN, since)
        elif before.failures:
            return self._alert(after, AlertKind.BACK, before.failing_since or 0)
        return None

    def surplus(self, feed: Feed, kind: SurplusKind, since: int) -> Alert:
        """What a feed calls for that brings more than its share, since a time; also at every such poll."""
        return self._alert(feed, AlertKind.SURPLUS, since, kind)

    def _alert(self, feed: Feed, kind: AlertKind, since: int, surplus: SurplusKind | None = None) -> Alert:
        return Alert(feed.id, kind, since, self._words(feed, kind, surplus), self._language)
