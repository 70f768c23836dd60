"""One word to the channels of a feed when it breaks, with cause and remedy, and one when it is back."""

from collections.abc import Callable, Mapping

from bot.core import i18n
from bot.core.models import Feed, FeedState
from bot.core.settings import Settings
from bot.feeds import fetch_errors
from bot.store.records.source_records import Alert, AlertKind, OverQuotaKind

FAILING_ALERT_AFTER_SECONDS = 86_400
"""Seconds that a feed fails before its readers are told; one that is gone for good is told at once."""
MIN_FAILURES_BEFORE_ALERT = 3
LIST_LOST_ALERT_AFTER_SECONDS = 3_600
"""The same for a list that is no longer on its page: that is a new page rather than a fault that passes."""

_LOST = {fetch_errors.LIST_NOT_FOUND, fetch_errors.REQUIRES_JAVASCRIPT}

AlertTextProvider = Callable[[Feed, AlertKind, OverQuotaKind | None], Mapping[str, str]]
"""Gives the text of a notice by language; whoever makes messages chooses it."""


class FeedAlerts:
    """Decides what the readers of a feed are told."""

    def __init__(self, settings: Settings, words: AlertTextProvider) -> None:
        self._words = words
        self._language = i18n.supported_language(settings.language) or "en"

    def evaluate(self, before: Feed, after: Feed) -> Alert | None:
        """What a poll calls for, if anything, told by the feed before and after it.

        It is called for at every poll of a feed in trouble; whoever was told is not told again.
        """
        if after.failures:
            since = after.failing_since or 0
            if after.state is FeedState.GONE:
                return self._alert(after, AlertKind.GONE, since)
            patience = LIST_LOST_ALERT_AFTER_SECONDS if after.error in _LOST else FAILING_ALERT_AFTER_SECONDS
            if (after.last_poll or 0) - since >= patience and after.failures >= MIN_FAILURES_BEFORE_ALERT:
                return self._alert(after, AlertKind.FAILING, since)
        elif before.failures:
            return self._alert(after, AlertKind.RECOVERED, before.failing_since or 0)
        return None

    def over_quota_alert(self, feed: Feed, kind: OverQuotaKind, since: int) -> Alert:
        """What a feed calls for that brings more than its share, since a time; also at every such poll."""
        return self._alert(feed, AlertKind.OVER_QUOTA, since, kind)

    def _alert(self, feed: Feed, kind: AlertKind, since: int, surplus: OverQuotaKind | None = None) -> Alert:
        return Alert(feed.id, kind, since, self._words(feed, kind, surplus), self._language)
