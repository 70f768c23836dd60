"""Takes questions: how many, in which conversation, and what is kept of them."""

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
"""Questions that a person may ask a minute."""
SEARCHES_OF_A_PERSON = 20
"""Messages that search or ask for help that a person may send a minute."""
MAX_PER_SERVER_PER_MINUTE = 60
"""Questions that the people of a server may ask a minute."""
CONCURRENCY = 2
"""Questions that are worked on at once: one of the database's readers is left to the commands."""
CONCURRENCY_WITH_MODEL = 8
"""The same where a model writes: most of the time it is only waited for."""
MAX_WAITING = 50
"""Questions that may wait for their turn."""
MAX_PREVIOUS_QUESTIONS = 5
"""How many questions before this one are looked at."""
MAX_STORED_SOURCES = 6
"""Articles of an answer that a question after it begins with."""
DM_CONVERSATION_SECONDS = 900
"""The same in seconds for direct messages, where nobody opens a thread for another topic."""
THREAD_CONVERSATION_SECONDS = 86_400
"""Seconds after which a question in a thread begins a conversation of its own."""

_RATE_PERIOD_SECONDS = 60.0
_INITIAL_DURATION_SECONDS, _SMOOTHING = (
    2.0,
    0.8,
)  # seconds that a turn takes, and the weight of what was known of it before
_TITLE_WEIGHT = 3  # what a word of the question weighs there


class QuestionRejection(StrEnum):
    """Why a question is not answered; behind each, what its sentence names."""

    TOO_MANY_OF_PERSON = "too-many-of-person"  # count, moment
    TOO_MANY_OF_SERVER = "too-many-of-server"  # count, moment
    TOO_MANY_SEARCHES = "too-many-searches"  # count, moment
    TOO_LONG = "too-long"  # count, length
    BUSY = "busy"
    NO_TOPIC = "no-topic"
    THANKS = "thanks"
    GREETING = "greeting"


class RateLimited(RequestRejected):
    """A person or a server asked too much. `known`: the person was told until when, and it isn't past."""

    def __init__(self, reason: QuestionRejection, *, count: int, moment: int, known: bool) -> None:
        super().__init__(reason, count=count, moment=moment)
        self.already_told = known


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRequest:
    """A question, who asked it and where, and the feeds that its answer may come from.

    `article_id` is the article that it is about; the person `is_article_explicit` on it where they said so,
    and the place did not merely suggest it. `follows` is the question before it, `message_id` the message
    that asks. Where its words do not show its language (`infer_language`), the reply speaks that of what it
    quotes.
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
    """An answer, the id of its question as it is kept, and the article that was asked about, if one was.

    `topics` can be asked about next; `can_watch`: the question has words to watch for.
    """

    answer: Answer
    question_id: int
    about: Article | None = None
    topics: tuple[str, ...] = ()
    can_watch: bool = False


class QuestionService:
    """Takes questions and searches: so many a minute, so many at once."""

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
        self._told_until: dict[int, float] = {}  # by person, on the monotonic clock
        self._semaphore = asyncio.Semaphore(CONCURRENCY if writer is None else CONCURRENCY_WITH_MODEL)
        self._waiting = 0
        self._average_duration = _INITIAL_DURATION_SECONDS

    def check_rate_limit(self, text: str, *, person_id: int, server_id: int) -> None:
        """Count a question. Raises `RequestRejected` for one that is too long, `RateLimited` for one too
        many.
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
        """Count a message that searches or asks for help. Raises `RateLimited` for one too many."""
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
        """Answer a question that was admitted, and keep it. `told` hears of what is written while it is.

        Raises `RequestRejected` where there is nothing to look for in it, or where too many questions wait.
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
        """Return the best results of a search. Raises `RequestRejected` where too many questions wait.

        As many as `counted` are counted.
        """
        async with self._slot():
            return await self._searcher.search(query, feed_ids=feed_ids, limit=limit, count_up_to=counted)

    async def _conversation(self, last: Question | None) -> list[Question]:
        """The questions before, the last first."""
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
        """About how many seconds a question takes that is asked now: its turn and those before it."""
        at_once = CONCURRENCY if self._writer is None else CONCURRENCY_WITH_MODEL
        return math.ceil(self._average_duration * (1 + self._waiting / at_once))


def courtesy_rejection(text: str) -> QuestionRejection | None:
    """Whether somebody only greets or thanks; None where a text asks for something."""
    if message_intents.is_thanks(text):
        return QuestionRejection.THANKS
    return QuestionRejection.GREETING if message_intents.is_greeting(text) else None


def has_content_words(text: str) -> bool:
    """Whether a text holds a word that an article can be found by."""
    return bool(follow_up_questions.content_words(text))


def best_matching_article(text: str, articles: Sequence[Article]) -> Article | None:
    """The one of some articles that has most of a text's words in its title and summary; None for a draw."""
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
    """The language of the articles shown, where it is one that Telex speaks; else that of this task."""
    languages = {article.language for article in answer.sources or answer.related_articles}
    return (
        i18n.supported_language(languages.pop()) if len(languages) == 1 else None
    ) or i18n.current_language()
