"""Queue of questions, which are answered a few at a time, one of each server in turn."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.answers.conversing.question_limits import QuestionRejection
from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.user_errors import RequestRejected

MAX_CONCURRENT_QUESTIONS = 2
"""Maximum number of questions answered at once, so that a reading connection of the database is left to commands."""
MAX_CONCURRENT_QUESTIONS_WITH_MODEL = 8
"""Maximum number of questions answered at once if a model writes, which is mostly waiting time."""
MAX_PENDING_QUESTIONS = 50
"""Maximum number of questions that wait or are being answered."""
MAX_PENDING_QUESTIONS_PER_SERVER = 25
"""Maximum number of pending questions of one server, so that questions of other servers find room."""


class QuestionQueue:
    """Queue of questions, of which a few are answered at once, and more if a model writes the answers."""

    def __init__(self, *, has_model: bool) -> None:
        self._slots = FairSemaphore(MAX_CONCURRENT_QUESTIONS_WITH_MODEL if has_model else MAX_CONCURRENT_QUESTIONS)
        self._pending_count_by_server_id: Counter[int] = Counter()

    @asynccontextmanager
    async def acquire(self, server_id: int) -> AsyncIterator[None]:
        """Wait until a question of a server may be answered (servers take turns), for the time of the `with` block.

        Raises `RequestRejected` if too many questions are pending.
        """
        pending_counts = self._pending_count_by_server_id
        if (
            pending_counts.total() >= MAX_PENDING_QUESTIONS
            or pending_counts[server_id] >= MAX_PENDING_QUESTIONS_PER_SERVER
        ):
            raise RequestRejected(QuestionRejection.BUSY)
        pending_counts[server_id] += 1
        try:
            async with self._slots.acquire(server_id):
                yield
        finally:
            pending_counts[server_id] -= 1
            if not pending_counts[server_id]:
                del pending_counts[server_id]
