"""Sentences on why something was not posted, or not yet, with what users can do about it."""

from collections.abc import Mapping

from bot.core import local_time
from bot.core.i18n import N_, _, format_number
from bot.core.preferences import Filter, FilterMode, FilterScope
from bot.core.reasons import Reason, ReasonCode, ReasonValue, SendProblem, WaitReason, WithheldReason
from bot.posting.wording import filter_labels
from bot.posting.wording.permission_labels import permission_label

_SENTENCE_BY_CODE: Mapping[ReasonCode, str] = {
    WithheldReason.PAUSED: N_("not posted: the feed was paused there ({when})"),
    WithheldReason.BOT_ABSENT: N_("not posted: I wasn’t in the server at that time ({when})"),
    WithheldReason.UNFOLLOWED: N_("not posted: the channel stopped following the feed first ({when})"),
    WithheldReason.ALREADY_SENT: N_("posted in another message, before a backup was restored ({when})"),
    WithheldReason.TOO_FEW_OUTLETS: N_("not posted: reported by {count} of the {least} outlets it needed ({when})"),
    WithheldReason.NOT_SELECTED: N_("not posted: it wasn’t among the best stories of its day ({when})"),
    WithheldReason.SOURCE_BLOCKED: N_("not posted: whoever runs this bot blocked the feed’s site first ({when})"),
    WithheldReason.MUTED: N_("not posted: story muted by {who} ({when})"),
    WithheldReason.FILTERED: N_("filtered out by: {filters} ({when})"),
    WaitReason.QUIET_HOURS: N_("Waiting until {time} (quiet hours)."),
    WaitReason.HOURLY_LIMIT: N_("Waiting until {time} (hourly limit)."),
    WaitReason.MIN_INTERVAL: N_("Waiting until {time} (time between posts)."),
    WaitReason.MORE_OUTLETS: N_("Waiting for more outlets: {count} of {least} so far."),
    WaitReason.TOP_STORY_SELECTION: N_(
        "Only the best stories of the day are posted there; the next one is picked at {time}."
    ),
    SendProblem.CHANNEL_GONE: N_("I can’t find this channel. If it was deleted, move or remove its feeds."),
    SendProblem.FORBIDDEN: N_("Discord won’t let me post in this channel. Check my permissions there."),
    SendProblem.LOCKED: N_("The thread is archived and locked. Unlock it, or move the feeds."),
    SendProblem.NEEDS_TAG: N_(
        "This forum requires a tag on every post. Choose one in /settings channel, or lift the requirement."
    ),
    SendProblem.TOO_MANY_THREADS: N_("This server has as many active threads as Discord allows. Archive some."),
    SendProblem.TOO_MANY_WEBHOOKS: N_("This channel has as many webhooks as Discord allows. Delete one."),
    SendProblem.WEBHOOK_GONE: N_("The webhook I post with was deleted or moved."),
    SendProblem.NOT_TEXT: N_("This kind of channel can’t hold messages. Move the feeds."),
    SendProblem.DMS_CLOSED: N_("Discord won’t let me send you direct messages."),
    SendProblem.REFUSED: N_("Discord refused the message: {text}"),
    SendProblem.UNREADABLE: N_(
        "I was interrupted and can’t tell whether this was posted. To check, I need Read Message History."
    ),
    SendProblem.ARTICLE_GONE: N_("This article isn’t stored anymore."),
    SendProblem.NOTHING_READABLE: N_("The people it’s for can’t see the channel of any of its articles anymore."),
    SendProblem.INTERNAL_ERROR: N_("Something went wrong on my side. The details are in my log."),
    SendProblem.UNRECOGNIZED: N_("Another version of Telex noted: {text}"),
}
_MISSING_PERMISSIONS_SENTENCE = N_("I’m missing permissions in this channel: {permissions}.")
_MUTED_UNTIL_SENTENCE = N_("not posted: story muted by {who} until {date} ({when})")
_CAUSE_BY_RETRIED_CODE: Mapping[ReasonCode, str] = {
    SendProblem.RATE_LIMITED: N_("I have to wait a moment"),
    SendProblem.NO_CONNECTION: N_("I couldn’t reach it"),
    SendProblem.NO_ANSWER: N_("it didn’t answer"),
    SendProblem.SERVER_UNAVAILABLE: N_("the server is unavailable"),
    SendProblem.ERROR_RESPONSE: "{text}",
}
"""Texts, without a full stop, on why Discord did not accept a message, which Telex will send again."""


def describe_reason(reason: Reason, *, when: str = "") -> str:
    """Return a sentence on the reason why something was not posted, or not yet, in the current language.

    `when` is the formatted time since which an article is withheld.
    """
    text_by_name = _format_values(reason.values)
    if reason.code in _CAUSE_BY_RETRIED_CODE:
        cause = _(_CAUSE_BY_RETRIED_CODE[reason.code]).format(**text_by_name).rstrip(". ")
        return _("Discord hasn’t accepted it yet: {reason}. I’ll keep trying.").format(reason=cause)
    template = _SENTENCE_BY_CODE[reason.code]
    if reason.code is SendProblem.FORBIDDEN and reason.values:
        template = _MISSING_PERMISSIONS_SENTENCE
    elif reason.code is WithheldReason.MUTED:
        text_by_name = {"who": _("someone")} | text_by_name
        template = _MUTED_UNTIL_SENTENCE if "date" in text_by_name else template
    return _(template).format(**text_by_name, when=when)


def _format_values(values: Mapping[str, ReasonValue]) -> dict[str, str]:
    """Return the values of a reason, such as its time or filters, as text for its sentence, in the current language."""
    text_by_name = {
        name: format_number(value) if isinstance(value, int) else str(value) for name, value in values.items()
    }
    match values:
        case {"until": int(until), "time_zone": str(time_zone)}:
            text_by_name["time"] = local_time.format_local_time(until, time_zone)
        case {"until": int(until)}:
            text_by_name["date"] = f"<t:{until}:D>"
        case {"permissions": tuple(missing_permissions)}:
            text_by_name["permissions"] = ", ".join(map(permission_label, missing_permissions))
        case {"modes": tuple(modes), "queries": tuple(queries)}:
            scopes = values.get("scopes", (FilterScope.FEED,) * len(modes))
            assert isinstance(scopes, tuple)
            filters = [
                Filter(0, FilterMode(mode), query, None, FilterScope(scope))
                for mode, query, scope in zip(modes, queries, scopes, strict=True)
            ]
            text_by_name["filters"] = filter_labels.filter_list_text(filters)
    if "user" in values:
        text_by_name["who"] = f"<@{values['user']}>"
    return text_by_name
