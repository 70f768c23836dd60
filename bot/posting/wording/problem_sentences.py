"""Why something was not posted, for a person, with what they can do about it."""

from bot.core.locale import _, amount
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import Problem
from bot.store.records.outbox_records import WaitsFor
from bot.watches.watch_matching import CLOSED


def describe(problem: str) -> str:
    """A problem of a channel, or a reason why a post failed, for a person, with what they can do about it."""
    code, _space, rest = problem.partition(" ")
    if code == Problem.FORBIDDEN and rest:
        names = ", ".join(permissions.name(permission) for permission in rest.split())
        return _("I’m missing permissions in this channel: {permissions}.").format(permissions=names)
    if code == Problem.TRYING:
        return _("Discord hasn’t accepted it yet: {reason}. I’ll keep trying.").format(reason=_reason(rest))
    if code == Problem.REFUSED:
        return _("Discord refused the message: {reason}").format(reason=rest)
    if code in {WaitsFor.QUIET_HOURS, WaitsFor.MOST_AN_HOUR, WaitsFor.GAP, WaitsFor.BEST}:
        return _waits(code).format(time=rest)
    if code == WaitsFor.OUTLETS:
        told, least = map(int, rest.split())
        return _("Waiting for more outlets: {count} of {least} so far.").format(
            count=amount(told), least=amount(least)
        )
    sentences: dict[str, str] = {
        Problem.GONE: _("I can’t find this channel. If it was deleted, move or remove its feeds."),
        Problem.FORBIDDEN: _("Discord won’t let me post in this channel. Check my permissions there."),
        Problem.LOCKED: _("The thread is archived and locked. Unlock it, or move the feeds."),
        Problem.NEEDS_TAG: _(
            "This forum requires a tag on every post. Choose one in /settings channel, or lift "
            "the requirement."
        ),
        Problem.TOO_MANY_THREADS: _(
            "This server has as many active threads as Discord allows. Archive some."
        ),
        Problem.TOO_MANY_WEBHOOKS: _("This channel has as many webhooks as Discord allows. Delete one."),
        Problem.NOT_TEXT: _("This kind of channel can’t hold messages. Move the feeds."),
        Problem.UNREADABLE: _(
            "I was interrupted and can’t tell whether this was posted. To check, I need Read Message History."
        ),
        Problem.ARTICLE_GONE: _("This article isn’t stored anymore."),
        CLOSED: _("Discord won’t let me send you direct messages."),
        Problem.FAULT: _("Something went wrong on my side. The details are in my log."),
    }
    return sentences.get(problem, problem)


def _reason(error: str) -> str:
    """Why Discord did not take something, in words where it is not Discord that says it."""
    ours = {
        "rate limited": _("I have to wait a moment"),
        "no connection": _("I couldn’t reach it"),
        "no answer": _("it didn’t answer"),
        "Discord may still be at it": _("it may still be working on it"),
        "the server is unavailable": _("the server is unavailable"),
    }
    told = (words for beginning, words in ours.items() if error.startswith(beginning))
    return next(told, error.rstrip(". "))


def _waits(code: str) -> str:
    """Why something waits for the rhythm of its channel, with the time when it comes to be filled in."""
    sentences: dict[str, str] = {
        WaitsFor.QUIET_HOURS: _("Waiting until {time} (quiet hours)."),
        WaitsFor.MOST_AN_HOUR: _("Waiting until {time} (hourly limit)."),
        WaitsFor.BEST: _(
            "Only the best stories of the day are posted there; the next one is picked at {time}."
        ),
    }
    return sentences.get(code, _("Waiting until {time} (time between posts)."))
