"""Alerts to the channels of a feed: it broke, with cause and remedy, or it recovered."""

from collections.abc import Callable, Mapping

from bot.core import i18n
from bot.core.configuration.settings import Settings
from bot.core.models import Feed, FeedState
from bot.feeds import fetch_errors
from bot.store.records.source_records import Alert, AlertKind, AlertTexts, OverQuotaKind

FAILING_ALERT_AFTER_SECONDS = 86_400
"""Number of seconds of failures before an alert; a feed that is gone causes an alert at once."""
MIN_FAILURES_BEFORE_ALERT = 3
"""Minimum number of consecutive failures of a feed before an alert, unless the feed is gone."""
LIST_LOST_ALERT_AFTER_SECONDS = 3_600
"""Number of seconds before an alert about a list missing from its page, which rarely heals by itself."""

_LIST_LOST_CODES = {fetch_errors.LIST_NOT_FOUND, fetch_errors.REQUIRES_JAVASCRIPT}
"""Codes of errors that mean a list is missing from its page."""

AlertTextProvider = Callable[[Feed, AlertKind, OverQuotaKind | None], Mapping[str, str]]
"""Function that returns the text of an alert in every language, by language code."""


class FeedAlerts:
    """Rules for when a feed causes an alert to its channels."""

    def __init__(self, settings: Settings, provide_alert_texts: AlertTextProvider) -> None:
        self._provide_alert_texts = provide_alert_texts
        self._default_language = i18n.supported_language(settings.language) or "en"

    def find_alert(self, feed_before: Feed, feed_after: Feed) -> Alert | None:
        """Return the alert that a poll calls for, by the feed before and after it, or None if there is none.

        The alert is returned at every poll of a failing feed; the store drops repeated alerts.
        """
        if feed_after.failure_count:
            failing_since = feed_after.failing_since or 0
            if feed_after.state is FeedState.GONE:
                return self._build_alert(feed_after, AlertKind.GONE, failing_since)
            alert_after_seconds = (
                LIST_LOST_ALERT_AFTER_SECONDS if feed_after.error in _LIST_LOST_CODES else FAILING_ALERT_AFTER_SECONDS
            )
            if (
                feed_after.last_poll_at or 0
            ) - failing_since >= alert_after_seconds and feed_after.failure_count >= MIN_FAILURES_BEFORE_ALERT:
                return self._build_alert(feed_after, AlertKind.FAILING, failing_since)
        elif feed_before.failure_count:
            return self._build_alert(feed_after, AlertKind.RECOVERED, feed_before.failing_since or 0)
        return None

    def build_over_quota_alert(self, feed: Feed, over_quota_kind: OverQuotaKind, since: int) -> Alert:
        """Return the alert for a feed that is over quota since `since` (Unix time in seconds).

        The alert is returned at every such poll; the store drops repeated alerts.
        """
        return self._build_alert(feed, AlertKind.OVER_QUOTA, since, over_quota_kind)

    def _build_alert(
        self, feed: Feed, kind: AlertKind, since: int, over_quota_kind: OverQuotaKind | None = None
    ) -> Alert:
        text_by_language = self._provide_alert_texts(feed, kind, over_quota_kind)
        return Alert(feed.id, kind, since, AlertTexts(text_by_language, self._default_language))
