"""What became of a request to Discord, as types; `posting/wording/problem_sentences.py` says it to people.

Codes and their meaning: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import aiohttp
import discord

from bot.watches.watch_matching import DMS_CLOSED


@dataclass(frozen=True, slots=True)
class Sent:
    """Discord has the message. `thread_id` is the thread that a forum post opened, or that of the day.

    `webhook_id` is by what it was sent that the bot did not send itself.
    """

    message_id: int
    thread_id: int | None = None
    webhook_id: int | None = None


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Discord did not take it; ask again after so many seconds."""

    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class DeliveryUnknown:
    """Nobody knows: the answer did not arrive, and Discord may have the message."""

    error: str


@dataclass(frozen=True, slots=True)
class ChannelBlocked:
    """The channel takes nothing at the moment; `problem` is a text for `describe`."""

    problem: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Discord will never take this message; another may go through."""

    error: str


@dataclass(frozen=True, slots=True)
class Unverifiable:
    """Discord may have the message, and Telex cannot look; `reason` is for `describe`."""

    reason: str


SendOutcome = Sent | RetryAfter | DeliveryUnknown | ChannelBlocked | Rejected | Unverifiable


class UnconfirmedPostError(Exception):
    """Discord answered what would be made twice if it were repeated with a server error: it may be there."""


class SendProblem(StrEnum):
    """Why something was not sent, as it is kept and as `describe` reads it."""

    CHANNEL_GONE = "gone"
    FORBIDDEN = "forbidden"  # followed by the names of the permissions, as Discord's API has them
    LOCKED = "locked"
    NEEDS_TAG = "needs-tag"
    TOO_MANY_THREADS = "too-many-threads"
    TOO_MANY_WEBHOOKS = "too-many-webhooks"
    WEBHOOK_GONE = "webhook-gone"
    NOT_TEXT = "not-text"
    RETRYING = "trying"  # followed by what Discord says, or why it says nothing
    REFUSED = "refused"  # followed by what Discord says
    UNREADABLE = "unreadable"  # nobody can tell whether it was sent
    ARTICLE_GONE = "article-gone"
    NOTHING_READABLE = "hidden"  # a notice, nothing of which may be read any more where it was to go
    INTERNAL_ERROR = "fault"


ALREADY_PUBLISHED = 40033
ARCHIVED = 50083
EDITED_TOO_OFTEN = 30046

_PROBLEMS = {
    10003: SendProblem.CHANNEL_GONE,  # unknown channel
    10004: SendProblem.CHANNEL_GONE,  # unknown server
    10015: SendProblem.WEBHOOK_GONE,
    50027: SendProblem.WEBHOOK_GONE,  # invalid webhook token
    30007: SendProblem.TOO_MANY_WEBHOOKS,
    50007: DMS_CLOSED,  # cannot send messages to this user
    50278: DMS_CLOSED,  # no server in common
    50001: SendProblem.FORBIDDEN,
    50013: SendProblem.FORBIDDEN,
    50024: SendProblem.NOT_TEXT,  # cannot execute action on this channel type
    50008: SendProblem.NOT_TEXT,  # cannot send messages in a non-text channel
    ARCHIVED: SendProblem.LOCKED,
    160005: SendProblem.LOCKED,
    160006: SendProblem.TOO_MANY_THREADS,
    160007: SendProblem.TOO_MANY_THREADS,  # of an announcement channel
    40067: SendProblem.NEEDS_TAG,
}
_SLOW_DOWN_CODES = frozenset(
    {20016, 20022, 20028, 20029, 40004}
)  # slow mode, write limits, sending switched off
_DEFAULT_RETRY_SECONDS = 60.0  # seconds, where Discord does not say how long
_SHORT_RETRY_SECONDS = 5.0

T = TypeVar("T")
_UNAUTHORISED = 401
_TOO_MANY = 429
_SERVER_ERROR = 500


def classify_error(error: Exception) -> SendOutcome:
    """What an exception of discord.py or aiohttp says about a request that was to send something.

    Raises `error` again when it is neither: then it is a fault of ours.
    """
    match error:
        case discord.RateLimited():
            return RetryAfter(error.retry_after, f"rate limited for {error.retry_after:.0f} s")
        case discord.HTTPException():
            return _classify_http_error(error)
        case discord.InvalidData():
            return ChannelBlocked(SendProblem.NOT_TEXT)
        case UnconfirmedPostError():
            return DeliveryUnknown(str(error))
        case aiohttp.ClientConnectorError():
            return RetryAfter(_SHORT_RETRY_SECONDS, f"no connection: {error}")
        case aiohttp.ClientError() | TimeoutError() | OSError():
            return DeliveryUnknown(f"no answer: {str(error) or type(error).__name__}")
    raise error


async def try_request(question: Awaitable[T]) -> T | SendOutcome:
    """What Discord answers, or why it does not; where the answer was lost it may be asked again.

    Raises only what is a fault of ours.
    """
    try:
        return await question
    except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
        outcome = classify_error(error)
    return (
        RetryAfter(_SHORT_RETRY_SECONDS, outcome.error) if isinstance(outcome, DeliveryUnknown) else outcome
    )


def _classify_http_error(error: discord.HTTPException) -> SendOutcome:
    words = f"{error.status} {error.code} {error.text}".strip()[:500]
    if error.status == _TOO_MANY or error.code in _SLOW_DOWN_CODES:
        return RetryAfter(retry_after(error.response.headers), words)
    if problem := _PROBLEMS.get(error.code):
        return ChannelBlocked(problem)
    if error.status >= _SERVER_ERROR:
        return DeliveryUnknown(words)
    if error.status == _UNAUTHORISED:
        return RetryAfter(_DEFAULT_RETRY_SECONDS, words)
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return ChannelBlocked(
            SendProblem.FORBIDDEN if isinstance(error, discord.Forbidden) else SendProblem.CHANNEL_GONE
        )
    return Rejected(words)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds after which Discord wants to be asked again."""
    try:
        return max(1.0, float(headers.get("Retry-After", _DEFAULT_RETRY_SECONDS)))
    except ValueError:
        return _DEFAULT_RETRY_SECONDS
