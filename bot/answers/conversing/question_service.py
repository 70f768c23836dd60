"""Service that answers the questions of a server's members, suggests further ones and stores the questions."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer
from bot.answers.conversing import follow_up_questions, message_intents
from bot.answers.conversing.question_limits import QuestionLimiter, QuestionRejection
from bot.answers.conversing.question_queue import QuestionQueue
from bot.answers.follow_up_suggestions import suggest_questions
from bot.answers.generated_answers import WritingCallback
from bot.core import i18n, local_time
from bot.core.clock import Clock
from bot.core.models import Article
from bot.core.user_errors import RequestRejected
from bot.core.user_models import Question
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage
from bot.store import Store
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY
from bot.stories.preference_cache import PreferenceModelCache
from bot.stories.preference_model import NO_PREFERENCES
from bot.writing.answer_writer import AnswerWriter

DM_CONVERSATION_SECONDS = 900
"""Time in seconds after which a question in direct messages begins a new conversation.

It is short because direct messages have no threads.
"""
THREAD_CONVERSATION_SECONDS = 86_400
"""Time in seconds after which a question in a thread begins a new conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRequest:
    """A question, who asks it and where, and the ids of the feeds that the answer may come from.

    Attributes:
        is_public: Whether everybody in the channel sees the answer.
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
        about_article: The article that the question is about, if the user named it or the answer quotes it; or None.
        suggested_questions: Questions to ask next, which the articles of the answer answer.
        can_watch: Whether the question has content words, by which a watch (stored search) can find later articles.
        is_model_allowance_used_up: Whether no model could write the answer, because the server's allowance of written
            answers was used up.
        story_article: The first source if further outlets report its story; otherwise, and for a briefing, None.
    """

    answer: Answer
    question_id: int
    about_article: Article | None = None
    suggested_questions: tuple[str, ...] = ()
    can_watch: bool = False
    is_model_allowance_used_up: bool = False
    story_article: Article | None = None


class QuestionService:
    """Service that answers questions and runs searches, a few at a time.

    `limiter` holds the rate limits, which callers of the service apply before they ask.
    """

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
        self._answer_writer = writer
        self.limiter = QuestionLimiter(clock)
        self.queue = QuestionQueue(has_model=writer is not None)

    async def answer(self, request: QuestionRequest, on_writing: WritingCallback | None = None) -> QuestionReply:
        """Answer a question that `limiter` admitted, and store the question.

        `on_writing` is called when a model begins to write the answer.

        Raises:
            RequestRejected: The text has no topic, or only greets or thanks, or too many questions are waiting.
            StoreError: The database failed.
        """
        if rejection := find_courtesy_rejection(request.text):
            raise RequestRejected(rejection)
        async with self.queue.acquire(request.server_id):
            previous_questions = await self._load_previous_questions(request.previous_question)
            subject_article_ids = (request.article_id, *(question.article_id for question in previous_questions))
            article_id = next((subject_id for subject_id in subject_article_ids if subject_id is not None), None)
            subject_article = None if article_id is None else await self._store.articles.get(article_id)
            zone = local_time.load_zone((await self._store.preferences.get_by_server(request.server_id)).time_zone)
            earlier_texts = [question.text for question in reversed(previous_questions)]
            answer_question = partial(
                answer_pipeline.answer_question,
                self._searcher,
                feed_ids=frozenset(request.feed_ids),
                about_article_id=article_id,
                zone=zone,
            )
            is_allowance_used_up = self._answer_writer is not None and self._answer_writer.is_allowance_used_up(
                request.server_id
            )
            answer = await answer_question(
                request.text,
                previous_questions=earlier_texts,
                previous_source_ids=previous_questions[0].source_article_ids if previous_questions else (),
                writer=self._answer_writer,
                server_id=request.server_id,
                on_writing=on_writing,
                preferences=NO_PREFERENCES
                if self._preference_cache is None
                else await self._preference_cache.get(request.server_id),
            )
            source_ids = [source.id for source in answer.sources]

            async def try_question(text: str) -> Answer:
                return await answer_question(
                    text, previous_questions=[*earlier_texts, request.text], previous_source_ids=source_ids
                )

            suggested_questions = await suggest_questions(answer, i18n.current_language(), try_question)
        if request.infer_language:
            i18n.set_language(_select_reply_language(answer))
        has_content_words = bool(follow_up_questions.extract_content_words(request.text))
        if not (answer.is_answered or subject_article or previous_questions or has_content_words):
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
            previous_question_id=None if request.previous_question is None else request.previous_question.id,
            message_id=request.message_id,
            source_article_ids=source_ids,
        )
        is_subject_quoted = subject_article is not None and subject_article.page_key in {
            source.page_key for source in answer.sources
        }
        is_article_stated = request.is_article_explicit and request.article_id is not None
        return QuestionReply(
            answer=answer,
            question_id=question_id,
            about_article=subject_article if is_article_stated or is_subject_quoted else None,
            suggested_questions=suggested_questions,
            can_watch=has_content_words,
            is_model_allowance_used_up=is_allowance_used_up and not (answer.briefing or answer.generated_sentences),
            story_article=await self._find_story_article(answer, request.feed_ids),
        )

    async def _find_story_article(self, answer: Answer, feed_ids: Collection[int]) -> Article | None:
        first_sources = () if answer.briefing else answer.sources[:1]
        coverage_by_article_id = await self._store.stories.load_other_coverage(
            [article.id for article in first_sources], feed_ids, MIN_SINGLE_ARTICLE_SIMILARITY
        )
        return next((article for article in first_sources if article.id in coverage_by_article_id), None)

    async def search(
        self, query: Query, *, server_id: int, feed_ids: Collection[int], limit: int, count_up_to: int
    ) -> SearchPage:
        """Return the best results of a search.

        `count_up_to` is the number up to which matches are counted.

        Raises:
            RequestRejected: Too many questions are waiting.
            StoreError: The database failed.
        """
        async with self.queue.acquire(server_id):
            return await self._searcher.search(query, feed_ids=feed_ids, limit=limit, count_up_to=count_up_to)

    async def _load_previous_questions(self, previous_question: Question | None) -> list[Question]:
        """Load the latest questions of a conversation, at most `MAX_PREVIOUS_QUESTIONS`, `previous_question` first."""
        questions: list[Question] = []
        while previous_question is not None and len(questions) < follow_up_questions.MAX_PREVIOUS_QUESTIONS:
            questions.append(previous_question)
            previous_question = (
                None
                if previous_question.previous_question_id is None
                else await self._store.questions.get(previous_question.previous_question_id)
            )
        return questions


def find_courtesy_rejection(text: str) -> QuestionRejection | None:
    """Return the rejection of a text that only greets, asks for help or thanks, or None for any other text."""
    if message_intents.is_thanks(text):
        return QuestionRejection.ONLY_THANKS
    return QuestionRejection.ONLY_GREETING if message_intents.is_greeting(text) else None


def _select_reply_language(answer: Answer) -> str:
    """Return the language of the answer's articles if Telex speaks it; otherwise the current language."""
    languages = {article.language for article in answer.sources or answer.related_articles}
    return (i18n.supported_language(languages.pop()) if len(languages) == 1 else None) or i18n.current_language()
