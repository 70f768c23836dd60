"""Service that answers questions: rate limits, concurrency, conversations, and storage of questions."""

import math
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer
from bot.answers.conversing import follow_up_questions, message_intents
from bot.answers.follow_up_suggestions import suggest_questions
from bot.answers.generated_answers import WritingCallback
from bot.core import i18n, local_time
from bot.core.clock import Clock
from bot.core.fair_queue import FairSemaphore
from bot.core.models import Article
from bot.core.rate_limits import TokenBucket
from bot.core.reasons import ReasonCode
from bot.core.user_errors import RequestRejected
from bot.core.user_models import Question
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage
from bot.store import Store
from bot.stories.preference_cache import PreferenceModelCache
from bot.stories.preference_model import NO_PREFERENCES
from bot.writing.answer_writer import AnswerWriter

MAX_QUESTIONS_PER_USER_PER_MINUTE = 5
"""Maximum number of questions that a user may ask per minute."""
MAX_SEARCHES_PER_USER_PER_MINUTE = 20
"""Maximum number of messages of a user per minute that search or ask for help."""
MAX_QUESTIONS_PER_SERVER_PER_MINUTE = 60
"""Maximum number of questions that all users of a server may ask per minute."""
MAX_CONCURRENT_QUESTIONS = 2
"""Maximum number of questions answered at once, so that a reading connection of the database is left to commands."""
MAX_CONCURRENT_QUESTIONS_WITH_MODEL = 8
"""Maximum number of questions answered at once if a model writes, which is mostly waiting time."""
MAX_WAITING_QUESTIONS = 50
"""Maximum number of questions that wait until fewer questions are being answered."""
MAX_WAITING_QUESTIONS_PER_SERVER = 20
"""Maximum number of questions of one server that wait, so that questions of other servers find room."""
MAX_PREVIOUS_QUESTIONS = 5
"""Maximum number of previous questions of a conversation that are loaded for a follow-up."""
MAX_STORED_SOURCES = 6
"""Maximum number of source articles that are stored with a question for follow-ups."""
DM_CONVERSATION_SECONDS = 900
"""Time in seconds after which a question in direct messages begins a new conversation.

It is short because direct messages have no threads.
"""
THREAD_CONVERSATION_SECONDS = 86_400
"""Time in seconds after which a question in a thread begins a new conversation."""

_RATE_PERIOD_SECONDS = 60.0
_INITIAL_DURATION_SECONDS = 2.0
"""Time in seconds that the first question is assumed to take."""
_SMOOTHING_FACTOR = 0.8
"""Weight of the previous average in the moving average of the time to answer, from 0 to 1."""
_TITLE_WEIGHT = 3
"""Weight of a word of the question in an article's title, relative to a word in the article's summary."""


class QuestionRejection(ReasonCode):
    """Reason why a question or a search is rejected. The comments name the placeholders of the reason's message."""

    TOO_MANY_OF_USER = "too-many-of-person"  # count, moment
    TOO_MANY_OF_SERVER = "too-many-of-server"  # count, moment
    TOO_MANY_SEARCHES = "too-many-searches"  # count, moment
    TOO_LONG = "too-long"  # count, length
    BUSY = "busy"
    NO_TOPIC = "no-topic"
    THANKS = "thanks"
    GREETING = "greeting"


class RateLimited(RequestRejected):
    """Error raised when a user or server exceeds its rate limit.

    `count` is the number of questions or searches allowed per minute, `moment` the Unix time in seconds at which the
    next is allowed. `was_notified` is true if the user has already been told of a limit that still applies.
    """

    def __init__(self, code: QuestionRejection, *, count: int, moment: int, was_notified: bool) -> None:
        super().__init__(code, count=count, moment=moment)
        self.was_notified = was_notified


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRequest:
    """A question, who asks it and where, and the feeds that the answer may come from.

    Attributes:
        article_id: Id of the article that the question is about, or None.
        is_article_explicit: Whether the user named that article; otherwise the channel only suggests it.
        previous_question: The previous question of the conversation, or None.
        message_id: Id of the message that asks, or None.
        infer_language: Whether to reply in the language of the quoted articles, because the question's own
            language is unclear.
    """

    text: str
    feed_ids: Collection[int]
    server_id: int
    channel_id: int
    user_id: int
    is_public: bool
    article_id: int | None = None
    is_article_explicit: bool = True
    previous_question: Question | None = None
    message_id: int | None = None
    infer_language: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionReply:
    """An answer, with the id of the question as it was stored.

    Attributes:
        about_article: The article that the question was about, or None.
        suggested_questions: Questions to ask next, which the articles of the answer answer.
        can_watch: Whether the question has content words, by which a watch can look for later articles.
    """

    answer: Answer
    question_id: int
    about_article: Article | None = None
    suggested_questions: tuple[str, ...] = ()
    can_watch: bool = False


