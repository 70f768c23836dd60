"""Texts of feed alerts: a feed fails, is gone, is over its quota, or has recovered; feeds are blocked."""

from bot.core import i18n
from bot.core.configuration.settings import Settings
from bot.core.i18n import N_, _
from bot.core.models import Feed
from bot.feeds import fetch_errors
from bot.posting.wording.feed_error_sentences import describe_feed_error
from bot.store.records.source_records import AlertKind, AlertTexts, OverQuotaKind
from bot.text import discord_text, urls

_MAX_NAME_LENGTH = 100
"""Maximum length, in UTF-16 units, of a feed's title or URL in an alert."""


def build_alert_texts(feed: Feed, alert_kind: AlertKind, over_quota_kind: OverQuotaKind | None) -> dict[str, str]:
    """Return the text of a feed alert by language code.

    `over_quota_kind` says how the feed exceeds its quota, if the alert is about that; else it is None.
    """
    sentence_template = (
        _ALERT_SENTENCES[alert_kind] if over_quota_kind is None else _OVER_QUOTA_SENTENCES[over_quota_kind]
    )
    if alert_kind is AlertKind.FAILING and feed.error in {
        fetch_errors.LIST_NOT_FOUND,
        fetch_errors.REQUIRES_JAVASCRIPT,
    }:
        sentence_template = _LIST_NOT_FOUND_SENTENCE
    feed_name = discord_text.to_plain_line(feed.title, _MAX_NAME_LENGTH) or discord_text.to_plain_line(
        urls.redact(feed.url), _MAX_NAME_LENGTH
    )
    text_by_language = {}
    for language in i18n.LANGUAGES:
        with i18n.language_scope(language):
            text_by_language[language] = _(sentence_template).format(
                feed=feed_name, cause=describe_feed_error(feed.error or "", feed.url)
            )
    return text_by_language


def build_source_block_texts(source: str, settings: Settings, *, is_blocked: bool) -> AlertTexts:
    """Return the alert that an operator has blocked a source, or has unblocked it if `is_blocked` is False."""
    text_by_language = {}
    for language in i18n.LANGUAGES:
        with i18n.language_scope(language):
            sentence = (
                _("Whoever runs this bot has blocked {source}. Its feeds aren’t posted here anymore.")
                if is_blocked
                else _("Whoever runs this bot has unblocked {source}. Its feeds are posted here again.")
            )
            text_by_language[language] = sentence.format(source=source)
    return AlertTexts(text_by_language, i18n.supported_language(settings.language) or "en")


_LIST_NOT_FOUND_SENTENCE = N_("I can’t find the list of “{feed}” anymore. {cause} I’ll keep trying.")
_OVER_QUOTA_SENTENCES: dict[OverQuotaKind, str] = {
    OverQuotaKind.ENTRIES: N_(
        "The feed “{feed}” brings more articles than I can keep. I keep the newest and check it less often; "
        "the rest isn’t posted."
    ),
    OverQuotaKind.UNSTABLE_IDS: N_(
        "The feed “{feed}” renames all its entries at every check, so I can’t tell which ones are new. I’ve "
        "stopped posting those until it settles down, and check it less often."
    ),
    OverQuotaKind.CHANGES: N_(
        "The feed “{feed}” keeps changing its articles. I edit each post a few times, then less and less often."
    ),
}
_ALERT_SENTENCES: dict[AlertKind, str] = {
    AlertKind.GONE: N_("The feed “{feed}” is gone. {cause}"),
    AlertKind.FAILING: N_("The feed “{feed}” has been failing for a day. {cause} I’ll keep trying."),
    AlertKind.RECOVERED: N_("The feed “{feed}” is back. Articles it published in the meantime are on their way."),
}
