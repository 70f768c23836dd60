"""Answers that a language model writes from passages of articles, which its sentences cite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from bot.answers.answer_model import MAX_QUOTES, Answer, Confidence, Quote
from bot.answers.model_passages import ModelPassage, load_model_passages
from bot.answers.question_analysis import AnalysedQuestion
from bot.core import i18n
from bot.core.models import Article
from bot.search.searching import Searcher
from bot.writing.answer_writer import AnswerWriter, WrittenAnswer
from bot.writing.citation_checks import Sentence
from bot.writing.question_rewriter import Conversation, RewrittenQuestion

WritingCallback = Callable[[], None]
"""Function that is called when a model begins to write an answer."""

MAX_SOURCES = 4
"""Maximum number of articles that a written answer cites; citations of further articles are left out."""


@dataclass(frozen=True, slots=True)
class AnswerGeneration:
    """Writing of an answer by a language model, which must be ready at `deadline`, a time of the event loop.

    `rewriting_task` rewrites the question while its articles are retrieved; it is None if the answer needs no rewritten
    question. The answer counts towards the limit of generated answers of server `server_id`. `on_writing` is called
    when the model begins to write.
    """

    writer: AnswerWriter
    conversation: Conversation
    deadline: float
    rewriting_task: asyncio.Task[RewrittenQuestion | None] | None
    server_id: int | None = None
    on_writing: WritingCallback | None = None

    async def write(self, passages: Sequence[ModelPassage], question_language: str | None) -> WrittenAnswer:
        """Return what the model answers to the question from passages.

        The answer is in `question_language` (ISO 639-1). The model chooses the language if that is None (unclear) or
        not a language that Telex speaks.
        """
        return await self.writer.write(
            self.conversation,
            passages,
            i18n.supported_language(question_language),
            server_id=self.server_id,
            deadline=self.deadline,
            on_writing=self.on_writing,
        )

    async def improve_answer(
        self,
        searcher: Searcher,
        question: AnalysedQuestion,
        answer: Answer,
        retrieved_articles: Sequence[Article],
        *,
        feed_ids: Collection[int] | None,
    ) -> Answer:
        """Return the answer that the model writes, or the given `answer` of quotes if no sentence of the model is kept.

        `retrieved_articles` were retrieved for the question; passages are also taken from articles for the rewritten
        queries. Returns `answer` if the model says that the question is not about news. If it finds no answer in the
        passages, a sure `answer` becomes a possible one, and a possible one none. Raises StoreError.
        """
        rewritten_question = None if self.rewriting_task is None else await self.rewriting_task
        if rewritten_question is not None and not rewritten_question.is_about_news:
            return answer
        passages = await load_model_passages(
            searcher,
            question,
            retrieved_articles,
            () if rewritten_question is None else rewritten_question.queries,
            feed_ids=feed_ids,
            max_chars=self.writer.max_passage_chars,
            published_range=None if rewritten_question is None else rewritten_question.published_range,
        )
        written_answer = await self.write(passages, question.language)
        if written_answer.sentences:
            return self.build_answer(written_answer.sentences, passages, answer.confidence)
        if not written_answer.is_refused:
            return answer
        if answer.is_answered:
            return replace(answer, confidence=Confidence.POSSIBLE, quotes=(), possible_quotes=answer.quotes)
        return Answer(
            question=self.conversation.question,
            confidence=Confidence.NOTHING,
            related_articles=answer.related_articles,
        )

    def build_answer(
        self, sentences: Sequence[Sentence], passages: Sequence[ModelPassage], confidence: Confidence
    ) -> Answer:
        """Build an answer from generated sentences, which cite passages by 1-based number.

        The answer is sure if the model verifies its sentences. Otherwise it has the `confidence` of the quotes, at
        least `POSSIBLE`. The sources of the answer are the first `MAX_SOURCES` articles of the cited passages. The
        citations are renumbered to match; a sentence that cites none of the sources is left out.
        """
        cited_passages = [passages[number - 1] for sentence in sentences for number in sentence.citations]
        source_by_id = {passage.article.id: passage.article for passage in cited_passages}
        sources = tuple(source_by_id.values())[:MAX_SOURCES]
        source_number_by_article_id = {source.id: number for number, source in enumerate(sources, 1)}
        renumbered_sentences = []
        for sentence in sentences:
            article_ids = dict.fromkeys(passages[number - 1].article.id for number in sentence.citations)
            citations = tuple(
                source_number_by_article_id[article_id]
                for article_id in article_ids
                if article_id in source_number_by_article_id
            )
            if citations:
                renumbered_sentences.append(Sentence(sentence.text, citations))
        passage_by_text = {passage.text: passage for passage in cited_passages if passage.article in sources}
        quotes = tuple(Quote(passage.quote, passage.article) for passage in passage_by_text.values())[:MAX_QUOTES]
        if self.writer.verifies_sentences:
            confidence = Confidence.SURE
        elif confidence is Confidence.NOTHING:
            confidence = Confidence.POSSIBLE
        return Answer(
            question=self.conversation.question,
            confidence=confidence,
            quotes=quotes if confidence is Confidence.SURE else (),
            possible_quotes=quotes if confidence is Confidence.POSSIBLE else (),
            sources=sources,
            generated_sentences=tuple(renumbered_sentences),
            model_name=self.writer.model_display_name,
        )


@asynccontextmanager
async def begin_generation(
    writer: AnswerWriter | None,
    conversation: Conversation,
    *,
    server_id: int | None,
    on_writing: WritingCallback | None,
    rewrites_question: bool = True,
) -> AsyncIterator[AnswerGeneration | None]:
    """Begin to generate an answer, which is abandoned at the end of the block.

    If `rewrites_question`, the rewriting of the question begins at once. Yields None if there is no writer, if its
    client pauses after a failure, or if the server's allowance of answers is used up.
    """
    deadline = None if writer is None else writer.begin_answer(server_id)
    if writer is None or deadline is None:
        yield None
        return
    rewriting_task = None
    if rewrites_question:
        rewriting_task = asyncio.create_task(writer.rewrite(conversation, server_id=server_id, deadline=deadline))
    try:
        yield AnswerGeneration(writer, conversation, deadline, rewriting_task, server_id, on_writing)
    finally:
        if rewriting_task is not None:
            rewriting_task.cancel()
            with suppress(asyncio.CancelledError):
                await rewriting_task