class QuestionService:
    """Service that answers questions and runs searches, within rate limits and with limited concurrency."""

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        clock: Clock,
        writer: AnswerWriter | None = None,
        preference_cache: PreferenceModelCache | None = None,
    ) -> None:
        self._store = store
        self._preference_cache = preference_cache
        self._searcher = searcher
        self._clock = clock
        self._answer_writer = writer
        self._user_limiter = TokenBucket(
            clock, max_tokens=MAX_QUESTIONS_PER_USER_PER_MINUTE, period_seconds=_RATE_PERIOD_SECONDS
        )
        self._server_limiter = TokenBucket(
            clock, max_tokens=MAX_QUESTIONS_PER_SERVER_PER_MINUTE, period_seconds=_RATE_PERIOD_SECONDS
        )
        self._search_limiter = TokenBucket(
            clock, max_tokens=MAX_SEARCHES_PER_USER_PER_MINUTE, period_seconds=_RATE_PERIOD_SECONDS
        )
        self._notified_until_by_user: dict[int, float] = {}  # Monotonic time by user id.
        self._answer_slots = FairSemaphore(
            MAX_CONCURRENT_QUESTIONS if writer is None else MAX_CONCURRENT_QUESTIONS_WITH_MODEL
        )
        self._waiting_count_by_server: Counter[int] = Counter()
        self._average_duration_seconds = _INITIAL_DURATION_SECONDS

    def admit_question(self, text: str, *, user_id: int, server_id: int) -> None:
        """Count a question of a user towards the rate limits.

        Raises:
            RateLimited: The user or the server has asked too many questions.
            RequestRejected: The text is longer than `MAX_QUERY_LENGTH` characters.
        """
        retry_after_seconds = self._user_limiter.retry_after(user_id)
        if retry_after_seconds:
            raise self._build_rate_limit_error(
                QuestionRejection.TOO_MANY_OF_USER,
                MAX_QUESTIONS_PER_USER_PER_MINUTE,
                retry_after_seconds,
                user_id,
            )
        retry_after_seconds = self._server_limiter.retry_after(server_id)
        if retry_after_seconds:
            raise self._build_rate_limit_error(
                QuestionRejection.TOO_MANY_OF_SERVER,
                MAX_QUESTIONS_PER_SERVER_PER_MINUTE,
                retry_after_seconds,
                user_id,
            )
        self._user_limiter.consume(user_id)
        self._server_limiter.consume(server_id)
        if len(text) > MAX_QUERY_LENGTH:
            raise RequestRejected(QuestionRejection.TOO_LONG, count=MAX_QUERY_LENGTH, length=len(text))

    def admit_search(self, *, user_id: int) -> None:
        """Count a message that searches or asks for help towards the user's rate limit.

        Raises `RateLimited` if the user has sent too many such messages in the last minute.
        """
        retry_after_seconds = self._search_limiter.retry_after(user_id)
        if retry_after_seconds:
            raise self._build_rate_limit_error(
                QuestionRejection.TOO_MANY_SEARCHES,
                MAX_SEARCHES_PER_USER_PER_MINUTE,
                retry_after_seconds,
                user_id,
            )
        self._search_limiter.consume(user_id)

    def _build_rate_limit_error(
        self, code: QuestionRejection, count: int, retry_after_seconds: float, user_id: int
    ) -> RateLimited:
        now = self._clock.monotonic()
        was_notified = self._notified_until_by_user.get(user_id, now) > now
        if not was_notified:
            self._notified_until_by_user = {
                notified_user_id: notified_until
                for notified_user_id, notified_until in self._notified_until_by_user.items()
                if notified_until > now
            }
            self._notified_until_by_user[user_id] = now + retry_after_seconds
        retry_at = self._clock.now() + int(retry_after_seconds) + 1
        return RateLimited(code, count=count, moment=retry_at, was_notified=was_notified)

    async def answer(self, request: QuestionRequest, on_writing: WritingCallback | None = None) -> QuestionReply:
        """Answer a question that `admit_question` admitted, and store the question.

        `on_writing` is called when a model begins to write the answer.

        Raises:
            RequestRejected: The text has no topic or is only a greeting, or too many questions are waiting.
            StoreError: The database failed.
        """
        if rejection := find_courtesy_rejection(request.text):
            raise RequestRejected(rejection)
        async with self._acquire_slot(request.server_id):
            previous_questions = await self._load_previous_questions(request.previous_question)
            candidate_article_ids = (
                request.article_id,
                *(previous_question.article_id for previous_question in previous_questions),
            )
            article_id = next(
                (
                    candidate_article_id
                    for candidate_article_id in candidate_article_ids
                    if candidate_article_id is not None
                ),
                None,
            )
            subject_article = None if article_id is None else await self._store.articles.get(article_id)
            zone = local_time.load_zone((await self._store.preferences.get_by_server(request.server_id)).time_zone)
            earlier_texts = [question.text for question in reversed(previous_questions)]
            answer = await answer_pipeline.answer_question(
                self._searcher,
                request.text,
                feed_ids=frozenset(request.feed_ids),
                about_article_id=article_id,
                previous_questions=earlier_texts,
                previous_source_ids=previous_questions[0].sources if previous_questions else (),
                writer=self._answer_writer,
                server_id=request.server_id,
                on_writing=on_writing,
                preferences=NO_PREFERENCES
                if self._preference_cache is None
                else await self._preference_cache.get(request.server_id),
                zone=zone,
            )

            async def try_question(text: str) -> Answer:
                return await answer_pipeline.answer_question(
                    self._searcher,
                    text,
                    feed_ids=frozenset(request.feed_ids),
                    about_article_id=article_id,
                    previous_questions=[*earlier_texts, request.text],
                    previous_source_ids=[source.id for source in answer.sources[:MAX_STORED_SOURCES]],
                    zone=zone,
                )

            suggested_questions = await suggest_questions(answer, i18n.current_language(), try_question)
        if request.infer_language:
            i18n.set_language(_select_reply_language(answer))
        if (
            not answer.is_answered
            and subject_article is None
            and not previous_questions
            and not has_content_words(request.text)
        ):
            raise RequestRejected(QuestionRejection.NO_TOPIC)
        question_id = await self._store.questions.add(
            server_id=request.server_id,
            channel_id=request.channel_id,
            user_id=request.user_id,
            text=request.text,
            language=i18n.current_language(),
            is_public=request.is_public,
            is_answered=answer.is_answered,
            article_id=None if subject_article is None else subject_article.id,
            previous_id=None if request.previous_question is None else request.previous_question.id,
            message_id=request.message_id,
            source_article_ids=[source.id for source in answer.sources[:MAX_STORED_SOURCES]],
        )
        is_subject_quoted = subject_article is not None and any(
            source.page_key == subject_article.page_key for source in answer.sources
        )
        is_article_stated = request.is_article_explicit and request.article_id is not None
        return QuestionReply(
            answer=answer,
            question_id=question_id,
            about_article=subject_article if is_article_stated or is_subject_quoted else None,
            suggested_questions=suggested_questions,
            can_watch=bool(follow_up_questions.extract_content_words(request.text)),
        )

    async def search(
        self, query: Query, *, server_id: int, feed_ids: Collection[int], limit: int, count_up_to: int
    ) -> SearchPage:
        """Return the best results of a search.

        `count_up_to` is the number up to which matches are counted.

        Raises:
            RequestRejected: Too many questions are waiting.
            StoreError: The database failed.
        """
        async with self._acquire_slot(server_id):
            return await self._searcher.search(query, feed_ids=feed_ids, limit=limit, count_up_to=count_up_to)

    async def _load_previous_questions(self, previous_question: Question | None) -> list[Question]:
        """Load the previous questions of a conversation, newest first."""
        questions: list[Question] = []
        while previous_question is not None and len(questions) < MAX_PREVIOUS_QUESTIONS:
            questions.append(previous_question)
            previous_question = (
                None
                if previous_question.previous_id is None
                else await self._store.questions.get(previous_question.previous_id)
            )
        return questions

    @asynccontextmanager
    async def _acquire_slot(self, server_id: int) -> AsyncIterator[None]:
        """Wait for a slot, which servers get in turn, and hold it within the `with` block.

        Raises `RequestRejected` if too many questions are waiting.
        """
        waiting_count_by_server = self._waiting_count_by_server
        if (
            waiting_count_by_server.total() >= MAX_WAITING_QUESTIONS
            or waiting_count_by_server[server_id] >= MAX_WAITING_QUESTIONS_PER_SERVER
        ):
            raise RequestRejected(QuestionRejection.BUSY)
        async with AsyncExitStack() as slots:
            waiting_count_by_server[server_id] += 1
            try:
                await slots.enter_async_context(self._answer_slots.acquire(server_id))
            finally:
                waiting_count_by_server.subtract((server_id,))
                if not waiting_count_by_server[server_id]:
                    del waiting_count_by_server[server_id]
            started_at = self._clock.monotonic()
            try:
                yield
            finally:
                self._average_duration_seconds = _SMOOTHING_FACTOR * self._average_duration_seconds + (
                    1 - _SMOOTHING_FACTOR
                ) * (self._clock.monotonic() - started_at)

    def estimate_wait_seconds(self) -> int:
        """Return the estimated time in seconds until a question asked now is answered, with the wait for its turn."""
        concurrency = MAX_CONCURRENT_QUESTIONS if self._answer_writer is None else MAX_CONCURRENT_QUESTIONS_WITH_MODEL
        return math.ceil(self._average_duration_seconds * (1 + self._waiting_count_by_server.total() / concurrency))


