"""Reasons, such as why a post waits or failed: a code and the values for its sentence.

A reason stays data from where it arises, through the database, to `bot.posting.wording`, which has a sentence
for each code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from bot.core.preferences import FilterMode

ReasonValue = str | int | tuple[str, ...]
"""Value in the sentence of a reason, of a type that JSON can represent."""


class ReasonCode(StrEnum):
    """Base class of the codes of reasons. Comments on the codes name the values of the sentence that explains each."""


class WithheldReason(ReasonCode):
    """Reason why an article was not posted in a channel, although a feed of the channel has it."""

    PAUSED = "paused"  # The feed was paused in the channel.
    BOT_ABSENT = "away"  # The bot was not in the server when the article was found.
    UNFOLLOWED = "unfollowed"  # The channel does not follow the feed any more.
    ALREADY_SENT = "told"  # It was sent in a message that a restored backup did not contain.
    TOO_FEW_OUTLETS = "few-outlets"  # count, least: the numbers of outlets that reported it, and needed
    NOT_SELECTED = "not-best"  # It was not among the top stories of its day.
    SOURCE_BLOCKED = "source-blocked"  # An operator blocked the source of the feed.
    MUTED = "muted"  # mute: its id; when read: user (id) and until (Unix time in seconds), if there are any
    FILTERED = "filtered"  # modes, queries, scopes (absent if all are "feed"): of the filters that block it


class WaitReason(ReasonCode):
    """Reason why a post waits: the setting of the channel that delays it."""

    QUIET_HOURS = "quiet-hours"  # until (Unix time in seconds), time_zone (IANA name)
    HOURLY_LIMIT = "most-an-hour"  # until, time_zone
    MIN_INTERVAL = "gap"  # until, time_zone
    MORE_OUTLETS = "outlets"  # count, least: the numbers of outlets so far and needed
    TOP_STORY_SELECTION = "best"  # until, time_zone


class SendProblem(ReasonCode):
    """Reason why a message was not sent, or not yet, or why nothing can be sent to a channel."""

    CHANNEL_GONE = "gone"  # The channel was deleted.
    FORBIDDEN = "forbidden"  # permissions: missing ones by name in Discord's API, or none if Discord does not name them
    LOCKED = "locked"  # The thread is archived and locked.
    NEEDS_TAG = "needs-tag"  # The forum requires a tag for each post.
    TOO_MANY_THREADS = "too-many-threads"  # The server has as many threads as Discord allows.
    TOO_MANY_WEBHOOKS = "too-many-webhooks"  # The channel has as many webhooks as Discord allows.
    WEBHOOK_GONE = "webhook-gone"  # The webhook was deleted or moved.
    NOT_TEXT = "not-text"  # Channels of this type have no messages.
    DMS_CLOSED = "closed"  # The user accepts no direct messages.
    REFUSED = "refused"  # text: Discord's error
    UNREADABLE = "unreadable"  # It cannot be verified whether the dispatch was delivered.
    ARTICLE_GONE = "article-gone"  # The article is not stored any more.
    NOTHING_READABLE = "hidden"  # The recipients may no longer read any of its articles.
    INTERNAL_ERROR = "fault"  # An error of Telex, which the log has
    RATE_LIMITED = "rate-limited"  # seconds until Telex tries again
    NO_CONNECTION = "no-connection"  # text: the error of the connection
    NO_ANSWER = "no-answer"  # text: the error of the connection
    ERROR_RESPONSE = "error-response"  # text: Discord's error, after which Telex tries again
    SERVER_UNAVAILABLE = "server-unavailable"  # Discord reports an outage of the server.
    UNRECOGNIZED = "unrecognized"  # text: what another version of Telex stored


_CODE_BY_TEXT: Mapping[str, ReasonCode] = {
    code.value: code for codes in (WithheldReason, WaitReason, SendProblem) for code in codes
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason as data: its code, and the values for its sentence by name."""

    code: ReasonCode
    values: Mapping[str, ReasonValue] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """Return the reason as text for logs, such as `few-outlets count=1 least=3`."""
        shown_values = {
            name: ",".join(reason_value) if isinstance(reason_value, tuple) else reason_value
            for name, reason_value in self.values.items()
        }
        return " ".join((self.code, *(f"{name}={shown_value}" for name, shown_value in shown_values.items())))

    def encode(self) -> str:
        """Return the reason as it is stored: only the code, or with values, a JSON array of code and values."""
        return json.dumps([self.code, self.values], ensure_ascii=False) if self.values else str(self.code)

    @classmethod
    def decode(cls, text: str) -> Self:
        """Return the reason that was stored as `text`, today or in an old notation, or else one that keeps the text."""
        if text in _CODE_BY_TEXT:
            return cls(_CODE_BY_TEXT[text])
        try:
            code, values = json.loads(text) if text.startswith("[") else _read_old_notation(text)
            return cls(
                _CODE_BY_TEXT[code],
                {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()},
            )
        except (ValueError, LookupError, TypeError, AttributeError):
            return cls(SendProblem.UNRECOGNIZED, {"text": text})


def _read_old_notation(text: str) -> tuple[str, dict[str, ReasonValue]]:
    """Return code and values of a reason that was stored as words and numbers in one text.

    Raises ValueError for any other text.
    """
    first_word, _space, details = text.partition(" ")
    match first_word:
        case "forbidden":
            return SendProblem.FORBIDDEN, {"permissions": tuple(details.split())}
        case "refused":
            return SendProblem.REFUSED, {"text": details}
        case "few-outlets":
            outlet_count, min_outlet_count = map(int, details.split())
            return WithheldReason.TOO_FEW_OUTLETS, {"count": outlet_count, "least": min_outlet_count}
        case "trying":
            return _read_old_retry_cause(details)
    modes, queries = zip(*(line.split(" ", 1) for line in text.splitlines()), strict=True)
    return WithheldReason.FILTERED, {"modes": tuple(FilterMode(mode) for mode in modes), "queries": queries}


def _read_old_retry_cause(error: str) -> tuple[str, dict[str, ReasonValue]]:
    """Return code and values of an error that was stored as text, after which sending was tried again."""
    cause, _colon, details = error.partition(": ")
    code_by_cause = {"no connection": SendProblem.NO_CONNECTION, "no answer": SendProblem.NO_ANSWER}
    match error.split():
        case ["rate", "limited", "for", seconds, "s"]:
            return SendProblem.RATE_LIMITED, {"seconds": int(seconds)}
        case ["the", "server", "is", "unavailable"]:
            return SendProblem.SERVER_UNAVAILABLE, {}
        case ["forbidden", *permissions]:
            return SendProblem.FORBIDDEN, {"permissions": tuple(permissions)} if permissions else {}
        case [code] if code in _CODE_BY_TEXT:
            return code, {}
    if cause in code_by_cause:
        return code_by_cause[cause], {"text": details}
    return SendProblem.ERROR_RESPONSE, {"text": error}
