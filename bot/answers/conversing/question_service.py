"""Question service: rate limits, concurrency, conversations, and storage of questions."""

import asyncio
import math
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer
from bot.answers.conversing import follow_up_questions, message_intents
from bot.answers.generated_answers import OnDraft
from bot.core import i18n, local_time
from bot.core.clock import Clock
from bot.core.models import Article
from bot.core.rate_limits import TokenBucket
from bot.core.user_errors import RequestRejected
from bot.core.user_models import Question
from bot.search.index import text_analysis
from bot.search.query.query_parser import MAX_LENGTH
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage
from bot.store import Store
from bot.stories.preference_cache import PreferenceModelCache
from bot.stories.preference_model import NO_PREFERENCES
from bot.writing.answer_writer import AnswerWriter

MAX_PER_PERSON_PER_MINUTE = 5
"""Maximum number of questions of a user per minute."""
SEARCHES_OF_A_PERSON = 20
"""Maximum number of messages of a user per minute that search or ask for help."""
MAX_PER_SERVER_PER_MINUTE = 60
"""Maximum number of questions in a server per minute."""
CONCURRENCY = 2
"""Maximum number of questions answered at once; one reader of the database is left to commands."""
CONCURRENCY_WITH_MODEL = 8
"""Maximum number of questions answered at once when a model writes, which mostly is waiting time."""
MAX_WAITING = 50
"""Maximum number of questions that wait for a slot."""
MAX_PREVIOUS_QUESTIONS = 5
"""Maximum number of previous questions of a conversation that are loaded."""
MAX_STORED_SOURCES = 6
"""Maximum number of source articles stored with a question, for its follow-up."""
DM_CONVERSATION_SECONDS = 900
"""Time after which a question in direct messages begins a new conversation; they have no threads."""
THREAD_CONVERSATION_SECONDS = 86_400
"""Time after which a question in a thread begins a new conversation."""

_RATE_PERIOD_SECONDS = 60.0
_INITIAL_DURATION_SECONDS, _SMOOTHING = 2.0, 0.8
"""Assumed time to answer the first question, and the weight of the previous average in the moving average."""
_TITLE_WEIGHT = 3
"""Weight of a question's word in a title, compared with one in the summary."""


class QuestionRejection(StrEnum):
    """Reason why a question is not answered. The comments name the placeholders of its message."""

    TOO_MANY_OF_PERSON = "too-many-of-person"  # count, moment
    TOO_MANY_OF_SERVER = "too-many-of-server"  # count, moment
    TOO_MANY_SEARCHES = "too-many-searches"  # count, moment
    TOO_LONG = "too-long"  # count, length
    BUSY = "busy"
    NO_TOPIC = "no-topic"
    THANKS = "thanks"
    GREETING = "greeting"


class RateLimited(RequestRejected):
    """A user or server exceeded its rate limit.

    `was_notified` is true if the user has already been told of a limit that still applies.
    """

    def __init__(self, reason: QuestionRejection, *, count: int, moment: int, known: bool) -> None:
        super().__init__(reason, count=count, moment=moment)
        self.already_told = known


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRequest:
    """A question, who asks it and where, and the feeds that the answer may come from.

    Attributes:
        article_id: Id of the article that the question is about, or None.
        is_article_explicit: Whether the user named that article; otherwise the channel only suggests it.
        previous: The question before it in the conversation, or None.
        message_id: Id of the message that asks, or None.
        infer_language: Whether to reply in the language of the quoted articles, because the question's own
            language is unclear.
    """

    text: str
    feed_ids: Collection[int]
    server_id: int
    channel_id: int
    person_id: int
    public: bool
    article_id: int | None = None
    is_article_explicit: bool = True
    previous: Question | None = None
    message_id: int | None = None
    infer_language: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionReply:
    """An answer, with the id of its stored question.

    Attributes:
        about_article: The article that the question was about, or None.
        suggested_topics: Topics that can be asked about next.
        can_watch: Whether the question has content words, which a watch needs.
    """

    answer: Answer
    question_id: int
    about: Article | None = None
    topics: tuple[str, ...] = ()
    can_watch: bool = False


