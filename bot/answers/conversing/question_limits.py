"""Rate limits on the questions and searches of a user and of a server, and the reasons for rejecting them."""

from bot.core.clock import Clock
from bot.core.concurrency.rate_limits import TokenBucket
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.search.query.query_parser import MAX_QUERY_LENGTH

MAX_QUESTIONS_PER_USER_PER_MINUTE = 5
"""Maximum number of questions that a user may ask per minute."""
MAX_SEARCHES_PER_USER_PER_MINUTE = 20
"""Maximum number of messages of a user per minute that search or ask for help."""
MAX_QUESTIONS_PER_SERVER_PER_MINUTE = 60
"""Maximum number of questions that all users of a server may ask per minute."""

_RATE_PERIOD_SECONDS = 60.0
_NOTIFICATION_SECONDS = _RATE_PERIOD_SECONDS / MAX_QUESTIONS_PER_USER_PER_MINUTE
"""Minimum number of seconds between two notices to a user that a limit applies: the longest wait for a question."""


class QuestionRejection(ReasonCode):
    """Reason why a question or a search is rejected. The comments name the placeholders of the reason's message."""

    TOO_MANY_OF_USER = "too-many-of-person"  # count, moment
    TOO_MANY_OF_SERVER = "too-many-of-server"  # count, moment
    TOO_MANY_SEARCHES = "too-many-searches"  # count, moment
    TOO_LONG = "too-long"  # count, length
    BUSY = "busy"
    NO_TOPIC = "no-topic"
    ONLY_THANKS = "thanks"
    ONLY_GREETING = "greeting"


class RateLimited(RequestRejected):
    """Error raised when a user or server exceeds its rate limit.

    `count` is the number of questions or searches allowed per minute, `moment` the Unix time in seconds at which the
    next is allowed. `was_notified` is true if the user has just been told of a limit.
    """

    def __init__(self, code: QuestionRejection, *, count: int, moment: int, was_notified: bool) -> None:
        super().__init__(code, count=count, moment=moment)
        self.was_notified = was_notified


class _RateLimit(TokenBucket):
    """Maximum number of requests per minute of each user or server, and the reason why further ones are rejected."""

    def __init__(self, clock: Clock, code: QuestionRejection, max_requests: int) -> None:
        super().__init__(clock, max_tokens=max_requests, period_seconds=_RATE_PERIOD_SECONDS)
        self.code, self.max_requests = code, max_requests


class QuestionLimiter:
    """Rate limits on questions and searches. A user is told of each wait once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._user_limit = _RateLimit(clock, QuestionRejection.TOO_MANY_OF_USER, MAX_QUESTIONS_PER_USER_PER_MINUTE)
        self._server_limit = _RateLimit(
            clock, QuestionRejection.TOO_MANY_OF_SERVER, MAX_QUESTIONS_PER_SERVER_PER_MINUTE
        )
        self._search_limit = _RateLimit(clock, QuestionRejection.TOO_MANY_SEARCHES, MAX_SEARCHES_PER_USER_PER_MINUTE)
        self._notifications = TokenBucket(clock, max_tokens=1, period_seconds=_NOTIFICATION_SECONDS)

    def admit_question(self, text: str, *, user_id: int, server_id: int) -> None:
        """Count a question of a user towards the rate limits, even if it is too long or refused by the server's limit.

        Raises:
            RateLimited: The user or the server has asked too many questions.
            RequestRejected: The text is longer than `MAX_QUERY_LENGTH` characters.
        """
        self._count(self._user_limit, user_id, user_id)
        self._count(self._server_limit, server_id, user_id)
        if len(text) > MAX_QUERY_LENGTH:
            raise RequestRejected(QuestionRejection.TOO_LONG, count=MAX_QUERY_LENGTH, length=len(text))

    def admit_search(self, *, user_id: int) -> None:
        """Count a message that searches or asks for help towards the user's rate limit.

        Raises `RateLimited` if the user has sent too many such messages in the last minute.
        """
        self._count(self._search_limit, user_id, user_id)

    def _count(self, limit: _RateLimit, key: int, user_id: int) -> None:
        """Count a request of a user towards the limit of a key (id of the user or of the server).

        Raises `RateLimited` if the key has reached the limit.
        """
        retry_after_seconds = limit.retry_after(key)
        if not retry_after_seconds:
            limit.consume(key)
            return
        was_notified = bool(self._notifications.retry_after(user_id))
        if not was_notified:
            self._notifications.consume(user_id)
        retry_at = self._clock.now() + int(retry_after_seconds) + 1
        raise RateLimited(limit.code, count=limit.max_requests, moment=retry_at, was_notified=was_notified)
