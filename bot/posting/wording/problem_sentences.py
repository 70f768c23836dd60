"""Sentences on why something was not posted, with what users can do about it."""

from bot.core.i18n import _, format_number
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import SendProblem
from bot.store.records.outbox_records import WaitReason
from bot.watches.watch_matching import DMS_CLOSED_PROBLEM


def describe_problem(problem: str) -> str:
    """Return a sentence on a channel's problem or a post that failed or waits, in the current language."""
    problem_code, _space, details = problem.partition(" ")
    if problem_code == SendProblem.FORBIDDEN and details:
        permission_labels = ", ".join(permissions.permission_label(permission) for permission in details.split())
        return _("I’m missing permissions in this channel: {permissions}.").format(permissions=permission_labels)
    if problem_code == SendProblem.RETRYING:
        return _("Discord hasn’t accepted it yet: {reason}. I’ll keep trying.").format(
            reason=_rejection_reason(details)
        )
    if problem_code == SendProblem.REFUSED:
        return _("Discord refused the message: {reason}").format(reason=details)
    if problem_code in {
        WaitReason.QUIET_HOURS,
        WaitReason.HOURLY_LIMIT,
        WaitReason.MIN_INTERVAL,
        WaitReason.TOP_STORY_SELECTION,
    }:
        return _schedule_sentence(problem_code).format(time=details)
    if problem_code == WaitReason.MORE_OUTLETS:
        outlet_count, min_outlet_count = map(int, details.split())
        return _("Waiting for more outlets: {count} of {least} so far.").format(
            count=format_number(outlet_count), least=format_number(min_outlet_count)
        )
    sentence_by_problem: dict[str, str] = {
        SendProblem.CHANNEL_GONE: _("I can’t find this channel. If it was deleted, move or remove its feeds."),
        SendProblem.FORBIDDEN: _("Discord won’t let me post in this channel. Check my permissions there."),
        SendProblem.LOCKED: _("The thread is archived and locked. Unlock it, or move the feeds."),
        SendProblem.NEEDS_TAG: _(
            "This forum requires a tag on every post. Choose one in /settings channel, or lift the requirement."
        ),
        SendProblem.TOO_MANY_THREADS: _("This server has as many active threads as Discord allows. Archive some."),
        SendProblem.TOO_MANY_WEBHOOKS: _("This channel has as many webhooks as Discord allows. Delete one."),
        SendProblem.NOT_TEXT: _("This kind of channel can’t hold messages. Move the feeds."),
        SendProblem.UNREADABLE: _(
            "I was interrupted and can’t tell whether this was posted. To check, I need Read Message History."
        ),
        SendProblem.ARTICLE_GONE: _("This article isn’t stored anymore."),
        DMS_CLOSED_PROBLEM: _("Discord won’t let me send you direct messages."),
        SendProblem.INTERNAL_ERROR: _("Something went wrong on my side. The details are in my log."),
    }
    return sentence_by_problem.get(problem, problem)


def _rejection_reason(error: str) -> str:
    """Return why a request failed, without a full stop: Telex's own reasons in words, else Discord's text."""
    reason_by_prefix = {
        "rate limited": _("I have to wait a moment"),
        "no connection": _("I couldn’t reach it"),
        "no answer": _("it didn’t answer"),
        "Discord may still be at it": _("it may still be working on it"),
        "the server is unavailable": _("the server is unavailable"),
    }
    reasons = (reason for prefix, reason in reason_by_prefix.items() if error.startswith(prefix))
    return next(reasons, error.rstrip(". "))


def _schedule_sentence(wait_reason: str) -> str:
    """Return why a post waits for its channel's schedule, with the field `{time}` still to be filled in."""
    template_by_reason: dict[str, str] = {
        WaitReason.QUIET_HOURS: _("Waiting until {time} (quiet hours)."),
        WaitReason.HOURLY_LIMIT: _("Waiting until {time} (hourly limit)."),
        WaitReason.TOP_STORY_SELECTION: _(
            "Only the best stories of the day are posted there; the next one is picked at {time}."
        ),
    }
    return template_by_reason.get(wait_reason, _("Waiting until {time} (time between posts)."))