def find_courtesy_rejection(text: str) -> QuestionRejection | None:
    """Return the rejection for a text that only greets or thanks, or None for any other text."""
    if message_intents.is_thanks(text):
        return QuestionRejection.THANKS
    return QuestionRejection.GREETING if message_intents.is_greeting(text) else None


def has_content_words(text: str) -> bool:
    """Return whether a text has a word by which articles can be found: no stop word and no question word."""
    return bool(follow_up_questions.extract_content_words(text))


def find_best_matching_article(text: str, articles: Sequence[Article]) -> Article | None:
    """Return the article whose title and summary match most words of a text.

    Returns None if two articles match equally or none matches.
    """
    stems_by_word = [text_analysis.find_query_stems(word) for word in follow_up_questions.extract_content_words(text)]
    scored_articles: list[tuple[int, Article]] = []
    for article in articles:
        title_stems = set(text_analysis.stem_tokens(article.title, article.language))
        summary_stems = set(text_analysis.stem_tokens(article.summary, article.language))
        scored_articles.append(
            (
                sum(_TITLE_WEIGHT * bool(stems & title_stems) + bool(stems & summary_stems) for stems in stems_by_word),
                article,
            )
        )
    scored_articles.sort(key=lambda scored_article: -scored_article[0])
    if (
        not scored_articles
        or not scored_articles[0][0]
        or (len(scored_articles) > 1 and scored_articles[0][0] == scored_articles[1][0])
    ):
        return None
    return scored_articles[0][1]


def _select_reply_language(answer: Answer) -> str:
    """Return the language of the answer's articles if Telex speaks it; otherwise the current language."""
    languages = {article.language for article in answer.sources or answer.related_articles}
    return (i18n.supported_language(languages.pop()) if len(languages) == 1 else None) or i18n.current_language()
