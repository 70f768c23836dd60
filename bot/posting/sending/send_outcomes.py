"""What became of a request to Discord, as types, and the words for it.

Codes and their meaning: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

import re
from collections.abc import Awaitable, Container, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
import discord

from bot.core.locale import _, amount
from bot.posting.sending import permissions
from bot.store.records.outbox_records import WaitsFor
from bot.watches.watch_matching import CLOSED


@dataclass(frozen=True, slots=True)
class Sent:
    """Discord has the message. `thread_id` is the thread that a forum post opened, or that of the day.

    `webhook_id` is by what it was sent that the bot did not send itself.
    """

    message_id: int
    thread_id: int | None = None
    webhook_id: int | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Discord did not take it; ask again after so many seconds."""

    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows: the answer did not arrive, and Discord may have the message."""

    error: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """The channel takes nothing at the moment; `problem` is a text for `describe`."""

    problem: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Discord will never take this message; another may go through."""

    error: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Discord may have the message, and Telex cannot look; `reason` is for `describe`."""

    reason: str


Outcome = Sent | Later | Lost | Blocked | Refused | Unknown


class UncertainPostError(Exception):
    """Discord answered what would be made twice if it were repeated with a server error: it may be there."""


class Problem(StrEnum):
    """Why something was not sent, as it is kept and as `describe` reads it."""

    GONE = "gone"
    FORBIDDEN = "forbidden"  # followed by the names of the permissions, as Discord's API has them
    LOCKED = "locked"
    NEEDS_TAG = "needs-tag"
    TOO_MANY_THREADS = "too-many-threads"
    TOO_MANY_WEBHOOKS = "too-many-webhooks"
    WEBHOOK_GONE = "webhook-gone"
    NOT_TEXT = "not-text"
    TRYING = "trying"  # followed by what Discord says, or why it says nothing
    REFUSED = "refused"  # followed by what Discord says
    UNREADABLE = "unreadable"  # nobody can tell whether it was sent
    ARTICLE_GONE = "article-gone"
    HIDDEN = "hidden"  # a notice, nothing of which may be read any more where it was to go
    FAULT = "fault"


ALREADY_PUBLISHED = 40033
ARCHIVED = 50083
EDITED_TOO_OFTEN = 30046

_PROBLEMS = {
    10003: Problem.GONE,  # unknown channel
    10004: Problem.GONE,  # unknown server
    10015: Problem.WEBHOOK_GONE,
    50027: Problem.WEBHOOK_GONE,  # invalid webhook token
    30007: Problem.TOO_MANY_WEBHOOKS,
    50007: CLOSED,  # cannot send messages to this user
    50278: CLOSED,  # no server in common
    50001: Problem.FORBIDDEN,
    50013: Problem.FORBIDDEN,
    50024: Problem.NOT_TEXT,  # cannot execute action on this channel type
    50008: Problem.NOT_TEXT,  # cannot send messages in a non-text channel
    ARCHIVED: Problem.LOCKED,
    160005: Problem.LOCKED,
    160006: Problem.TOO_MANY_THREADS,
    160007: Problem.TOO_MANY_THREADS,  # of an announcement channel
    40067: Problem.NEEDS_TAG,
}
_SLOW = frozenset({20016, 20022, 20028, 20029, 40004})  # slow mode, write limits, sending switched off
_WEBHOOK = re.compile(r"/webhooks/(\d+)/")
_A_WHILE = 60.0  # seconds, where Discord does not say how long
_A_MOMENT = 5.0

T = TypeVar("T")
_UNAUTHORISED = 401
_TOO_MANY = 429
_SERVER_ERROR = 500


def judge(error: Exception) -> Outcome:
    """What an exception of discord.py or aiohttp says about a request that was to send something.

    Raises `error` again when it is neither: then it is a fault of ours.
    """
    match error:
        case discord.RateLimited():
            return Later(error.retry_after, f"rate limited for {error.retry_after:.0f} s")
        case discord.HTTPException():
            return _judge_answer(error)
        case discord.InvalidData():
            return Blocked(Problem.NOT_TEXT)
        case UncertainPostError():
            return Lost(str(error))
        case aiohttp.ClientConnectorError():
            return Later(_A_MOMENT, f"no connection: {error}")
        case aiohttp.ClientError() | TimeoutError() | OSError():
            return Lost(f"no answer: {str(error) or type(error).__name__}")
    raise error


async def asked(question: Awaitable[T]) -> T | Outcome:
    """What Discord answers, or why it does not; where the answer was lost it may be asked again.

    Raises only what is a fault of ours.
    """
    try:
        return await question
    except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
        outcome = judge(error)
    return Later(_A_MOMENT, outcome.error) if isinstance(outcome, Lost) else outcome


def _judge_answer(error: discord.HTTPException) -> Outcome:
    words = f"{error.status} {error.code} {error.text}".strip()[:500]
    if error.status == _TOO_MANY or error.code in _SLOW:
        return Later(_retry_after(error.response.headers), words)
    if problem := _PROBLEMS.get(error.code):
        return Blocked(problem)
    if error.status >= _SERVER_ERROR:
        return Lost(words)
    if error.status == _UNAUTHORISED:
        return Later(_A_WHILE, words)
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return Blocked(Problem.FORBIDDEN if isinstance(error, discord.Forbidden) else Problem.GONE)
    return Refused(words)


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return max(1.0, float(headers.get("Retry-After", _A_WHILE)))
    except ValueError:
        return _A_WHILE


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


class NoRepeats:
    """Hooks for discord.py's session that keep it from sending again what Discord may have.

    It repeats every request answered 500, 502 or 504, and Discord honours no nonce where a thread or a
    webhook is made or a webhook posts: each repetition could be another post. It would also wait within
    itself, however long, until a webhook may post again. `webhooks` are the ids of those.
    """

    def __init__(self, webhooks: Container[int]) -> None:
        self._webhooks = webhooks

    def watch(self, trace: aiohttp.TraceConfig) -> None:
        """Hook into a session."""
        trace.on_request_end.append(self._judge)

    async def _judge(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answered: aiohttp.TraceRequestEndParams,
    ) -> None:
        status, path = answered.response.status, answered.url.path
        found = _WEBHOOK.search(path)
        by_webhook = found is not None and int(found[1]) in self._webhooks
        if by_webhook and status == _TOO_MANY:
            raise discord.RateLimited(_retry_after(answered.response.headers))
        makes = answered.method == "POST" and (by_webhook or path.endswith(("/threads", "/webhooks")))
        if makes and status >= _SERVER_ERROR:
            raise UncertainPostError(f"{status} to a new post")