class QuestionService:
    """Answers questions and runs searches, within rate limits and with limited concurrency."""

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        clock: Clock,
        writer: AnswerWriter | None = None,
        tastes: PreferenceModelCache | None = None,
    ) -> None:
        self._store = store
        self._tastes = tastes
        self._searcher = searcher
        self._clock = clock
        self._writer = writer
        self._people = TokenBucket(clock, allowed=MAX_PER_PERSON_PER_MINUTE, period=_RATE_PERIOD_SECONDS)
        self._servers = TokenBucket(clock, allowed=MAX_PER_SERVER_PER_MINUTE, period=_RATE_PERIOD_SECONDS)
        self._searches = TokenBucket(clock, allowed=SEARCHES_OF_A_PERSON, period=_RATE_PERIOD_SECONDS)
        self._told_until: dict[int, float] = {}  # Monotonic time by user id.
        self._semaphore = asyncio.Semaphore(CONCURRENCY if writer is None else CONCURRENCY_WITH_MODEL)
        self._waiting = 0
        self._average_duration = _INITIAL_DURATION_SECONDS

    def check_rate_limit(self, text: str, *, person_id: int, server_id: int) -> None:
        """Count a question of a user.

        Raises:
            RateLimited: The user or the server has asked too many questions.
            RequestRejected: The text is longer than `MAX_LENGTH` characters.
        """
        wait = self._people.retry_after(person_id)
        if wait:
            raise self._rate_limited(
                QuestionRejection.TOO_MANY_OF_PERSON, MAX_PER_PERSON_PER_MINUTE, wait, person_id
            )
        wait = self._servers.retry_after(server_id)
        if wait:
            raise self._rate_limited(
                QuestionRejection.TOO_MANY_OF_SERVER, MAX_PER_SERVER_PER_MINUTE, wait, person_id
            )
        self._people.consume(person_id)
        self._servers.consume(server_id)
        if len(text) > MAX_LENGTH:
            raise RequestRejected(QuestionRejection.TOO_LONG, count=MAX_LENGTH, length=len(text))

    def admit_search(self, *, person_id: int) -> None:
        """Count a message that searches or asks for help. Raises `RateLimited` if there are too many."""
        wait = self._searches.retry_after(person_id)
        if wait:
            raise self._rate_limited(
                QuestionRejection.TOO_MANY_SEARCHES, SEARCHES_OF_A_PERSON, wait, person_id
            )
        self._searches.consume(person_id)

    def _rate_limited(
        self, reason: QuestionRejection, count: int, wait: float, person_id: int
    ) -> RateLimited:
        now = self._clock.monotonic()
        known = self._told_until.get(person_id, now) > now
        if not known:
            self._told_until = {person: until for person, until in self._told_until.items() if until > now}
            self._told_until[person_id] = now + wait
        moment = self._clock.now() + int(wait) + 1
        return RateLimited(reason, count=count, moment=moment, known=known)

    async def answer(self, asked: QuestionRequest, on_draft: OnDraft | None = None) -> QuestionReply:
        """Answer a question that was admitted, and store it. `on_draft` receives drafts while a model writes.

        Raises:
            RequestRejected: The text has no topic or is only a greeting, or too many questions are waiting.
            StoreError: The database failed.
        """
        if courtesy := courtesy_rejection(asked.text):
            raise RequestRejected(courtesy)
        async with self._slot():
            before = await self._conversation(asked.previous)
            known = (asked.article_id, *(each.article_id for each in before))
            article_id = next((each for each in known if each is not None), None)
            about = None if article_id is None else await self._store.articles.get(article_id)
            answer = await answer_pipeline.answer_question(
                self._searcher,
                asked.text,
                feed_ids=frozenset(asked.feed_ids),
                about=article_id,
                previous_questions=[each.text for each in reversed(before)],
                previous_source_ids=before[0].sources if before else (),
                writer=self._writer,
                told=on_draft,
                taste=NO_PREFERENCES if self._tastes is None else await self._tastes.get(asked.server_id),
                zone=local_time.load_zone(
                    (await self._store.preferences.of_server(asked.server_id)).time_zone
                ),
            )
        if asked.infer_language:
            i18n.set_language(_language_of(answer))
        if not answer.answered and about is None and not before and not has_content_words(asked.text):
            raise RequestRejected(QuestionRejection.NO_TOPIC)
        question_id = await self._store.questions.add(
            server_id=asked.server_id,
            channel_id=asked.channel_id,
            person_id=asked.person_id,
            text=asked.text,
            language=i18n.current_language(),
            public=asked.public,
            answered=answer.answered,
            article_id=None if about is None else about.id,
            follows=None if asked.previous is None else asked.previous.id,
            message_id=asked.message_id,
            sources=[source.id for source in answer.sources[:MAX_STORED_SOURCES]],
        )
        from_it = about is not None and any(source.page == about.page for source in answer.sources)
        said = asked.is_article_explicit and asked.article_id is not None
        return QuestionReply(
            answer=answer,
            question_id=question_id,
            about=about if said or from_it else None,
            topics=follow_up_questions.suggest_topics(answer),
            can_watch=bool(follow_up_questions.content_words(asked.text)),
        )

    async def search(
        self, query: Query, *, feed_ids: Collection[int], limit: int, counted: int
    ) -> SearchPage:
        """Return the best results of a search; `count_up_to` is the number up to which matches are counted.

        Raises:
            RequestRejected: Too many questions are waiting.
            StoreError: The database failed.
        """
        async with self._slot():
            return await self._searcher.search(query, feed_ids=feed_ids, limit=limit, count_up_to=counted)

    async def _conversation(self, last: Question | None) -> list[Question]:
        """Load the previous questions of a conversation, newest first."""
        found: list[Question] = []
        while last is not None and len(found) < MAX_PREVIOUS_QUESTIONS:
            found.append(last)
            last = None if last.follows is None else await self._store.questions.get(last.follows)
        return found

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._waiting >= MAX_WAITING:
            raise RequestRejected(QuestionRejection.BUSY)
        self._waiting += 1
        try:
            await self._semaphore.acquire()
        finally:
            self._waiting -= 1
        begun = self._clock.monotonic()
        try:
            yield
        finally:
            self._semaphore.release()
            self._average_duration = _SMOOTHING * self._average_duration + (1 - _SMOOTHING) * (
                self._clock.monotonic() - begun
            )

    def estimated_wait_seconds(self) -> int:
        """Return the estimated time in seconds until a question asked now is answered, including its wait."""
        at_once = CONCURRENCY if self._writer is None else CONCURRENCY_WITH_MODEL
        return math.ceil(self._average_duration * (1 + self._waiting / at_once))


