"""What became of a request to Discord, as types; `posting/wording/problem_sentences.py` says it to people.

Codes and their meaning: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import aiohttp
import discord

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
        return Later(retry_after(error.response.headers), words)
    if problem := _PROBLEMS.get(error.code):
        return Blocked(problem)
    if error.status >= _SERVER_ERROR:
        return Lost(words)
    if error.status == _UNAUTHORISED:
        return Later(_A_WHILE, words)
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return Blocked(Problem.FORBIDDEN if isinstance(error, discord.Forbidden) else Problem.GONE)
    return Refused(words)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds after which Discord wants to be asked again."""
    try:
        return max(1.0, float(headers.get("Retry-After", _A_WHILE)))
    except ValueError:
        return _A_WHILE
