"""Types of the outcomes of a request to Discord; `wording/reason_sentences.py` explains them to users.

Error codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import discord

from bot.core.reasons import Reason, SendProblem
from bot.core.received_values import parse_seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """Outcome of a send that succeeded: Discord has the message.

    `thread_id` is the id of the thread that a forum post opened, or of the daily thread. `webhook_id` is set if a
    webhook sent the message.
    """

    message_id: int
    thread_id: int | None = None
    webhook_id: int | None = None


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Outcome of a request to repeat after `seconds`: Discord did not accept it, or a repetition does no harm."""

    seconds: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class DeliveryUnknown:
    """Outcome of a send without a response, or with a server error: Discord may or may not have created the message."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class ChannelBlocked:
    """Outcome of a send to a channel that accepts no messages at present."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Rejected:
    """Outcome of a send whose message Discord will never accept, while other messages may go through."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Unverifiable:
    """Outcome of a send that may have succeeded, where the channel history cannot be read to verify it."""

    reason: Reason


DISCORD_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError)
"""Errors of a request to Discord: a refusal, no connection, or no answer in time."""

SendOutcome = Sent | RetryAfter | DeliveryUnknown | ChannelBlocked | Rejected | Unverifiable


class UnconfirmedPostError(Exception):
    """Error raised when Discord answers the creation of a message, thread or webhook with a server error.

    What was to be created may exist.
    """


ALREADY_CROSSPOSTED_CODE = 40033
"""Discord's error code for a message that was crossposted before."""
THREAD_ARCHIVED_CODE = 50083
"""Discord's error code for an action in an archived thread."""
TOO_MANY_EDITS_CODE = 30046
"""Discord's error code for too many edits of messages older than an hour."""

_PROBLEM_BY_CODE = {
    10003: SendProblem.CHANNEL_GONE,  # unknown channel
    10004: SendProblem.CHANNEL_GONE,  # unknown server
    10015: SendProblem.WEBHOOK_GONE,
    50027: SendProblem.WEBHOOK_GONE,  # invalid webhook token
    30007: SendProblem.TOO_MANY_WEBHOOKS,
    50007: SendProblem.DMS_CLOSED,  # cannot send messages to this user
    50278: SendProblem.DMS_CLOSED,  # no server in common
    50001: SendProblem.FORBIDDEN,
    50013: SendProblem.FORBIDDEN,
    50024: SendProblem.NOT_TEXT,  # cannot execute action on this channel type
    50008: SendProblem.NOT_TEXT,  # cannot send messages in a non-text channel
    THREAD_ARCHIVED_CODE: SendProblem.LOCKED,
    160005: SendProblem.LOCKED,
    160006: SendProblem.TOO_MANY_THREADS,
    160007: SendProblem.TOO_MANY_THREADS,  # of an announcement channel
    40067: SendProblem.NEEDS_TAG,
}
_SLOW_DOWN_CODES = frozenset({20016, 20022, 20028, 20029, 40004})
"""Discord's error codes for slow mode, write rate limits, and sending that is temporarily disabled."""
_DEFAULT_RETRY_SECONDS = 60.0
"""Delay in seconds before another attempt if Discord's response states none."""
_MAX_RETRY_SECONDS = 86_400.0
"""Maximum delay in seconds before another attempt, whatever Discord's response states."""
_SHORT_RETRY_SECONDS = 5.0
"""Delay in seconds before another attempt if there was no connection, or if a repeatable request got no response."""

T = TypeVar("T")
_STATUS_UNAUTHORISED = 401
_STATUS_TOO_MANY_REQUESTS = 429
_MIN_SERVER_ERROR = 500


def classify_error(error: Exception) -> SendOutcome:
    """Return the outcome of a send that ended in an exception of discord.py, aiohttp or the network.

    Raises any other error again, since that is a bug.
    """
    match error:
        case discord.RateLimited():
            return RetryAfter(
                error.retry_after, Reason(SendProblem.RATE_LIMITED, {"seconds": round(error.retry_after)})
            )
        case discord.HTTPException():
            return _classify_http_error(error)
        case discord.InvalidData():
            return ChannelBlocked(Reason(SendProblem.NOT_TEXT))
        case UnconfirmedPostError():
            return DeliveryUnknown(Reason(SendProblem.ERROR_RESPONSE, {"text": str(error)}))
        case aiohttp.ClientConnectorError():
            return RetryAfter(_SHORT_RETRY_SECONDS, Reason(SendProblem.NO_CONNECTION, {"text": str(error)}))
        case aiohttp.ClientError() | TimeoutError() | OSError():
            return DeliveryUnknown(Reason(SendProblem.NO_ANSWER, {"text": str(error) or type(error).__name__}))
    raise error


def block_for_permissions(missing_permissions: Sequence[str]) -> ChannelBlocked:
    """Return the outcome of a send for which Telex lacks permissions, given by their names in Discord's API."""
    return ChannelBlocked(Reason(SendProblem.FORBIDDEN, {"permissions": tuple(missing_permissions)}))


async def try_request(request: Awaitable[T]) -> T | SendOutcome:
    """Await a request to Discord and return its result, or the outcome that explains its failure.

    The request must be safe to repeat: a lost response becomes `RetryAfter`. Raises any error that neither
    Discord nor the network caused.
    """
    try:
        return await request
    except Exception as error:  # noqa: BLE001  # `classify_error` raises all other errors again
        outcome = classify_error(error)
    return RetryAfter(_SHORT_RETRY_SECONDS, outcome.reason) if isinstance(outcome, DeliveryUnknown) else outcome


def _classify_http_error(error: discord.HTTPException) -> SendOutcome:
    error_values = {"text": f"{error.status} {error.code} {error.text}".strip()[:500]}
    error_response = Reason(SendProblem.ERROR_RESPONSE, error_values)
    if error.status == _STATUS_TOO_MANY_REQUESTS or error.code in _SLOW_DOWN_CODES:
        return RetryAfter(retry_after_seconds(error.response.headers), error_response)
    if problem := _PROBLEM_BY_CODE.get(error.code):
        return ChannelBlocked(Reason(problem))
    if error.status >= _MIN_SERVER_ERROR:
        return DeliveryUnknown(error_response)
    if error.status == _STATUS_UNAUTHORISED:
        return RetryAfter(_DEFAULT_RETRY_SECONDS, error_response)
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return ChannelBlocked(
            Reason(SendProblem.FORBIDDEN if isinstance(error, discord.Forbidden) else SendProblem.CHANNEL_GONE)
        )
    return Rejected(Reason(SendProblem.REFUSED, error_values))


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Return the seconds to wait before a retry: the number in the Retry-After header, from 1 to a day.

    Returns `_DEFAULT_RETRY_SECONDS` if there is no such header or it is not a number.
    """
    seconds = parse_seconds(headers.get("Retry-After"), maximum=_MAX_RETRY_SECONDS)
    return _DEFAULT_RETRY_SECONDS if seconds is None else max(1.0, seconds)