def courtesy_rejection(text: str) -> QuestionRejection | None:
    """Return the rejection for a text that only greets or thanks, or None."""
    if message_intents.is_thanks(text):
        return QuestionRejection.THANKS
    return QuestionRejection.GREETING if message_intents.is_greeting(text) else None


def has_content_words(text: str) -> bool:
    """Return whether a text has a word that articles can be found by."""
    return bool(follow_up_questions.content_words(text))


def best_matching_article(text: str, articles: Sequence[Article]) -> Article | None:
    """Return the article whose title and summary match most words of the text; None on a tie or no match."""
    asked = [text_analysis.query_stems(word) for word in follow_up_questions.content_words(text)]
    points: list[tuple[int, Article]] = []
    for article in articles:
        title = set(text_analysis.stemmed_tokens(article.title, article.language))
        summary = set(text_analysis.stemmed_tokens(article.summary, article.language))
        points.append(
            (sum(_TITLE_WEIGHT * bool(forms & title) + bool(forms & summary) for forms in asked), article)
        )
    points.sort(key=lambda each: -each[0])
    if not points or not points[0][0] or (len(points) > 1 and points[0][0] == points[1][0]):
        return None
    return points[0][1]


def _language_of(answer: Answer) -> str:
    """Return the language of the quoted articles if Telex supports it, otherwise the current language."""
    languages = {article.language for article in answer.sources or answer.related_articles}
    return (
        i18n.supported_language(languages.pop()) if len(languages) == 1 else None
    ) or i18n.current_language()
